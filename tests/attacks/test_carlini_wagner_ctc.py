"""The targeted attack on sentences against a recogniser that can be read by eye."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from art_audio_ext.attacks.evasion import CarliniWagnerCTC
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.functional.ctc import LabelCodes, word_error_rate
from art_audio_ext.networks.audiovisual_row import RowModel
from art_audio_ext.training.audiovisual_transcriber import SentenceRecogniser

LAYOUT = AudioVisualLayout(frames=6, size=4, samples=60)
CODES = LabelCodes("words", ("bin", "lay", "set"))


class Readable(nn.Module):
    """Logits of a frame are fixed directions in its pixels and its ten samples; without a change, all is blank."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        self.sound = nn.Parameter(0.5 * torch.randn(10, 4, generator=draw), requires_grad=False)
        self.pictures = nn.Parameter(torch.randn(16, 4, generator=draw), requires_grad=False)

    def forward(self, audio, video):
        logits = audio.unflatten(1, (6, 10)) @ self.sound + (video.flatten(2) - 0.5) @ self.pictures
        return 10 * logits + torch.tensor([1.0, 0, 0, 0])


@pytest.fixture
def victim() -> SentenceRecogniser:
    return SentenceRecogniser(RowModel(Readable(), LAYOUT), LAYOUT, CODES, device_type="cpu")


@pytest.fixture
def x() -> np.ndarray:
    rng = np.random.default_rng(0)
    return LAYOUT.pack(rng.uniform(-0.01, 0.01, (5, 60)).astype(np.float32), rng.uniform(0.49, 0.51, (5, 6, 4, 4)))


TEXTS = ["set lay", "bin", "lay bin set", "set set", "lay lay"]
BOX = {"eps_audio": 0.1, "eps_video": 0.1}


def attack(victim, **options) -> CarliniWagnerCTC:
    return CarliniWagnerCTC(victim, **(BOX | {"max_iter": 60, "verbose": False} | options))


def boxes(rows: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.stack([np.abs(part).reshape(len(x), -1).max(1) for part in LAYOUT.unpack(rows - x)], 1)


def test_clips_are_transcribed_as_wanted_in_a_box_that_shrank(victim, x):
    assert set(victim.predict(x)) == {""}
    long = attack(victim)
    found = long.generate(x, TEXTS)
    assert list(victim.predict(found)) == TEXTS
    for k, result in enumerate(long.results):
        assert (result.full, result.partial, result.word_error_rate) == (True, True, 0)
        assert (result.target, result.transcript) == (TEXTS[k], TEXTS[k])
        assert 0 < result.iterations <= 60
        assert json.loads(json.dumps(result.to_dict())) == result.to_dict()
    sides = np.array([[r.eps_audio, r.eps_video] for r in long.results])
    np.testing.assert_allclose(boxes(found, x), sides, rtol=1e-3, atol=1e-7)
    first = attack(victim, early_stop=True)
    early = first.generate(x, TEXTS)
    assert list(victim.predict(early)) == TEXTS
    assert (boxes(found, x) < boxes(early, x)).all()
    assert all(a.iterations < b.iterations for a, b in zip(first.results, long.results, strict=True))


def test_a_box_that_is_too_small_gives_the_nearest_there_is(victim, x):
    tight = attack(victim, eps_audio=1e-4, eps_video=1e-4)
    found = tight.generate(x, TEXTS)
    assert not any(result.full for result in tight.results)
    assert (boxes(found, x) <= 1e-4 + 1e-7).all()
    middle = attack(victim, eps_audio=0.01, eps_video=0.012)
    said = victim.predict(middle.generate(x, TEXTS))
    for result, text in zip(middle.results, said, strict=True):
        assert result.transcript == text
        assert result.word_error_rate == word_error_rate(result.target, text)


def test_one_modality_may_be_left_alone(victim, x):
    pictures = attack(victim, eps_audio=0, early_stop=True)
    assert (LAYOUT.unpack(pictures.generate(x, TEXTS) - x)[0] == 0).all()
    assert all(result.full for result in pictures.results)
    sound = attack(victim, eps_audio=0.5, eps_video=0, early_stop=True)
    assert (LAYOUT.unpack(sound.generate(x, TEXTS) - x)[1] == 0).all()
    assert all(result.full for result in sound.results)


def test_a_partial_success_needs_less(victim, x):
    texts = ["set lay bin"] * 5
    full, part = attack(victim, max_iter=120), attack(victim, max_iter=120, aim="partial")
    full.generate(x, texts)
    part.generate(x, texts)
    assert all(result.partial and result.word_error_rate < 0.5 for result in part.results)
    assert np.mean([r.eps_video for r in part.results]) < np.mean([r.eps_video for r in full.results])


def test_a_clip_that_says_it_already_is_left_alone(victim, x):
    first = attack(victim, early_stop=True)
    there = first.generate(x, TEXTS)
    again = attack(victim)
    np.testing.assert_array_equal(again.generate(there, TEXTS), there)
    assert {(r.iterations, r.eps_audio, r.eps_video) for r in again.results} == {(0, 0.0, 0.0)}


def test_one_clip_and_a_batch_agree(victim, x):
    options = {"max_iter": 20}
    batch = attack(victim, **options).generate(x, TEXTS)
    small = attack(victim, batch_size=2, **options)
    np.testing.assert_allclose(small.generate(x, TEXTS), batch, atol=1e-5)
    assert [result.target for result in small.results] == TEXTS


def test_the_estimator_gives_arts_gradients(victim, x):
    slope = victim.loss_gradient(x, TEXTS)
    moved = np.clip(x - 1e-3 * np.sign(slope), -1, 1).astype(np.float32)
    codes, lengths = victim.target(TEXTS, 5)
    from art_audio_ext.functional.ctc_loss import clip_ctc_losses

    before, after = (clip_ctc_losses(victim.logits(torch.from_numpy(r)), codes, lengths) for r in (x, moved))
    assert (after < before).all()
    assert victim.input_shape == (LAYOUT.length,)
    for call in (lambda: victim.fit(x, TEXTS), lambda: victim.get_activations(x, 0)):
        with pytest.raises(NotImplementedError):
            call()
