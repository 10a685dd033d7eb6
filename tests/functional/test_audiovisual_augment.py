"""Changes of audiovisual clips: how often, how much, and that a clip never loses both modalities."""

from __future__ import annotations

import pytest
import torch

from art_audio_ext.functional.audiovisual_augment import (
    ModalityDropout,
    add_noise,
    augment_frames,
    blanked,
    drop_modalities,
)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


AUDIO = 0.1 * torch.randn(400, 50, generator=draws())
VIDEO = torch.rand(400, 2, 4, 4, generator=draws())


def test_clips_lose_one_modality_as_often_as_asked():
    audio, video = drop_modalities(AUDIO, VIDEO, ModalityDropout(audio=0.3, video=0.5), draws(1))
    silent, grey = (audio == 0).all(1), (video == 0.5).flatten(1).all(1)
    assert not (silent & grey).any()
    assert float(silent.float().mean()) == pytest.approx(0.3, abs=0.06)
    assert float(grey.float().mean()) == pytest.approx(0.35, abs=0.06)
    assert torch.equal(audio[~silent], AUDIO[~silent])
    assert torch.equal(video[~grey], VIDEO[~grey])
    again = drop_modalities(AUDIO, VIDEO, ModalityDropout(audio=0.3, video=0.5), draws(1))
    assert torch.equal(audio, again[0])
    same = drop_modalities(AUDIO, VIDEO, ModalityDropout(), draws())
    assert torch.equal(same[0], AUDIO)
    assert torch.equal(same[1], VIDEO)


def test_noise_lies_over_as_many_clips_at_the_level_asked():
    audio, _ = drop_modalities(AUDIO, VIDEO, ModalityDropout(noise=0.4), draws(2))
    assert float((audio != AUDIO).any(1).float().mean()) == pytest.approx(0.4, abs=0.06)
    long = 0.05 * torch.randn(4, 40000, generator=draws())
    for level in (10.0, -10.0):
        noisy = add_noise(long, level, draws(3))
        share = (noisy * long).sum() / long.square().sum()  # how loud the sound is in the sum
        noise = noisy - share * long
        found = 10 * torch.log10((share * long).square().sum() / noise.square().sum())
        assert float(found) == pytest.approx(level, abs=0.3)
        assert noisy.square().mean().sqrt() == pytest.approx(0.05, rel=0.03)
    assert torch.equal(add_noise(torch.zeros(1, 9), 0.0, draws()), torch.zeros(1, 9))


def test_frames_of_a_clip_are_changed_alike():
    still = torch.rand(30, 1, 12, 12, generator=draws()).expand(-1, 5, -1, -1)
    cut = augment_frames(still, 8, draws(4))
    assert cut.shape == (30, 5, 8, 8)
    assert torch.equal(cut, cut.clamp(0, 1))
    assert torch.equal(cut, cut[:, :1].expand_as(cut))
    plain = augment_frames(still, 8, draws(4), light=0.0)
    places = still[:, :1].unfold(2, 8, 1).unfold(3, 8, 1)[:, 0].flatten(1, 2)  # every square of each clip
    same, turned = (
        [((places[k] - one).abs() < 1e-6).flatten(1).all(1).any() for k, one in enumerate(clips)]
        for clips in (plain[:, 0], plain[:, 0].flip(2))
    )
    assert all(a or b for a, b in zip(same, turned, strict=True))
    assert 5 < sum(map(int, turned)) < 25


def test_blanked_is_silence_or_grey():
    audio, video = blanked(AUDIO, VIDEO, "audio")
    assert not audio.any()
    assert video is VIDEO
    audio, video = blanked(AUDIO, VIDEO, "video")
    assert (video == 0.5).all()
    assert audio is AUDIO
    with pytest.raises(ValueError, match="modality must be"):
        blanked(AUDIO, VIDEO, "smell")
