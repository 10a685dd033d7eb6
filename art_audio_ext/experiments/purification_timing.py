"""How long defences take: seconds a clip from sound to label, the classifier's own share among them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import numpy as np

from art_audio_ext.attacks.evasion.white_box import predicted
from art_audio_ext.experiments.purification_defences import build_purifiers, find_defence
from art_audio_ext.experiments.purification_models import open_model
from art_audio_ext.experiments.purification_rows import PurificationContext

_CLIPS, _REPEATS = 8, 3


def seconds_per_clip(defences: Sequence[str], context: PurificationContext, batch_size: int) -> dict[str, float]:
    """
    Medians of a few calls, after one to get warm, on as many threads as torch has here.

    :param defences: As `find_defence` takes them.
    :param context: Clips and files.
    :param batch_size: Clips at a time; at most eight are looked at.
    :return: Seconds by defence.
    """
    found, x = {}, np.array(context.waveforms[:_CLIPS])
    for name in defences:
        defence = find_defence(name)
        purifiers = build_purifiers(defence, context.models, 0, batch_size)
        classifier = open_model(context.models[defence.model]).as_art(purifiers, length=x.shape[1])
        spent = []
        for _ in range(_REPEATS + 1):
            start = time.perf_counter()
            predicted(classifier, x, batch_size)
            spent.append((time.perf_counter() - start) / len(x))
        found[name] = statistics.median(spent[1:])
    return found
