"""Augmentation of spectrograms: shifts, masks and levels by the generator handed in."""

from __future__ import annotations

import torch

from art_audio_ext.functional.spectrogram_augment import augment_spectrograms

OFF = {"time_shift": 0.0, "band_shift": 0, "time_mask": 0.0, "band_mask": 0.0, "gain": 0.0}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_nothing_asked_changes_nothing():
    x = torch.randn(3, 1, 16, 20, generator=generator())
    assert torch.equal(augment_spectrograms(x, generator(), **OFF), x)


def test_same_seed_same_bytes():
    x = torch.randn(3, 1, 16, 20, generator=generator())
    assert torch.equal(augment_spectrograms(x, generator(5)), augment_spectrograms(x, generator(5)))
    assert not torch.equal(augment_spectrograms(x, generator(5)), augment_spectrograms(x, generator(6)))


def test_time_shift_rolls_and_loses_nothing():
    x = torch.arange(20.0).expand(64, 1, 4, 20)
    out = augment_spectrograms(x, generator(), **{**OFF, "time_shift": 0.2})
    assert torch.equal(out[:, 0, 0].sort(1).values, x[:, 0, 0])
    shifts = (out[:, 0, 0, 10] - 10).abs()
    assert shifts.max() == 4
    assert shifts.unique().numel() > 3


def test_masks_are_one_stretch_of_at_most_their_share():
    x = torch.ones(256, 1, 10, 20)
    out = augment_spectrograms(x, generator(), **{**OFF, "time_mask": 0.5, "band_mask": 0.3})
    columns = (out[:, 0] == 0).all(1).sum(1)
    rows = (out[:, 0] == 0).all(2).sum(1)
    assert 8 <= columns.max() <= 10
    assert rows.max() in (2, 3)
