"""The comparison of purifiers on tiny networks: every cell once, resumed, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from art_audio_ext.attacks.evasion import AudioPGD
from art_audio_ext.defences.preprocessor import FrequencyDomainPurifier, TimeDomainPurifier
from art_audio_ext.defences.preprocessor.wave_purifiers import WavePurifier
from art_audio_ext.experiments import dual_pure as module
from art_audio_ext.experiments import purification_cells, purification_models
from art_audio_ext.experiments.dual_pure import dual_pure
from art_audio_ext.experiments.purification_attacks import ATTACKS
from art_audio_ext.experiments.purification_plans import MODELS, ModelPlan
from art_audio_ext.experiments.purification_rows import shortcut
from art_audio_ext.experiments.purification_sizes import PRESETS
from art_audio_ext.report.dual_pure_view import format_dual_pure
from art_audio_ext.training.speech_model import SpeechModel

pytest.importorskip("diffusers", reason="needs the extra [diffusion]")
SOME = ["none", "time_stage", "dual_pure", "robust_noisy", "one_shot"]


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
    assert by_name["pgd10", "time_stage"]["differences"] == {}
    gap = by_name["pgd10", "none"]["differences"]["time_stage"]
    assert gap["low"] <= gap["mean"] <= gap["high"]
    assert len(record["cells"]) == len(record["rows"])
    assert set(record["seconds_per_clip"]) == set(SOME)
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
    names = ["mi_fgsm", "transfer", "fixed_noise"]
    options = {"defences": ["time_stage"], "attacks": [*names, "auto_pgd"], "clips": 4, "progress": False}
    record = dual_pure(tiny_dataset, tmp_path / "a", **options)
    assert [row["attack"] for row in record["rows"]] == [name for name in ATTACKS if name in names]
    assert set(record["clean"]) == {"plain", "surrogate"}
    by_name = {row["attack"]: row for row in record["rows"]}
    assert by_name["transfer"]["never_wrong"] is None  # what another network saw says nothing
    assert by_name["fixed_noise"]["draws"] == 1
    assert np.random.get_state()[1].tobytes() == state  # noqa: NPY002
    same = dual_pure(tiny_dataset, tmp_path / "b", **options)
    assert same["rows"] == record["rows"]


def test_what_was_trained_in_another_way_is_not_taken(tiny_dataset, tmp_path, tiny_networks):
    options = {"defences": ["none"], "attacks": ["clean"], "clips": 8, "progress": False, "precision": "float32"}
    dual_pure(tiny_dataset, tmp_path, **options)
    for change, named in (
        ({"epochs": 2}, "settings"),
        ({"seed": 1}, "seed"),
        ({"architecture": "vgg19_bn"}, "settings"),
    ):
        with pytest.raises(ValueError, match=rf"trained in another way \(.*{named}.* differ\): name another folder"):
            dual_pure(tiny_dataset, tmp_path, **{**options, **change})
    with pytest.raises(ValueError, match="data"):
        dual_pure(tiny_dataset.subset(np.arange(100)), tmp_path, **options)


def test_other_clips_are_other_cells_even_where_as_many(tiny_dataset, tmp_path, tiny_networks, monkeypatch):
    monkeypatch.setitem(PRESETS, "quick", replace(PRESETS["quick"], costly=4))
    monkeypatch.setattr(purification_cells, "_COSTLY", 5)
    options = {"defences": ["none"], "attacks": ["pgd10"], "progress": False}
    for clips in (8, 12, 8):
        record = dual_pure(tiny_dataset, tmp_path, clips=clips, **options)
        assert record["rows"][0]["clips"] == 4  # the first of others
    assert len((tmp_path / "cells.jsonl").read_text().splitlines()) == 3  # what it is, and two cells


def test_noise_that_is_known_is_the_noise_that_is_met(tiny_dataset, tmp_path, tiny_networks, monkeypatch):
    """More clips than a batch: each is tried under the draw that its attack saw."""
    seen = []
    monkeypatch.setitem(PRESETS, "quick", replace(PRESETS["quick"], batch_size=5))
    purify = TimeDomainPurifier._purify

    def watched(self, x, generator):
        pure = purify(self, x, generator)
        seen.append(pure.detach() - x.detach())
        return pure

    monkeypatch.setattr(TimeDomainPurifier, "_purify", watched)
    line = replace(ATTACKS["fixed_noise"], build=lambda c, run: AudioPGD(c, max_iter=1, batch_size=5, verbose=False))
    monkeypatch.setitem(ATTACKS, "fixed_noise", line)
    dual_pure(tiny_dataset, tmp_path, defences=["time_stage"], attacks=["fixed_noise"], clips=15, progress=False)
    noise = torch.stack(seen[:6])  # three batches attacked, then tried; the rest is timing
    torch.testing.assert_close(noise, noise[:1].expand_as(noise), atol=1e-3, rtol=0)


def test_gradients_of_another_kind_are_for_the_attack_alone(tiny_dataset, tmp_path, tiny_networks, monkeypatch):
    seen = set()
    for cls, method, option in (
        (WavePurifier, "_noise", "network_gradient"),
        (FrequencyDomainPurifier, "_purify", "straight_through"),
    ):
        inner = getattr(cls, method)

        def watched(self, *rest, inner=inner, option=option):
            seen.add((option, getattr(self, option), torch.is_grad_enabled()))
            return inner(self, *rest)

        monkeypatch.setattr(cls, method, watched)
    monkeypatch.setattr(module, "seconds_per_clip", lambda *_: {})
    options = {"attacks": ["straight_through", "adjoint"], "clips": 4, "seeds": 1, "progress": False}
    record = dual_pure(tiny_dataset, tmp_path, defences=SOME, **options)
    assert [(row["attack"], row["defence"]) for row in record["rows"]] == [
        ("straight_through", "dual_pure"),
        ("adjoint", "one_shot"),
    ]
    assert seen == {  # of an option, its value, and whether there are gradients: in the attack, and afterwards
        ("straight_through", True, True),
        ("straight_through", False, False),
        ("network_gradient", False, True),
        ("network_gradient", True, False),
    }


def test_gradients_are_as_before_when_an_attack_breaks():
    purifier = TimeDomainPurifier(3)
    line = replace(ATTACKS["adjoint"], shortcut=("batch_size", 7))

    def attack():
        with shortcut([purifier], line):
            assert purifier.batch_size == 7
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attack()
    assert purifier.batch_size == 64


def test_a_mean_of_weights_comes_after_its_parts(tiny_dataset, tmp_path, tiny_networks, monkeypatch):
    changes = (("adversarial_eps", 0.002), ("ema", 0.9))
    plans = {
        "plain": MODELS["plain"],
        "one": ModelPlan("classifier", changes, "plain", 0.5),
        "other": ModelPlan("classifier", changes, "plain", 0.5, seed_shift=1),
        "hardened_mean": ModelPlan("mean", parts=("one", "other")),
    }
    for place in (module, purification_models):
        monkeypatch.setattr(place, "MODELS", plans)
    options = {"attacks": ["clean"], "clips": 8, "progress": False}
    record = dual_pure(tiny_dataset, tmp_path, defences=["noise_hardened_mean"], **options)
    assert list(record["clean"]) == list(plans)
    one, other, mean = (
        SpeechModel.load(tmp_path / "models" / f"{name}.safetensors").network.state_dict()["features.10.body.3.weight"]
        for name in ("one", "other", "hardened_mean")
    )
    torch.testing.assert_close(mean, (one + other) / 2)
    assert not torch.equal(one, other)
    note = json.loads((tmp_path / "models" / "hardened_mean-training.json").read_text())
    assert len(note["start"]) == 2
