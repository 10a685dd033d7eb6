"""Armory's scenarios of talking clips: the hooks in Armory's hands on tiny clips, and one whole run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("armory", reason='needs pip install "art-audio-ext[armory]"')

from art_audio_ext.experiments import armory_audiovisual as module
from art_audio_ext.experiments.armory_audiovisual import parts_of
from art_audio_ext.experiments.scenario_audiovisual import ATTACKS, audiovisual_files, audiovisual_scenario

pytestmark = pytest.mark.armory

TINY = {"crop": 24, "width": 4, "audio_width": 4, "hidden": 8, "epochs": 2}
SYNC = {"size": 16, "crop": 24, "epochs": 1, "augment": False}


@pytest.fixture(autouse=True)
def clips(armory_home, monkeypatch, talking_bars):
    """Armory in host mode, at home in a folder of this test; two clips of each of 16 files instead of built-in ones."""
    named = replace(talking_bars, paths=tuple(f"{k // 2}.mpg#{k}" for k in range(32)))
    monkeypatch.setattr(module, "load_audiovisual", lambda spec, **more: named)
    module.last_parts.cache_clear()
    yield named
    module.last_parts.cache_clear()


def tiny(attack):
    return audiovisual_scenario(attack, recogniser=TINY, sync=SYNC, batch_size=4)


def test_no_file_is_in_two_parts(clips):
    parts = parts_of({"spec": "builtin-av", "batch_size": 4})
    files = [{path.split("#")[0] for path in part.paths} for part in (parts.train, parts.validation, parts.test)]
    assert all(files)
    assert sum(map(len, files)) == len(set.union(*files)) == 16
    assert len(parts_of({"test_clips": 3}).test) == 3
    with pytest.raises(ValueError, match="unknown dataset option colour"):
        parts_of({"colour": 1})


@pytest.mark.parametrize("val", [6, 0])
def test_a_split_of_the_corpus_is_kept(clips, monkeypatch, val):
    parts = ("train",) * 20 + ("val",) * val + ("test",) * (12 - val)
    monkeypatch.setattr(module, "load_audiovisual", lambda spec, **more: replace(clips, partition=parts))
    module.last_parts.cache_clear()
    found = parts_of({"spec": "lrw:x"})
    assert set(found.test.partition) == {"test"}
    assert len(found.test) == 12 - val
    assert set(found.train.partition) == {"train"}
    assert set(found.validation.partition) == ({"val"} if val else {"train"})
    assert not set(found.train.paths) & set(found.validation.paths)
    assert len(found.train) + len(found.validation) == 20 + val


@pytest.mark.parametrize("attack", ["bim", "fgsm"])
def test_a_whole_run_measures_detection(attack, capfd, evaluate):
    scenario = evaluate(tiny(attack))
    results = scenario.results
    for name in ("detection_true_positive_rate", "detection_false_positive_rate"):
        assert 0 <= float(np.ravel(results[name])[0]) <= 1
    layout, parts = scenario.detector.layout, parts_of(scenario.config["dataset"])
    change = np.abs(np.asarray(scenario.x_adv) - np.asarray(scenario.x))
    sound, pictures = layout.unpack(change)
    assert 0 < sound.max() <= 512 / 32768 + 1e-6
    assert 0 < pictures.max() <= 8 / 255 + 1e-6
    assert scenario.detector.threshold is not None
    drawn = scenario._drawn(64)
    known = {row.tobytes() for row in parts.validation.rows()}
    assert {row.tobytes() for row in drawn} == known
    capfd.readouterr()
    module.get_recogniser({**TINY, "seed": 0, "preset": "small", "data": scenario.config["dataset"]}, {}, None)
    assert "Training" not in capfd.readouterr().out


def test_files_instead_of_a_training(tmp_path, clips):
    data = {"spec": "builtin-av"}
    train = parts_of(data).train
    from art_audio_ext.experiments.armory_audiovisual_networks import recogniser_for, sync_for

    words, sync = recogniser_for(train, **TINY).save(tmp_path / "words"), sync_for(train, **SYNC).save(tmp_path / "s")
    victim = module.get_recogniser({"weights": str(words), "data": data}, {}, None)
    detector = module.sync_detector(victim, str(sync), data=data, draws=2)
    assert (detector.draws, detector.layout) == (2, train.layout)
    for call, says in (
        (lambda: module.get_recogniser({"weights": str(words), "width": 3, "data": data}, {}, None), "no effect"),
        (lambda: module.get_recogniser({}, {}, None), "AudioVisualDetection"),
        (lambda: module.sync_detector(victim, str(sync), {"epochs": 1}), "no effect"),
        (lambda: module.complete_audiovisual({**tiny("bim"), "dataset": {"spec": "x"}} | _other()), "other data"),
    ):
        with pytest.raises(ValueError, match=says):
            call()
    with pytest.raises(ValueError, match="no attack 'pgd'"):
        audiovisual_scenario("pgd")


def _other():
    """An entry that names data of its own."""
    return {"model": {"model_kwargs": {"data": {"spec": "y"}}}}


def test_a_check_learns_for_one_epoch():
    config = tiny("bim")
    module.complete_audiovisual(config, check=True)
    assert config["model"]["model_kwargs"]["epochs"] == 1
    assert config["adhoc"]["detector"]["kwargs"]["training"]["epochs"] == 1
    assert set(audiovisual_files()) == {f"{name}.json" for name in ATTACKS}
