"""Decoding: what every kind of file becomes, and what every kind of bad file is called."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from art_audio_ext.datasets.decode import clip_length, decode_clip, fit_length


def tone(rate: int, seconds: float = 0.5, frequency: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("a.wav", {"subtype": "PCM_16"}, 1e-4),
        ("a.wav", {"subtype": "PCM_24"}, 1e-6),
        ("a.wav", {"subtype": "FLOAT"}, 0.0),
        ("a.wav", {"subtype": "DOUBLE"}, 0.0),
        ("a.flac", {}, 1e-4),
        ("a.ogg", {}, 0.1),
        ("a.mp3", {}, 0.1),
    ],
)
def test_formats_keep_their_samples(tmp_path, name, options, error):
    path = tmp_path / name
    soundfile.write(path, tone(16000), 16000, **options)
    clip = decode_clip(path, 16000)
    assert clip.dtype == np.float32
    assert clip.ndim == 1
    middle = slice(2000, 6000)
    assert np.abs(clip[middle] - tone(16000)[middle]).max() <= error


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 44056])
def test_resampling_keeps_the_tone(tmp_path, rate):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(rate), rate, subtype="FLOAT")
    clip = decode_clip(path, 16000)
    assert abs(len(clip) - 8000) <= 1
    assert np.abs(clip[500:7500] - tone(16000)[500:7500]).max() < 5e-3


def test_resampling_is_torchaudios(tmp_path):
    import torch
    import torchaudio.functional

    path = tmp_path / "a.wav"
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 4000).astype(np.float32)
    soundfile.write(path, sound, 8000, subtype="FLOAT")
    expected = torchaudio.functional.resample(torch.from_numpy(sound), 8000, 16000).clamp(-1, 1)
    np.testing.assert_allclose(decode_clip(path, 16000), expected.numpy(), atol=1e-6)


def test_stereo_becomes_the_mean(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([tone(16000), np.zeros(8000, np.float32)], 1), 16000, subtype="FLOAT")
    np.testing.assert_allclose(decode_clip(path, 16000), tone(16000) / 2, atol=1e-7)


def test_overshoot_is_clipped(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.sign(tone(8000)), 8000, subtype="FLOAT")
    assert np.abs(decode_clip(path, 16000)).max() == 1.0


def test_a_part_is_the_same_part(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(16000, 3.0), 16000, subtype="FLOAT")
    part = decode_clip(path, 16000, offset_seconds=1.25, duration_seconds=0.5)
    assert 8000 <= len(part) < 10000
    np.testing.assert_array_equal(part, tone(16000, 3.0)[20000 : 20000 + len(part)])


def bad_files() -> dict[str, tuple[str, str]]:
    return {
        "empty": ("empty.wav", "the file is empty"),
        "text": ("text.wav", "Format not recognised"),
        "nan": ("nan.wav", "not finite"),
        "infinite": ("infinite.wav", "not finite"),
        "loud": ("loud.wav", "outside [-1, 1]"),
        "no_samples": ("none.wav", "no samples"),
        "truncated": ("cut.flac", "lost sync"),
        "truncated_mp3": ("cut.mp3", "it breaks off after"),
        "missing": ("missing.wav", "no such file"),
        "folder": ("folder.wav", "no such file"),
    }


def write_bad(kind: str, path) -> None:
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("this is no sound\n" * 100)
    elif kind in ("nan", "infinite", "loud"):
        value = {"nan": np.nan, "infinite": np.inf, "loud": 20000.0}[kind]
        soundfile.write(path, np.full(8000, value, np.float32), 16000, subtype="FLOAT")
    elif kind == "no_samples":
        soundfile.write(path, np.zeros(0), 16000)
    elif kind == "truncated":
        soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 16000), 16000)
        path.write_bytes(path.read_bytes()[:8000])
    elif kind == "truncated_mp3":
        soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 48000), 16000)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    elif kind == "folder":
        path.mkdir()


@pytest.mark.parametrize("kind", list(bad_files()))
def test_bad_files_are_named_with_a_reason(tmp_path, kind):
    name, reason = bad_files()[kind]
    write_bad(kind, tmp_path / name)
    with pytest.raises(ValueError, match="cannot decode") as caught:
        decode_clip(tmp_path / name, 16000)
    assert name in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rate", [10, 2_000_000_000])
def test_an_absurd_header_is_refused(tmp_path, rate):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(16000), 16000)
    data = bytearray(path.read_bytes())
    data[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"{rate} Hz"):
        decode_clip(path, 16000)


def test_fit_length_cuts_and_pads_at_the_end():
    clip = np.arange(1, 5, dtype=np.float32)
    np.testing.assert_array_equal(fit_length(clip, 2), [1, 2])
    np.testing.assert_array_equal(fit_length(clip, 6), [1, 2, 3, 4, 0, 0])


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e-9, "1", None, True])
def test_clip_length_refuses(seconds):
    with pytest.raises(ValueError, match="seconds must be a positive number"):
        clip_length(seconds, 16000)


def test_clip_length():
    assert clip_length(0.5, 16000) == 8000
    assert clip_length(np.float32(2), 8000) == 16000
