"""One Armory scenario as a process: its results, its errors, its end."""

from __future__ import annotations

import importlib.util
from threading import Event

import pytest

from art_audio_ext.experiments.armory_run import _last_error, measured, run_scenario
from art_audio_ext.experiments.scenario_config import scenario_config, write_scenario

HAS_ARMORY = importlib.util.find_spec("armory") is not None
needs_armory = pytest.mark.skipif(not HAS_ARMORY, reason='needs pip install "art-audio-ext[armory]"')


def test_measured_keeps_zero_and_misses_nothing():
    assert measured({"rate": [0.0]}, "rate") == 0.0
    assert measured({"rate": 0.0}, "rate") == 0.0
    assert measured({"rate": []}, "rate") is None
    assert measured({}, "rate") is None


def test_the_last_error_of_a_log_is_found_through_its_colours(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("INFO fine\n\x1b[31m\x1b[1mValueError\x1b[0m:\x1b[1m no clips\x1b[0m\nlater lines\n")
    assert _last_error(log) == "ValueError: no clips"


@needs_armory
@pytest.mark.armory
def test_a_scenario_can_be_stopped(tmp_path):
    write_scenario(scenario_config("none", spec="builtin", source="a", target="b"), tmp_path / "long.json")
    stop = Event()
    stop.set()
    with pytest.raises(ValueError, match="scenario long stopped"):
        run_scenario(tmp_path / "long.json", tmp_path / "work", tmp_path / "long.log", stop=stop)


@needs_armory
@pytest.mark.armory
def test_a_scenario_that_fails_names_its_error_and_its_log(tmp_path):
    config = scenario_config("none", spec="builtin", source="a", target="b")
    del config["model"]
    write_scenario(config, tmp_path / "broken.json")
    with pytest.raises(ValueError, match=r"scenario broken failed \(exit code 1\).*broken.log"):
        run_scenario(tmp_path / "broken.json", tmp_path / "work", tmp_path / "logs" / "broken.log")
