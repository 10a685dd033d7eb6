"""How much of the sentence attack is run: clips, wanted sentences, boxes and aims, and the cells that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

AIMS = ("partial", "full")  # of the paper's Tables 2 and 4, and of its Table 3
_PAPER = tuple((audio, video) for video in (8, 4) for audio in (1024, 512, 256))
_BLOCK = 5  # clips a cell: a stopped run loses no more
_SCALES = (32768, 255)


@dataclass(frozen=True)
class SentenceSize:
    """
    How much is run.

    :param loaded: Clips that are loaded, a quarter of them held out; None takes all there are.
    :param clips: That are attacked.
    :param targets: Sentences that each shall be transcribed as.
    :param iterations: Of the attack.
    :param victim: Preset of the recogniser.
    :param victim_epochs: Of it, instead of its preset's.
    :param sync: Preset of the sync network.
    :param pairs: Half the sides of the attack's first boxes: of the sound, of 32,768, and of the pictures, of 255.
    :param aims: What the attack counts as a success, of `AIMS`: each is an attack of its own.
    """

    loaded: int | None
    clips: int
    targets: int
    iterations: int
    victim: str = "small"
    victim_epochs: int | None = None
    sync: str = "quick"
    pairs: tuple[tuple[int, int], ...] = ((512, 8),)
    aims: tuple[str, ...] = ("full",)


PRESETS = {
    "quick": SentenceSize(96, 5, 1, 100, victim_epochs=8),  # shows that all parts work: the recogniser learns little
    "standard": SentenceSize(960, 20, 2, 800, aims=tuple(AIMS)),
    "paper": SentenceSize(None, 300, 10, 800, victim="full", sync="standard", pairs=_PAPER, aims=tuple(AIMS)),
}


def choose_sentences(
    preset: str,
    *,
    pairs: Sequence[tuple[int, int]] | None = None,
    aims: Sequence[str] | None = None,
    **asked: int | None,
) -> SentenceSize:
    """
    A preset, with what was asked for in its place.

    :param preset: A key of `PRESETS`.
    :param pairs: Of sound and pictures, instead of the preset's.
    :param aims: Of `AIMS`, instead of the preset's.
    :param asked: Other fields of `SentenceSize`; None as the preset says.
    :return: How much to run.
    :raises ValueError: If a name is unknown, or a number out of its range.
    """
    if preset not in PRESETS:
        raise ValueError(f"there is no preset {preset!r}: choose {', '.join(PRESETS)}")
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number from 1 up, got {value!r}")
    if pairs is not None:
        given["pairs"] = _checked_pairs(pairs)
    if aims is not None:
        given["aims"] = tuple(dict.fromkeys(aims))
        if not aims or set(aims) - set(AIMS):
            raise ValueError(f"aims must be of {', '.join(AIMS)}, one at least, got {', '.join(map(str, aims))!r}")
    return replace(PRESETS[preset], **given)


def sentence_tasks(size: SentenceSize, texts: Sequence[str], clips: int) -> list[dict[str, Any]]:
    """
    The cells: clips as they are, then for each aim and box each sentence, a few clips at a time.

    :param size: How much is run.
    :param texts: Wanted sentences.
    :param clips: That are attacked.
    :return: `text` ("" for clips as they are), `first` and `count` of the clips; of attacks `iterations`, `audio` and
        `video`, and `aim` where it is not "full": cells of a time when there was one aim stay good.
    """
    attacks: list[dict[str, Any]] = [{"text": ""}]
    for aim in size.aims:
        for audio, video in size.pairs:
            strength: dict[str, Any] = {"iterations": size.iterations, "audio": audio, "video": video}
            strength |= {"aim": aim} if aim != "full" else {}
            attacks += [{"text": text, **strength} for text in texts]
    return [
        {**attack, "first": first, "count": min(_BLOCK, clips - first)}
        for attack in attacks
        for first in range(0, clips, _BLOCK)
    ]


def _checked_pairs(pairs: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Boxes of sound and pictures, each once."""
    for pair in pairs:
        whole = len(pair) == 2 and all(isinstance(side, int) and not isinstance(side, bool) for side in pair)
        if not whole or not any(pair) or any(not 0 <= k <= most for k, most in zip(pair, _SCALES, strict=True)):
            raise ValueError(
                f"pairs must be of whole numbers up to 32768 and 255, not both 0, such as 512/8, got {pair!r}"
            )
    if not pairs:
        raise ValueError("pairs must be one at least, such as 512/8")
    return tuple(dict.fromkeys((audio, video) for audio, video in pairs))
