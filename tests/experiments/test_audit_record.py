"""What the record of an audit says of a class that only just, or all but, stands out."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.experiments.audit_record import audit_record
from art_audio_ext.functional.poison_scores import PoisonScores


def test_a_class_that_is_alike_by_half_is_called_that(tiny_dataset):
    one, suspects = np.ones(4), np.zeros(120, dtype=bool)
    suspects[30:42] = True
    scores = PoisonScores(
        classes=np.arange(4),
        class_scores=one,
        class_spread=one,
        class_outlier=one,
        flagged=np.array([False, True, False, False]),
        sample_scores=suspects.astype(float),
        suspects=suspects,
    )
    notes = audit_record(tiny_dataset, "tiny", scores, {"name": "combined"}, 0, {}).notes
    assert any("'bravo' 12 of 30 clips are suspects" in note for note in notes)
    suspects[41] = False
    assert not audit_record(tiny_dataset, "tiny", scores, {"name": "combined"}, 0, {}).notes


@pytest.mark.parametrize(
    ("p_value", "flagged", "said"),
    [(0.001, True, False), (0.001, False, True), (0.02, False, True), (0.3, False, False)],
)
def test_a_class_just_short_of_the_evidence_is_mentioned(tiny_dataset, p_value, flagged, said):
    one = np.ones(4)
    scores = PoisonScores(
        classes=np.arange(4),
        class_scores=one,
        class_spread=one,
        class_outlier=one,
        flagged=np.array([False, flagged, False, False]),
        sample_scores=np.zeros(120),
        suspects=np.zeros(120, dtype=bool),
        details={"alpha": 0.005},
        class_p=np.array([0.9, p_value, 0.8, np.nan]),
    )
    notes = audit_record(tiny_dataset, "tiny", scores, {"name": "combined"}, 0, {}).notes
    assert any("'bravo' stands out" in note and "alpha 0.005" in note for note in notes) == said
