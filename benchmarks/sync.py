"""Seconds a clip for the confidence of synchronisation: ours against a plain re-statement of the reference's loop.

    python benchmarks/sync.py

First from embeddings that are given, with the reference's zero padding and its dropped window, so that the numbers are
the same; then from sound and pictures, through an untrained compact network. The last line is about the first.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad, pairwise_distance

from art_audio_ext.functional.sync import reference_windows, shift_distances, sync_confidence, sync_offset
from art_audio_ext.networks.sync_scorer import SyncScorer
from art_audio_ext.networks.syncnet import CompactSyncNet

REPEATS, SHIFT, BATCH = 5, 15, 20
Score = tuple[Tensor, Tensor]  # offset as the reference prints it, and confidence, each (N,)


def main() -> None:
    """Run both in turn, print the table, and as the last line one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=200, help="whose embeddings are given")
    parser.add_argument("--whole", type=int, default=8, help="that go through the network")
    options = parser.parse_args()
    rng = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    video = torch.randn(options.clips, 70, 1024, generator=rng)
    audio = video.roll(3, 1) + torch.randn(video.shape, generator=rng)
    given = measure({"ours": lambda: ours(video, audio), "reference": lambda: reference(video, audio)}, options.clips)
    network = CompactSyncNet(pictures="differences").eval()  # its windows know nothing of the rest of the clip
    sound = 0.1 * torch.randn(options.whole, 48000, generator=rng)
    pictures = torch.rand(options.whole, 75, 72, 72, generator=rng)
    scorer = SyncScorer([network], edges="reference")
    whole = measure(
        {"ours": lambda: whole_ours(scorer, sound, pictures), "reference": lambda: plain(network, sound, pictures)},
        options.whole,
    )
    report(given, whole)


def ours(video: Tensor, audio: Tensor) -> Score:
    """All clips at once."""
    distances = shift_distances(video, audio, edges="zeros")
    return -sync_offset(distances), sync_confidence(distances)


def reference(video: Tensor, audio: Tensor) -> Score:
    """Clip by clip and window by window, as the public code goes."""
    offsets, confidences = [], []
    for pictures, sounds in zip(video, audio, strict=True):
        around = pad(sounds, (0, 0, SHIFT, SHIFT))
        rows = []
        for i in range(len(pictures)):
            rows.append(pairwise_distance(pictures[[i]].repeat(2 * SHIFT + 1, 1), around[i : i + 2 * SHIFT + 1]))
        mean = torch.stack(rows, 1).mean(1)
        least, at = mean.min(0)
        offsets.append(SHIFT - at)
        confidences.append(mean.median() - least)
    return torch.stack(offsets), torch.stack(confidences)


def whole_ours(scorer: SyncScorer, sound: Tensor, pictures: Tensor) -> Score:
    """From sound and pictures, as the detector goes."""
    with torch.no_grad():
        distances = scorer(sound, pictures)[:, 0]
    return -sync_offset(distances), sync_confidence(distances)


def plain(network: CompactSyncNet, sound: Tensor, pictures: Tensor) -> Score:
    """From sound and pictures, 20 windows at a time, each cut out and embedded by itself."""
    offsets, confidences = [], []
    for clip, frames in zip(sound, pictures, strict=True):
        features, last = network.sound_features(clip[None]), reference_windows(len(frames), len(clip))
        seen, heard = [], []
        with torch.no_grad():
            for start in range(0, last, BATCH):
                windows = range(start, min(last, start + BATCH))
                seen.append(network.embed_video(torch.stack([frames[v : v + 5] for v in windows]))[:, 0])
                cut = torch.cat([features[:, :, 4 * v : 4 * v + 20] for v in windows])
                heard.append(network.embed_audio(cut)[:, 0])
        offset, confidence = reference(torch.cat(seen)[None], torch.cat(heard)[None])
        offsets.append(offset[0])
        confidences.append(confidence[0])
    return torch.stack(offsets), torch.stack(confidences)


def measure(ways: dict[str, Callable[[], Score]], clips: int) -> dict:
    """Median seconds a clip of each, in turn, and whether they agree."""
    results = {name: way() for name, way in ways.items()}  # warm
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, way in ways.items():
            start = time.perf_counter()
            results[name] = way()
            seconds[name].append((time.perf_counter() - start) / clips)
    (offsets, confidences), (expected, others) = results["ours"], results["reference"]
    same = torch.equal(offsets, expected) and torch.allclose(confidences, others, atol=1e-4)
    return {**{name: statistics.median(values) for name, values in seconds.items()}, "same": same}


def report(given: dict, whole: dict) -> None:
    """The table, and as the last line one JSON object."""
    print(f"{'from':<22}{'':<12}{'ms a clip':>12}{'clips a second':>16}{'ratio':>8}{'same numbers':>15}")
    for title, part in (("embeddings", given), ("sound and pictures", whole)):
        for name in ("ours", "reference"):
            value = part[name]
            print(
                f"{title:<22}{name:<12}{1000 * value:>12.3f}{1 / value:>16.1f}{value / part['ours']:>8.2f}"
                f"{part['same']!s:>15}"
            )
    summary = {
        "name": "sync",
        "unit": "seconds a clip",
        "ours": round(given["ours"], 7),
        "rivals": {"reference": round(given["reference"], 7)},
        "ratios": {"reference": round(given["reference"] / given["ours"], 3)},
        "same_result": bool(given["same"] and whole["same"]),
        "end_to_end": {name: round(whole[name], 5) for name in ("ours", "reference")},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
