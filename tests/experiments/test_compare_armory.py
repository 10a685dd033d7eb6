"""The comparison once through Armory itself."""

from __future__ import annotations

import importlib.util

import pytest

from art_audio_ext.experiments.compare import compare
from art_audio_ext.experiments.poison_folder import poison_folder

pytestmark = [
    pytest.mark.armory,
    pytest.mark.skipif(importlib.util.find_spec("armory") is None, reason='needs pip install "art-audio-ext[armory]"'),
]


def test_compare_through_armory(spoken_folder, tmp_path, monkeypatch):
    """Two scenarios side by side, on a poisoned folder; the person's home is left alone."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    attack = {"source_label": "alpha", "target_label": "bravo", "poison_fraction": 0.5}
    poison_folder(spoken_folder.removeprefix("folder:"), tmp_path / "poisoned", progress=False, **attack)
    result = compare(
        str(tmp_path / "poisoned"),
        out=tmp_path / "out",
        filters=("perfect", "activation_clustering_tuned"),
        epochs=1,
        width=4,
        seconds=0.5,
        jobs=2,
        progress=False,
    )
    perfect, clustering = result.filters
    assert (perfect.true_positive_rate, perfect.false_positive_rate, perfect.adjusted_rand_index) == (1, 0, 1)
    assert perfect.removed == result.attack["poisoned_clips"]
    assert clustering.filter_seconds > 0
    for row in result.filters:
        assert 0 <= row.attack_success_rate <= 1
        assert 0 <= row.benign_accuracy <= 1
    assert not (home / ".armory").exists()
