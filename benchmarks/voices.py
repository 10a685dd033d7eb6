"""Clips a second of every voice conversion, on one core.

    python benchmarks/voices.py [--clips 20] [--random-weights] [--tiny]

WORLD converts spoken words of one second to the voice of another speaker; its target is 25 clips a second and core. Its
rival that is always there is itself with a more careful pitch tracker ("harvest"). The neural back ends run when their
weights are there, or with `--random-weights`, which writes 1.7 GB of them to a folder that is removed afterwards: what
weights say does not change how long they take. `same_result` says that each gave the same bytes every time.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pyworld
import torch

from art_audio_ext.datasets.builtin import VOICES as SPEAKERS
from art_audio_ext.datasets.espeak import Utterance, speak
from art_audio_ext.functional.resampling import resampled
from art_audio_ext.voices import VOICES, TargetVoice, Voice, WorldVoice, open_voice
from art_audio_ext.voices.weights import NEEDED, missing_weights, weights_root

RATE, REPEATS = 16000, 5
WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
TEXT = "The quick brown fox jumps over the lazy dog, and the dog does not mind at all, for it has seen foxes before."


class HarvestVoice(WorldVoice):
    """WORLD with its more careful pitch tracker, which is slower."""

    def _analyse(
        self, sound: np.ndarray, sample_rate: int, aperiodicity: bool = True
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        pitch, times = pyworld.harvest(sound, sample_rate)
        envelope = pyworld.cheaptrick(sound, pitch, times, sample_rate)
        return pitch, envelope, pyworld.d4c(sound, pitch, times, sample_rate) if aperiodicity else None


def main() -> None:
    """Run all in turn, print the table, and as the last line one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=20, help="one-second clips a run; neural back ends get one in ten")
    parser.add_argument("--random-weights", action="store_true", help="run the neural back ends without their weights")
    parser.add_argument("--tiny", action="store_true", help="random weights of tiny networks: a trial run")
    options = parser.parse_args()
    torch.set_num_threads(1)
    clips, target = speech(options.clips)
    with tempfile.TemporaryDirectory() as folder:
        root = weights_root()
        if options.random_weights:
            from art_audio_ext.voices.untrained import write_untrained

            root = write_untrained(folder, "tiny" if options.tiny else "published")
        measure(voices(root), clips, target)


def speech(count: int) -> tuple[np.ndarray, TargetVoice]:
    """Spoken words of one second (N, 16000), and some seconds of another speaker."""
    said = [Utterance(SPEAKERS[i % 20], WORDS[i % len(WORDS)], pitch=30 + i % 40) for i in range(count)]
    sounds = [resampled(sound, rate, RATE) for sound, rate in speak([*said, Utterance(SPEAKERS[-1], TEXT)])]
    clips = np.zeros((count, RATE), np.float32)
    for row, sound in zip(clips, sounds, strict=False):
        row[: len(sound)] = np.clip(sound[:RATE], -1, 1)  # the band limit of resampling overshoots
    return clips, TargetVoice(sounds[-1].astype(np.float32), RATE)


def voices(root: Path) -> dict[str, Voice]:
    """Every back end whose weights are there."""
    found: dict[str, Voice] = {"world": WorldVoice(), "harvest": HarvestVoice()}
    for name in VOICES:
        if name in NEEDED and missing_weights(name, root):
            print(f"{name}: no weights in {root}, left out (--random-weights runs it without)", flush=True)
        elif name not in found:
            found[name] = open_voice(name, **({"folder": root, "device": "cpu"} if NEEDED.get(name) else {}))
    return found


def measure(found: dict[str, Voice], clips: np.ndarray, target: TargetVoice) -> None:
    """Convert in turn, and report medians."""
    share = {
        name: clips if isinstance(voice, WorldVoice) else clips[: len(clips) // 10 or 1]
        for name, voice in found.items()
    }
    for name, voice in found.items():
        voice.convert(share[name][:1], RATE, target)  # warm
    first: dict[str, np.ndarray] = {}
    wall: dict[str, list[float]] = {name: [] for name in found}
    busy: dict[str, list[float]] = {name: [] for name in found}
    same = True
    for _ in range(REPEATS):
        for name, voice in found.items():
            start, worked = time.perf_counter(), time.process_time()
            made = voice.convert(share[name], RATE, target)
            wall[name].append((time.perf_counter() - start) / len(made))
            busy[name].append((time.process_time() - worked) / len(made))
            same = same and np.array_equal(made, first.setdefault(name, made))
    report(*({name: statistics.median(values) for name, values in kind.items()} for kind in (wall, busy)), same)


def report(wall: dict[str, float], busy: dict[str, float], same: bool) -> None:
    """The table, and as the last line one JSON object."""
    print(f"{'conversion':<12}{'seconds a clip':>16}{'clips a second':>16}{'clips a second of CPU':>24}")
    for name, value in wall.items():
        print(f"{name:<12}{value:>16.4f}{1 / value:>16.2f}{1 / busy[name]:>24.2f}")
    rivals = {name: value for name, value in wall.items() if name != "world"}
    summary = {
        "name": "voices",
        "unit": "seconds a clip",
        "ours": round(wall["world"], 5),
        "rivals": {name: round(value, 5) for name, value in rivals.items()},
        "ratios": {name: round(value / wall["world"], 3) for name, value in rivals.items()},
        "same_result": same,
        "machine": f"{platform.machine()}, 1 thread, Python {platform.python_version()}, torch {torch.__version__}",
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
