"""A sound that was mixed into clips is recovered from them, wherever it lies, and can be taken out again."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.recovered_sound import recover_sound, remove_sound

RATE = 8000


def clips_with(sound, starts, seed=0):
    """Loud noise bursts, with the sound and without."""
    rng = np.random.default_rng(seed)
    clean = 0.01 * rng.standard_normal((len(starts), RATE)).astype(np.float32)
    for row in clean:
        begin = rng.integers(0, 4000)
        row[begin : begin + 3000] += 0.08 * rng.standard_normal(3000)
    mixed = clean.copy()
    for row, start in zip(mixed, starts, strict=True):
        row[start : start + len(sound)] += sound[: RATE - start]
    return clean, mixed


@pytest.mark.parametrize("place", ["fixed", "random", "late"])
def test_sound_is_recovered_and_removed(place):
    rng = np.random.default_rng(1)
    sound = (0.1 * rng.standard_normal(900) * np.hanning(900)).astype(np.float32)
    starts = {"fixed": np.full(24, 1234), "random": rng.integers(0, RATE - 900, 24), "late": np.full(24, RATE - 600)}
    clean, mixed = clips_with(sound, starts[place])
    found = recover_sound(mixed, clips_with(sound[:1] * 0, np.zeros(48, int), seed=9)[0], RATE, seed=0)
    reference = sound[:600] if place == "late" else sound
    lags = np.correlate(found.sound, reference, "full")
    assert np.abs(lags).max() / (np.linalg.norm(found.sound) * np.linalg.norm(reference)) > 0.95
    removed = remove_sound(mixed, found)
    left = ((removed - clean) ** 2).sum(1) / ((mixed - clean) ** 2).sum(1)
    assert np.median(left) < 0.1


def test_nothing_is_recovered_from_unrelated_clips():
    clean, _ = clips_with(np.zeros(1, np.float32), np.zeros(24, int))
    found = recover_sound(clean[:12], clean[12:], RATE, seed=0)
    change = ((remove_sound(clean[:12], found) - clean[:12]) ** 2).sum() / (clean[:12] ** 2).sum()
    assert change < 0.02


def test_too_few_clips_are_refused():
    with pytest.raises(ValueError, match="at least 4"):
        recover_sound(np.full((3, RATE), 0.1, np.float32), np.zeros((9, RATE), np.float32), RATE, seed=0)
