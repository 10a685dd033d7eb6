"""Pieces of a long recording: one that is attacked does not average away, and many benign ones are no attack."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.datasets.video_files import Video
from art_audio_ext.experiments.sync_pieces import SyncLimits, look
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.report.check_sync_view import format_check


class Told:
    """Stands for a model: the first pixel of a piece says its confidence in hundredths."""

    def __init__(self):
        self.layout, self.asked = AudioVisualLayout.of_frames(10, 4), []

    def for_layout(self, layout):
        return self

    def distances(self, rows, *, edges="masked"):
        self.asked.append(edges)
        pictures = self.layout.unpack(rows)[1]
        curve = np.ones((1, 31), np.float32)
        curve[0, 15] -= pictures[0, 0, 0, 0] * 2.55
        return curve


def film(confidences):
    """A piece of ten pictures for each confidence."""
    pictures = np.repeat(np.round(np.array(confidences) * 100).astype(np.uint8), 10)[:, None, None]
    return Video(np.tile(pictures, (1, 4, 4)), np.zeros(len(confidences) * 6400, np.float32))


LEARNT = SyncLimits(0.45, (0.535, 0.049, 24))


def test_one_attacked_piece_among_twenty_is_counted():
    row = look(Told(), film([0.53] * 12 + [0.21] + [0.53] * 7), LEARNT)
    assert row["confidence"] > 0.45  # it averages away
    assert (row["suspicious"], row["verdict"]) == (True, "suspicious in 1 of 20 pieces")
    assert (row["pieces_below"], row["pieces_needed"]) == (1, 1)
    assert 0.3 < row["piece_limit"] < 0.4  # twenty pieces are held to a lower limit than one
    assert "suspicious in 1 of 20 pieces" in shown(row)
    assert "1 file looked at, 1 suspicious." in shown(row)
    assert f"by one piece too, of a confidence below {row['piece_limit']:.3f}" in shown(row)


def test_a_long_benign_file_is_not_suspicious_by_chance():
    rng = np.random.default_rng(0)
    found = [look(Told(), film(rng.normal(0.535, 0.049, 100).round(2)), LEARNT) for _ in range(20)]
    assert sum(row["suspicious"] for row in found) <= 2
    assert all(any(piece["suspicious"] for piece in row["pieces"]) for row in found)  # each holds one below .45
    assert "1 file not suspicious, with pieces below the threshold as chance may have it." in shown(found[0])


@pytest.mark.parametrize(("low", "suspicious"), [(3, False), (4, True)])
def test_of_a_threshold_that_was_given_more_pieces_are_needed_than_chance_gives(low, suspicious):
    row = look(Told(), film([0.2] * low + [0.6] * (20 - low)), SyncLimits(0.45))
    assert (row["suspicious"], row["pieces_needed"], row["piece_limit"]) == (suspicious, 4, 0.45)
    assert "by up to 4 pieces too" in shown(row)


def test_one_piece_is_the_whole_and_without_a_threshold_nothing_is_suspicious():
    one = look(Told(), film([0.4]), LEARNT)
    assert (one["suspicious"], one["verdict"], one["piece_limit"]) == (True, "suspicious", None)
    none = look(Told(), film([0.1] * 5), SyncLimits())
    assert (none["suspicious"], none["piece_limit"], none["pieces_below"]) == (False, None, 0)


def test_edges_are_handed_on_and_spans_follow_each_other():
    model = Told()
    row = look(model, [(0.0, film([0.5] * 2)), (0.8, film([0.3]))], SyncLimits(), "reference")
    assert set(model.asked) == {"reference"}
    assert [piece["start_seconds"] for piece in row["pieces"]] == [0.0, 0.4, 0.8]
    assert row["seconds"] == pytest.approx(1.2)
    assert row["confidence"] == pytest.approx(1.3 / 3, abs=0.01)


def shown(row):
    record = {"files": [{"path": "a.mp4", **row}], "failed": [], "threshold": 0.45, "piece_frames": 10}
    return format_check(record)
