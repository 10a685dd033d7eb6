"""The synchronisation detector on clips that are in sync and on others: thresholds, offsets, views, gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from art_audio_ext.defences.detector.evasion import AudioVisualSyncDetector
from art_audio_ext.defences.detector.evasion.sync_options import clip_generator
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.training.sync_model import SyncModel
from art_audio_ext.training.syncnet import train_syncnet
from art_audio_ext.training.syncnet_settings import SyncNetSettings

TINY = SyncNetSettings(size=32, epochs=12, batch_size=4, windows=16, jitter=1)


@pytest.fixture(scope="module")
def models(talking_bars) -> list[SyncModel]:
    """Two of different front ends."""
    kinds = (TINY, replace(TINY, sound="mfcc", pictures="differences"))
    return [
        train_syncnet(talking_bars.subset(np.arange(16)), kind, seed=k, progress=False) for k, kind in enumerate(kinds)
    ]


@pytest.fixture(scope="module")
def clips(talking_bars) -> tuple[np.ndarray, np.ndarray]:
    """16 rows that no model has seen, each in sync and with the sound of the next."""
    held = talking_bars.subset(np.arange(16, 32))
    return held.rows(), held.layout.pack(np.roll(held.audio, 1, 0), held.video)


def test_it_tells_clips_with_the_wrong_sound_and_learns_where_the_line_is(models, clips):
    benign, wrong = clips
    detector = AudioVisualSyncDetector(models[0])
    detector.fit(np.concatenate([benign[:8], wrong[:8]]), np.repeat([0, 1], 8))
    report, flagged = detector.detect(np.concatenate([benign[8:], wrong[8:]]))
    assert flagged.tolist() == [False] * 8 + [True] * 8
    assert np.abs(report["offset_frames"][:8]).max() <= 1
    detector.fit(benign, false_positive_rate=0.1)
    assert detector.threshold == np.sort(detector.confidence(benign))[0]
    assert detector.detect(wrong)[1].all()
    with pytest.raises(ValueError, match="at least 19"):
        detector.fit(benign, false_positive_rate=0.05)


def test_the_offset_is_in_frames_and_milliseconds(models, clips, talking_bars):
    held = talking_bars.subset(np.arange(16, 32))
    late = held.layout.pack(np.roll(held.audio, 640 * 5, 1), held.video)
    report, _ = AudioVisualSyncDetector(models[0], threshold=0.1).detect(late)
    assert np.abs(np.array(report["offset_frames"]) - 5).max() <= 1
    assert np.median(report["offset_ms"]) == 200


def test_too_much_confidence_is_suspicious_by_the_second_side(models, clips):
    benign, _ = clips
    detector = AudioVisualSyncDetector(models[0], two_sided=True, false_positive_rate=0.25)
    detector.fit(benign[:8])
    low, high = detector.threshold, detector.high_threshold
    assert low < high
    report, flagged = detector.detect(benign)
    scores = np.array(report["confidence"])
    assert flagged.tolist() == ((scores < low) | (scores > high)).tolist()
    assert set(report["high_threshold"]) == {high}
    detector.set_params(two_sided=False)
    assert (detector.threshold, detector.high_threshold) == (None, None)


def test_with_two_sides_attacks_that_are_too_sure_do_not_move_the_lower_limit(models, clips, monkeypatch):
    """All attacked clips lie above the benign ones, or some on either side."""
    benign, _ = clips
    scores = np.concatenate([np.linspace(0.4, 0.6, 40), np.linspace(0.8, 1.0, 50), np.linspace(0.1, 0.2, 10)])
    detector = AudioVisualSyncDetector(models[0], two_sided=True, false_positive_rate=0.1)
    monkeypatch.setattr(AudioVisualSyncDetector, "confidence", lambda self, x, batch_size: scores[: len(x)])
    rows = np.repeat(benign[:1], 100, 0)
    detector.fit(rows[:90], np.repeat([0, 1], [40, 50]))
    assert detector.threshold == pytest.approx(np.sort(scores[:40])[1])  # from benign clips: 5% of 41
    detector.fit(rows, np.repeat([0, 1], [40, 60]))
    assert 0.2 < detector.threshold < 0.4
    assert 0.58 < detector.high_threshold <= 0.6


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_who_attacks_on_another_device_takes_the_models_along(models, clips):
    detector = AudioVisualSyncDetector(models)
    expected = detector.confidence(clips[0])
    found = detector.confidence_of(torch.from_numpy(clips[0]).cuda())
    np.testing.assert_allclose(found.cpu().detach(), expected, atol=1e-3)
    np.testing.assert_allclose(detector.confidence(clips[0]), expected, atol=1e-3)
    for model in models:
        model.network.cpu()


def test_several_models_count_by_their_mean_or_by_the_least(models, clips):
    benign, wrong = clips
    alone = [AudioVisualSyncDetector(model).confidence(benign) for model in models]
    for combine, expected in (("mean", np.mean(alone, 0)), ("least", np.min(alone, 0))):
        detector = AudioVisualSyncDetector(models, combine=combine)
        np.testing.assert_allclose(detector.confidence(benign), expected, atol=1e-5)
        assert detector.confidence(wrong).mean() < 0.6 * detector.confidence(benign).mean()


def test_a_random_view_is_the_clips_own_and_still_tells(models, clips):
    benign, wrong = clips
    detector = AudioVisualSyncDetector(models[0], window_share=0.6, jitter=1, sample_shift=160, draws=3, seed=4)
    scores = detector.confidence(benign)
    np.testing.assert_array_equal(detector.confidence(benign), scores)
    np.testing.assert_allclose(detector.confidence(benign[::-1])[::-1], scores, atol=1e-5)
    plain = AudioVisualSyncDetector(models[0]).confidence(benign)
    assert 0.001 < np.abs(scores - plain).mean() < 0.3 * plain.mean()
    assert scores.min() > detector.confidence(wrong).mean()


def test_a_view_follows_from_the_seed_the_clip_and_the_draw(clips):
    rows = clips[0]
    drawn = [
        clip_generator(*of).initial_seed()
        for of in ((3, rows[0], 0), (3, rows[1], 0), (3, rows[0], 1), (4, rows[0], 0), (3, rows[0].copy(), 0))
    ]
    assert len(set(drawn)) == 4
    assert drawn[4] == drawn[0]


def test_who_knows_it_can_climb_its_confidence(models, clips):
    _, wrong = clips
    detector = AudioVisualSyncDetector(models)
    rows = torch.from_numpy(wrong[:4]).requires_grad_()
    scores = detector.confidence_of(rows)
    np.testing.assert_allclose(scores.detach(), detector.confidence(wrong[:4]), atol=1e-5)
    step = torch.autograd.grad(scores.sum(), rows)[0].sign() * torch.from_numpy(detector.layout.vector(5e-4, 5e-3))
    low, high = map(torch.from_numpy, detector.layout.clip_values())
    climbed = (rows + step).detach().clamp(low, high).numpy()
    assert (detector.confidence(climbed) > scores.detach().numpy()).all()


def test_who_does_not_know_the_seed_draws_views_of_his_own(models, clips):
    detector = AudioVisualSyncDetector(models, window_share=0.8, jitter=1, seed=3)
    rows = torch.from_numpy(clips[0][:4])
    np.testing.assert_allclose(detector.confidence_of(rows), detector.confidence(rows.numpy()), atol=1e-5)
    draws = [detector.confidence_of(rows, torch.Generator().manual_seed(k)) for k in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_memory_does_not_grow_with_the_clips(models, clips, monkeypatch):
    detector, sizes, inner = AudioVisualSyncDetector(models[0]), [], AudioVisualSyncDetector._curves
    monkeypatch.setattr(
        AudioVisualSyncDetector, "_curves", lambda self, rows, g: sizes.append(len(rows)) or inner(self, rows, g)
    )
    many = np.concatenate([clips[0]] * 5)
    assert len(detector.confidence(many, batch_size=10**6)) == 80
    assert sizes == [32, 32, 16]  # 1024 windows at a time


def test_a_model_must_be_able_to_look_at_the_rows(models):
    with pytest.raises(ValueError, match="31 pixels"):
        AudioVisualSyncDetector(models, AudioVisualLayout.of_frames(20, 31))
    with pytest.raises(ValueError, match="train_syncnet"):
        AudioVisualSyncDetector("weights.pt")
    with pytest.raises(ValueError, match="benign"):
        AudioVisualSyncDetector(models[0]).fit(np.zeros((2, models[0].layout.length), np.float32), np.ones(2))
