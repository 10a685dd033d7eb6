"""The page of `art-audio purify`: what it plays and shows, how much of it, and names that want to be obeyed."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
import soundfile
from PIL import Image

from art_audio_ext.report.purify_view import ShownFile, format_purify, shown_rows, write_purify

HOSTILE = "<script>alert('1')</script> \"q\" &amp; \u202egnp.exe\n\x07 \udcff 你好 {{ 7*7 }}.wav"


def row(path: str = "a.wav", snr_db: float | None = 20.0, **more) -> dict:
    found = {"path": path, "output": f"{path}.out", "seconds": 1.0, "input_sample_rate_hz": 16000, "input_channels": 1}
    return {**found, "snr_db": snr_db, "change_dbfs": -32.0, "peak": 0.5, **more}


def picture_row(path: str, change: float) -> dict:
    found = {k: v for k, v in row(path).items() if k not in ("snr_db", "change_dbfs", "peak")}
    return {**found, "mean_change_db": change, "largest_change_db": 2 * change}


def record(rows: list[dict], failed: tuple[tuple[str, str], ...] = (), **more) -> dict:
    return {
        "source": "in",
        "defence": "time_stage",
        "steps": 3,
        "diffusion_checksum": None,
        "seed": 0,
        "sample_rate_hz": 16000,
        "pictures": False,
        "files": rows,
        "failed": [{"path": path, "reason": reason} for path, reason in failed],
        "outdated": [],
        **more,
    }


def sounds(found: dict) -> ShownFile:
    """Before quieter than after, both tones."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    return ShownFile(0.2 * tone, 0.4 * tone)


def payload(address: str, kind: str) -> io.BytesIO:
    assert address.startswith(f"data:{kind};base64,")
    return io.BytesIO(base64.b64decode(address.split(",", 1)[1], validate=True))


@pytest.fixture
def page(tmp_path, parse):
    def write(found: dict, load=sounds):
        write_purify(found, tmp_path, load)
        assert json.loads((tmp_path / "purify.json").read_text(encoding="utf-8")) == found
        text = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert not re.search(r"https?://|@import|url\(", text)
        return parse(text)

    return write


def test_it_plays_before_and_after_and_says_by_how_much(page):
    found = page(record([row(snr_db=18.64)], seed=77))
    players = found.of("audio")
    assert [player["aria-label"] for player in players] == ["Play a.wav before", "Play a.wav after"]
    loud = [np.abs(soundfile.read(payload(player["src"], "audio/wav"))[0]).max() for player in players]
    assert loud == pytest.approx([0.2, 0.4], abs=1e-3)
    before, after = (Image.open(payload(image["src"], "image/png")).convert("L") for image in found.of("img"))
    assert np.asarray(after, int).sum() > np.asarray(before, int).sum()
    assert "SNR 18.6 dB" in found.text
    assert "1 file purified by time_stage at t = 3. SNR: median 18.6 dB" in found.text
    assert "a.wav.out" in found.text
    assert "77" in found.text
    assert "16 kHz" in found.text
    assert not found.of("script")
    assert all(attributes.get("src", "data:").startswith("data:") for _, attributes in found.tags)


def test_at_most_thirty_players_and_every_file_in_the_table(page):
    rows = [row(f"{k:03d}.wav", 40.0 - k / 10) for k in range(100)]
    loaded = []
    found = page(record(rows), lambda one: loaded.append(one["path"]) or sounds(one))
    assert len(found.of("audio")) == 30
    assert len(loaded) == 15
    assert (loaded[0], loaded[-1]) == ("099.wav", "000.wav")
    assert len(found.of("th", scope="row")) == 100
    assert "Some of the files" in found.text
    assert "Some of the files" not in page(record(rows[:15])).text


def test_files_shown_reach_from_the_most_changed_to_the_least():
    rows = [row("silent", None), row("much", 3.0), row("some", 9.0), row("little", 30.0)]
    assert [one["path"] for one in shown_rows(rows)] == ["much", "some", "little", "silent"]
    assert [one["path"] for one in shown_rows(rows, 2)] == ["much", "silent"]
    assert [one["path"] for one in shown_rows([picture_row("a", 0.1), picture_row("b", 2.0)])] == ["b", "a"]
    assert shown_rows([]) == []


def test_a_table_has_an_end(page, monkeypatch):
    monkeypatch.setattr("art_audio_ext.report.purify_view._ROWS_SHOWN", 3)
    found = page(record([row(f"{k}.wav") for k in range(5)]))
    assert len(found.of("th", scope="row")) == 3
    assert "And 2 more in purify.json" in found.text


def test_pictures_have_no_sound_after_and_it_is_said(page):
    dark, bright = np.full((32, 32), -1.0, np.float32), np.full((32, 32), -1.0, np.float32)
    bright[0, :] = 1.0  # the lowest band
    shown = ShownFile(sounds({}).before, pictures=(dark, bright))
    rows = [picture_row("a.wav", 0.3)]
    found = page(record(rows, defence="dual_pure", pictures=True), lambda one: shown)
    assert [player["aria-label"] for player in found.of("audio")] == ["Play a.wav before"]
    before, after = (
        np.asarray(Image.open(payload(image["src"], "image/png")).convert("L"), int) for image in found.of("img")
    )
    assert before.max() < 10
    assert after[-1].min() > 200
    assert after[:90].max() < 10
    assert "none was made up" in found.text
    assert "Mean change: median 0.3 dB" in found.text
    assert "SNR" not in found.text


def test_hostile_names_are_shown_and_never_obeyed(page):
    more = {"source": HOSTILE, "diffusion": HOSTILE, "outdated": [HOSTILE]}
    found = page(record([row(HOSTILE)], ((HOSTILE, HOSTILE),), **more))
    assert not found.of("script")
    shown = "<script>alert('1')</script> \"q\" &amp; \\u202egnp.exe\\n\\x07 \\udcff 你好 {{ 7*7 }}.wav"
    assert found.text.count(shown) >= 6
    assert not re.search("[\u202e\x07]", found.text)
    assert found.of("audio")[0]["aria-label"] == f"Play {shown} before"
    text = format_purify(record([], ((HOSTILE, HOSTILE),)))
    assert len(text.splitlines()) == 2
    assert not re.search("[\u202e\x07]", text)


def test_what_happened_to_some_files_is_said(page):
    rows = [
        row("a.wav", input_sample_rate_hz=44100, input_channels=2),
        row("b.wav", seconds=2.5, peak=1.2),
        row("c.wav", input_sample_rate_hz=8000),
    ]
    text = format_purify(record(rows, (("d.wav", "it is empty"),), outdated=["x.wav"]))
    assert page(record(rows)).text.count("2 files had another sample rate: results are at 16 kHz.") == 1
    for words in (
        "3 files purified by time_stage at t = 3, 1 file could not be. SNR: median 20.0 dB, from 20.0 to 20.0 dB.",
        "1 file had several channels",
        "1 file longer than a second",
        "1 file beyond full scale",
        "1 file left from earlier runs",
        "Not purified: d.wav: it is empty",
    ):
        assert words in text
    many = tuple((f"{k}.wav", "it is empty") for k in range(25))
    assert "And 5 more that could not be purified" in format_purify(record([], many))


def test_a_file_that_has_become_unreadable_is_still_there(page):
    found = page(record([row()]), lambda one: None)
    assert not found.of("audio")
    assert "has become unreadable" in found.text


def test_the_shortest_sound_has_a_picture(page):
    short = ShownFile(np.array([0.5], np.float32), np.array([0.6], np.float32))
    assert len(page(record([row(seconds=1 / 16000)]), lambda one: short).of("img")) == 2
