"""What `evasion.py` prints: a table of every attack, and as the last line one JSON object.

"As good" is the fastest of ours, of the same method, that breaks at least as many clips and, where the smallest change
is looked for, at no lower SNR: that at which half of the clips break, those that did not break included. A rival that
breaks nothing where ours breaks something is not compared: it takes its seconds in vain.

In the JSON object `attacks` holds, for each method, the seconds of the fastest of ours that is as good as all rivals,
those of each rival and their ratios. `ours`, `rivals` and `ratios` are about the sums over all methods, one attack of
each; a rival that is not compared in every method has no sum. `same_result`: in every method one of ours is as good as
all rivals, else the seconds are those of our default. `as_good` compares each rival, and each way that our builders set
ART up, with its own; `slower_than` names those that are faster, or better than any of ours; `methods` has everything.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics

import numpy as np

from art_audio_ext.attacks.evasion import reported_snr
from art_audio_ext.functional.attack_report import ClipReport, summarise

Found = dict[str, list[ClipReport]]  # by method/owner
Seconds = dict[str, float]
_RIVALS = ("art", "foolbox", "torchattacks")
_FIXED = ("fgsm", "pgd")
_AS_GOOD_DB, _RUNS = 0.1, 5


def report(found: Found, every: dict[str, list[float]], enough: float = math.inf) -> None:
    """
    Print the table, and as the last line one JSON object.

    :param found: What each attack reached.
    :param every: Its seconds a clip, of each run.
    :param enough: Seconds after which an attack was not repeated.
    """
    seconds = {name: statistics.median(values) for name, values in every.items()}
    best = {name: as_good([name], found, seconds) for name in found if compared(name, found)}
    print(f"{'attack':<30}{'success':>9}{'half at, dB':>13}{'s a clip':>10}{'runs':>6}  as good")
    for name, reports in found.items():
        line = f"{name:<30}{np.mean([one.success for one in reports]):>9.1%}"
        line += f"{half_break(reports):>13.2f}{seconds[name]:>10.3f}{len(every[name]):>6}"
        if name in best:
            ours = best[name]
            line += f"  {words(name, ours, seconds)}" if ours else "  none of ours"
        print(line)
    said(every, enough)
    methods = {
        name: {"seconds": round(seconds[name], 5), "repeats": len(every[name])} | summarise(reports).as_dict()
        for name, reports in found.items()
    }
    ratios = {name: None if ours is None else round(seconds[name] / seconds[ours], 3) for name, ours in best.items()}
    attacks = by_method(found, seconds)
    last = {
        **{"name": "evasion", "unit": "seconds a clip", **totals(attacks)},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "attacks": attacks,
        "repeats": min(map(len, every.values())),
        "enough": enough if math.isfinite(enough) else None,
        "as_good": {name: {"ours": ours, "ratio": ratios[name]} for name, ours in best.items()},
        "slower_than": [name for name, ratio in ratios.items() if ratio is None or ratio < 1],
        "methods": methods,
    }
    print(json.dumps(last))


def words(name: str, ours: str, seconds: Seconds) -> str:
    """How much faster ours is, as the table says it."""
    return f"{ours.split('/')[1]}, {seconds[name] / seconds[ours]:.2f} times as fast"


def said(every: dict[str, list[float]], enough: float) -> None:
    """What the medians are of, where it is less than it should be."""
    few = [name for name, values in every.items() if len(values) < _RUNS]
    if math.isfinite(enough):
        print(f"--enough {enough:g}: an attack was not run again after so many seconds")
    if few:
        print(f"medians of fewer than {_RUNS} runs: {', '.join(few)}")


def half_break(reports: list[ClipReport]) -> float:
    """The SNR at which half of the clips break, in dB; -inf where fewer did."""
    ratios = np.sort(reported_snr(reports))[::-1]
    return float(ratios[(len(ratios) - 1) // 2])


def successes(reports: list[ClipReport]) -> int:
    """How many clips an attack broke."""
    return sum(one.success for one in reports)


def compared(name: str, found: Found) -> bool:
    """Whether this is a rival's, and not one that breaks nothing where ours breaks something."""
    method, owner = name.split("/")
    return not owner.startswith("ours") and bool(successes(found[name]) or not successes(found[f"{method}/ours"]))


def as_good(rivals: list[str], found: Found, seconds: Seconds) -> str | None:
    """The fastest of ours, of the method of these rivals, that reaches what each of them reaches."""
    method = rivals[0].split("/")[0]
    equal = [
        name
        for name, reports in found.items()
        if name.startswith(f"{method}/ours")
        and all(successes(reports) >= successes(found[rival]) for rival in rivals)
        and (method in _FIXED or all(half_break(reports) >= half_break(found[r]) - _AS_GOOD_DB for r in rivals))
    ]
    return min(equal, key=lambda name: seconds[name], default=None)


def by_method(found: Found, seconds: Seconds) -> dict[str, dict]:
    """Of each method: ours that is as good as all rivals (`setting`), its seconds, theirs, and the ratios."""
    attacks = {}
    for method in dict.fromkeys(name.split("/")[0] for name in found):
        names = [f"{method}/{owner}" for owner in _RIVALS if f"{method}/{owner}" in found]
        names = [name for name in names if compared(name, found)]
        best = as_good(names, found, seconds) if names else f"{method}/ours"
        ours = best or f"{method}/ours"
        rivals = {name.split("/")[1]: seconds[name] for name in names}
        one = {"setting": ours.split("/")[1], **ratios_of(seconds[ours], rivals)}
        attacks[method] = {**one, "same_result": best is not None}
    return attacks


def totals(attacks: dict[str, dict]) -> dict:
    """The same of the sums over all methods, for the rivals that are compared in each."""
    sums = {
        owner: sum(one["rivals"][owner] for one in attacks.values())
        for owner in _RIVALS
        if all(owner in one["rivals"] for one in attacks.values())
    }
    same = all(one["same_result"] for one in attacks.values())
    return {**ratios_of(sum(one["ours"] for one in attacks.values()), sums), "same_result": same}


def ratios_of(ours: float, rivals: Seconds) -> dict:
    """Seconds of ours and of rivals, and rival / ours."""
    return {
        "ours": round(ours, 5),
        "rivals": {name: round(value, 5) for name, value in rivals.items()},
        "ratios": {name: round(value / ours, 3) for name, value in rivals.items()},
    }
