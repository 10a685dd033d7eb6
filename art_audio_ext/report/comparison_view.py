"""A comparison of filters as the page shows it: one sentence, bars, the whole table, and the settings."""

from __future__ import annotations

from typing import Any

from art_audio_ext.report.records import ComparisonResult, FilterResult
from art_audio_ext.report.text import filter_name, number, percent, plain, plural, printable, setting_rows

_REFERENCES = ("none", "perfect")
_ALL = "all"  # sources: every label but the target
_WORKS = 0.5  # an attack that succeeds less often than this proves nothing about filters
_STOPPED = 0.1
_COST = 0.1  # of accuracy on clean sound: a filter that costs more is no answer


def comparison_view(result: ComparisonResult) -> dict[str, Any]:
    """
    Everything that the page shows of a comparison, strings made printable.

    :param result: The comparison.
    :return: A dictionary for the template.
    """
    attack = plain(result.attack, readable=True)
    rest: dict[str, Any] = {"seed": result.seed}
    return {
        "verdict": _verdict(result.filters),
        "attack": _attack_sentence(attack),
        "rows": [_row(entry) for entry in result.filters],
        "settings_of_filters": [
            (filter_name(printable(entry.name)), printable(entry.setting))
            for entry in result.filters
            if entry.setting and entry.name not in _REFERENCES
        ],
        "notes": [printable(note) for note in result.notes],
        "settings": [
            ("Dataset", setting_rows(plain(result.dataset, readable=True) | rest)),
            ("Attack", setting_rows(attack)),
            ("Victim", setting_rows(plain(result.victim, readable=True))),
            ("Machine", setting_rows(plain(result.machine, readable=True))),
        ],
    }


def _verdict(filters: list[FilterResult]) -> dict[str, str]:
    """What the best filter achieved, with the tone of the sentence: good, warn, bad or plain."""
    measured = {entry.name: entry for entry in filters if entry.attack_success_rate is not None}
    bare = measured.get("none")
    real = [entry for name, entry in measured.items() if name not in _REFERENCES]
    if bare is None or not real:
        return {"tone": "plain", "headline": "No filter was measured against an unfiltered model", "facts": ""}
    before = bare.attack_success_rate or 0.0
    if before < _WORKS:
        facts = f"It succeeds {percent(before)} of the time without any filter, so the filters had little to undo."
        return {"tone": "plain", "headline": "The attack itself is weak here", "facts": facts}
    affordable = [entry for entry in real if _cost(bare, entry) <= _COST]
    best = min(affordable or real, key=lambda e: (e.attack_success_rate or 0.0, -(e.benign_accuracy or 0.0)))
    after = best.attack_success_rate or 0.0
    facts = (
        f"Without a filter the attack succeeds {percent(before)} of the time; with the best one here, "
        f"{filter_name(printable(best.name)).lower()}, {percent(after)}. "
        f"Accuracy on clean sound goes from {percent(bare.benign_accuracy)} to {percent(best.benign_accuracy)}."
    )
    if not affordable and after <= before / 2:
        return {"tone": "warn", "headline": "Filters stop this attack only at a high price", "facts": facts}
    if after <= _STOPPED:
        return {"tone": "good", "headline": "A filter stops this attack", "facts": facts}
    if after <= before / 2:
        return {"tone": "warn", "headline": "A filter weakens this attack", "facts": facts}
    return {"tone": "bad", "headline": "No filter tested stops this attack", "facts": facts}


def _cost(bare: FilterResult, entry: FilterResult) -> float:
    """How much accuracy on clean sound a filter costs; 0 where it was not measured."""
    if bare.benign_accuracy is None or entry.benign_accuracy is None:
        return 0.0
    return bare.benign_accuracy - entry.benign_accuracy


def _attack_sentence(attack: dict[str, Any]) -> str:
    """The attack in one sentence, as far as the record tells."""
    words = [f"Trigger: {attack['trigger']}."] if attack.get("trigger") else []
    if attack.get("source") and attack.get("target"):
        source = "every other label" if attack["source"] == _ALL else f"“{attack['source']}”"
        words.append(f"Clips of {source} with the trigger were labelled “{attack['target']}”.")
    count, fraction = attack.get("poisoned_clips"), attack.get("poison_fraction")
    if isinstance(count, int):
        known = isinstance(fraction, (int, float)) and not isinstance(fraction, bool)
        of = "all training clips" if attack.get("source") == _ALL else "the source class"
        share = f" ({percent(fraction)} of {of})" if known else ""
        words.append(f"{plural(count, 'clip')} poisoned{share}.")
    return " ".join(words)


def _row(entry: FilterResult) -> dict[str, Any]:
    """One filter: cells of the table and the two bars."""
    name = printable(entry.name)
    return {
        "name": filter_name(name),
        "reference": entry.name in _REFERENCES,
        "cells": [
            percent(entry.true_positive_rate),
            percent(entry.false_positive_rate),
            percent(entry.precision),
            f"{entry.removed:,}",
            number(entry.adjusted_rand_index),
            percent(entry.attack_success_rate),
            percent(entry.benign_accuracy),
            number(entry.seconds, 1),
            number(entry.filter_seconds, 1),
        ],
        "bars": [
            _bar("attack", "Attack succeeds", entry.attack_success_rate),
            _bar("accuracy", "Clean accuracy", entry.benign_accuracy),
        ],
    }


def _bar(kind: str, label: str, value: float | None) -> dict[str, Any]:
    """A bar of a share in [0, 1]; no width where it was not measured."""
    known = plain(value)
    width = 0.0 if known is None else round(100 * min(1.0, max(0.0, float(known))), 1)
    return {"kind": kind, "label": label, "text": percent(value), "width": width}
