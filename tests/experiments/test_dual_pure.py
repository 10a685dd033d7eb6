"""The comparison of purifiers on tiny networks: every cell once, resumed, and figures that can be checked by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from art_audio_ext.experiments import dual_pure as module
from art_audio_ext.experiments.dual_pure import PRESETS, choose_size, dual_pure
from art_audio_ext.experiments.dual_pure_summary import cell_table
from art_audio_ext.experiments.purification_attacks import ATTACKS
from art_audio_ext.report.dual_pure_view import format_dual_pure
from art_audio_ext.training import classifier_settings, diffusion_settings

pytest.importorskip("diffusers", reason="needs the extra [diffusion]")
SOME = ["none", "time_stage", "dual_pure", "robust_noisy", "one_shot"]
TINY = {
    "base": 8,
    "multipliers": (1, 1),
    "attention": (),
    "heads": 1,
    "residual_channels": 4,
    "layers": 2,
    "dilation_cycle": 2,
    "skip_channels": 4,
    "embedding": (8, 8, 8),
    "epochs": 1,
}


@pytest.fixture
def tiny_networks(monkeypatch):
    small = replace(
        classifier_settings.PRESETS["quick"], width=4, epochs=6, batch_size=16, augment=False, learning_rate=1e-2
    )
    monkeypatch.setitem(classifier_settings.PRESETS, "quick", small)
    for domain in ("mel", "wave"):
        tiny = diffusion_settings.DiffusionSettings(domain, **TINY)
        monkeypatch.setitem(diffusion_settings.PRESETS, (domain, "quick"), tiny)


def test_every_defence_under_an_attack_and_again_from_where_it_was_stopped(
    tiny_dataset, tmp_path, tiny_networks, monkeypatch
):
    options = {"clips": 8, "attacks": ["clean", "pgd10"], "progress": False}
    record = dual_pure(tiny_dataset, tmp_path, defences=SOME, **options)
    assert [(row["attack"], row["defence"]) for row in record["rows"]] == [
        (attack, defence) for attack in ("clean", "pgd10") for defence in SOME
    ]
    assert {row["clips"] for row in record["rows"]} == {8}
    by_name = {(row["attack"], row["defence"]): row for row in record["rows"]}
    assert by_name["clean", "none"]["accuracy"] > 0.7
    assert by_name["clean", "none"]["draws"] == 1
    assert by_name["clean", "time_stage"]["draws"] == 5
    assert by_name["pgd10", "time_stage"]["difference"] is None
    assert by_name["pgd10", "none"]["difference_low"] <= by_name["pgd10", "none"]["difference"]
    assert by_name["clean", "none"]["never_wrong"] is None
    assert by_name["pgd10", "dual_pure"]["never_wrong"] <= by_name["pgd10", "dual_pure"]["accuracy"]
    assert json.loads((tmp_path / "results.json").read_text())["rows"][0]["defence"] == "none"
    assert format_dual_pure(record).count("\n| PGD-10 ") == len(SOME)
    page = (tmp_path / "report.html").read_text()
    assert "What do purifiers withstand?" in page
    assert "data:image/png;base64," in page
    assert (tmp_path / "accuracy.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(module, "run_cell", None)
    again = dual_pure(tiny_dataset, tmp_path, defences=SOME, **options)
    assert again["rows"] == record["rows"]


def test_attacks_of_others_transfer_and_randomness_is_put_back(tiny_dataset, tmp_path, tiny_networks):
    state = np.random.get_state()[1].tobytes()  # noqa: NPY002
    names = ["auto_pgd", "mi_fgsm", "transfer", "fixed_noise"]
    options = {"defences": ["time_stage"], "attacks": names, "clips": 4, "progress": False}
    record = dual_pure(tiny_dataset, tmp_path / "a", **options)
    assert [row["attack"] for row in record["rows"]] == [name for name in ATTACKS if name in names]
    assert set(record["clean"]) == {"plain", "surrogate"}
    by_name = {row["attack"]: row for row in record["rows"]}
    assert by_name["transfer"]["never_wrong"] is None  # what another network saw says nothing
    assert by_name["fixed_noise"]["draws"] == 1
    assert np.random.get_state()[1].tobytes() == state  # noqa: NPY002
    same = dual_pure(tiny_dataset, tmp_path / "b", **options)
    assert same["rows"] == record["rows"]


def cell(defence, attack, seed, right, ever=None):
    return {"defence": defence, "attack": attack, "seed": seed}, {"right": right, "ever_wrong": ever}


def test_the_figures_of_a_row():
    cells = [
        cell("time_stage", "pgd10", 0, ["1100"]),
        cell("time_stage", "pgd10", 1, ["1000"]),
        cell("dual_pure", "pgd10", 0, ["1110", "0110", "1110"], "0100"),
        cell("dual_pure", "pgd10", 1, ["1110", "1100", "1010"], "0000"),
    ]
    base, row = cell_table(cells)
    assert (base["defence"], base["accuracy"], base["never_wrong"]) == ("time_stage", 3 / 8, None)
    assert row["accuracy"] == 6 / 8
    assert row["never_wrong"] == 5 / 8
    assert row["worst_of"] == 3 / 8
    assert row["vote"] == 6 / 8
    assert row["difference"] == 3 / 8
    assert row["low"] < row["accuracy"] < row["high"]
    assert (row["clips"], row["seeds"], row["draws"]) == (4, 2, 3)


def test_sizes_and_names_are_checked():
    for name, size in PRESETS.items():
        assert choose_size(name) == size
    assert choose_size("quick", ["none"], ["clean"], 5, 2).clips == 5
    for wrong, message in (
        ({"preset": "huge"}, "preset"),
        ({"defences": ["prayer"]}, "no defence prayer"),
        ({"attacks": []}, "no attack named"),
        ({"clips": 0}, "clips"),
        ({"seeds": True}, "seeds"),
    ):
        with pytest.raises(ValueError, match=message):
            choose_size(**{"preset": "quick", **wrong})
