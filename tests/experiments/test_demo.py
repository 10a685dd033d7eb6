"""The demonstration at its smallest: every stage is called on the poisoned copy, and nothing is done twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from art_audio_ext.experiments import demo as module
from art_audio_ext.report.records import ComparisonResult, FilterResult

SMALL = module.DemoSettings(clips=192, poison_fraction=1.0, vae_epochs=1, victim_epochs=1, victim_width=4)


@pytest.fixture
def compared(monkeypatch) -> list[str]:
    """The comparison, which trains seven victims through Armory and has tests of its own, replaced by a record."""
    calls: list[str] = []

    def compare(data, *, out, filter_options, **options):
        calls.append(data)
        assert filter_options == {"poison_likelihood": {"epochs": SMALL.vae_epochs}}, "what fits into minutes"
        row = FilterResult("none", None, None, None, 0, None, 1.0, 0.9, 1.0, None)
        return ComparisonResult({"spec": data}, {"trigger": "clap"}, {}, [row], options["seed"], {})

    monkeypatch.setattr(module, "compare", compare)
    return calls


@pytest.fixture
def poisonings(monkeypatch) -> list[int]:
    calls: list[int] = []
    real = module.poison_folder

    def poison_folder(*args, **kwargs):
        calls.append(kwargs["seed"])
        return real(*args, **kwargs)

    monkeypatch.setattr(module, "poison_folder", poison_folder)
    return calls


def test_one_report_of_everything_and_nothing_twice(compared, poisonings, tmp_path):
    pytest.importorskip("espeakng_loader")
    said: list[str] = []
    result, _ = module.demo(tmp_path, settings=SMALL, progress=False, say=said.append)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Demonstration on built-in speech" in page
    assert compared == [str(tmp_path / "poisoned")]
    assert result.dataset["clips"] == 192
    assert result.method["name"] == "combined"
    assert any("Scaled down" in line for line in said)
    assert "The truth, which only a demonstration knows" in page
    module.demo(tmp_path, settings=SMALL, progress=False, say=said.append)
    assert poisonings == [0]
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("<h1") == page.count("<h1")


def test_other_settings_start_over_but_touch_only_their_own(compared, poisonings, tmp_path):
    pytest.importorskip("espeakng_loader")
    (tmp_path / "mine.txt").write_text("kept")
    module.demo(tmp_path, settings=SMALL, progress=False, say=lambda line: None)
    module.demo(tmp_path, settings=replace(SMALL, scale=0.2), progress=False, say=lambda line: None)
    assert poisonings == [0, 0]
    assert (tmp_path / "mine.txt").read_text() == "kept"
