"""Distortions against hand counts, and noise of a change's power in each modality."""

from __future__ import annotations

import json

import numpy as np
import pytest

from art_audio_ext.functional.audiovisual_distortion import audiovisual_distortion, gaussian_noise_like
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout

LAYOUT = AudioVisualLayout.of_frames(3, 10)


def rows(seed: int, level: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    audio, video = level * rng.uniform(-1, 1, (4, LAYOUT.samples)), rng.uniform(0.2, 0.8, (4, 3, 10, 10))
    return LAYOUT.pack(audio.astype(np.float32), video)


def test_each_figure_by_hand():
    before = rows(0)
    after = before.copy()
    sound, pictures = LAYOUT.unpack(after)
    peak = np.abs(sound).max(1)
    sound[0, 7] += 0.1 * peak[0]
    pictures[0, 0, 1, 1] += 8 / 255
    pictures[0, 2, 5, 5] -= 6 / 255
    got = audiovisual_distortion(before, after, LAYOUT)
    assert got.audio_linf_db[0] == pytest.approx(-20, abs=1e-3)
    assert got.video_linf_pixels[0] == pytest.approx(8, abs=1e-3)
    assert got.video_linf_paper[0] == pytest.approx(2, abs=1e-3)
    assert got.video_l2[0] == pytest.approx(10 / 255, rel=1e-4)
    assert got.video_frame_l2[0] == pytest.approx(14 / 255 / 3, rel=1e-4)
    assert (got.video_l2[1:] == 0).all()
    assert np.isneginf(got.audio_linf_db[1:]).all()
    means = json.loads(json.dumps(got.mean()))
    assert means["audio_linf_db"] is None
    assert means["video_linf_pixels"] == pytest.approx(2, abs=1e-3)
    before[1, : LAYOUT.samples] = 0
    assert np.isneginf(audiovisual_distortion(before, before, LAYOUT).audio_linf_db).all()  # nothing done to silence


def test_noise_has_the_power_of_the_change_in_each_modality():
    before = rows(1)
    before[0, LAYOUT.samples :] = 0  # black: half of the noise would be cut away
    after = np.clip(before + LAYOUT.vector(0.02, 0.05), -1, 1)
    after[2, : LAYOUT.samples] = before[2, : LAYOUT.samples]
    noisy = gaussian_noise_like(before, after, LAYOUT, seed=3)
    LAYOUT.check_rows(noisy)
    for part in (slice(0, LAYOUT.samples), slice(LAYOUT.samples, None)):
        wanted = np.linalg.norm((after - before)[:, part], axis=1)
        np.testing.assert_allclose(np.linalg.norm((noisy - before)[:, part], axis=1), wanted, rtol=0.01, atol=1e-6)
    np.testing.assert_array_equal(noisy[2, : LAYOUT.samples], before[2, : LAYOUT.samples])
    change = (noisy - before)[3, LAYOUT.samples :]
    assert np.mean(np.abs(change) > 2 * change.std()) == pytest.approx(0.0455, abs=0.025)  # Gaussian, not +-
    np.testing.assert_array_equal(gaussian_noise_like(before, after, LAYOUT, seed=3), noisy)
    np.testing.assert_array_equal(gaussian_noise_like(before[:2], after[:2], LAYOUT, seed=3), noisy[:2])
    assert (gaussian_noise_like(before, after, LAYOUT, seed=4) != noisy).any()


def test_shapes_must_agree():
    for call in (audiovisual_distortion, lambda *args: gaussian_noise_like(*args, seed=0)):
        with pytest.raises(ValueError, match="must be the same"):
            call(rows(0), rows(0)[:2], LAYOUT)
        with pytest.raises(ValueError, match="rows have shape"):
            call(rows(0)[:, 1:], rows(0)[:, 1:], LAYOUT)
