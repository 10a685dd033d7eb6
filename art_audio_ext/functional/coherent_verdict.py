"""Which classes stand out, out of what was found in each: p-values over both searches, and sounds that all share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from art_audio_ext.functional.coherent_class import ClassEvidence
from art_audio_ext.functional.significance import holm, outlier_p_values

_PRIOR_SCALE = 0.4  # spread of log strength over clean classes: 0.2 to 0.6 in what we measured
_SHARED_BY = 0.75  # of the classes, from which a repeated sound counts as one that all classes share
SHARED_NOTES = {
    "fixed": "A sound repeats at one place in {shared} of {classes} classes alike: either every class is poisoned, or "
    "the recordings have something in common, such as a click or a beep. Listen to the suspects.",
    "any": "Sounds repeat at varying places in {shared} of {classes} classes alike, as those of one synthesiser do. "
    "Here a trigger is seen only where it stays in place.",
}
_SHARED_STRENGTH = {"fixed": 15.0, "any": 30.0}  # the median clean class has 4 and 7 in what we measured


def class_p_values(evidence: Sequence[ClassEvidence]) -> tuple[np.ndarray, list[str]]:
    """
    The p-value of each class, out of both searches and both tests, and the search that tells its clips apart.

    A search counts as far as both of its tests agree (the larger p-value): that there are more matches than in other
    classes, and that they are better than the matches which other classes have among themselves. The better search
    counts, doubled for the choice. A fixed place that has half of the evidence of any place is enough to be preferred:
    clips are told apart better there.

    :param evidence: One a class, all from the same searches.
    :return: p-values (C,), before correction for many classes, and "fixed" or "any" for each.
    """
    p_values = {}
    for place in evidence[0].searches:
        searches = [item.searches[place] for item in evidence]
        strength = np.log([search.strength for search in searches])
        excess = np.array([search.p_excess for search in searches])
        p_values[place] = np.maximum(excess, outlier_p_values(strength, _PRIOR_SCALE))
    chosen = ["fixed"] * len(evidence)
    if "any" in p_values:
        chosen = ["fixed" if p <= q**0.5 else "any" for p, q in zip(p_values["fixed"], p_values["any"], strict=True)]
    return np.minimum(1, len(p_values) * np.min(list(p_values.values()), axis=0)), chosen


def shared_by_all(evidence: Sequence[ClassEvidence], place: str, alpha: float) -> np.ndarray:
    """
    Which classes share in a sound that repeats nearly everywhere, so that no class stands out from the others.

    :param evidence: One a class.
    :param place: "fixed" or "any", of the search.
    :param alpha: Of Holm's procedure over classes.
    :return: bool (C,); all False unless most classes match their sound better than the same sound backwards, and much
        better than speech matches itself.
    """
    searches, least = [item.searches[place] for item in evidence], _SHARED_STRENGTH[place]
    repeats = holm(np.array([search.p_backwards for search in searches]), alpha)
    repeats &= np.array([search.strength for search in searches]) > least / 2
    enough = repeats.sum() >= max(2, _SHARED_BY * len(searches))
    strong = np.median([search.strength for search in searches]) >= least
    return repeats if enough and strong else np.zeros(len(evidence), dtype=bool)
