"""What a report says of a clip, and what a summary counts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from art_audio_ext.functional.attack_report import clip_reports, summarise

X = np.array([[0.5, 0.5], [0.5, -0.5], [0.0, 0.0], [0.5, 0.5]], np.float32)
BEFORE = np.log(np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.8, 0.1, 0.1], [0.1, 0.6, 0.3]]))
AFTER = np.log(np.array([[0.3, 0.6, 0.1], [0.5, 0.4, 0.1], [0.8, 0.1, 0.1], [0.1, 0.6, 0.3]]))


def reports(**more):
    changed = X.copy()
    changed[:2] += 0.05
    return clip_reports(X, changed, (BEFORE, AFTER + 3), np.zeros(4, int), **more)  # logits need not be normalised


def test_levels_confidences_and_labels():
    first, second, silent, wrong = reports(queries=np.arange(4))
    assert first.snr_db == pytest.approx(20)
    assert (first.new_label, first.success, first.already, first.queries, first.iterations) == (1, True, False, 0, None)
    assert first.new_confidence == pytest.approx(0.6)
    assert first.old_label_confidence == pytest.approx(0.3)
    assert first.old_confidence == pytest.approx(0.7)
    assert not second.success
    assert silent.silent
    assert silent.snr_db is None
    assert wrong.already
    assert wrong.snr_db is None
    json.loads(json.dumps([one.as_dict() for one in reports()], allow_nan=False))


def test_a_target_counts_and_nothing_else():
    targeted = reports(targets=np.array([2, 1, 1, 1]))
    assert [one.success for one in targeted] == [False, False, False, True]
    assert [one.already for one in targeted] == [False, False, False, True]


def test_the_summary_leaves_out_what_was_not_attacked():
    found = summarise(reports(queries=np.array([4, 6, 0, 0])))
    assert (found.clips, found.successes, found.success_rate, found.mean_queries) == (2, 1, 0.5, 5)
    assert math.isclose(found.median_snr_db, 20, abs_tol=1e-4)
    nothing = summarise([])
    assert nothing.success_rate is None
    json.loads(json.dumps(nothing.as_dict(), allow_nan=False))


def test_scores_that_are_no_numbers():
    with pytest.raises(ValueError, match="row 1"):
        clip_reports(X, X, (BEFORE, np.where(np.arange(4)[:, None] == 1, np.nan, AFTER)), np.zeros(4, int))
    with pytest.raises(ValueError, match="labels"):
        clip_reports(X, X, (BEFORE, AFTER), np.zeros(3, int))
