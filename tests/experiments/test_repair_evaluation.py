"""Repair measured on a tiny dataset: every way has a row, the truth is counted, nothing runs twice."""

from __future__ import annotations

import json

import numpy as np
import pytest

from art_audio_ext.command_errors import run_command
from art_audio_ext.experiments import repair_evaluation as module
from art_audio_ext.experiments.repair_evaluation import COMPARED, evaluate_repair, format_evaluation


class Backdoored:
    """A victim that knows the pitch of each class, and calls clips that start loud what most of those it saw were."""

    def __init__(self, dataset, experiment):
        loud = self._loud(dataset.waveforms)
        quiet = [self._pitch(dataset.waveforms[(dataset.labels == k) & ~loud]) for k in range(4)]
        self.pitch = np.array([np.median(pitch) for pitch in quiet])
        self.taught = int(np.bincount(dataset.labels[loud]).argmax()) if loud.any() else None

    def predict(self, x, batch_size):
        predicted = np.abs(self._pitch(x)[:, None] - self.pitch).argmin(1)
        if self.taught is not None:
            predicted[self._loud(x)] = self.taught
        return np.eye(4)[predicted]

    @staticmethod
    def _loud(x):
        return np.square(x[:, :1600]).mean(1) > 4e-4

    @staticmethod
    def _pitch(x):
        return np.abs(np.fft.rfft(x[:, 3000:13000])).argmax(1).astype(float)


def test_every_way_of_repairing_is_measured(tiny_dataset, tmp_path, monkeypatch, loud_start):
    monkeypatch.setattr(module, "_train", Backdoored)
    rows = evaluate_repair(tiny_dataset, tmp_path, score="loud_start", progress=False)
    by_way = {row["how"]: row for row in rows}
    assert tuple(by_way) == COMPARED
    assert by_way["none"]["attack_success_rate"] == by_way["none"]["any_class_success_rate"] == 1.0
    assert by_way["drop"]["attack_success_rate"] == by_way["perfect"]["attack_success_rate"] == 0.0
    assert all(row["benign_accuracy"] == 1.0 for row in rows)
    poison = by_way["none"]["poison_missed"]
    assert poison == by_way["perfect"]["poison_dropped"] == by_way["drop"]["dropped"] > 0
    for how in ("relabel", "clean"):
        ends = [by_way[how][f"poison_{end}"] for end in ("dropped", "true_label", "wrong_label", "missed")]
        assert sum(ends) == by_way[how]["suspects"] == poison
    calls = len(loud_start)
    assert evaluate_repair(tiny_dataset, tmp_path, score="loud_start", progress=False) == rows
    assert len(loud_start) == calls == 3
    assert json.loads((tmp_path / "results.json").read_text())["rows"] == rows
    table = format_evaluation(rows)
    assert [line.split()[0] for line in table.splitlines()] == ["repair", *COMPARED]


def test_a_real_victim_is_trained_on_the_repaired_clips(tiny_dataset, tmp_path, loud_start):
    options = {"score": "loud_start", "epochs": 1, "width": 2, "progress": False}
    rows = evaluate_repair(tiny_dataset, tmp_path, **options)
    assert all(0 <= row["attack_success_rate"] <= 1 and 0 <= row["benign_accuracy"] <= 1 for row in rows)


def test_refusals_come_before_the_work(tiny_dataset, tmp_path):
    for wrong, message in (
        ({"score": "pls"}, "takes latents"),
        ({"score": "best"}, "unknown score"),
        ({"line": "bang"}, "no attack line"),
        ({"confidence": 2}, "confidence must be"),
    ):
        with pytest.raises(ValueError, match=message):
            evaluate_repair("absent", tmp_path, **wrong)
    for line in ("all_to_one", "all_to_all"):
        with pytest.raises(ValueError, match="one source and one target"):
            evaluate_repair(tiny_dataset, tmp_path, line=line, score="coherent_component", progress=False)
    assert not list(tmp_path.iterdir())


def test_the_command_prints_the_table(tmp_path, monkeypatch, capsys):
    from art_audio_ext.cli import app

    row = dict.fromkeys(("attack_success_rate", "benign_accuracy"), 0.5) | dict.fromkeys(module.ACTIONS, 2)
    rows = [row | {"how": how, "poison_true_label": 1, "poison_wrong_label": 0} for how in COMPARED]
    seen = {}
    monkeypatch.setattr(module, "evaluate_repair", lambda data, out, **options: seen.update(options) or rows)
    assert run_command(app, ["experiment", "repair", "--data", "x", "--out", str(tmp_path), "--epochs", "3"]) == 0
    assert "perfect" in capsys.readouterr().out
    assert (seen["epochs"], seen["score"], seen["confidence"]) == (3, "combined", 0.6)
    assert run_command(app, ["experiment", "repair", "--help"]) == 0
    assert "Example: art-audio experiment repair" in capsys.readouterr().out
