"""Random views of talking clips: in step, in bounds, by generator alone, and with gradients."""

from __future__ import annotations

import pytest
import torch

from art_audio_ext.functional.sync_views import (
    SyncAugmentation,
    SyncRandomness,
    augment_clips,
    cut_windows,
    draw_views,
    moved_pictures,
    moved_sound,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clips(count: int = 3, frames: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Sound and pictures that say which frame they are of."""
    time = torch.arange(frames, dtype=torch.float32) / frames
    return time.repeat_interleave(640).repeat(count, 1), time[None, :, None, None].repeat(count, 1, 12, 10)


def test_cuts_stay_in_step_and_have_the_windows_asked_for():
    sound, pictures = cut_windows(*clips(), 8, generator())
    assert pictures.shape == (3, 12, 12, 10)
    assert sound.shape == (3, 12 * 640 + 240)
    torch.testing.assert_close(sound[:, ::640][:, :12], pictures[..., 0, 0])
    assert len(pictures[:, 0, 0, 0].unique()) > 1
    whole = cut_windows(*clips(), 48, generator())
    assert [part.shape for part in whole] == [part.shape for part in clips()]


def test_augmentation_changes_within_bounds_and_by_its_generator_alone():
    audio, video = clips()
    audio = 0.1 * audio
    before = torch.get_rng_state()
    first = augment_clips(audio, video, generator(), SyncAugmentation(noise_share=1))
    again = augment_clips(audio, video, generator(), SyncAugmentation(noise_share=1))
    assert torch.equal(torch.get_rng_state(), before)
    for part, same, given, low in zip(first, again, (audio, video), (-1, 0), strict=True):
        assert torch.equal(part, same)
        assert part.shape == given.shape
        assert low <= part.min() <= part.max() <= 1
        assert not torch.equal(part, given)
    still = SyncAugmentation(0, 0.0, 0.0, 0.0)
    kept, mirrored = augment_clips(audio, video, generator(), still)
    torch.testing.assert_close(kept, audio)
    torch.testing.assert_close(mirrored, video)  # which are their own mirror


def test_moves_are_whole_pixels_and_samples_and_have_gradients():
    picture = torch.rand(2, 3, 6, 5, generator=generator(), requires_grad=True)
    moved = moved_pictures(picture, torch.tensor([[1, 0], [0, -2]]))
    torch.testing.assert_close(moved[0, :, 1:], picture[0, :, :-1])
    torch.testing.assert_close(moved[0, :, 0], picture[0, :, 0])
    torch.testing.assert_close(moved[1, :, :, :-2], picture[1, :, :, 2:])
    sound = torch.rand(2, 9, generator=generator(), requires_grad=True)
    later = moved_sound(sound, torch.tensor([2, -1]))
    torch.testing.assert_close(later[0, 2:], sound[0, :-2])
    torch.testing.assert_close(later[1, :-1], sound[1, 1:])
    assert later[0, :2].tolist() == [0, 0]
    (moved.sum() + later.sum()).backward()
    assert picture.grad[0, :, 0].min() == 2  # its top row is there twice
    assert sound.grad[0, -2:].tolist() == [0, 0]


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_draws_are_each_clips_own(share):
    randomness = SyncRandomness(share, 3, 200)
    both = draw_views(randomness, 10, [generator(1), generator(2)])
    alone = draw_views(randomness, 10, [generator(2)])
    assert both.weights.sum(1).tolist() == [10 * share, 10 * share]
    for many, one in zip(both, alone, strict=True):
        assert torch.equal(many[1:], one)
    assert both.moves.abs().max() <= 3
    assert both.shifts.abs().max() <= 200
    assert not torch.equal(both.shifts[0], both.shifts[1])
