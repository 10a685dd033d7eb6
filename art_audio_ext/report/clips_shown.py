"""Which clips of a flagged class a page shows, read from the dataset one class at a time, with sound and picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.report.records import SampleResult
from art_audio_ext.report.sound import level_pictures, picture_address, wav_address
from art_audio_ext.report.text import number, printable

ACCEPTED_SHOWN = 5
SOUND_BYTES = 9_000_000  # of 16-bit samples in one page; a third more as text
_AVERAGED = 48
_AVERAGED_BYTES = 64_000_000


def clips_allowed(dataset: AudioDataset | None, classes: int, most: int) -> int:
    """
    How many suspects one page may show: `most`, or fewer where clips are so long that the page would be too large.

    :param dataset: The dataset, None for a page without sound.
    :param classes: How many classes are flagged; each shows accepted clips too.
    :param most: What the caller asked for.
    :return: At least one a class, unless `most` is smaller.
    """
    if dataset is None:
        return most
    room = SOUND_BYTES // (2 * dataset.waveforms.shape[1]) - ACCEPTED_SHOWN * classes
    return min(most, max(classes, room))


def shares(counts: list[int], total: int) -> list[int]:
    """
    Split a number of places over classes as evenly as their suspects allow, the first ones first.

    :param counts: Suspects of each class.
    :param total: Places.
    :return: Places of each class.
    """
    given = [0] * len(counts)
    while sum(given) < min(total, sum(counts)):
        open_classes = [k for k, count in enumerate(counts) if given[k] < count]
        each = max(1, (total - sum(given)) // len(open_classes))
        for k in open_classes:
            given[k] += min(each, counts[k] - given[k], total - sum(given))
    return given


def suspect_rows(samples: list[SampleResult], rows: np.ndarray) -> np.ndarray:
    """
    The rows of a class that are suspects, the highest score first, then by path.

    :param samples: One a row of the dataset.
    :param rows: Those of the class.
    :return: int64 (S,).
    """
    found = [int(row) for row in rows if samples[row].suspect]
    return np.array(sorted(found, key=lambda row: (-samples[row].score, samples[row].path)), dtype=np.int64)


def accepted_rows(samples: list[SampleResult], rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """
    The rows of a class that are no suspects, in random order: the ones shown are no choice of ours.

    :param samples: One a row of the dataset.
    :param rows: Those of the class.
    :param rng: Draws the order.
    :return: int64 (A,).
    """
    return rng.permutation(np.array([row for row in rows if not samples[row].suspect], dtype=np.int64))


def cards(samples: list[SampleResult], rows: np.ndarray, dataset: AudioDataset | None) -> list[dict[str, Any]]:
    """
    What the page shows of each clip: path, score, and with a dataset a player and a spectrogram.

    :param samples: One a row of the dataset.
    :param rows: Which ones, in the order shown.
    :param dataset: Where the sound is; only these rows are read.
    :return: One dictionary a row.
    """
    shown = [{"path": printable(samples[row].path), "score": number(samples[row].score, 2)} for row in rows]
    if dataset is None or not len(rows):
        return [card | {"sound": None, "picture": None} for card in shown]
    clips = _read(dataset, rows)
    return [
        card
        | {
            "sound": wav_address(clip, dataset.sample_rate),
            "picture": picture_address(level_pictures(clip[None], dataset.sample_rate)[0]),
        }
        for card, clip in zip(shown, clips, strict=True)
    ]


def average_pictures(dataset: AudioDataset | None, suspects: np.ndarray, accepted: np.ndarray) -> list[dict[str, Any]]:
    """
    The mean spectrogram of suspects and of accepted clips: what all poisoned clips share stands out in the first.

    :param dataset: Where the sound is.
    :param suspects: Rows, the first 48 are read (fewer where clips are long).
    :param accepted: Rows, likewise.
    :return: Two pictures with how many clips each is the mean of; none where one side has under two clips.
    """
    if dataset is None or min(len(suspects), len(accepted)) < 2:
        return []
    most = max(2, min(_AVERAGED, _AVERAGED_BYTES // (4 * dataset.waveforms.shape[1])))
    pictures = []
    for name, rows in (("suspects", suspects[:most]), ("accepted clips", accepted[:most])):
        total = np.zeros(1)
        for clip in _read(dataset, rows):
            total = total + level_pictures(clip[None], dataset.sample_rate)[0]
        pictures.append({"name": name, "clips": len(rows), "picture": picture_address(total / len(rows))})
    return pictures


def _read(dataset: AudioDataset, rows: np.ndarray) -> np.ndarray:
    """The clips at `rows`, and nothing else of a memory map, in ascending order of the file."""
    order = np.argsort(rows)
    clips = np.asarray(dataset.waveforms[rows[order]])
    return clips[np.argsort(order)]


def shared_sound(dataset: AudioDataset | None, label: str, sounds: Mapping[int, np.ndarray]) -> dict[str, Any] | None:
    """
    The sound that the suspects of a class share, as loud as a page can play it, with its picture.

    :param dataset: For the class indices and the sample rate; None for a page without sound.
    :param label: The class.
    :param sounds: By class index.
    :return: For the template, or None where there is none.
    """
    index = dataset.label_names.index(label) if dataset is not None and label in dataset.label_names else -1
    if dataset is None or index not in sounds or not len(sounds[index]):
        return None
    sound = np.asarray(sounds[index], dtype=np.float32)
    loud = 0.9 * sound / max(float(np.abs(sound).max()), 1e-6)
    return {
        "audio": wav_address(loud, dataset.sample_rate),
        "picture": picture_address(level_pictures(loud[None], dataset.sample_rate)[0]),
        "seconds": f"{len(sound) / dataset.sample_rate:.2f}",
    }
