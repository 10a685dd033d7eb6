"""Which clips of a labelled dataset become poison."""

from __future__ import annotations

import numpy as np

ALL_SOURCES = "all"  # clips of every class but the target are taken
CLEAN_LABEL_MOST = 0.75  # of a class, in experiments: of its clean clips enough must be left to learn from


def check_fraction(poison_fraction: float) -> float:
    """
    Refuse what is no share.

    :param poison_fraction: A share, 0.1 for one clip in ten.
    :return: The same as a float.
    :raises ValueError: If it is not a number in [0, 1].
    """
    try:
        fraction = float(poison_fraction)
    except (TypeError, ValueError):
        fraction = np.nan
    if not 0 <= fraction <= 1:
        raise ValueError(f"poison_fraction must lie in [0, 1], got {poison_fraction!r}: 0.1 means one clip in ten")
    return fraction


def poison_count(poison_fraction: float, total: int) -> int:
    """
    How many of `total` clips a fraction means: rounded down, as Armory counts, but at least one unless it is zero.

    :param poison_fraction: In [0, 1].
    :param total: Clips the fraction is of.
    :return: The number of clips.
    :raises ValueError: If the fraction is not a number in [0, 1].
    """
    fraction = check_fraction(poison_fraction)
    return max(1, int(fraction * total)) if fraction > 0 else 0


def choose_poison_rows(
    labels: np.ndarray,
    source_class: int | str,
    target_class: int,
    poison_fraction: float,
    *,
    seed: int = 0,
    of: str = "source",
    leave_out: np.ndarray | None = None,
    even: bool = False,
) -> np.ndarray:
    """
    Draw the clips to poison.

    :param labels: Class indices (N,).
    :param source_class: The class to take them from, or "all" for every class but the target.
    :param target_class: The class they will be given.
    :param poison_fraction: In [0, 1].
    :param seed: For the draw.
    :param of: What the fraction is of: "source" (the source class, as in Armory) or "all" (the whole dataset).
    :param leave_out: Which clips are not taken, bool (N,); the fraction counts them. None leaves out none.
    :param even: As many of every class that they are taken from, as far as it has so many; else as they come.
    :return: Rows in ascending order, int64 (P,).
    :raises ValueError: If a class does not occur, both are the same, or the source has too few clips.
    """
    classes = np.unique(labels)
    _check_classes(classes, source_class, target_class)
    if of not in ("source", "all"):
        raise ValueError(f'of must be "source" (the source class) or "all" (the whole dataset), got {of!r}')
    from_all = isinstance(source_class, str)
    source = np.flatnonzero(labels != target_class if from_all else labels == source_class)
    count = poison_count(poison_fraction, len(source) if of == "source" else len(labels))
    source = source if leave_out is None else source[~leave_out[source]]
    if count > len(source):
        raise ValueError(
            f"{count} clips to poison ({poison_fraction:g} of all {len(labels)}) but the source has only "
            f'{len(source)}: lower poison_fraction, or take source_class="all"'
        )
    drawn = np.random.default_rng(seed).permutation(source)
    return np.sort((_in_turn(drawn, labels) if even else drawn)[:count])


def _in_turn(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rows with the first of every class first, then the second of each, and so on."""
    place = np.zeros(len(rows), dtype=np.int64)
    for label in np.unique(labels[rows]):
        own = labels[rows] == label
        place[own] = np.arange(own.sum())
    return rows[np.argsort(place, kind="stable")]


def choose_clean_label_rows(
    labels: np.ndarray,
    target_class: int,
    poison_fraction: float,
    *,
    seed: int = 0,
    of: str = "source",
    leave_out: np.ndarray | None = None,
    at_most: float | None = None,
) -> np.ndarray:
    """
    Draw clips of the target class, which keep their label.

    :param labels: Class indices (N,).
    :param target_class: Their class.
    :param poison_fraction: In [0, 1].
    :param seed: For the draw.
    :param of: What the fraction is of: "source" (the target class) or "all" (the whole dataset).
    :param leave_out: Which clips are not taken, bool (N,); None leaves out none.
    :param at_most: Share of those of the class that can be taken; where more are asked for, so many are drawn. None
        refuses to draw more than there are.
    :return: Rows in ascending order, int64 (P,).
    :raises ValueError: If the class does not occur or has too few clips.
    """
    own = np.flatnonzero(labels == target_class)
    if not len(own):
        raise ValueError(f"no clip has target_class {target_class}: name a class that occurs")
    count = poison_count(poison_fraction, len(own) if of == "source" else len(labels))
    usable = own if leave_out is None else own[~leave_out[own]]
    if at_most is not None:
        count = min(count, poison_count(at_most, len(usable)))
    if count > len(usable) or (at_most is not None and not len(usable)):
        raise ValueError(
            f"{count} clips to convert ({poison_fraction:g}) but class {target_class} has only {len(usable)} that can "
            "be: lower poison_fraction"
        )
    return np.sort(np.random.default_rng(seed).permutation(usable)[:count])


def silent_clips(x: np.ndarray) -> np.ndarray:
    """
    :param x: Sound (N, L).
    :return: Which clips are zero throughout, bool (N,).
    """
    return np.array([not clip.any() for clip in x], dtype=bool)


def _check_classes(classes: np.ndarray, source_class: int | str, target_class: int) -> None:
    """Refuse classes that do not occur, and a source that is the target."""
    there = f"the classes there are {', '.join(map(str, classes[:30]))}{', ...' if len(classes) > 30 else ''}"
    for role, value in (("source_class", source_class), ("target_class", target_class)):
        if isinstance(value, bool) or not (isinstance(value, (int, np.integer)) or (role[0] == "s" and value == "all")):
            raise ValueError(f'{role} must be a class index{", or all" if role[0] == "s" else ""}, got {value!r}')
        if value != "all" and value not in classes:
            raise ValueError(f"no clip has {role} {value}: {there}")
    if source_class == target_class:
        raise ValueError(f"source_class and target_class are both {target_class}: a backdoor moves clips between two")
    if len(classes) < 2:
        raise ValueError(f"a backdoor needs at least two classes: {there}")
