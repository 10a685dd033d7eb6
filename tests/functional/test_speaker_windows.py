"""Windows of an utterance: where they lie, which have a say, and that logits mean the summed posteriors."""

from __future__ import annotations

import pytest
import torch

from art_audio_ext.functional.speaker_windows import (
    SILENCE,
    counted_windows,
    cut_windows,
    random_crops,
    sound_lengths,
    utterance_log_posterior,
)


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_windows():
    x = torch.arange(10.0).repeat(2, 1)
    assert cut_windows(x, 4, 3)[1].tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert cut_windows(x, 10, 3).shape == (2, 1, 10)
    for window, hop, message in ((11, 1, "at least 11 samples"), (0, 1, "positive"), (4, 0, "positive")):
        with pytest.raises(ValueError, match=message):
            cut_windows(x, window, hop)


def test_windows_in_the_padding_have_no_say():
    x = torch.tensor(
        [
            [1.0, 2, 3, 4, 5, 0, 0, 0],  # the third window reaches into the padding
            [0, 0, 0, 0, 0, 0, 0, 0],  # one has to speak
            [9, 0, 0, 0, 0, 0, 0, 0],  # shorter than a window
            [1, 2, 0, 0, 0, 0, 7, 8],  # silence between words
        ]
    )
    assert sound_lengths(x).tolist() == [5, 0, 1, 8]
    residue = torch.where(x == 0, 0.9 * SILENCE, x)  # below any step of a file
    assert sound_lengths(residue, SILENCE).tolist() == [5, 0, 1, 8]
    assert torch.equal(counted_windows(residue, 2, 2), counted_windows(x, 2, 2))
    crops = random_crops(residue[:1], 2, 50, torch.Generator().manual_seed(0), SILENCE)
    assert (crops > SILENCE).all()
    yes, no = True, False
    assert counted_windows(x, 2, 2).tolist() == [
        [yes, yes, no, no],
        [yes, no, no, no],
        [yes, no, no, no],
        [yes, no, no, yes],
    ]
    assert counted_windows(x, 8, 2).tolist() == [[yes]] * 4


def test_the_posterior_of_an_utterance_is_the_mean_of_its_windows():
    counted = torch.tensor([[True, True, True], [True, False, False]])
    logits = draw(0, 4, 5) * 4
    found = utterance_log_posterior(logits, counted)
    mean = torch.stack([logits[:3].softmax(1).mean(0), logits[3].softmax(0)])
    torch.testing.assert_close(found.exp(), mean)
    torch.testing.assert_close(found.softmax(1), mean)


def test_gradients_survive_windows_that_are_certain():
    logits = torch.tensor([[300.0, -300.0], [200.0, -200.0]], requires_grad=True)
    utterance_log_posterior(logits, torch.ones(1, 2, dtype=torch.bool))[0, 1].backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad.abs().max() > 0.5


def test_crops_lie_before_the_padding_and_only_the_generator_decides():
    x = draw(1, 3, 100)
    x[1, 40:] = 0
    x[2, 5:] = 0
    crops = random_crops(x, 20, 50, torch.Generator().manual_seed(0)).reshape(3, 50, 20)
    assert (crops[1] != 0).all()
    assert torch.equal(crops[2], x[2, :20].expand(50, 20))  # shorter than a crop: from its start
    assert len({tuple(row.tolist()) for row in crops[0]}) > 20
    windows = {tuple(row.tolist()) for row in cut_windows(x[:1], 20, 1)[0]}
    assert {tuple(row.tolist()) for row in crops[0]} <= windows
    again = random_crops(x, 20, 50, torch.Generator().manual_seed(0))
    assert torch.equal(again, crops.reshape(-1, 20))
    assert random_crops(x, 100, 2, torch.Generator()).shape == (6, 100)
