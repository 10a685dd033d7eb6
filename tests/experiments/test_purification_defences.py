"""Defences by name: their steps, what they need, and names that are none."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from inspect import signature

import pytest

from art_audio_ext.attacks.evasion import AudioPGD
from art_audio_ext.defences.preprocessor import DualPure, TimeDomainPurifier
from art_audio_ext.experiments.purification_attacks import ATTACKS, AttackRun
from art_audio_ext.experiments.purification_cells import _wanted, cell_tasks, clips_of
from art_audio_ext.experiments.purification_defences import DEFENCES, build_purifiers, find_defence, measured_as
from art_audio_ext.experiments.purification_sizes import PRESETS


def test_every_defence_says_what_it_is():
    lines = [find_defence(name).about for name in DEFENCES]
    assert len(set(lines)) == len(lines)
    assert not any("{" in line or "the same" in line for line in lines)  # each is read by itself
    for name in DEFENCES:
        if "steps" in DEFENCES[name].options:
            assert find_defence(f"{name}@5").about != find_defence(name).about


def test_steps_come_after_the_name():
    assert find_defence("time_stage@5").options == {"steps": 5}
    assert "t_w = 5" in find_defence("time_stage@5").about
    rest = {"reverse": "one_step"}
    assert find_defence("dual_pure@2").options == {"time_steps": 2, "steps": 1, **rest}
    assert find_defence("dual_pure@2+10").options == {"time_steps": 2, "steps": 10, **rest}
    assert DEFENCES["dual_pure"].options == {"time_steps": 3, "steps": 1, **rest}
    (purifier,) = build_purifiers(find_defence("time_stage@7"), {}, seed=3, batch_size=9)
    assert isinstance(purifier, TimeDomainPurifier)
    assert (purifier.steps, purifier.seed, purifier.batch_size) == (7, 3, 9)


@pytest.mark.parametrize(
    "name",
    [
        "prayer",
        "none@1",
        "time_stage@",
        "time_stage@0",
        "time_stage@1+2",
        "ddpm@x",
        "@3",
        "none:one_step",
        "dual_pure:back",
        "dual_pure:",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="there is no defence"):
        find_defence(name)


def test_costly_cells_have_fewer_clips():
    size = PRESETS["standard"]
    assert clips_of(size, "time_stage", "restarts", 400) == 400
    assert clips_of(size, "time_stage", "pgd10_eot128", 400) == 50
    assert clips_of(size, "ddpm", "pgd10", 400) == 400
    assert clips_of(size, "ddpm", "pgd10_eot20", 400) == 50
    assert clips_of(size, "ddpm", "pgd10_eot20", 20) == 20
    assert clips_of(size, "ddpm", "pgd30_eot10", 400) == 50
    assert clips_of(size, "ddpm", "fake_bob", 400) == 0
    assert clips_of(size, "time_stage", "fake_bob", 400) == 50
    assert clips_of(size, "none", "auto_pgd", 400) == 400
    assert clips_of(size, "adversarial", "pgd10_eot128", 400) == 400  # ten passes where nothing is random
    assert clips_of(PRESETS["paper"], "time_stage", "auto_pgd", 400) == 0  # no attack on what is random
    assert clips_of(size, "ddpm", "tsmi_fgsm", 400) == 400  # made on another network
    assert clips_of(PRESETS["paper"], "ddpm", "fake_bob", 1000) == 1000


def test_diffusion_of_waveforms_goes_few_clips_at_a_time(tiny_dataset):
    size = replace(PRESETS["quick"], defences=("time_stage", "ddpm"), attacks=("clean",))
    tasks = cell_tasks(size, {"plain": "1", "wave_diffusion": "2"}, tiny_dataset, 0, "float32")
    assert {task["defence"]: task["batch_size"] for task in tasks} == {"time_stage": 100, "ddpm": 10}


def test_where_nothing_is_random_a_cell_is_run_once():
    attacks = ("pgd10", "pgd10_eot20", "pgd10_eot128", "fake_bob", "transfer")
    size = replace(PRESETS["standard"], defences=("none", "time_stage"), attacks=attacks, seeds=3)
    cells = Counter(_wanted(size))
    assert set(cells.values()) == {1}
    often = Counter((defence, attack) for _, attack, defence in cells)
    assert often == {
        ("none", "pgd10"): 1,
        ("none", "transfer"): 1,
        ("none", "fake_bob"): 3,  # its own points are drawn
        **{("time_stage", attack): 3 for attack in attacks},
    }


@pytest.mark.parametrize("name", [name for name, line in ATTACKS.items() if line.still_as])
def test_what_goes_by_another_name_where_nothing_is_random_is_the_same(name, tiny_classifier):
    other = ATTACKS[name].still_as
    run = AttackRun(8, 0, False)
    first, second = (ATTACKS[each].build(tiny_classifier, run) for each in (name, other))
    assert all(getattr(first, option) == getattr(second, option) for option in AudioPGD.attack_params)
    assert (measured_as("none", name), measured_as("time_stage", name)) == (other, name)
    assert ATTACKS[other].still_as is None


def test_the_way_back_is_in_the_name_and_said():
    said = {
        name: find_defence(f"{base}{name}").about
        for base in ("dual_pure@3+10", "frequency_stage@10")
        for name in ("", ":one_step", ":all_steps", ":one_shot")
    }
    assert said[""] == said[":one_step"] == "log-mel, one step back from t_s = 10"
    assert len(set(said.values())) == 3
    assert find_defence("dual_pure@3+10:all_steps").options == {"time_steps": 3, "steps": 10, "reverse": "all_steps"}
    assert DEFENCES["dual_pure"].options["reverse"] == signature(DualPure).parameters["reverse"].default


def test_draws_are_spent_on_random_defences_alone(tiny_classifier):
    line = ATTACKS["pgd30_eot10"]
    assert line.build(tiny_classifier, AttackRun(8, 0, True)).eot_samples == 10
    attack = line.build(tiny_classifier, AttackRun(8, 5, False, "bfloat16"))
    assert (attack.eot_samples, attack.max_iter, attack.seed, attack.dtype) == (1, 30, 5, "float32")
    assert attack.early_stop  # a wrong answer is the proof
    assert not line.build(tiny_classifier, AttackRun(8, 0, True)).early_stop
    assert line.build(tiny_classifier, AttackRun(8, 0, True, "bfloat16")).dtype == "bfloat16"
    known = ATTACKS["fixed_noise"].build(tiny_classifier, AttackRun(8, 0, True, "bfloat16"))
    assert (known.early_stop, known.dtype, known.eot_samples) == (False, "float32", 1)
    assert line.cost == 300


@pytest.fixture(scope="module")
def tiny_classifier():
    from art.estimators.classification import PyTorchClassifier
    from torch import nn

    from art_audio_ext.networks.speech_classifiers import SpeechClassifier

    return PyTorchClassifier(
        SpeechClassifier("resnet18", 4, width=4), nn.CrossEntropyLoss(), (16000,), 4, clip_values=(-1.0, 1.0)
    )
