"""Curves of the comparison of purifiers: accuracy against the steps of a purifier, and of an attack."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from matplotlib.figure import Figure

from art_audio_ext.report.pictures import png

Points = list[tuple[float, dict[str, Any]]]
_ITERATIONS = re.compile(r"pgd(\d+)(_l2)?")
_FEWEST = 3  # points of a curve


def draw_curves(rows: list[dict[str, Any]]) -> dict[str, bytes]:
    """
    What the rows have enough points for.

    :param rows: Of `dual_pure_summary.cell_table`.
    :return: PNG by file name: `steps.png`, a panel for each kind of purifier and a line for each attack, over the
        purifier's steps (Figure 3a of the paper); `iterations.png`, a line for each defence over those of PGD (its
        Table 1).
    """
    found = {"steps.png": _draw(_by_steps(rows), "steps t"), "iterations.png": _draw(_by_iterations(rows), "PGD steps")}
    return {name: picture for name, picture in found.items() if picture is not None}


def _by_steps(rows: list[dict[str, Any]]) -> dict[str, dict[str, Points]]:
    """Panels of lines: of purifiers whose number of steps varies, by what else is the same."""
    panels: dict[str, dict[str, Points]] = defaultdict(lambda: defaultdict(list))
    at_one: dict[str, list[str]] = defaultdict(list)  # by a defence with t_s = 1, the panels over t_s that begin there
    for row in rows:
        rest, _, reverse = row["defence"].partition(":")
        base, at, said = rest.partition("@")
        if not at:
            continue
        first, _, second = said.partition("+")
        title, value = (f"{base}, t_w = {first}, over t_s", second) if second else (base, first)
        title += f", {reverse}" if reverse else ""
        panels[title][row["line"]].append((float(value), row))
        if second and title not in at_one[f"{base}@{first}"]:
            at_one[f"{base}@{first}"].append(title)  # ways back are the same there
    for row in rows:
        for title in at_one.get(row["defence"], ()):
            line = panels[title][row["line"]]
            if all(value != 1 for value, _ in line):
                line.append((1.0, row))
    return _long_enough(panels)


def _by_iterations(rows: list[dict[str, Any]]) -> dict[str, dict[str, Points]]:
    """Panels of lines: a panel a norm, a line a defence."""
    panels: dict[str, dict[str, Points]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if match := _ITERATIONS.fullmatch(row["attack"]):
            panels["PGD, L2" if match[2] else "PGD, L-infinity"][row["defence"]].append((float(match[1]), row))
    return _long_enough(panels)


def _long_enough(panels: dict[str, dict[str, Points]]) -> dict[str, dict[str, Points]]:
    kept = {
        title: {name: sorted(line, key=lambda point: point[0]) for name, line in lines.items() if len(line) >= _FEWEST}
        for title, lines in panels.items()
    }
    return {title: lines for title, lines in kept.items() if lines}


def _draw(panels: dict[str, dict[str, Points]], label: str) -> bytes | None:
    if not panels:
        return None
    figure = Figure(figsize=(7.2, 3.4 * len(panels)), layout="constrained")
    for place, (title, lines) in enumerate(panels.items(), 1):
        axis = figure.add_subplot(len(panels), 1, place)
        for name, line in lines.items():
            at, middle = [value for value, _ in line], [row["accuracy"] for _, row in line]
            below = [row["accuracy"] - row["low"] for _, row in line]
            above = [row["high"] - row["accuracy"] for _, row in line]
            axis.errorbar(at, middle, yerr=(below, above), marker="o", capsize=2, label=name)
        axis.set_ylim(0, 1)
        axis.set_title(title, loc="left", fontsize=9)
        axis.set_xlabel(label)
        axis.set_ylabel("accuracy")
        axis.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return png(figure)
