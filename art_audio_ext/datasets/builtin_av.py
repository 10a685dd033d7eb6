"""Talking mouths made on the spot: espeak-ng speaks, and its phonemes drive a drawn mouth in the same instant."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly
from tqdm import tqdm

from art_audio_ext.datasets.audiovisual_cache import kept_arrays
from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.datasets.builtin_av_plan import COMMANDS, SPEAKERS, WORDS, PlannedClip, plan_clip
from art_audio_ext.datasets.espeak import Spoken, espeak_version, speak_timed
from art_audio_ext.datasets.mouth_drawing import draw_mouth
from art_audio_ext.datasets.mouth_faces import draw_face, draw_view
from art_audio_ext.datasets.speech_effects import microphone, noise, to_recording
from art_audio_ext.datasets.visemes import OPEN, Phoneme, mouth_track
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout

DEFAULT_CLIPS = 500
_VERSION = 1  # raise it when the same seed gives other clips
_BLOCK = 100  # clips made and kept together: a stopped run loses no more
_NOISES = ("white", "pink", "brown", "hum")
_SENTENCE_SECONDS = 3.0
_LEAD_SECONDS = 0.01  # lips are on their way a little before the sound


def make_builtin_av(
    layout: AudioVisualLayout,
    kind: str = "word",
    *,
    clips: int = DEFAULT_CLIPS,
    seed: int = 0,
    cache_dir: Path | None = None,
    progress: bool = True,
) -> AudioVisualDataset:
    """
    Make clips of a drawn mouth that speaks: 24 speakers, each with a voice and a face of its own.

    Frame i shows the mouth in the middle of its time, at (i + 1/2) / fps of the sound. A word clip has its word in the
    middle and other words around it; a sentence clip holds a sentence of GRID's grammar, labelled by its command.
    Light, camera and position differ from clip to clip, the head moves, and there is light noise in sound and picture.
    The same arguments give the same bytes, and fewer clips are the first of more.

    :param layout: Frames, size and samples of every clip.
    :param kind: "word" or "sentence".
    :param clips: How many; a multiple of 240 (word) or 96 (sentence) has every speaker say every label equally often.
    :param seed: Decides everything that is drawn.
    :param cache_dir: Where the clips are kept; None takes ART_AUDIO_CACHE or ~/.cache/art-audio.
    :param progress: Show a progress bar.
    :return: The dataset; no speaker is in both partitions, "train" and "test".
    :raises ValueError: If an argument will not do, or espeak-ng is not installed.
    """
    _check(layout, kind, clips, seed)
    plans = [plan_clip(number, kind, int(seed)) for number in range(clips)]
    made_of = repr((_VERSION, layout, kind, int(seed), espeak_version()))
    digest = hashlib.blake2b(made_of.encode(), digest_size=16).hexdigest()
    parts: list[dict[str, np.ndarray]] = []
    with tqdm(total=clips, desc="built-in mouths", unit="clip", disable=not progress, delay=2) as bar:
        for start in range(0, clips, _BLOCK):
            block = plans[start : start + _BLOCK]
            key = f"builtin-av-{digest}-{start}-{len(block)}"
            parts.append(kept_arrays(key, partial(_make, block, layout, int(seed), bar), cache_dir))
            bar.update(start + len(block) - bar.n)
    names = WORDS if kind == "word" else COMMANDS
    return AudioVisualDataset(
        layout=layout,
        audio=np.concatenate([part["audio"] for part in parts]),
        video=np.concatenate([part["video"] for part in parts]),
        labels=np.array([names.index(plan.label) for plan in plans]),
        label_names=names,
        sentences=tuple(plan.sentence for plan in plans),
        speakers=tuple(SPEAKERS[plan.speaker] for plan in plans),
        paths=tuple(f"{plan.label}/{SPEAKERS[plan.speaker]}_{plan.number:05d}" for plan in plans),
        name="builtin-av",
        partition=tuple(plan.partition for plan in plans),
    )


def _check(layout: AudioVisualLayout, kind: str, clips: int, seed: int) -> None:
    """Refuse what cannot be made."""
    if kind not in ("word", "sentence"):
        raise ValueError(f"clips must be of kind 'word' or 'sentence', got {kind!r}")
    for name, value, least in (("clips", clips, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    seconds = layout.frames / layout.fps
    if kind == "sentence" and seconds < _SENTENCE_SECONDS:
        raise ValueError(f"a sentence needs {_SENTENCE_SECONDS:g} s, {layout.frames} frames last {seconds:g} s")


def _make(plans: list[PlannedClip], layout: AudioVisualLayout, seed: int, bar: tqdm) -> dict[str, np.ndarray]:
    """A block of clips."""
    audio = np.empty((len(plans), layout.samples), np.float32)
    video = np.empty((len(plans), layout.frames, layout.size, layout.size), np.uint8)
    # A seed for each block: the noise of espeak-ng depends on all that it said before.
    spoken = speak_timed([plan.utterance for plan in plans], seed + plans[0].number)
    for row, (plan, said) in enumerate(zip(plans, spoken, strict=True)):
        rng = np.random.default_rng([seed, 13, plan.number])
        start = _start_seconds(plan, said, layout, rng)
        audio[row] = _sound(said, start, layout, rng)
        video[row] = _pictures(plan, said, start, layout, rng)
        bar.update()
    return {"audio": audio, "video": video}


def _start_seconds(plan: PlannedClip, said: Spoken, layout: AudioVisualLayout, rng: np.random.Generator) -> float:
    """When in the clip espeak-ng's sound begins: a word within two frames of the middle, a sentence anywhere."""
    seconds, total = layout.frames / layout.fps, len(said.sound) / said.sample_rate
    if plan.focus >= 0:
        begins, ends = (said.words[plan.focus + i][0] / said.sample_rate for i in (0, 1))
        return seconds / 2 - (begins + ends) / 2 + rng.uniform(-2, 2) / layout.fps
    return rng.uniform(0.05, max(0.06, seconds - total))


def _sound(said: Spoken, start: float, layout: AudioVisualLayout, rng: np.random.Generator) -> np.ndarray:
    """The utterance from its start on, through a microphone, with light noise behind it."""
    rate = layout.sample_rate
    ratio = Fraction(rate, said.sample_rate)
    voice = resample_poly(said.sound, ratio.numerator, ratio.denominator)
    clip = np.zeros(layout.samples)
    offset = round(start * rate)
    first, last = max(0, offset), min(layout.samples, offset + len(voice))
    clip[first:last] = voice[first - offset : last - offset]
    background = noise(_NOISES[rng.integers(len(_NOISES))], layout.samples, rate, rng, [])
    return to_recording(microphone(clip, rate, rng), background, rng.uniform(20, 40), rng.uniform(-28, -16))


def _pictures(
    plan: PlannedClip, said: Spoken, start: float, layout: AudioVisualLayout, rng: np.random.Generator
) -> np.ndarray:
    """The speaker's mouth in the middle of every frame."""
    track = mouth_track(_phonemes(said), (np.arange(layout.frames) + 0.5) / layout.fps - start + _LEAD_SECONDS)
    track[:, OPEN] *= rng.uniform(0.85, 1.15)
    face = draw_face(np.random.default_rng([14, plan.speaker]))
    view = draw_view(layout.frames, layout.fps, rng)
    return draw_mouth(track, face, view, layout.size, rng)


def _phonemes(said: Spoken) -> list[Phoneme]:
    """Each phoneme until the next one, the last until the end."""
    times = [at / said.sample_rate for at, _ in said.phonemes] + [len(said.sound) / said.sample_rate]
    return [Phoneme(times[i], times[i + 1], name) for i, (_, name) in enumerate(said.phonemes)]
