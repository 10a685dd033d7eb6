"""Sentences and matrices of the study of sound events, from rows whose answer is known."""

from __future__ import annotations

import pytest

from art_audio_ext.report import sound_events_maps
from art_audio_ext.report.sound_events_maps import draw_moves, draw_pairs
from art_audio_ext.report.sound_events_plots import draw_curves
from art_audio_ext.report.sound_events_sentences import sentences
from art_audio_ext.report.sound_events_tables import TITLES, matrix_title, tables
from art_audio_ext.report.sound_events_view import format_sound_events


def share(name, value, clips=20):
    return {name: value, "low": max(0.0, value - 0.1), "high": min(1.0, value + 0.1), "clips": clips}


def attack(name, model, success, median):
    row = {"attack": name, "model": model, **share("success", success), "snr_median": median, "snr_mean": median}
    row |= {"median_low": median - 1, "median_high": median + 1, "queries": 6}
    row |= dict.fromkeys(("old_confidence", "new_confidence", "old_label_confidence"), 0.5)
    return row | {"snr_low": median, "snr_high": median, "iterations": 3, "seconds_per_clip": 0.5}


def curve(name, median, *success, targeted=False):
    row = {"attack": name, "model": "all", "targeted": targeted, "clips": 20, "snr_db": [20.0, 40.0, 60.0]}
    row |= {"success": list(success), "low": [s / 2 for s in success], "high": [(s + 1) / 2 for s in success]}
    return row | {"median_snr_db": median, "median_low_db": median - 1, "median_high_db": median + 1}


def compared(among, name, more, low, high):
    row = {"among": among, "attack": "carlini", "input": name, "models": ["m"], "clips": 20, "success": 1.0}
    row |= {"low": 0.9, "high": 1.0, "snr_median": 50.0, "median_low": 45.0, "median_high": None, "snr_mean": 50.0}
    return row | {
        "mean_low": 45.0,
        "mean_high": 55.0,
        "more_db": more,
        "more_low": low,
        "more_high": high,
        "pairs": 9,
        "trainings": 1,
    }


def shown(source, other, fooled, name="deepfool", clips=20, noise=0.05):
    row = {"attack": name, "source": source, "other": other, **share("fooled", fooled, clips)}
    return row | beside(fooled, noise)


def left(channel, survived, name="deepfool", model="all"):
    return {"attack": name, "model": model, "channel": channel, **share("survived", survived), "benign": 0.9} | beside(
        survived, 0.25
    )


def beside(value, noise):
    return {"noise": noise, "more": value - noise, "more_low": value - noise - 0.1, "more_high": value - noise + 0.1}


@pytest.fixture
def record():
    models = [("vgg13", "mel", 0.9), ("crnn", "mel", 0.7), ("dense-wav", "wave", 0.5)]
    pair = {"attack": "lbfgs", "pairs": 2}
    return {
        "data": {"label_names": ["flute", "drum", "bell"]},
        "models": [{"model": name, "input": kind, **share("accuracy", right, 50)} for name, kind, right in models],
        "attacks": [
            *(attack("white-noise", "all", 0.4, 20.0), attack("deepfool", "all", 1.0, 52.0)),
            *(attack("carlini", "all", 0.9, 56.0), attack("deepfool", "vgg13", 1.0, 90.0)),
            attack("lbfgs", "all", 0.75, 80.0),
        ],
        "curves": [
            *(curve("white-noise", 15.0, 0.4, 0.1, 0.0), curve("deepfool", 52.0, 1.0, 0.8, 0.4)),
            curve("lbfgs", 80.0, 1.0, 1.0, 0.9, targeted=True),
        ],
        "inputs": [
            *(compared("all", "mel", 0.0, 0.0, 0.0), compared("all", "wave", 9.0, 8.0, 10.0)),
            *(compared("vgg13", "mel", 0.0, 0.0, 0.0), compared("vgg13", "wave", 4.0, 1.0, 7.0)),
            compared("vgg13", "constant_q", -2.0, -5.0, 1.0),
        ],
        "pairs": [
            {**pair, "label": "flute", "target": "bell", "success": 1.0, "snr_median": 80.0},
            {**pair, "label": "drum", "target": "flute", "success": 0.0, "snr_median": None},
        ],
        "labels": [
            {"attack": "deepfool", "label": "flute", "left": 1, "reached": 3, "share": 0.75},
            {"attack": "deepfool", "label": "drum", "left": 3, "reached": 1, "share": 0.25},
        ],
        "transfer": [
            *(shown("vgg13", "crnn", 0.5), shown("vgg13", "dense-wav", 0.1), shown("dense-wav", "crnn", 0.2)),
            *(shown("vgg13", "dense-wav", 1.0, clips=2), shown("crnn", "dense-wav", 0.9, name="fgsm")),
            *(shown("all", "all", 0.29, clips=62), shown("all", "all", 0.9, name="fgsm")),
        ],
        "survival": [
            *(left("none", 1.0), left("pcm-16", 0.6), left("mp3-128", 0.3), left("resample-1/2", 0.2)),
            *(left("mp3-128", 0.9, name="fgsm"), left("mp3-128", 0.8, model="vgg13")),
        ],
        "notes": [],
    }


def test_each_table_has_the_sentence_that_its_rows_support(record):
    said = sentences(record)
    assert set(said) == {*TITLES.values(), matrix_title("lbfgs")}
    assert "vgg13 is right on 90.0% (80.0% to 100.0%), the most, and dense-wav on 50.0%" in said[TITLES["models"]]
    assert said[TITLES["models"]].endswith("the two intervals lie apart.")
    assert said[TITLES["attacks"]].startswith(  # targeted aside
        "Of untargeted attacks that break more than half of the clips, carlini has the highest median SNR of its "
        "successes, 56.0 dB; it breaks 90.0%"
    )
    assert "White noise breaks 40.0% (30.0% to 50.0%) at 20.0 dB." in said[TITLES["attacks"]]
    assert said[TITLES["curves"]].endswith(
        "SNR of 40 dB, these shares of clips break: deepfool 80.0% (40.0% to 90.0%), white-noise 10.0% (5.0% to 55.0%)."
    )
    assert "under deepfool and at 15.0 dB (14.0 to 16.0) under white-noise, 37.0 dB lower." in said[TITLES["halves"]]
    record["curves"][0] |= dict.fromkeys(("median_snr_db", "median_low_db", "median_high_db"))
    assert sentences(record)[TITLES["halves"]] == (
        "Half of the clips break at 52.0 dB (51.0 to 53.0) under deepfool; fewer than half down to 20 dB under "
        "white-noise."
    )
    assert "flute under deepfool (75.0%); evenly spread, each label would have 50.0%" in said[TITLES["labels"]]


def test_an_input_resists_only_where_the_interval_says_so(record):
    said = sentences(record)[TITLES["inputs"]]
    assert "vgg13 compared with mel" in said  # one architecture: nothing else differs
    assert "wave resists more, +4.0 dB of change (+1.0 to +7.0)" in said
    assert "constant_q -2.0 dB of change (-5.0 to +1.0), which shows no difference" in said
    record["inputs"][3]["success"] = 0.6
    assert "of broken clips alone, which says nothing of those that were not" in sentences(record)[TITLES["inputs"]]
    record["inputs"][3]["pairs"] = 1
    assert "wave has 1 broken clip in common with it, too few to say" in sentences(record)[TITLES["inputs"]]


def test_transfer_is_of_small_changes_between_inputs_and_not_of_two_clips(record):
    said = sentences(record)[TITLES["transfer"]]
    assert said.startswith(
        "Shown to another model, of each attack's clips fool it: deepfool 29.0% (19.0% to 39.0%), noise of equal "
        "energy 5.0%, in points +24 (+14 to +34)"
    )
    assert "fgsm" not in said
    assert "the highest of 2 rates between a model of mel and one of wave is 20.0% (10.0% to 30.0%)" in said
    assert said.endswith("(deepfool, dense-wav to crnn).")


def test_survival_names_a_codec_and_what_leaves_fewest(record):
    said = sentences(record)[TITLES["survival"]]
    assert said.startswith(
        "Of deepfool's successes are left after MP3 at 128 kbit/s 30.0% (20.0% to 40.0%), noise of equal energy 25.0%, "
        "in points +5 (-5 to +15), no difference shown; after 16 b"
    )
    assert "; the fewest after 1/2 of the rate and back, 20.0% (10.0% to 30.0%), noise" in said


def test_pairs_are_a_matrix_with_their_sentence(record):
    header, rows = next((header, rows) for name, header, rows in tables(record) if name == matrix_title("lbfgs"))
    assert header == ("from / to", "flute", "bell")
    assert rows == [["flute", "", "2 of 2, 80.0"], ["drum", "0 of 2", ""]]
    said = sentences(record)[matrix_title("lbfgs")]
    assert said.startswith("lbfgs reaches its target in 75.0% (65.0% to 85.0%) of 20 attempts, at a median SNR of 80.0")
    assert said.endswith("1 of 2 pairs of labels never.")
    text = format_sound_events(record)
    assert text.index(matrix_title("lbfgs")) < text.index(said) < text.index("Labels left and reached")
    hostile = [{**row, "label": "a$\\x$\udcff"} for row in record["pairs"]]
    assert draw_pairs(hostile, ["a$\\x$\udcff", *record["data"]["label_names"]]).startswith(b"\x89PNG")
    assert draw_pairs(record["pairs"], record["data"]["label_names"]).startswith(b"\x89PNG")
    assert draw_curves(record["curves"]).startswith(b"\x89PNG")


def test_new_labels_are_a_map_of_each_attack_from_the_old_ones(record, monkeypatch):
    names = record["data"]["label_names"]
    moves = [
        {"attack": "deepfool", "label": "flute", "new_label": "bell", "clips": 12},
        {"attack": "deepfool", "label": "bell", "new_label": "flute", "clips": 1},
        {"attack": "carlini", "label": "drum", "new_label": "bell", "clips": 5},
    ]
    hostile = [{**moves[0], "label": "a$\\x$\udcff"}]
    assert draw_moves(hostile, [*names, "a$\\x$\udcff"]).startswith(b"\x89PNG")
    monkeypatch.setattr(sound_events_maps, "png", lambda figure: figure)
    panels = draw_moves(moves, names).axes
    assert [panel.get_title() for panel in panels] == ["deepfool: 13 clips", "carlini: 5 clips"]
    assert [[(*text.get_position(), text.get_text()) for text in panel.texts] for panel in panels] == [
        [(2, 0, "12"), (0, 2, "1")],
        [(2, 1, "5")],
    ]
    assert all([tick.get_text() for tick in panel.get_yticklabels()] == names for panel in panels)


def test_little_is_said_of_little(record):
    one = {name: [] for name in record} | {"models": record["models"][:1], "data": record["data"]}
    one["attacks"] = [attack("deepfool", "vgg13", 0.2, 30.0)]
    said = sentences(one)
    assert set(said) == {TITLES["models"], TITLES["attacks"]}
    assert said[TITLES["models"]] == "vgg13 is right on 90.0% (80.0% to 100.0%) of 50 test clips."
    assert said[TITLES["attacks"]] == (
        "No attack that looks for the smallest change breaks more than half of the clips."
    )
