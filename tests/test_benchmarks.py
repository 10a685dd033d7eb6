"""Benchmarks of attacks and purifiers: small runs keep the contract of the last line, handmade figures are known."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from art_audio_ext.functional.attack_report import ClipReport

FOLDER = Path(__file__).parents[1] / "benchmarks"
KEYS = {"name", "unit", "ours", "rivals", "ratios", "same_result", "machine"}


def broken(*ratios: float | None) -> list[ClipReport]:
    """Reports of clips that broke at these ratios; None for one that did not."""
    return [
        ClipReport(ratio, 0, None, int(ratio is not None), 0.9, 0.6, 0.3, ratio is not None, False, False)
        for ratio in ratios
    ]


@pytest.fixture
def module():
    spec = importlib.util.spec_from_file_location("evasion_report", FOLDER / "evasion_report.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def last_line(printed: str) -> dict:
    """It keeps the contract, as do its parts."""
    found = json.loads(printed.splitlines()[-1])
    assert set(found) >= KEYS
    assert isinstance(found["same_result"], bool)
    for part in (found, *found["attacks"].values()):
        assert part["ours"] > 0
        assert set(part["ratios"]) == set(part["rivals"]) <= {"art", "foolbox", "torchattacks"}
        for name, ratio in part["ratios"].items():
            assert ratio == pytest.approx(part["rivals"][name] / part["ours"], rel=0.02)
    return found


def test_a_small_run_ends_in_one_object():
    few = ["--clips", "2", "--epochs", "1", "--repeats", "2", "--attacks", "fgsm", "pgd"]
    ran = subprocess.run(
        [sys.executable, str(FOLDER / "evasion.py"), *few], capture_output=True, text=True, timeout=600
    )
    assert ran.returncode == 0, ran.stderr
    found = last_line(ran.stdout)
    assert list(found["attacks"]) == ["fgsm", "pgd"]
    assert (found["name"], found["unit"], found["repeats"], found["enough"]) == ("evasion", "seconds a clip", 2, None)
    assert "art" in found["attacks"]["fgsm"]["ratios"]
    assert {"pgd/ours_cross_entropy", "fgsm/art"} <= set(found["methods"])
    assert "medians of fewer than 5 runs: fgsm/ours" in ran.stdout


@pytest.mark.parametrize(
    ("name", "few", "rival"),
    [
        ("pgd", ["--clips", "2", "--steps", "2"], "art"),
        ("purify", ["--clips", "1", "--steps", "1"], "time_stage"),
    ],
)
def test_benchmarks_of_purification_keep_the_contract(name, few, rival):
    ran = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py"), *few], capture_output=True, text=True, timeout=600
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert set(found) == KEYS
    assert (found["name"], found["same_result"]) == (name, True)
    assert found["ours"] > 0
    assert rival in found["rivals"]
    for other, ratio in found["ratios"].items():
        assert ratio == pytest.approx(found["rivals"][other] / found["ours"], rel=0.05, abs=0.002)


def test_ours_is_the_fastest_that_is_as_good_as_all_rivals(module, capsys):
    found = {
        "deepfool/ours": broken(60.0, 50.0),
        "deepfool/ours_in_a_hurry": broken(40.0, 30.0),
        "deepfool/art": broken(55.0, 45.0),
        "deepfool/foolbox": broken(35.0, 20.0),
        "deepfool/torchattacks": broken(None, None),
        "fgsm/ours": broken(20.0, None),
        "fgsm/art": broken(20.0, None),
        "fgsm/foolbox": broken(20.0, None),
        "fgsm/torchattacks": broken(20.0, None),
    }
    seconds = dict(zip(found, [2.0, 1.0, 6.0, 1.5, 9.0, 0.5, 0.25, 1.0, 1.0], strict=True))
    every = {name: [9.0, value, 0.01] if name == "fgsm/art" else [value] * 5 for name, value in seconds.items()}
    module.report(found, every, enough=10)
    printed = capsys.readouterr().out
    last = last_line(printed)
    assert last["attacks"]["deepfool"]["setting"] == "ours"  # in a hurry it is less good than ART's
    assert last["attacks"]["deepfool"]["ratios"] == {"art": 3.0, "foolbox": 0.75}  # torchattacks' broke nothing
    assert last["attacks"]["fgsm"]["ratios"] == {"art": 0.5, "foolbox": 2.0, "torchattacks": 2.0}
    assert (last["ours"], last["rivals"]) == (2.5, {"art": 6.25, "foolbox": 2.5})
    assert last["ratios"] == {"art": 2.5, "foolbox": 1.0}
    assert last["same_result"]
    assert last["as_good"]["deepfool/foolbox"] == {"ours": "deepfool/ours_in_a_hurry", "ratio": 1.5}
    assert last["slower_than"] == ["fgsm/art"]
    assert (last["repeats"], last["enough"]) == (3, 10)
    assert "medians of fewer than 5 runs: fgsm/art\n" in printed
    assert "--enough 10: an attack was not run again" in printed


def test_a_rival_that_is_better_than_any_of_ours_is_said(module, capsys):
    found = {"deepfool/ours": broken(60.0, None), "deepfool/art": broken(60.0, 50.0)}
    module.report(found, {"deepfool/ours": [1.0] * 5, "deepfool/art": [3.0] * 5})
    printed = capsys.readouterr().out
    last = last_line(printed)
    assert not last["same_result"]
    assert (last["ours"], last["slower_than"]) == (1.0, ["deepfool/art"])
    assert "none of ours" in printed
    assert "fewer than" not in printed
