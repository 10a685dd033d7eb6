"""Sound through MP3 and Opus and back, in memory, by PyAV."""

from __future__ import annotations

import io

import numpy as np

from art_audio_ext.datasets.video_files import load_av
from art_audio_ext.functional.resampling import precisely_resampled
from art_audio_ext.functional.sound_channels import fitted, without_gain

_CODECS = {"mp3": ("libmp3lame", "mp3", "fltp"), "opus": ("libopus", "ogg", "flt")}


def missing_codecs() -> str:
    """Why there is no MP3 and no Opus here; "" where there is."""
    try:
        known = load_av().codecs_available
    except ImportError:
        return 'MP3 and Opus need PyAV: pip install "art-audio-ext[video]"'
    absent = sorted({encoder for encoder, _, _ in _CODECS.values()} - set(known))
    return f"this PyAV has no {' and no '.join(absent)}: install its own wheel" if absent else ""


def through_codec(sound: np.ndarray, rate: int, codec: str, kbps: int) -> np.ndarray:
    """
    Encode and decode clips.

    LAME, which makes the MP3, multiplies everything by .95 first, whatever the rate. At 26 dB below the sound that is
    by far the largest change, and nothing that compression has lost: it is undone by the factor that fits best.

    :param sound: Shape (N, L) in [-1, 1], mono.
    :param rate: In Hz; MP3 and Opus have rates of their own, and other sound is resampled to the next.
    :param codec: "mp3" or "opus".
    :param kbps: Kilobits a second; MP3's are constant.
    :return: float32 (N, L) in [-1, 1], in step with what went in.
    :raises ValueError: If the codec is unknown.
    :raises ImportError: If PyAV is not installed.
    """
    if codec not in _CODECS:
        raise ValueError(f"there is no codec {codec!r}: choose {', '.join(_CODECS)}")
    rates = (8000, 12000, 16000, 24000, 48000) if codec == "opus" else (16000, 22050, 24000, 32000, 44100, 48000)
    inner = next((known for known in rates if known >= rate), rates[-1])
    back = []
    for clip in np.asarray(sound, np.float64):
        heard, got = _coded(precisely_resampled(clip, rate, inner), inner, codec, kbps)
        found = precisely_resampled(heard, got, rate)[: len(clip)]
        found = np.pad(found, (0, len(clip) - len(found)))
        back.append(fitted(without_gain(found, clip) if codec == "mp3" else found, len(clip)))
    return np.stack(back) if back else np.array(sound, np.float32)


def _coded(clip: np.ndarray, rate: int, codec: str, kbps: int) -> tuple[np.ndarray, int]:
    """What is decoded (M,), and its rate."""
    av, (encoder, container, layout) = load_av(), _CODECS[codec]
    stream_of_bytes = io.BytesIO()
    samples = np.ascontiguousarray(np.clip(clip, -1, 1), dtype=np.float32)[None]
    with av.open(stream_of_bytes, "w", format=container) as output:
        stream = output.add_stream(encoder, rate=rate, layout="mono", format=layout)
        stream.bit_rate = 1000 * kbps
        frame = av.AudioFrame.from_ndarray(samples, format=layout, layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            output.mux(packet)
    stream_of_bytes.seek(0)
    with av.open(stream_of_bytes, "r", format=container) as source:
        got = source.streams.audio[0].rate
        frames = [frame.to_ndarray() for frame in source.decode(audio=0)]
    found = np.concatenate([part.reshape(1, -1) if part.shape[0] == 1 else part[:1] for part in frames], axis=1)[0]
    return found.astype(np.float64), int(got)
