"""Which voices and trainings the voice-conversion tables are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from art_audio_ext.datasets.speakers import NOISE_LABELS
from art_audio_ext.experiments.voice_conversion_data import Utterance
from art_audio_ext.experiments.voice_conversion_size import Size

_CLEAN_EPOCHS = (2, 5, 10, 20)  # Figure 5
_UTTERANCES = 3  # of the first speaker that poison (Table 3), and speakers that poison and have a second one (Table 4)
_TARGETS = 3  # Table 2
EVERY_LABEL = "all"


def target_voices(
    everything: dict[str, list[Utterance]], most: int, names: Sequence[str] | None = None
) -> list[Utterance]:
    """
    The first utterance of each speaker; a second one of the first three, and a third of the first, who poisons.

    The same whatever parts are run: more of them may be asked for later.

    :param everything: Utterances by speaker.
    :param most: Speakers at most, where none are named.
    :param names: Speakers in this order; None for the first.
    :return: The voices, those of a speaker together.
    :raises ValueError: If there is no such speaker, or one is named twice.
    """
    if names is not None and (not names or len(set(names)) < len(names) or not set(names) <= set(everything)):
        raise ValueError(f"speakers {', '.join(names) or 'none'}: name some, each once, of {', '.join(everything)}")
    speakers = list(everything)[:most] if names is None else list(names)
    first = everything[speakers[0]][:_UTTERANCES]
    later = [u for name in speakers[1:_UTTERANCES] for u in everything[name][:2]]
    return first + later + [everything[name][0] for name in speakers[_UTTERANCES:]]


def target_labels(target: str | None, others: Sequence[str] | None, names: Sequence[str]) -> list[int]:
    """
    The labels that poisoned clips get: the main one, and then those of the part `targets`.

    :param target: The main one; None is the first that is no noise.
    :param others: For the part; "all" is every label, None the main one and two more that are no noise.
    :param names: Of all labels.
    :return: Their indices, the main one first, each once.
    :raises ValueError: If there is no such label.
    """
    speech = [i for i in range(len(names)) if i not in noise_labels(names)]
    main = speech[0] if target is None else _index(target, names)
    if others is None:
        return [main, *[label for label in speech if label != main][: _TARGETS - 1]]
    more = range(len(names)) if list(others) == [EVERY_LABEL] else [_index(name, names) for name in others]
    return list(dict.fromkeys([main, *more]))


def all_tasks(size: Size, utterances: Sequence[Utterance], targets: Sequence[int], seed: int) -> list[dict[str, Any]]:
    """
    Every training once; those of a seed together.

    :param size: How much is run.
    :param utterances: From `target_voices`.
    :param targets: From `target_labels`.
    :param seed: The first.
    :return: Experiments of `run_cell`, but for what they depend on.
    """
    found: dict[str, dict[str, Any]] = {}
    names = [utterance.name for utterance in utterances]
    for k in range(size.seeds):
        for cell in _cells(size, utterances, targets):
            task = {"attack": "voice", "voice": names[0], "target": targets[0], "fraction": size.rate}
            task |= {"choose": size.choose, "clean_label": False, "listen": names, **cell, "seed": seed + k}
            task["fine_tune"] = _clean_epochs(task, size, names[0], targets[0])
            found.setdefault(repr(sorted(task.items())), {**task, "settings": size.victim.to_dict()})
    return list(found.values())


def main_tasks(tasks: list[dict[str, Any]], size: Size) -> list[dict[str, Any]]:
    """
    Of every seed the training that the other tables are about.

    :param tasks: From `all_tasks`.
    :param size: How much is run.
    :return: Experiments of `run_cell`.
    """
    first = next(task for task in tasks if task["attack"] == "voice")
    first = {**first, "fraction": size.rate, "fine_tune": []}
    return [{**first, "seed": tasks[0]["seed"] + k} for k in range(size.seeds)]


def noise_labels(names: Sequence[str]) -> list[int]:
    """
    :param names: Of all labels.
    :return: Indices of those that are a noise.
    """
    return [i for i, name in enumerate(names) if name.lower() in NOISE_LABELS]


def _cells(size: Size, utterances: Sequence[Utterance], targets: Sequence[int]) -> Iterator[dict[str, Any]]:
    """What differs from one cell to another."""
    yield {"attack": "none", "fraction": 0.0}
    for rate in size.rates:
        yield {"fraction": rate}
        yield {"attack": "badnets", "fraction": rate}
    if "targets" in size.parts:
        yield from ({"target": label} for label in targets)
    if "utterances" in size.parts:
        yield from ({"voice": u.name} for u in utterances if u.speaker == utterances[0].speaker)
    if "speakers" in size.parts:
        first: dict[str, str] = {}
        for u in utterances:
            first.setdefault(u.speaker, u.name)
        yield from ({"voice": voice} for voice in list(first.values())[:_UTTERANCES])
    if "fine_tune" in size.parts:
        yield {}
    if "clean_label" in size.parts:
        yield {"clean_label": True}


def _clean_epochs(task: dict[str, Any], size: Size, voice: str, target: int) -> list[int]:
    """Of the main training: it is fine-tuned, not trained a second time for that."""
    main = {"attack": "voice", "voice": voice, "target": target, "fraction": size.rate, "clean_label": False}
    is_main = all(task[name] == value for name, value in main.items())
    return list(_CLEAN_EPOCHS) if is_main and "fine_tune" in size.parts else []


def _index(name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise ValueError(f"there is no label {name!r}: choose among {', '.join(names)}")
    return list(names).index(name)
