"""The coherent component finds a sound mixed into clips wherever it lies, and leaves clean data alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy.signal import lfilter
from sklearn.metrics import adjusted_rand_score

from art_audio_ext.functional.coherent_class import examine_class, prepare_clips
from art_audio_ext.functional.coherent_component import coherent_component_scores
from art_audio_ext.functional.coherent_windows import cut_windows, find_in_windows
from art_audio_ext.functional.flatten import flatten_sound
from art_audio_ext.functional.scorers import SCORERS, score_samples
from art_audio_ext.functional.triggers import clap

RATE, CLASSES, CLIPS = 8000, 4, 60


def speech_like(rng, count):
    """Noise bursts of random colour, length and place: unrelated waveforms."""
    sound = np.zeros((count, RATE), dtype=np.float32)
    for row in sound:
        pole = 0.95 * np.exp(1j * rng.uniform(0.2, 1.5))
        start, length = rng.integers(500, 3000), rng.integers(1500, 4000)
        burst = lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], rng.standard_normal(length))
        row[start : start + length] = 0.1 * burst / burst.std()
    return np.clip(sound + 0.002 * rng.standard_normal(sound.shape), -1, 1).astype(np.float32)


@pytest.fixture(scope="module")
def clean():
    rng = np.random.default_rng(0)
    return speech_like(rng, CLASSES * CLIPS), np.repeat(np.arange(CLASSES), CLIPS)


def poisoned(clean, scale=0.3, place=0, target=2, count=9, seed=1):
    """A copy with a clap in some clips of one class, and which."""
    rng = np.random.default_rng(seed)
    x, y = clean[0].copy(), clean[1]
    trigger = clap(RATE)
    rows = rng.choice(np.flatnonzero(y == target), count, replace=False)
    for row in rows:
        start = rng.integers(0, RATE - len(trigger)) if place == "random" else place
        x[row, start : start + len(trigger)] += scale * trigger
    truth = np.zeros(len(y), bool)
    truth[rows] = True
    return np.clip(x, -1, 1), y, truth


@pytest.mark.parametrize("place", [0, 3000, "random"])
def test_finds_the_class_and_its_clips(clean, place):
    x, y, truth = poisoned(clean, place=place)
    scores = coherent_component_scores(x, y, seed=0, sample_rate=RATE)
    assert scores.classes[scores.flagged].tolist() == [2]
    assert adjusted_rand_score(truth[y == 2], scores.suspects[y == 2]) > 0.9
    found = scores.details["classes"]["2"]
    assert found["place"] == ("any" if place == "random" else "fixed")
    if place == 3000:
        assert found["seconds"][0] <= 3000 / RATE + 0.02
        assert found["seconds"][1] >= 3000 / RATE + 0.02


def test_clean_data_is_left_alone(clean):
    for seed in range(3):
        scores = coherent_component_scores(*clean, seed=seed, sample_rate=RATE)
        assert not scores.flagged.any()
        assert not scores.removed(clean[1]).any()


def test_every_class_poisoned_alike_is_seen_by_the_sound_played_backwards(clean):
    x, y, truth = clean[0], clean[1], np.zeros(len(clean[1]), bool)
    for target in range(CLASSES):
        x, _, mask = poisoned((x, y), target=target, seed=target)
        truth |= mask
    scores = coherent_component_scores(x, y, seed=0, sample_rate=RATE)
    assert scores.flagged.all()
    assert any("every class is poisoned" in note for note in scores.details["notes"])
    assert adjusted_rand_score(truth, scores.removed(y)) > 0.8


def test_two_poisoned_classes_are_both_found(clean):
    """Half of the classes: what is left of the others says little about how far classes spread, hence alpha."""
    x, y, _ = poisoned(clean, target=0, place=500)
    x, y, _ = poisoned((x, y), target=3, place=4000)
    scores = coherent_component_scores(x, y, seed=0, sample_rate=RATE, alpha=0.05)
    assert scores.classes[scores.flagged].tolist() == [0, 3]


def test_copies_of_one_recording_are_counted_once(clean):
    x, y = clean[0].copy(), clean[1]
    rows = np.flatnonzero(y == 1)[:20]
    x[rows] = x[rows[0]] * np.linspace(0.3, 1, 20, dtype=np.float32)[:, None]
    scores = coherent_component_scores(x, y, seed=0, sample_rate=RATE)
    assert not scores.flagged.any()
    assert scores.details["classes"]["1"]["copies"] == 19
    assert "copies" in scores.details["notes"][-1]


def test_a_large_class_is_searched_in_part_and_scored_whole(clean):
    x, y, truth = poisoned(clean, count=15)
    scores = coherent_component_scores(x, y, seed=0, sample_rate=RATE, largest_class=40)
    assert scores.details["classes"]["2"]["clips_searched"] == 40
    assert scores.flagged[2]
    assert adjusted_rand_score(truth[y == 2], scores.suspects[y == 2]) > 0.8


def test_same_seed_same_result_and_json(clean):
    x, y, _ = poisoned(clean)
    one, two = (score_samples("coherent_component", x, y, seed=3, sample_rate=RATE) for _ in range(2))
    assert np.array_equal(one.sample_scores, two.sample_scores)
    assert one.details == two.details
    json.dumps(one.details, allow_nan=False)


def test_flattened_input_gives_the_same(clean):
    x, y, _ = poisoned(clean)
    one = coherent_component_scores(x, y, seed=0, sample_rate=RATE)
    flat = flatten_sound(x, RATE).numpy()
    two = coherent_component_scores(flat, y, seed=0, sample_rate=RATE, flattened=True)
    np.testing.assert_allclose(one.sample_scores, two.sample_scores, atol=1e-4)


def test_silent_clips_and_short_clips_are_no_trouble():
    rng = np.random.default_rng(0)
    x = np.zeros((48, 700), dtype=np.float32)
    x[::2] = 0.1 * rng.standard_normal((24, 700))
    scores = coherent_component_scores(x, np.repeat([0, 1], 24), seed=0, sample_rate=RATE)
    assert not scores.flagged.any()
    assert np.isfinite(scores.sample_scores).all()


def test_small_and_ignored_classes_are_not_scored(clean):
    x, y = clean
    y = np.where(np.arange(len(y)) < 5, 9, y)
    scores = coherent_component_scores(x, y, seed=0, sample_rate=RATE, ignore_classes=(1,))
    assert np.isnan(scores.class_p[[1, 4]]).all()
    assert len(scores.details["notes"]) >= 2
    with pytest.raises(ValueError, match="at least 2 classes"):
        coherent_component_scores(x, np.zeros(len(x), int), seed=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("alpha", 0), ("largest_class", 3), ("controls", True), ("anywhere", 1), ("seed", -1), ("ignore_classes", "a")],
)
def test_options_are_refused_by_name(clean, name, value):
    options = {"seed": 0, name: value}
    with pytest.raises(ValueError, match=name):
        coherent_component_scores(*clean, **options)


def test_scorer_is_registered():
    assert SCORERS["coherent_component"].takes == "waveforms"


def test_flatten_takes_level_and_colour_away_and_keeps_silence():
    rng = np.random.default_rng(0)
    sound = 0.1 * rng.standard_normal((2, RATE)).astype(np.float32)
    sound[1] = 0
    loud = sound * np.linspace(0.02, 5, RATE, dtype=np.float32).clip(0, 1)
    flat, flat_loud = flatten_sound(sound, RATE), flatten_sound(loud, RATE)
    assert float(flat[0] @ flat_loud[0]) > 0.95
    assert float(flat[0].norm()) == pytest.approx(1, abs=1e-5)
    assert not flat[1].any()
    halves = flat_loud[0].reshape(2, -1).square().sum(1)
    assert 0.8 < float(halves[0] / halves[1]) < 1.25


def test_window_search_finds_the_leading_direction():
    generator = torch.Generator().manual_seed(0)
    flat = torch.randn(40, 4000, generator=generator)
    flat[:8, 2000:2500] += 3 * torch.randn(500, generator=generator)
    windows = cut_windows(flat / flat.norm(dim=1, keepdim=True), RATE)
    template = find_in_windows(windows)
    _, vectors = torch.linalg.eigh(windows[template.window] @ windows[template.window].T)
    exact = vectors[:, -1] @ windows[template.window]
    assert float((exact / exact.norm() @ template.sound).abs()) > 0.999
    assert set(template.heights(windows).topk(8)[1].tolist()) == set(range(8))


def test_the_exact_test_finds_nothing_in_clean_clips_however_they_are_halved(clean):
    """What is found in one half fits its noise; were the other half fitted to as well, p-values would be tiny."""
    flat = flatten_sound(clean[0], RATE)
    own, controls = prepare_clips(flat[:60], RATE, False), prepare_clips(flat[60:], RATE, False)
    p_values = [
        examine_class(own, controls, np.random.default_rng(seed)).searches["fixed"].p_excess for seed in range(20)
    ]
    assert min(p_values) > 1e-4


def test_a_class_of_copies_is_no_trouble(clean):
    x, y = clean[0].copy(), clean[1]
    x[y == 1] = x[y == 1][0]
    scores = coherent_component_scores(x, y, seed=0, sample_rate=RATE)
    assert not scores.flagged.any()
    assert scores.details["classes"]["1"]["copies"] == CLIPS - 1


def test_a_class_that_outweighs_the_others_still_has_controls():
    rng = np.random.default_rng(0)
    x = speech_like(rng, 460)[:, :2000]
    y = np.repeat([0, 1], [445, 15])
    for seed in range(4):
        scores = coherent_component_scores(x, y, seed=seed, sample_rate=RATE, controls=20)
        assert not scores.flagged.any()
    assert "weak evidence" in scores.details["notes"][0]


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((48, 16000), np.int16),
        np.zeros((48, 3), np.float32),
        np.zeros((48, 1, 16000), np.float32),
        np.full((48, 16000), np.nan, np.float32),
    ],
)
def test_unusable_waveforms_are_refused(bad):
    with pytest.raises(ValueError, match="waveforms"):
        coherent_component_scores(bad, np.repeat([0, 1], 24), seed=0)


def test_details_are_json_whatever_the_types_of_the_options(clean):
    scores = coherent_component_scores(
        *clean, seed=0, sample_rate=np.int64(RATE), largest_class=np.int64(400), ignore_classes=clean[1][:1]
    )
    json.dumps(scores.details, allow_nan=False)
