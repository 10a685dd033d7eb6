"""Clips as a page can hold them: WAV players and spectrogram pictures, as data addresses."""

from __future__ import annotations

import io
import wave

import numpy as np
import torch
from matplotlib import colormaps
from PIL import Image

from art_audio_ext.functional.front_end import stft_magnitude
from art_audio_ext.report.pictures import data_address

PICTURE_WIDTH = 240
PICTURE_HEIGHT = 96
_WINDOW_SECONDS = 0.032
_QUIET_DB, _LOUD_DB = -100.0, -20.0  # of a full-scale sine: one scale for every picture, so that they can be compared
_SHADES = 64  # fewer shades compress better, and no eye sees the difference at this size


def wav_address(clip: np.ndarray, sample_rate: int) -> str:
    """
    A clip as the address of a 16-bit mono WAV file that is part of the page.

    :param clip: Shape (L,) in [-1, 1]; what lies outside is cut off, as a sound card does.
    :param sample_rate: In Hz.
    :return: `data:audio/wav;base64,...`.
    """
    samples = np.round(np.clip(np.nan_to_num(np.asarray(clip, dtype=np.float64)), -1, 1) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(samples.tobytes())
    return data_address("audio/wav", buffer.getvalue())


def level_pictures(clips: np.ndarray, sample_rate: int) -> np.ndarray:
    """
    Spectrograms of clips in decibels of a full-scale sine, on a linear axis from 0 Hz to half the sample rate.

    A linear axis rather than a mel one: triggers near the upper limit would be squeezed into a line.

    :param clips: Shape (N, L) in [-1, 1].
    :param sample_rate: In Hz.
    :return: float32 (N, 96, 240), lowest frequency first.
    """
    n_fft = max(32, round(_WINDOW_SECONDS * sample_rate))
    hop = max(1, clips.shape[1] // PICTURE_WIDTH)
    sound = torch.from_numpy(np.nan_to_num(np.array(clips, dtype=np.float32)))
    with torch.no_grad():
        power = (stft_magnitude(sound, n_fft, hop) * (4 / n_fft)).square()
        power = torch.nn.functional.adaptive_avg_pool2d(power, (PICTURE_HEIGHT, PICTURE_WIDTH))
        return (10 * torch.log10(power + 1e-12)).numpy()


def picture_address(level_db: np.ndarray) -> str:
    """
    A spectrogram as the address of a PNG picture that is part of the page.

    :param level_db: One of :func:`level_pictures`, shape (96, 240).
    :return: `data:image/png;base64,...`.
    """
    shade = np.clip((level_db[::-1] - _QUIET_DB) / (_LOUD_DB - _QUIET_DB), 0, 1)
    picture = Image.fromarray(np.round(shade * (_SHADES - 1)).astype(np.uint8))
    picture.putpalette(np.round(colormaps["magma"](np.linspace(0, 1, _SHADES))[:, :3] * 255).astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return data_address("image/png", buffer.getvalue())
