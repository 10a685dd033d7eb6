"""The tables of the study of sound-event classifiers, as text."""

from __future__ import annotations

from typing import Any

from art_audio_ext.report.experiment_page import Table
from art_audio_ext.report.text import number, percent, plural

_ATTACKS = (
    *("attack", "model", "clips", "success (95%)", "SNR median, dB (95%)", "SNR mean, dB (95%)"),
    *("confidence before", "of the new label", "of the old label", "iterations", "queries", "seconds a clip"),
)
_INPUTS = (
    *("input", "attack", "models", "clips", "broken (95%)", "SNR at which half break, dB (95%)"),
    *("SNR mean, dB (95%)", "more change than with the first, dB (95%)", "clips of both"),
)
_LEVELS = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0)  # dB at which attacks meet
#: Of the tables, but for the matrices, which `matrix_title` names.
TITLES = {
    "models": "Models",
    "attacks": "Attacks",
    "curves": "Success against SNR",
    "halves": "SNR at which half of the clips break, dB (95%)",
    "inputs": "Which input resists",
    "labels": "Labels left and reached, untargeted",
    "transfer": "Transfer",
    "survival": "Survival",
}


def tables(record: dict[str, Any]) -> list[Table]:
    """
    :param record: From `experiments.sound_events.sound_events`.
    :return: Name, header and rows of each that has rows.
    """
    ends = ("label", "attack", "left", "reached", "share of all reached")
    found: list[Table] = [
        (
            TITLES["models"],
            ("model", "input", "test clips", "accuracy (95%)"),
            [_model(row) for row in record["models"]],
        ),
        (TITLES["attacks"], _ATTACKS, [_attack(row) for row in record["attacks"]]),
        *_strength(record["curves"]),
        (TITLES["inputs"], _INPUTS, [_input(row) for row in record["inputs"]]),
        *(_matrix(attack, record) for attack in dict.fromkeys(row["attack"] for row in record["pairs"])),
        (TITLES["labels"], ends, _labels(record)),
        (
            TITLES["transfer"],
            ("made for", "shown to", "attack", "clips", "fooled (95%)", "by noise", "more than noise (95%)"),
            _transfer(record),
        ),
        (
            TITLES["survival"],
            (
                *("channel", "attack", "model", "clips", "survived (95%)", "by noise", "more than noise (95%)"),
                "benign right",
            ),
            _survival(record),
        ),
    ]
    return [table for table in found if table[2]]


def matrix_title(attack: str) -> str:
    """
    :param attack: A targeted one.
    :return: What its table is called.
    """
    return f"Targeted, {attack}: successes of attempts, median SNR in dB"


def _model(row: dict[str, Any]) -> list[str]:
    return [row["model"], row["input"], str(row["clips"]), _share(row, "accuracy")]


def _attack(row: dict[str, Any]) -> list[str]:
    cells = [row["attack"], row["model"], str(row["clips"]), _share(row, "success")]
    cells += [_ratio(row, "snr_median", "median"), _ratio(row, "snr_mean", "snr")]
    cells += [percent(row[key]) for key in ("old_confidence", "new_confidence", "old_label_confidence")]
    return [*cells, number(row["iterations"], 0), number(row["queries"], 0), number(row["seconds_per_clip"], 2)]


def _strength(rows: list[dict[str, Any]]) -> list[Table]:
    """Success of all models where attacks meet, and the ratio that breaks half, by model."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    attacks = list(dict.fromkeys(row["attack"] for row in rows))
    last = {row["attack"]: row for row in rows if row["model"] == ("all" if "all" in models else models[0])}
    levels = [level for level in _LEVELS if rows and level in rows[0]["snr_db"]]
    met = [[attack, str(row["clips"]), *(_at(row, level) for level in levels)] for attack, row in last.items()]
    medians = []
    for attack in attacks:
        own = {row["model"]: row for row in rows if row["attack"] == attack}
        cells = [_ratio(own[name], "median_snr_db", "median", "_db") if name in own else "-" for name in models]
        medians.append([attack, *cells])
    header = ("attack", "clips", *(f"{level:.0f} dB (95%)" for level in levels))
    return [
        (TITLES["curves"], header, met),
        (TITLES["halves"], ("attack", *models), medians),
    ]


def _at(row: dict[str, Any], level: float) -> str:
    place = row["snr_db"].index(level)
    return _share({key: row[key][place] for key in ("success", "low", "high")}, "success")


def _input(row: dict[str, Any]) -> list[str]:
    among = f"{plural(len(row['models']), 'model')} of all" if row["among"] == "all" else ", ".join(row["models"])
    cells = [row["input"], row["attack"], among, str(row["clips"]), _share(row, "success")]
    cells += [_ratio(row, "snr_median", "median"), _ratio(row, "snr_mean", "mean")]
    return [*cells, _ratio(row, "more_db", "more"), str(row["pairs"])]


def _matrix(attack: str, record: dict[str, Any]) -> Table:
    """Tables 4 and 5 of the paper: from the label of a line to that of a column."""
    rows = [row for row in record["pairs"] if row["attack"] == attack]
    known = record["data"]["label_names"]
    lines, columns = ([name for name in known if name in {row[key] for row in rows}] for key in ("label", "target"))
    found = {(row["label"], row["target"]): _pair(row) for row in rows}
    cells = [[line, *(found.get((line, column), "") for column in columns)] for line in lines]
    return matrix_title(attack), ("from / to", *columns), cells


def _pair(row: dict[str, Any]) -> str:
    done = f"{round(row['success'] * row['pairs'])} of {row['pairs']}"
    return done if row["snr_median"] is None else f"{done}, {row['snr_median']:.1f}"


def _labels(record: dict[str, Any]) -> list[list[str]]:
    return [
        [row["label"], row["attack"], str(row["left"]), str(row["reached"]), percent(row["share"])]
        for row in record["labels"]
        if row["left"] or row["reached"]
    ]


def _transfer(record: dict[str, Any]) -> list[list[str]]:
    return [
        [row["source"], row["other"], row["attack"], str(row["clips"]), _share(row, "fooled"), *_beside(row)]
        for row in record["transfer"]
    ]


def _survival(record: dict[str, Any]) -> list[list[str]]:
    """All models together last, as one line where there is one model alone."""
    several = len(record["models"]) > 1
    names = ("channel", "attack", "model")
    return [
        [
            *(row[key] for key in names),
            str(row["clips"]),
            _share(row, "survived"),
            *_beside(row),
            percent(row["benign"]),
        ]
        for row in record["survival"]
        if several or row["model"] != "all"
    ]


def _beside(row: dict[str, Any]) -> list[str]:
    """Noise of equal energy, and how many points more the attack does."""
    if row["more"] is None:
        return ["-", "-"]
    return [percent(row["noise"]), points(row)]


def points(row: dict[str, Any]) -> str:
    """
    :param row: Of `transfer_rows` or `survival_rows`, with clips.
    :return: By how many points of a hundred the attack does more than noise, with the interval.
    """
    more, low, high = (f"{100 * row[key]:+.0f}" for key in ("more", "more_low", "more_high"))
    return f"{more} ({low} to {high})"


def _share(row: dict[str, Any], key: str) -> str:
    if row[key] is None:
        return "-"
    return f"{percent(row[key])} ({percent(row['low'])} to {percent(row['high'])})"


def _ratio(row: dict[str, Any], key: str, ends: str, unit: str = "") -> str:
    """A ratio with its interval; an end that lies outside of what was searched is a dash."""
    if row[key] is None:
        return "-"
    return f"{row[key]:.1f} ({number(row[f'{ends}_low{unit}'], 1)} to {number(row[f'{ends}_high{unit}'], 1)})"
