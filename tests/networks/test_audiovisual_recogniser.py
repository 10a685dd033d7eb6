"""The audiovisual recogniser: shapes, normalisation and crop inside, both streams used, gradients in eval mode."""

from __future__ import annotations

import pytest
import torch

from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.networks.audiovisual_recogniser import AudioVisualRecogniser
from art_audio_ext.networks.audiovisual_row import RowModel
from art_audio_ext.networks.audiovisual_streams import AudioStream, VideoStream, centre_crop, standardised
from art_audio_ext.training.runs import seeded

SMALL = {"crop": 32, "width": 4, "audio_width": 4, "hidden": 6}


def network(head: str = "word") -> AudioVisualRecogniser:
    return seeded(lambda: AudioVisualRecogniser(5, head=head, **SMALL), 0).eval()


@pytest.fixture
def clips() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(3, 7 * 640, generator=draw), torch.rand(3, 7, 40, 40, generator=draw)


def test_a_word_has_a_row_and_a_sentence_a_row_a_frame(clips):
    word, sentence = network()(*clips), network("sentence")(*clips)
    assert word.shape == (3, 5)
    assert sentence.shape == (3, 7, 5)
    assert torch.allclose(sentence.mean(1), word, atol=1e-6)  # the same weights by the same seed
    with pytest.raises(ValueError, match="head"):
        network("letter")
    with pytest.raises(ValueError, match="expected sound"):
        network()(clips[0][:2], clips[1])


def test_both_streams_are_heard_and_only_the_middle_is_seen(clips):
    audio, video = clips
    model = network()
    logits = model(audio, video)
    assert not torch.allclose(model(audio, video.flip(1)), logits, atol=1e-5)
    assert not torch.allclose(model(audio.flip(1), video), logits, atol=1e-5)
    assert torch.allclose(model(0.3 * audio + 0.01, video), logits, atol=1e-4)  # level and offset do not matter
    rim = video.clone()
    rim[..., :4, :] = 1
    assert torch.equal(model(audio, rim), logits)
    assert torch.equal(centre_crop(video, 32), video[..., 4:36, 4:36])
    with pytest.raises(ValueError, match="smaller than the crop"):
        model(audio, video[..., :20, :])


def test_the_flat_front_is_the_spatial_convolution():
    stream = VideoStream(32, 4, 6)
    frames = torch.rand(2, 9, 32, 32)
    spatial = stream.front(frames.unsqueeze(1)).transpose(1, 2).flatten(0, 1)
    assert torch.allclose(stream._front(frames), spatial, atol=1e-5)


def test_motion_alone_may_be_looked_at():
    frames = torch.rand(1, 9, 32, 32)
    lit = frames + 0.1 * torch.rand(1, 1, 32, 32)
    for motion in (True, False):
        stream = seeded(lambda motion=motion: VideoStream(32, 4, 6, motion), 0).eval()
        assert torch.allclose(stream(lit), stream(frames), atol=1e-4) == motion
        assert not torch.allclose(stream(frames.flip(1)), stream(frames), atol=1e-4)


def test_sound_comes_down_to_the_frames_of_the_video_in_step_with_them():
    stream = AudioStream(4, 6).eval()
    for samples, frames in ((19456, 29), (18560, 29), (48000, 75)):
        assert stream(torch.randn(1, samples), frames).shape == (1, frames, 12)
    click = torch.zeros(1, 10 * 640)
    click[0, 6 * 640 + 320] = 1
    features = stream.layers(click.unsqueeze(1)) - stream.layers(torch.zeros(1, 1, 10 * 640))
    assert int(features.abs().sum((0, 1)).argmax()) // 5 == 6  # five steps a frame
    assert features.shape[2] == 50
    stream.recurrent = torch.nn.Identity()
    heard, silent = stream(click, 10), stream(torch.zeros_like(click), 10)
    assert int((heard - silent).abs().sum((0, 2)).argmax()) == 6


def test_silence_stays_silent():
    assert torch.equal(standardised(torch.zeros(2, 50)), torch.zeros(2, 50))
    loud = standardised(torch.randn(2, 5000))
    assert torch.allclose(loud.std(1), torch.ones(2), atol=1e-3)


def test_rows_have_gradients_of_both_modalities_in_eval_mode(clips):
    layout = AudioVisualLayout.of_frames(7, 40)
    rows = torch.cat([clips[0], clips[1].flatten(1)], 1).requires_grad_()
    model = RowModel(network(), layout)
    assert torch.equal(model(rows), network()(*clips))
    slope = torch.autograd.grad(model(rows)[:, 0].sum(), rows)[0]
    sound, picture = layout.unpack(slope)
    assert (sound != 0).float().mean() > 0.9
    assert (centre_crop(picture, 32) != 0).float().mean() > 0.9
