"""Curves of the comparison of purifiers: which rows make one, and that too few make none."""

from __future__ import annotations

import pytest

from art_audio_ext.report import dual_pure_curves
from art_audio_ext.report.dual_pure_curves import draw_curves


def row(defence, attack, accuracy=0.5):
    return {
        "defence": defence,
        "attack": attack,
        "line": attack.upper(),
        "accuracy": accuracy,
        "low": accuracy - 0.1,
        "high": accuracy + 0.1,
    }


def test_steps_and_iterations_are_drawn():
    rows = [row(f"time_stage@{t}", "pgd10", 0.1 * t) for t in (3, 1, 2)]
    assert set(draw_curves(rows)) == {"steps.png"}
    rows += [row("none", f"pgd{n}") for n in (100, 30, 10)]
    pictures = draw_curves(rows)
    assert set(pictures) == {"steps.png", "iterations.png"}
    assert all(picture.startswith(b"\x89PNG") for picture in pictures.values())


def test_two_points_are_no_curve():
    assert draw_curves([row("time_stage@1", "pgd10"), row("time_stage@2", "pgd10"), row("none", "pgd10")]) == {}


def test_ways_back_are_panels_that_begin_at_the_same_point():
    rows = [row(f"dual_pure@{t}", "pgd10", 0.1 * t) for t in (1, 3, 5)]
    rows += [row(f"dual_pure@3+{t}{way}", "pgd10") for way in ("", ":one_shot") for t in (2, 5)]
    panels = dual_pure_curves._by_steps(rows)
    points = {title: [(value, found["accuracy"]) for value, found in line["PGD10"]] for title, line in panels.items()}
    begin = (1, pytest.approx(0.3))
    assert points["dual_pure"] == [(1, 0.1), (3, pytest.approx(0.3)), (5, 0.5)]
    for way in ("", ", one_shot"):
        assert points[f"dual_pure, t_w = 3, over t_s{way}"] == [begin, (2, 0.5), (5, 0.5)]


def test_panels_keep_apart_what_differs():
    rows = [row(f"dual_pure@3+{t}", "pgd10") for t in (10, 2, 1)] + [row("dual_pure@5", "pgd10")]
    rows += [row("none", f"pgd{n}_l2") for n in (10, 30, 100)] + [row("none", "pgd10_eot20")]
    steps, iterations = dual_pure_curves._by_steps(rows), dual_pure_curves._by_iterations(rows)
    assert list(steps) == ["dual_pure, t_w = 3, over t_s"]
    assert [value for value, _ in steps["dual_pure, t_w = 3, over t_s"]["PGD10"]] == [1, 2, 10]
    assert {title: list(lines) for title, lines in iterations.items()} == {"PGD, L2": ["none"]}
