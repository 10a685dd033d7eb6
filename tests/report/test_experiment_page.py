"""The files of an experiment: which are written and where, and names that want to be obeyed or to hide."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

import art_audio_ext
from art_audio_ext.report.experiment_page import ExperimentPage, write_experiment, write_page, write_results
from art_audio_ext.report.pictures import data_address, png
from art_audio_ext.report.voice_quality_view import HeardClips, listen_cards

HOSTILE = "<script>alert('1')</script> \"q\" &amp; \u202egnp.exe\n\x07 \udcff {{ 7*7 }}"
SEEN = "<script>alert('1')</script> \"q\" &amp; \\u202egnp.exe\\n\\x07 \\udcff {{ 7*7 }}"
PICTURES = {"b.png": ("The second letter", b"\x89PNG b"), "a.png": ("The first letter", b"\x89PNG a")}


@pytest.fixture
def plain_page() -> ExperimentPage:
    return ExperimentPage(
        title="Does it work?",
        headlines=["It works.", "It is fast."],
        tables=[("Rates", ("attack", "rate"), [["fgsm", "0.5"]]), ("Times", ("attack", "s"), [["fgsm", "2"]])],
        pictures=PICTURES,
        explanation="Rate: of all clips.",
        settings={"Dataset": {"path": "here", "size": {"clips": 3}}, "Machine": {"gpu": None}},
    )


def everywhere(text: str) -> ExperimentPage:
    """A page that holds the text wherever one fits."""
    sound = {text: np.zeros((1, 1600), np.float32)}
    return ExperimentPage(
        title=f"title {text}",
        headlines=[f"headline {text}"],
        tables=[(f"table {text}", (f"header {text}", "other"), [[f"row {text}", f"cell {text}"]])],
        pictures={"a.png": (f"caption {text}", b"")},
        explanation=f"explanation {text}",
        settings={f"group {text}": {f"key {text}": f"value {text}", "inner": {"list": [f"item {text}"]}}},
        notes=[f"note {text}"],
        said={f"table {text}": f"sentence {text}"},
        listen=listen_cards(HeardClips([f"clip {text}"], sound, 16000)),
    )


def test_files_are_written_and_returned_in_order(plain_page, tmp_path):
    files = write_experiment(
        {"rate": float("nan"), "name": "你好"}, "| rate |", plain_page, str(tmp_path / "new" / "out")
    )
    assert files == [
        tmp_path / "new" / "out" / name for name in ("results.json", "table.md", "b.png", "a.png", "report.html")
    ]
    assert sorted((tmp_path / "new" / "out").iterdir()) == sorted(files)
    assert json.loads(files[0].read_text(encoding="utf-8")) == {"rate": None, "name": "你好"}
    assert files[1].read_text(encoding="utf-8") == "| rate |\n"
    assert [file.read_bytes() for file in files[2:4]] == [picture for _, picture in PICTURES.values()]
    assert files[4].read_text(encoding="utf-8") == plain_page.html()


def test_the_page_shows_what_it_was_given(plain_page, parse):
    page = parse(plain_page.html())
    for words in ("Does it work?", "It works.", "It is fast.", "Rate: of all clips.", "The second letter"):
        assert words in page.text
    assert f"Made by art-audio-ext {art_audio_ext.__version__}" in page.text
    assert "size.clips3" in page.text  # a name and its value
    pictures = [(a["alt"], base64.b64decode(a["src"].removeprefix("data:image/png;base64,"))) for a in page.of("img")]
    assert pictures == list(PICTURES.values())
    assert len(page.of("table")) == 2
    assert not page.of("audio")
    assert not page.of("section", **{"class": "notes"})


def test_what_may_be_left_out_is_shown_where_it_is_given(plain_page, parse):
    said = {"Times": "Two seconds are long.", "Another": "Never shown."}
    cards = listen_cards(HeardClips(["a clip"], {"clean": np.zeros((1, 1600), np.float32)}, 16000))
    text = parse(replace(plain_page, notes=["Mind the gap."], said=said, listen=cards).html()).text
    assert text.index("Mind the gap.") < text.index("0.5") < text.index("Two seconds are long.") < text.index("a clip")
    assert "Never shown." not in text


def test_no_name_can_write_the_page_or_hide(parse):
    html = everywhere(HOSTILE).html()
    assert "<script" not in html
    assert "\u202e" not in html
    assert "\x07" not in html
    page = parse(html)
    for place in ("title", "headline", "header", "row", "cell", "caption", "explanation", "group", "key", "value"):
        assert f"{place} {SEEN}" in page.text, place
    for place in ("item", "note", "table", "sentence", "clip"):
        assert f"{place} {SEEN}" in page.text, place
    assert page.of("img", alt=f"caption {SEEN}")
    assert page.of("div", **{"aria-label": f"table {SEEN}"})
    assert page.of("audio", **{"aria-label": f"Play clip {SEEN}, {SEEN}"})  # the version is named so too


def test_what_is_printable_already_stays_as_it_is(tmp_path):
    assert everywhere(SEEN).html() == everywhere(HOSTILE).html()
    write_page(everywhere(HOSTILE), tmp_path)
    assert (tmp_path / "report.html").read_bytes() == everywhere(HOSTILE).html().encode("utf-8")


def test_a_file_in_the_place_of_the_folder_is_refused(plain_page, tmp_path):
    (tmp_path / "out").write_text("")
    for out in (tmp_path / "out", tmp_path / "out" / "deeper"):
        for write in (
            lambda out: write_experiment({}, "", plain_page, out),
            lambda out: write_results({}, "", out),
            lambda out: write_page(plain_page, out),
        ):
            with pytest.raises(ValueError, match="is not a folder: give another place for the results"):
                write(out)
    assert (tmp_path / "out").read_text() == ""


def test_the_same_drawing_gives_the_same_png():
    def draw() -> bytes:
        figure = Figure(figsize=(2, 1), layout="constrained")
        figure.subplots().plot([0, 1], [0, 1])
        return png(figure)

    assert draw() == draw()
    assert draw().startswith(b"\x89PNG")
    assert b"Software" not in draw()


def test_a_data_address_holds_the_file():
    assert data_address("image/png", b"\x00\xff") == "data:image/png;base64,AP8="
