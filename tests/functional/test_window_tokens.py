"""Principal components of short windows of a log-mel: against a decomposition, in batches, from memory maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from art_audio_ext.functional.front_end import log_mel
from art_audio_ext.functional.window_tokens import (
    WindowScatter,
    fit_window_basis,
    waveform_window_basis,
    waveform_window_tokens,
    window_seconds,
    window_tokens,
)


@pytest.fixture(scope="module")
def mels():
    rng = np.random.default_rng(0)
    return (0.6 + rng.standard_normal((60, 12, 24)).cumsum(1) / 20).astype(np.float32)


def test_tokens_are_principal_components(mels):
    basis = fit_window_basis(mels, dims=5)
    tokens = window_tokens(mels, basis)
    assert tokens.shape == (3, 60, 5)
    assert tokens.dtype == np.float32
    for t in range(3):
        window = mels[:, :, 8 * t : 8 * t + 8].reshape(60, -1).astype(np.float64)
        u, s, _ = np.linalg.svd(window - window.mean(0), full_matrices=False)
        np.testing.assert_allclose(np.abs(tokens[t]), np.abs(u[:, :5] * s[:5]), atol=2e-4)


def test_batches_add_up(mels):
    scatter = WindowScatter()
    for start in range(0, 60, 7):
        scatter.add(mels[start : start + 7])
    basis, whole = scatter.basis(4), fit_window_basis(mels, 4)
    np.testing.assert_allclose(basis.means, whole.means, atol=1e-6)
    inner = np.einsum("tmd,tmd->td", basis.axes, whole.axes)
    np.testing.assert_allclose(np.abs(inner), 1, atol=1e-4)


def test_shards_add_up(mels):
    """Sums are kept about the first batch of each shard, so that merging has to move them."""
    whole, merged = WindowScatter(), WindowScatter()
    whole.add(mels)
    for some in (mels[:25], mels[25:26], mels[26:] + 0.0):
        shard = WindowScatter()
        shard.add(some)
        before = shard.basis(3).means if shard.clips > 1 else None
        merged.merge(shard)
        if before is not None:
            np.testing.assert_array_equal(shard.basis(3).means, before)
    merged.merge(WindowScatter())
    assert merged.clips == 60
    one, other = whole.basis(5), merged.basis(5)
    np.testing.assert_allclose(one.means, other.means, atol=1e-5)
    np.testing.assert_allclose(np.abs(np.sum(one.axes * other.axes, 1)), 1, atol=1e-4)
    short = WindowScatter()
    short.add(mels[:, :, :8])
    with pytest.raises(ValueError, match="different lengths"):
        merged.merge(short)


def test_the_last_window_ends_with_the_clip(mels):
    basis = fit_window_basis(mels[:, :, :21], 3)
    assert len(basis.means) == 3
    np.testing.assert_allclose(basis.means[2].reshape(12, 8), mels[:, :, 13:21].mean(0), atol=1e-5)
    np.testing.assert_array_equal(window_seconds(21), np.array([[0, 8], [8, 16], [13, 21]]) / 64)


@pytest.mark.parametrize(("rate", "length", "windows"), [(16000, 16000, 8), (16000, 20000, 10), (8000, 6000, 6)])
def test_waveforms_in_batches_and_from_a_memory_map(tmp_path, rate, length, windows):
    rng = np.random.default_rng(1)
    sound = np.clip(0.1 * rng.standard_normal((300, length)), -1, 1).astype(np.float32)
    np.save(tmp_path / "sound.npy", sound)
    mapped = np.load(tmp_path / "sound.npy", mmap_mode="r")
    basis = waveform_window_basis(mapped, rate, seed=0, dims=4)
    tokens = waveform_window_tokens(mapped, basis, rate)
    assert tokens.shape == (windows, 300, 4)
    mels = log_mel(torch.from_numpy(sound), rate).numpy()
    np.testing.assert_allclose(tokens, window_tokens(mels, basis), atol=1e-5)
    np.testing.assert_allclose(basis.means, fit_window_basis(mels, 4).means, atol=1e-6)


def test_a_sub_sample_follows_the_seed():
    sound = np.clip(0.1 * np.random.default_rng(2).standard_normal((40, 4000)), -1, 1).astype(np.float32)
    one, same, other = (waveform_window_basis(sound, seed=s, most_clips=20, dims=2) for s in (0, 0, 1))
    assert one.means.tobytes() == same.means.tobytes()
    assert one.axes.tobytes() == same.axes.tobytes()
    assert not np.array_equal(one.means, other.means)


def test_bad_input_is_named(mels):
    basis = fit_window_basis(mels, 3)
    with pytest.raises(ValueError, match="expected \\(N, mel bands, frames\\)"):
        fit_window_basis(mels[0], 3)
    with pytest.raises(ValueError, match="a window needs 8"):
        fit_window_basis(mels[:, :, :7], 3)
    with pytest.raises(ValueError, match="at least 2 clips"):
        fit_window_basis(mels[:1], 3)
    with pytest.raises(ValueError, match="dims must be a whole number from 1 to 96"):
        fit_window_basis(mels, 97)
    with pytest.raises(ValueError, match="the basis has 3"):
        window_tokens(mels[:, :, :16], basis)
    scatter = WindowScatter()
    scatter.add(mels)
    with pytest.raises(ValueError, match="clips of one length"):
        scatter.add(mels[:, :, :16])
    with pytest.raises(ValueError, match="sample_rate"):
        waveform_window_basis(np.zeros((4, 4000), np.float32), 0, seed=0)
