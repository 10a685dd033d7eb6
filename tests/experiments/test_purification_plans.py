"""The plans of the networks: in an order that can be followed, and controls that differ in one thing."""

from __future__ import annotations

from dataclasses import replace

from art_audio_ext.experiments.purification_cells import clips_of
from art_audio_ext.experiments.purification_defences import DEFENCES
from art_audio_ext.experiments.purification_plans import MODELS
from art_audio_ext.experiments.purification_sizes import PRESETS


def test_what_a_network_needs_comes_before_it():
    names = list(MODELS)
    for name, plan in MODELS.items():
        assert all(names.index(before) < names.index(name) for before in plan.before)
    assert {model for defence in DEFENCES.values() for model in defence.models} <= set(names)


def test_the_longer_control_is_trained_as_the_hardened_one_but_for_the_noise():
    def silent(name):
        return replace(MODELS[name], changes=tuple(c for c in MODELS[name].changes if c[0] != "noise_sigma"))

    pairs = {"robust_noisy": "adversarial", "hardened": "adversarial_more"}
    pairs |= {f"hardened_{way}": f"adversarial_more_{way}" for way in ("masked", "louder", "mean")}
    for hardened, control in pairs.items():
        theirs = silent(control)
        back = {value: key for key, value in pairs.items()}
        renamed = replace(
            theirs, start=back.get(theirs.start, theirs.start), parts=tuple(back[part] for part in theirs.parts)
        )
        assert renamed == silent(hardened)


def test_the_noise_matched_control_differs_from_the_robust_one_in_the_attack_alone():
    robust = MODELS["robust_noisy"]
    calm = tuple(change for change in robust.changes if change[0] != "adversarial_eps")
    assert replace(robust, changes=calm) == MODELS["noisy"]


def test_shortcuts_are_for_defences_that_have_them():
    size = PRESETS["standard"]
    assert clips_of(size, "dual_pure", "straight_through", 400) == 400
    assert clips_of(size, "one_shot", "adjoint", 400) == 400
    for defence, attack in (("time_stage", "straight_through"), ("none", "adjoint"), ("dual_pure", "adjoint")):
        assert clips_of(size, defence, attack, 400) == 0
