"""Distances over shifts: the same numbers as the reference's loop, edges, short clips, and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from art_audio_ext.functional.sync import (
    matching_loss,
    reference_windows,
    shift_distances,
    sync_confidence,
    sync_offset,
    unmatched_loss,
)


def embeddings(count: int, windows: int, more: int = 0, size: int = 8, seed: int = 0) -> tuple[torch.Tensor, ...]:
    rng = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(count, n, size, generator=rng) for n in (windows, windows + more))


def reference_loop(video: np.ndarray, audio: np.ndarray, reach: int) -> tuple[np.ndarray, int, float]:
    """What the public code does to the windows of one clip, one after the other."""
    around = np.pad(audio, ((reach, reach), (0, 0)))
    rows = []
    for i, window in enumerate(video):
        rows.append([np.linalg.norm(window - around[i + j] + 1e-6) for j in range(2 * reach + 1)])
    mean = np.mean(rows, 0)
    return mean, reach - int(mean.argmin()), float(np.median(mean) - mean.min())


def masked_loop(video, audio, video_valid, audio_valid, reach: int) -> list[float]:
    """The mean over the pairs that there are, pair by pair."""
    means = []
    for shift in range(-reach, reach + 1):
        pairs = [
            np.linalg.norm(video[i] - audio[i + shift])
            for i in range(len(video))
            if 0 <= i + shift < len(audio) and video_valid[i] and audio_valid[i + shift]
        ]
        means.append(np.mean(pairs) if pairs else np.nan)
    return means


@pytest.mark.parametrize("windows", [24, 70, 33, 5])
def test_zero_padding_gives_the_numbers_of_the_reference(windows):
    video, audio = embeddings(3, windows)
    audio[1, 4:] = video[1, :-4] + 0.1  # sound four windows late
    distances = shift_distances(video, audio, edges="zeros")
    offsets, confidence = sync_offset(distances), sync_confidence(distances)
    for row in range(3):
        mean, offset, expected = reference_loop(video[row].double().numpy(), audio[row].double().numpy(), 15)
        np.testing.assert_allclose(distances[row], mean, atol=2e-5)
        assert int(offsets[row]) == -offset
        assert float(confidence[row]) == pytest.approx(expected, abs=5e-5)
    assert int(offsets[1]) == 4 or windows == 5


@pytest.mark.parametrize(("windows", "more"), [(71, -1), (40, 7), (10, 0), (64, 0)])
def test_masked_edges_are_the_mean_of_the_pairs_that_there_are(windows, more):
    video, audio = embeddings(2, windows, more)
    video_valid = torch.ones(video.shape[:2], dtype=torch.bool)
    audio_valid = torch.ones(audio.shape[:2], dtype=torch.bool)
    video_valid[1, -3:], audio_valid[0, 5:7] = False, False
    distances = shift_distances(video, audio, video_valid, audio_valid, least_share=0)
    for row in range(2):
        expected = masked_loop(video[row], audio[row], video_valid[row], audio_valid[row], 15)
        np.testing.assert_allclose(distances[row], expected, atol=2e-5)
    if more == 0:
        plain = shift_distances(video, audio, least_share=0)
        every = [masked_loop(v, a, [True] * windows, [True] * windows, 15) for v, a in zip(video, audio, strict=True)]
        np.testing.assert_allclose(plain, every, atol=2e-5)


def test_what_is_in_padding_does_not_matter():
    video, audio = embeddings(1, 30)
    valid = torch.arange(30)[None] < 24
    expected = shift_distances(video[:, :24], audio[:, :24])
    audio[:, 24:] = 1e4
    video[:, 24:] = 1e4
    torch.testing.assert_close(shift_distances(video, audio, valid, valid), expected, equal_nan=True)


def test_fewer_windows_than_shifts_leave_the_outer_shifts_out():
    video, audio = embeddings(2, 8)
    distances = shift_distances(video, audio)
    known = ~distances.isnan()
    assert known.sum(1).tolist() == [13, 13]  # two of eight windows have a partner at shifts of six
    assert (sync_offset(distances).abs() <= 6).all()
    inner = distances[:, 9:22]
    torch.testing.assert_close(sync_confidence(distances), inner.median(1).values - inner.min(1).values)
    with pytest.raises(ValueError, match="7 frames"):
        shift_distances(video[:, :1], audio)


def test_weights_choose_windows():
    video, audio = embeddings(1, 40)
    some = torch.zeros(1, 40)
    some[:, 10:20] = 1
    expected = shift_distances(video, audio, some.bool(), None, least_share=0)
    torch.testing.assert_close(shift_distances(video, audio, weights=some), expected, equal_nan=True)


def test_gradients_are_finite_and_exact():
    video, audio = (x.double().requires_grad_() for x in embeddings(2, 9, size=3))
    assert torch.autograd.gradcheck(lambda v, a: sync_confidence(shift_distances(v, a)), (video, audio), fast_mode=True)
    same = video.detach().clone().requires_grad_()
    sync_confidence(shift_distances(same, same)).sum().backward()  # distance nought has no slope
    assert same.grad.isfinite().all()
    assert same.grad.abs().max() > 0


@pytest.mark.parametrize("more", [-9, 0, 40])
def test_a_long_clip_goes_in_blocks_to_the_same_numbers(monkeypatch, more):
    video, audio = embeddings(2, 50, more)
    whole = shift_distances(video, audio)
    monkeypatch.setattr("art_audio_ext.functional.sync._BLOCK", 16)
    torch.testing.assert_close(shift_distances(video, audio), whole, equal_nan=True)
    monkeypatch.undo()
    video, audio = embeddings(1, 20000, size=4)
    assert shift_distances(video, audio).isfinite().all()  # 1.6 GB as one square


def test_the_loss_is_least_where_windows_match():
    video, other = embeddings(2, 20)
    matched = matching_loss(video, video.clone())
    assert matched < 0.3 * matching_loss(video, video.roll(3, 1))
    assert matched < matching_loss(video, other)
    assert unmatched_loss(video, video) > 3 * unmatched_loss(video, other)
    even = torch.ones(1, 20, 8)
    assert float(unmatched_loss(even, even)) == pytest.approx(0, abs=1e-5)
    assert matching_loss(video[:, :6], other[:, :6]).isfinite()  # fewer windows than shifts


def test_the_reference_drops_a_window():
    assert reference_windows(75, 48000) == 70
    assert reference_windows(75, 47648) == 69


def test_wrong_arguments_are_refused():
    video, audio = embeddings(2, 9)
    with pytest.raises(ValueError, match="shapes"):
        shift_distances(video, audio[:1])
    with pytest.raises(ValueError, match="edges"):
        shift_distances(video, audio, edges="wrap")
