"""Augmentation: what each change does to a known sound, and that a seed decides."""

from __future__ import annotations

import torch

from art_audio_ext.functional.speech_augment import (
    SpeechAugmentation,
    augment_sound,
    mask_pictures,
    stretch_pictures,
    warp,
)

STILL = SpeechAugmentation(gain=(1.0, 1.0), speed=0.0, stretch=0.0, shift=0.0, noise=0.0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_warp_shifts_and_speeds_up():
    x = torch.arange(101.0)[None].repeat(3, 1)
    rate, shift = torch.tensor([1.0, 1.0, 2.0]), torch.tensor([0.0, 10.0, 0.0])
    still, moved, fast = warp(x, rate, shift, -7.0)
    assert torch.equal(still, x[0])
    assert torch.equal(moved[10:], x[0, :91])
    assert (moved[:10] == -7).all()
    assert torch.allclose(fast[25:76], 2 * x[0, 25:76] - 50)
    assert (fast[:25] == -7).all()


def test_a_recipe_of_nothing_changes_nothing():
    x = torch.rand(4, 500, generator=generator()) - 0.5
    assert torch.allclose(augment_sound(x, generator(), STILL, x), x, atol=1e-6)
    pictures = x[:, :400].reshape(4, 1, 20, 20)
    assert torch.allclose(stretch_pictures(pictures, generator(), STILL), pictures, atol=1e-5)


def test_each_change_is_applied_to_about_half_and_within_its_range():
    x = torch.full((400, 64), 0.5)
    gains = augment_sound(x, generator(), SpeechAugmentation(speed=0, shift=0, noise=0))[:, 32] / 0.5
    assert 0.4 < float((gains == 1).float().mean()) < 0.6
    assert gains.min() > 0.7 - 1e-6
    assert gains.max() < 1.1 + 1e-6
    loud = torch.ones(1, 64)
    shares = augment_sound(0 * x, generator(), SpeechAugmentation(gain=(1, 1), speed=0, shift=0), loud)[:, 32]
    assert 0.4 < float((shares == 0).float().mean()) < 0.6
    assert 0.4 < shares.max() <= 0.45


def test_a_seed_decides_and_the_sound_stays_in_range():
    x = torch.rand(8, 300, generator=generator()) * 2 - 1
    recipe = SpeechAugmentation(gain=(1.0, 3.0))
    one, same, other = (augment_sound(x, generator(seed), recipe, x) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.abs().max() <= 1


def test_a_stretch_keeps_the_middle_and_goes_on_as_it_ended():
    pictures = torch.zeros(40, 1, 2, 33)
    pictures[..., 16] = 1
    pictures[..., :3], pictures[..., -3:] = -5, -7
    out = stretch_pictures(pictures, generator(), SpeechAugmentation(stretch=0.2))
    assert torch.allclose(out[..., 16], torch.ones(40, 1, 2))
    assert out.unique(return_counts=True)[0].min() == -7
    assert (out[..., 0] == -5).all(1).any()
    assert not (out[..., :4] == -7).any()
    lengths = (out < -6.9).sum(3)[:, 0, 0]
    assert lengths.min() < 3 < lengths.max()  # faster: the end is repeated


def test_masks_hide_whole_bands_and_frames_under_the_mean():
    pictures = torch.rand(200, 1, 32, 20, generator=torch.Generator().manual_seed(1))
    masked = mask_pictures(pictures, torch.Generator().manual_seed(0), 0.25)
    mean = pictures.mean((2, 3), keepdim=True)
    hidden = masked != pictures
    torch.testing.assert_close(masked[hidden], mean.expand_as(pictures)[hidden])
    bands, frames = hidden.all(3).sum((1, 2)), hidden.all(2).sum((1, 2))
    assert bands.max() == 7  # less than a quarter of 32
    assert frames.max() == 4
    assert 0.3 < (bands > 0).float().mean() < 0.5
    assert 0.25 < (frames > 0).float().mean() < 0.5
    assert hidden.all(3)[:, 0].float().mean(0).std() < 0.05  # anywhere, not in the middle
    whole = hidden.all(3, keepdim=True) | hidden.all(2, keepdim=True)
    assert torch.equal(hidden, whole.expand_as(hidden))
    assert torch.equal(masked, mask_pictures(pictures, torch.Generator().manual_seed(0), 0.25))
    assert torch.equal(pictures, mask_pictures(pictures, torch.Generator().manual_seed(0), 0.0))
