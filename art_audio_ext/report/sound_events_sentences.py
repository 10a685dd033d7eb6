"""What each table of the study of sound events supports, in a sentence made from its rows."""

from __future__ import annotations

from typing import Any

from art_audio_ext.report.sound_events_tables import TITLES, matrix_title, points
from art_audio_ext.report.text import percent, plural

_FIXED = ("white-noise", "fgsm", "pgd")  # attacks of one size; the others look for the smallest change
_MEET_DB = 40.0  # what the published attacks reach
_FEWEST = 5  # clips that a difference rests on at least, and a highest rate where there is such a one
_TOLD = ("mp3-128", "pcm-16", "opus-64")  # channels that clips go through most often
_NEARLY_ALL = 0.95  # broken with both inputs, or the clips that were not decide
Row = dict[str, Any]


def sentences(record: dict[str, Any]) -> dict[str, str]:
    """
    One a table, with intervals, and nothing that its rows do not hold.

    :param record: From `experiments.sound_events.sound_events`.
    :return: By the table's title; none of a table that is not there or says nothing.
    """
    targeted = dict.fromkeys(row["attack"] for row in record["pairs"])
    found = {
        "models": _models(record["models"]),
        "attacks": _attacks([row for row in _of_all(record["attacks"]) if row["attack"] not in targeted]),
        "curves": _meeting(_of_all(record["curves"])),
        "halves": _halves(_of_all(record["curves"])),
        "inputs": _inputs(record["inputs"]),
        "labels": _labels(record["labels"]),
        "transfer": _transfer(record["transfer"], {row["model"]: row["input"] for row in record["models"]}),
        "survival": _survival(record["survival"]),
    }
    said = {TITLES[name]: sentence for name, sentence in found.items() if sentence}
    for attack in targeted:
        every = next(row for row in _of_all(record["attacks"]) if row["attack"] == attack)
        said[matrix_title(attack)] = _pairs(every, [row for row in record["pairs"] if row["attack"] == attack])
    return said


def _of_all(rows: list[Row]) -> list[Row]:
    """Of all models together, or of the only one."""
    return [row for row in rows if row["model"] == "all"] or rows


def _models(rows: list[Row]) -> str:
    best, worst = (end(rows, key=lambda row: row["accuracy"]) for end in (max, min))
    clips = plural(best["clips"], "test clip")
    if best is worst:
        return f"{best['model']} is right on {_share(best, 'accuracy')} of {clips}."
    apart = "lie apart" if best["low"] > worst["high"] else "overlap"
    return (
        f"Of {clips}, {best['model']} is right on {_share(best, 'accuracy')}, the most, and {worst['model']} on "
        f"{_share(worst, 'accuracy')}, the fewest; the two intervals {apart}."
    )


def _attacks(rows: list[Row]) -> str:
    """Of untargeted ones that look for the smallest change, the one of the highest median, beside noise."""
    strong = [row for row in rows if row["attack"] not in _FIXED and (row["success"] or 0) > 0.5]
    strong = [row for row in strong if row["snr_median"] is not None]
    noise = next((row for row in rows if row["attack"] == "white-noise" and row["success"] is not None), None)
    beside = "" if noise is None else f" White noise breaks {_share(noise, 'success')}"
    beside += "" if noise is None else "." if noise["snr_median"] is None else f" at {noise['snr_median']:.1f} dB."
    if not strong:
        return f"No attack that looks for the smallest change breaks more than half of the clips.{beside}"
    best = max(strong, key=lambda row: row["snr_median"])
    return (
        f"Of untargeted attacks that break more than half of the clips, {best['attack']} has the highest median SNR of "
        f"its successes, {best['snr_median']:.1f} dB; it breaks {_share(best, 'success')} of "
        f"{plural(best['clips'], 'attempt')}.{beside}"
    )


def _meeting(rows: list[Row]) -> str:
    """All untargeted attacks at one ratio."""
    rows = [row for row in rows if not row["targeted"]] or rows
    if not rows:
        return ""
    levels = rows[0]["snr_db"]
    place = min(range(len(levels)), key=lambda k: abs(levels[k] - _MEET_DB))
    met = [(row["attack"], {key: row[key][place] for key in ("success", "low", "high")}) for row in rows]
    met.sort(key=lambda pair: -pair[1]["success"])
    parts = ", ".join(f"{attack} {_share(row, 'success')}" for attack, row in met)
    return f"Where the change may have an SNR of {levels[place]:.0f} dB, these shares of clips break: {parts}."


def _halves(rows: list[Row]) -> str:
    rows = [row for row in rows if not row["targeted"]]
    never = [row["attack"] for row in rows if row["median_snr_db"] is None]
    never_said = f"; fewer than half down to {rows[0]['snr_db'][0]:.0f} dB under {_listed(never)}" if never else ""
    rows = [row for row in rows if row["median_snr_db"] is not None]
    if not rows:
        return ""
    first, last = (end(rows, key=lambda row: row["median_snr_db"]) for end in (max, min))
    said = f"Half of the clips break at {_median(first)} under {first['attack']}"
    if first is last:
        return f"{said}{never_said}."
    more = first["median_snr_db"] - last["median_snr_db"]
    return f"{said} and at {_median(last)} under {last['attack']}, {more:.1f} dB lower{never_said}."


def _inputs(rows: list[Row]) -> str:
    """Of one architecture with several inputs if there is one: there only the input and its training differ."""
    attacks = [row["attack"] for row in rows]
    known = [name for name in ("carlini", "deepfool", *attacks) if name in attacks]
    if not known:
        return ""
    among = next((row["among"] for row in rows if row["among"] != "all" and row["attack"] == known[0]), "all")
    own = [row for row in rows if row["attack"] == known[0] and row["among"] == among]
    who = "the models" if among == "all" else among
    parts = [_more(row, min(row["success"], own[0]["success"])) for row in own[1:] if row["more_db"] is not None]
    if not parts:
        return ""
    fewest = min(row["trainings"] for row in own)
    with_what = f"{own[0]['input']} ({'one training' if fewest == 1 else f'{fewest} trainings'} each)"
    return f"Against {known[0]} and on the same clips, {who} compared with {with_what}: {'; '.join(parts)}."


def _more(row: Row, broken: float) -> str:
    """Whether an input needs more change than the first, and whether that is shown; not where clips resisted."""
    if row["pairs"] < _FEWEST:
        return f"{row['input']} has {plural(row['pairs'], 'broken clip')} in common with it, too few to say"
    interval = f"{row['more_db']:+.1f} dB of change ({row['more_low']:+.1f} to {row['more_high']:+.1f})"
    if broken < _NEARLY_ALL:
        return f"{row['input']} {interval}, of broken clips alone, which says nothing of those that were not"
    if row["more_low"] > 0:
        return f"{row['input']} resists more, {interval}"
    if row["more_high"] < 0:
        return f"{row['input']} resists less, {interval}"
    return f"{row['input']} {interval}, which shows no difference"


def _pairs(every: Row, rows: list[Row]) -> str:
    never = sum(row["success"] == 0 for row in rows)
    level = "" if every["snr_median"] is None else f", at a median SNR of {every['snr_median']:.1f} dB"
    pairs = plural(len(rows), "pair of labels", "pairs of labels")
    missed = f"{never} of {pairs} never" if never else f"each of {pairs} at least once"
    attempts = plural(every["clips"], "attempt")
    return f"{every['attack']} reaches its target in {_share(every, 'success')} of {attempts}{level}; {missed}."


def _labels(rows: list[Row]) -> str:
    tops = []
    for attack in dict.fromkeys(row["attack"] for row in rows):
        top = max((row for row in rows if row["attack"] == attack), key=lambda row: row["share"])
        tops.append(f"{top['label']} under {attack} ({percent(top['share'])})")
    if not tops:
        return ""
    even = percent(1 / len({row["label"] for row in rows}))
    return f"Broken clips are called most often: {', '.join(tops)}; evenly spread, each label would have {even}."


def _transfer(rows: list[Row], inputs: dict[str, str]) -> str:
    """All pairs of models, and the highest rate between models that look at different things."""
    rows = [row for row in rows if row["fooled"] is not None]
    rows = [row for row in rows if row["attack"] not in _FIXED] or rows
    if not rows:
        return ""
    every = [row for row in rows if row["source"] == "all"]
    rows = [row for row in rows if row["source"] != "all"]
    parts = "; ".join(f"{row['attack']} {_beside(row, 'fooled')}" for row in every)
    said = f"Shown to another model, of each attack's clips fool it: {parts}"
    for kind, other in (("mel", "wave"), ("mel", "constant_q"), ("constant_q", "wave")):
        between = [row for row in rows if {inputs[row["source"]], inputs[row["other"]]} == {kind, other}]
        between = [row for row in between if row["clips"] >= _FEWEST] or between
        if between:
            top = max(between, key=lambda row: row["fooled"])
            said += (
                f"; the highest of {plural(len(between), 'rate')} between a model of {kind} and one of {other} is "
                f"{_share(top, 'fooled')}, noise {percent(top['noise'])} "
                f"({top['attack']}, {top['source']} to {top['other']})"
            )
    return f"{said}."


def _survival(rows: list[Row]) -> str:
    rows = [row for row in _of_all(rows) if row["survived"] is not None and row["channel"] != "none"]
    attacks = [row["attack"] for row in rows]
    attack = next((name for name in ("deepfool", "carlini", *attacks) if name in attacks), None)
    own = {row["channel"]: row for row in rows if row["attack"] == attack}
    if not own:
        return ""
    told = [name for name in _TOLD if name in own] or [next(iter(own))]
    parts = [f"after {_channel(name)} {_beside(own[name], 'survived')}" for name in told]
    least = min(own.values(), key=lambda row: row["survived"])
    return (
        f"Of {attack}'s successes are left {'; '.join(parts)}; the fewest after {_channel(least['channel'])}, "
        f"{_beside(least, 'survived')}."
    )


def _channel(name: str) -> str:
    """In words."""
    kind, _, size = name.partition("-")
    words = {"pcm": f"{size} bits", "room": "a room", "mp3": f"MP3 at {size} kbit/s", "opus": f"Opus at {size} kbit/s"}
    words["gain"] = f"a gain of {size}"
    resampled = f"{size} of the rate" if "/" in size else f"{size} Hz"
    return words.get(kind, f"{resampled} and back" if kind == "resample" else name)


def _beside(row: Row, key: str) -> str:
    """A share, and how many points it lies above that of noise, on the same clips."""
    shown = "" if row["more_low"] > 0 or row["more_high"] < 0 else ", no difference shown"
    return f"{_share(row, key)}, noise of equal energy {percent(row['noise'])}, in points {points(row)}{shown}"


def _share(row: Row, key: str) -> str:
    return f"{percent(row[key])} ({percent(row['low'])} to {percent(row['high'])})"


def _median(row: Row) -> str:
    ends = [row[f"median_{end}_db"] for end in ("low", "high")]
    known = "" if None in ends else f" ({ends[0]:.1f} to {ends[1]:.1f})"
    return f"{row['median_snr_db']:.1f} dB{known}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
