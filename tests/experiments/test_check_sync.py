"""What `check_sync` hands on and says of long files: who finds the mouth, and spans that show none."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.datasets.video_files import Video, VideoError
from art_audio_ext.experiments import check_sync as module
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.report.check_sync_view import format_check
from art_audio_ext.training.sync_model import SyncModel
from art_audio_ext.training.syncnet_settings import SyncNetSettings


@pytest.fixture
def model():
    settings = SyncNetSettings(size=16, crop=24, augment=False)
    return SyncModel(settings.build().eval(), settings, AudioVisualLayout.of_frames(32, 32))


@pytest.fixture
def check(monkeypatch, model, tmp_path):
    """Of what stands for decoding."""

    def run(spans, **options):
        monkeypatch.setattr(module, "mouth_spans", spans)
        (tmp_path / "in.mp4").touch()
        return module.check_sync([tmp_path / "in.mp4"], model, tmp_path / "out", progress=False, **options)

    return run


def test_a_finder_of_ones_own_is_asked(check, talking_bars):
    seen = []
    for finder in (None, np.zeros_like):
        check(
            lambda *asked: seen.append(asked[2]) or [(0.0, Video(talking_bars.video[1], talking_bars.audio[1]))],
            finder=finder,
        )
    assert seen == [None, np.zeros_like]


def test_spans_of_a_long_file_follow_each_other_and_one_without_a_face_is_left_out(check, talking_bars):
    one, other = (Video(talking_bars.video[k], talking_bars.audio[k]) for k in (1, 2))
    titles = VideoError("in.mp4", "no face")
    record = check(lambda *_: iter([(0.0, one), (120.0, titles), (240.0, other)]))
    (row,) = record["files"]
    assert [piece["start_seconds"] for piece in row["pieces"]] == [0.0, 240.0]
    assert row["faceless"] == [{"start_seconds": 120.0, "reason": "no face"}]
    assert row["seconds"] == pytest.approx(2 * 32 / 25)
    assert "1 file with spans that show no face, which were not looked at" in format_check(record)
    record = check(lambda *_: iter([(0.0, titles), (120.0, titles)]))
    assert (record["files"], record["failed"][0]["reason"]) == ([], "no face")
