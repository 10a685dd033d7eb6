"""One row for sound and pictures: packed, taken apart, bounded and checked."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from art_audio_ext.attacks.evasion.ctc_batch import CTCBatch
from art_audio_ext.functional.audiovisual_distortion import gaussian_noise_like
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.training import syncnet_attack
from art_audio_ext.training.syncnet_settings import SyncNetSettings

LAYOUT = AudioVisualLayout(frames=3, size=4, samples=10)


def _clips(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (2, 10)).astype(np.float32), rng.integers(0, 256, (2, 3, 4, 4), dtype=np.uint8)


def test_sound_first_then_pictures():
    audio, video = _clips()
    rows = LAYOUT.pack(audio, video)
    assert rows.shape == (2, LAYOUT.length) == (2, 10 + 48)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows[:, :10], audio)
    np.testing.assert_allclose(rows[1, 10 + 16 + 4 + 1], video[1, 1, 1, 1] / 255, rtol=1e-6)
    np.testing.assert_array_equal(rows, LAYOUT.pack(audio, (video / np.float32(255)).astype(np.float32)))


def test_and_back_without_a_copy():
    audio, video = _clips()
    rows = LAYOUT.pack(audio, video)
    sound, pictures = LAYOUT.unpack(rows)
    assert np.shares_memory(sound, rows)
    assert np.shares_memory(pictures, rows)
    np.testing.assert_array_equal(np.rint(pictures * 255), video)
    np.testing.assert_array_equal(LAYOUT.pack(sound, pictures), rows)


def test_tensors_come_back_as_tensors_and_gradients_pass():
    audio, video = _clips()
    rows = torch.from_numpy(LAYOUT.pack(audio, video)).requires_grad_()
    sound, pictures = LAYOUT.unpack(rows)
    (sound.sum() + 2 * pictures.sum()).backward()
    np.testing.assert_array_equal(rows.grad.numpy(), np.tile(LAYOUT.vector(1, 2), (2, 1)))
    packed = LAYOUT.pack(torch.from_numpy(audio), torch.from_numpy(video))
    np.testing.assert_allclose(packed.numpy(), rows.detach().numpy(), rtol=1e-6)
    with pytest.raises(ValueError, match="both be tensors"):
        LAYOUT.pack(audio, torch.from_numpy(video))


def test_bounds_epsilons_and_masks():
    low, high = LAYOUT.clip_values()
    assert low.dtype == high.dtype == np.float32
    assert low.tolist() == [-1.0] * 10 + [0.0] * 48
    assert high.tolist() == [1.0] * 58
    assert LAYOUT.vector(256 / 32768, 4 / 255)[[0, 9, 10, 57]].tolist() == pytest.approx([1 / 128] * 2 + [4 / 255] * 2)
    assert LAYOUT.mask(audio=True, video=False).tolist() == [1.0] * 10 + [0.0] * 48


def test_a_number_for_each_clip_and_modality():
    audio, video = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    rows = LAYOUT.spread(audio, video)
    np.testing.assert_array_equal(rows, [LAYOUT.vector(1, 3), LAYOUT.vector(2, 4)])
    np.testing.assert_array_equal(LAYOUT.spread(torch.from_numpy(audio), torch.from_numpy(video)).numpy(), rows)
    for wrong in (video[:1], video[:, None], torch.from_numpy(video)):
        with pytest.raises(ValueError, match=r"expected \(N,\) twice|both be tensors"):
            LAYOUT.spread(audio, wrong)


class Turned(AudioVisualLayout):
    """Pictures first: who slices rows by hand gets the wrong half."""

    def pack(self, audio, video):
        return _turned(super().pack(audio, video), self.samples)

    def unpack(self, rows):
        return super().unpack(_turned(rows, self.length - self.samples))

    def vector(self, audio, video):
        return _turned(super().vector(audio, video)[None], self.samples)[0]

    def spread(self, audio, video):
        return _turned(super().spread(audio, video), self.samples)


def _turned(rows, first):
    if isinstance(rows, torch.Tensor):
        return torch.cat([rows[:, first:], rows[:, :first]], 1)
    return np.roll(rows, rows.shape[1] - first, axis=1)


def test_noise_and_boxes_do_not_depend_on_the_order_of_a_row():
    sound, pictures = _clips()
    made = []
    for kind in (AudioVisualLayout, Turned):
        layout = kind(**LAYOUT.to_dict())
        before = layout.pack(sound, pictures)
        after = np.clip(before + layout.vector(0.1, 0.02), *layout.clip_values())
        power = [
            np.linalg.norm((part - old).reshape(2, -1), axis=1)
            for part, old in zip(
                layout.unpack(gaussian_noise_like(before, after, layout, seed=1)), layout.unpack(before), strict=True
            )
        ]
        victim = SimpleNamespace(layout=layout, target=lambda texts, n: (torch.ones(n, 1), torch.ones(n)))
        options = SimpleNamespace(estimator=victim, eps_audio=0.5, eps_video=0.25, random_start=False)
        batch = CTCBatch(options, torch.from_numpy(before), ["a", "b"], torch.Generator())
        batch.box = torch.tensor([[0.5, 0.25], [1.0, 0.125]])
        made.append((power, [part.flatten(1).numpy() for part in layout.unpack(batch._sides(batch.left))]))
    for plain, turned in zip(*made, strict=True):
        for one, other in zip(plain, turned, strict=True):
            np.testing.assert_allclose(one, other, rtol=0.02)


def test_the_attack_in_training_packs_its_rows_by_the_layout(monkeypatch):
    network = SyncNetSettings(size=16, crop=16, augment=False).build().eval()
    audio = 0.1 * torch.rand(2, 9 * 640, generator=torch.Generator().manual_seed(0))
    video = torch.rand(2, 9, 16, 16, generator=torch.Generator().manual_seed(1))
    climb = syncnet_attack.ConfidenceClimb(eps_audio=0.01, eps_video=0.04, steps=2)
    for layout in (AudioVisualLayout, Turned):
        monkeypatch.setattr(syncnet_attack, "AudioVisualLayout", layout)
        sound, pictures = climb(network, audio, video, torch.Generator().manual_seed(2))
        moved = [float((new - old).abs().max()) for new, old in ((sound, audio), (pictures, video))]
        assert 0 < moved[0] <= 0.010001
        assert 0.01 < moved[1] <= 0.040001


def test_sound_as_long_as_the_pictures():
    assert AudioVisualLayout.of_frames(29, 96) == AudioVisualLayout(29, 96, 18560)
    assert AudioVisualLayout.of_frames(75, 72).samples == 48000


def test_json_and_back():
    assert AudioVisualLayout.from_dict(json.loads(json.dumps(LAYOUT.to_dict()))) == LAYOUT
    with pytest.raises(ValueError, match="no layout"):
        AudioVisualLayout.from_dict({"frames": 3})


def test_good_rows_pass():
    rows = LAYOUT.pack(*_clips())
    assert LAYOUT.check_rows(rows) is rows
    assert LAYOUT.check_rows(rows.astype(np.float64)).dtype == np.float32


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows[:, :-1], r"shape \(2, 57\), expected \(N, 58\), rows of 10 samples and 3 frames of 4 x 4"),
        (lambda rows: rows[0], r"shape \(58,\)"),
        (lambda rows: (rows * 255).astype(np.uint8), "AudioVisualLayout.pack"),
        (lambda rows: (rows * 100).astype(np.int16), "int16"),
        (lambda rows: rows + np.where(np.arange(58) == 20, np.nan, 0), "row 0 is nan at sample 20"),
        (lambda rows: 2 * rows, "outside"),
        (lambda rows: rows - LAYOUT.vector(0, 0.5), r"row \d has a pixel of -0\.\d+, outside \[0, 1\]"),
        (lambda rows: rows[:0], "empty"),
    ],
)
def test_bad_rows_are_refused(spoil, message):
    with pytest.raises(ValueError, match=message):
        LAYOUT.check_rows(spoil(LAYOUT.pack(*_clips())))


@pytest.mark.parametrize("change", [{"frames": 0}, {"size": 2.5}, {"samples": True}, {"sample_rate": -1}, {"fps": 0}])
def test_bad_layouts_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        AudioVisualLayout(**{"frames": 3, "size": 4, "samples": 10, **change})


def test_other_shapes_are_refused():
    audio, video = _clips()
    with pytest.raises(ValueError, match=r"audio has shape \(2, 9\)"):
        LAYOUT.pack(audio[:, 1:], video)
    with pytest.raises(ValueError, match=r"video has shape \(1, 3, 4, 4\), expected \(2, 3, 4, 4\)"):
        LAYOUT.pack(audio, video[:1])
    with pytest.raises(ValueError, match="rows have shape"):
        LAYOUT.unpack(audio)
