"""What the coherent component refuses before its long work: options out of range, and too few classes."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from art_audio_ext.functional.checks import check_sample_rate
from art_audio_ext.functional.significance import check_alpha

LEAST_CLIPS = 12


def searchable_classes(
    labels: np.ndarray, ignore_classes: Collection[int] = ()
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """
    Find the classes in which a search makes sense.

    :param labels: Class indices (N,).
    :param ignore_classes: Labels to leave out.
    :return: The labels that occur, those that are searched, and plain sentences on the others.
    :raises ValueError: If fewer than 2 are left: a class is held against clips of another.
    """
    present, counts = np.unique(labels, return_counts=True)
    ignored, enough = np.isin(present, sorted(ignore_classes)), counts >= LEAST_CLIPS
    notes = [f"Class {c} was left out of the comparison, as asked." for c in present[ignored]]
    notes += [
        f"Class {c} has {n} clips, under {LEAST_CLIPS}: it was not scored, and poison in it cannot be seen."
        for c, n in zip(present[~enough & ~ignored], counts[~enough & ~ignored], strict=True)
    ]
    scored = present[enough & ~ignored]
    if len(scored) < 2:
        raise ValueError(
            f"{len(scored)} of {len(present)} classes can be scored, but a class is held against clips of another: "
            f"give at least 2 classes of {LEAST_CLIPS} clips that are not left out"
        )
    return present, scored, notes


def check_coherent_options(
    *,
    seed: int,
    sample_rate: int,
    alpha: float,
    anywhere: bool,
    largest_class: int,
    controls: int,
    ignore_classes: Collection[int],
    flattened: bool,
    progress: bool = False,
) -> None:
    """
    Refuse an option of :func:`coherent_component_scores` that is out of range, by name.

    :raises ValueError: For the first one found.
    """
    check_sample_rate(sample_rate)
    for name, value, least in (
        ("seed", seed, 0),
        ("largest_class", largest_class, LEAST_CLIPS),
        ("controls", controls, 20),
    ):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    for name, value in (("anywhere", anywhere), ("flattened", flattened), ("progress", progress)):
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{name} must be True or False, got {value!r}")
    check_alpha(alpha)
    if isinstance(ignore_classes, str) or not all(isinstance(c, (int, np.integer)) for c in ignore_classes):
        raise ValueError(f"ignore_classes must be a list of class indices, got {ignore_classes!r}")
