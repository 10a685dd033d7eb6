"""What `check_sync` hands on: who says where the mouth is."""

from __future__ import annotations

import numpy as np

from art_audio_ext.datasets.video_files import Video
from art_audio_ext.experiments import check_sync as module
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.training.sync_model import SyncModel
from art_audio_ext.training.syncnet_settings import SyncNetSettings


def test_a_finder_of_ones_own_is_asked(monkeypatch, talking_bars, tmp_path):
    seen, settings = [], SyncNetSettings(size=16, crop=24, augment=False)
    model = SyncModel(settings.build(), settings, AudioVisualLayout.of_frames(32, 32))
    monkeypatch.setattr(
        module,
        "read_mouth",
        lambda *asked: seen.append(asked[2]) or Video(talking_bars.video[1], talking_bars.audio[1]),
    )
    (tmp_path / "in.mp4").touch()
    for finder in (None, np.zeros_like):
        module.check_sync([tmp_path / "in.mp4"], model, tmp_path / "out", finder=finder, progress=False)
    assert seen == [None, np.zeros_like]
