"""The paper's experiments on a tiny dataset: files, numbers, resuming, escaping, and the command."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest
from PIL import Image

from art_audio_ext import cli
from art_audio_ext.datasets.export import write_folder
from art_audio_ext.experiments import poison_likelihood_setup as setup
from art_audio_ext.experiments.poison_likelihood import poison_likelihood
from art_audio_ext.experiments.poison_likelihood_summary import clean_table, line_table, pair_map, roc_of
from art_audio_ext.report.poison_likelihood_view import format_poison_likelihood_table, write_poison_likelihood

FIGURES = [f"figure{name}.png" for name in ("2_class_scores", "3_clusters", "4_roc", "6_maps", "7_fractions")]


@pytest.fixture
def quick(tiny_dataset, first_samples, loud_start):
    """The quick preset with two attacks a line; more options on demand."""

    def run(out, dataset=tiny_dataset, **options):
        options = {"scores": ["pls", "loud_start"], "vae": first_samples, "attacks": 2} | options
        return poison_likelihood(dataset, out, progress=False, **options)

    return run


def test_a_quick_run_writes_every_file(quick, tmp_path):
    result = quick(tmp_path)
    assert [name for name in FIGURES if not (tmp_path / name).is_file()] == []
    assert all(min(Image.open(tmp_path / name).size) > 200 for name in FIGURES)
    written = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert written.keys() == result.to_dict().keys()
    assert [(row["line"], row["score"], row["attacks"]) for row in written["lines"]] == [
        (line, score, 2) for line in ("clap", "whistle") for score in ("pls", "loud_start")
    ]
    assert {row["poison_fraction"] for row in written["fractions"]} == {0.02, 0.1, 0.3}
    assert [row["runs"] for row in written["clean"]] == [6, 6]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") == len(FIGURES)
    assert "://" not in page
    assert (tmp_path / "table.md").read_text(encoding="utf-8").startswith("| attack")


def test_what_is_found_is_what_there_is(quick, tmp_path):
    rows = {row["score"]: row for row in quick(tmp_path, scores=["loud_start"], lines=["clap"]).lines}
    expected = {
        "class_auc": 1.0,
        "right_class": 1.0,
        "ari": 1.0,
        "precision": 1.0,
        "recall": 1.0,
        "others_flagged": 0.0,
    }
    assert {key: rows["loud_start"][key] for key in expected} == expected


def test_a_second_call_runs_nothing_twice_and_more_attacks_only_the_new_ones(quick, tmp_path, loud_start):
    first = quick(tmp_path, scores=["loud_start"])
    count = len(loud_start)
    assert quick(tmp_path, scores=["loud_start"]).lines == first.lines
    assert len(loud_start) == count
    quick(tmp_path, scores=["loud_start"], lines=["clap", "clean_label"])
    assert len(loud_start) == count + 2


def test_another_dataset_does_not_go_on_with_the_results_of_this_one(quick, tmp_path, tiny_dataset):
    quick(tmp_path, scores=["loud_start"], lines=["clap"])
    with pytest.raises(ValueError, match="another sweep"):
        quick(tmp_path, replace(tiny_dataset, waveforms=0.5 * tiny_dataset.waveforms), scores=["loud_start"])


def test_labels_cannot_write_the_page(quick, tmp_path, tiny_dataset):
    names = ("<script>alert(1)</script>", "$x_{$", "a\nb", "d|e")
    quick(tmp_path, replace(tiny_dataset, label_names=names), scores=["loud_start"], lines=["clap"])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_same_result_gives_the_same_bytes(quick, tmp_path):
    result = quick(tmp_path / "a", scores=["loud_start"], lines=["clap"])
    for folder in ("b", "c"):
        write_poison_likelihood(result, tmp_path / folder)
    for name in ("results.json", "report.html", "table.md", *FIGURES):
        assert (tmp_path / "b" / name).read_bytes() == (tmp_path / "c" / name).read_bytes()


def test_pictures_of_an_earlier_run_do_not_stay(quick, tmp_path):
    result = quick(tmp_path, scores=["loud_start"], lines=["clap"])
    write_poison_likelihood(replace(result, roc={}, maps=[]), tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [FIGURES[0], FIGURES[1], FIGURES[4]]


def test_notes_say_what_to_bear_in_mind(quick, tmp_path, tiny_dataset):
    noisy = replace(tiny_dataset, label_names=("alpha", "bravo", "charlie", "_silence_"))
    result = quick(tmp_path / "noisy", noisy, scores=["loud_start"], lines=["clap"])
    assert result.scored == [0, 1, 2]
    notes = " ".join(result.notes)
    assert "2 attacks a line" in notes
    assert "_silence_" in notes
    assert "pls" not in notes
    assert "median class has 30" in " ".join(quick(tmp_path / "pls", lines=["clap"], attacks=1).notes)


def test_filters_have_their_figure_and_table(quick, tmp_path):
    result = quick(tmp_path, scores=["loud_start"], lines=["clap"])
    row = {"filter": "spectral_signatures", "line": "clap", "source": 0, "target": 1, "true_positives": 3}
    row |= {"false_positives": 1, "true_negatives": 116, "false_negatives": 0, "true_positive_rate": 1.0}
    row |= {"false_positive_rate": 1 / 117, "adjusted_rand_index": 0.8, "attack_success_rate": 0.5}
    row |= {"any_class_success_rate": None, "benign_accuracy": 0.9, "filter_seconds": 1.0, "seconds": 2.0}
    write_poison_likelihood(replace(result, filters=[row, row | {"filter": "none"}]), tmp_path)
    assert (tmp_path / "figure5_confusion.png").is_file()
    assert "Spectral signatures" in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_every_line_runs(quick, tmp_path):
    lines = list(setup.LINES)
    result = quick(tmp_path, scores=["loud_start"], lines=lines, attacks=1)
    rows = {row["line"]: row for row in result.lines}
    assert list(rows) == lines
    assert rows["all_to_all"]["class_auc"] is None
    assert rows["all_to_all"]["target_flagged"] == 1.0
    assert "two_triggers" not in format_poison_likelihood_table(result)  # its description stands there


def test_presets_are_what_the_paper_did(tiny_dataset, first_samples):
    from art_audio_ext.experiments.attack_bank import AttackBank

    bank = AttackBank.build(tiny_dataset, [])
    size = setup.choose_size("paper", None, None)
    listed = setup.list_experiments(size, bank, ["pls"], "id", 0)
    attacks = [e for e in listed if "attack" in e and e["attack"]["line"] in setup.MAP_LINES]
    assert len(attacks) == 2 * 4 * 3
    assert sum("clean" in e for e in listed) == 100
    assert len({json.dumps(e, sort_keys=True) for e in listed}) == len(listed)
    assert setup.choose_size("standard", None, None).attacks == 40
    part = setup.choose_size("standard", None, None, 7, ["clean"])
    assert (part.clean, part.fractions, part.retrain) == (7, (), False)
    with pytest.raises(ValueError, match="no part pictures"):
        setup.choose_size("quick", None, None, None, ["pictures"])
    with pytest.raises(ValueError, match="clean must be"):
        setup.choose_size("quick", None, None, -1)
    assert setup.choose_size("quick", 9, ["horn"]) == replace(setup.PRESETS["quick"], attacks=9, lines=("horn",))


def test_scores_that_need_a_vae_wait_for_one():
    assert "pls" not in setup.choose_scores(None, "quick", vae_given=False)
    assert "pls" in setup.choose_scores(None, "quick", vae_given=True)
    assert "pls" in setup.choose_scores(None, "standard", vae_given=False)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"preset": "huge"}, "choose quick, standard, paper"),
        ({"scores": ["best"]}, "no score best"),
        ({"scores": []}, "no score named"),
        ({"lines": ["bell"]}, "no attack line 'bell'"),
        ({"lines": []}, "names no attack"),
        ({"attacks": 0}, "from 1 up"),
    ],
)
def test_wrong_options_say_the_remedy(quick, tmp_path, wrong, says):
    with pytest.raises(ValueError, match=says):
        quick(tmp_path, **wrong)


def _attack(line, source, target, values, score="s"):
    plan = {"line": line, "parts": [{"source": source, "target": target, "poison_fraction": 0.1}]}
    right = max(v for v in values if v is not None) == values[target]
    found = {"classes": [0, 1, 2], "class_scores": values, "flagged": [False] * 3, "targets": [target]}
    found |= {"right_class": right, "ari": 0.5 + 0.5 * right, "target_flagged": 0.0, "others_flagged": 0}
    return {"attack": plan, "score": score}, found | {"precision": None, "recall": 0.0, "seconds": 1.0}


def test_the_summary_counts_by_hand():
    finished = [_attack("clap", 0, 1, [1.0, 3.0, None]), _attack("clap", 0, 2, [2.0, 0.0, 1.5])]
    for alarm in (True, False, False, False):
        found = {"classes": [0, 1, 2], "class_scores": [4.0, 0, 0], "flagged": [alarm, False, False], "seconds": 1.0}
        finished.append(({"clean": 1, "score": "s"}, found))
    (row,) = line_table(finished, ["s", "other"])
    assert (row["attacks"], row["right_class"], row["ari"], row["precision"]) == (2, 0.5, 0.75, None)
    assert row["class_auc"] == 5 / 6  # targets 3, 1.5 against benign 1, 2, 0
    assert clean_table(finished, ["s"])[0]["alarm_rate"] == 0.25
    curve = roc_of(finished, ("clap",), "s")
    assert (curve["attacks"], curve["clean"]) == (2, 4)
    assert curve["auc"] < 5 / 6  # the clean datasets have four high classes
    table = pair_map(finished, "clap", "s", [0, 1, 2])
    assert table["ari"][0] == [None, 1.0, 0.5]
    assert table["right_class"][0] == [None, True, False]
    assert pair_map(finished, "whistle", "s", [0, 1, 2]) is None


def test_the_command_runs_and_says_where(monkeypatch, capsys, tmp_path, tiny_dataset, loud_start):
    folder = write_folder(tiny_dataset, tmp_path / "in", progress=False)
    words = ["experiment", "poison-likelihood", "--data", str(folder), "--out", str(tmp_path / "out"), "--quiet"]
    words += ["--score", "loud_start", "--lines", "clap", "--attacks", "1"]
    monkeypatch.setattr(sys, "argv", ["art-audio", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 0
    assert "| clap .1 at the start | loud_start | 1" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["art-audio", "experiment", "poison-likelihood", "--help"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "Example: art-audio experiment poison-likelihood" in " ".join(capsys.readouterr().out.split())
    monkeypatch.setattr(sys, "argv", ["art-audio", *words, "--lines", "bell"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert "choose among clap" in capsys.readouterr().err
