"""Options of attacks: they reach the attack, name the cells, and wrong ones are refused with what there is."""

from __future__ import annotations

import pytest

from art_audio_ext.experiments import sound_events_plans as plans
from art_audio_ext.experiments.sound_events import choose_size
from art_audio_ext.experiments.sound_events_options import attack_options


def test_they_take_the_place_of_the_presets_and_of_the_attacks_own(monkeypatch):
    said = ["carlini.max_iter=7", "deepfool.hurry_after=null", "lbfgs.tolerance=1e-6"]
    size, usual = choose_size("quick", options=said), choose_size("quick")
    assert size.options_of("carlini") == {**usual.options_of("carlini"), "max_iter": 7}
    assert size.options_of("deepfool") == {"hurry_after": None}
    assert size.options_of("lbfgs") == {**usual.options_of("lbfgs"), "tolerance": 1e-6}
    assert usual.options == plans.PRESETS["quick"].options
    built = {}
    for name in plans.ATTACK_CLASSES:
        monkeypatch.setitem(plans.ATTACK_CLASSES, name, lambda *_, **given: given)
        built[name] = plans.build_attack(name, None, 5, size.options_of(name))
    assert built["deepfool"] == {"batch_size": 8, "verbose": False, "hurry_after": None}
    assert built["white-noise"] == {"batch_size": 8, "verbose": False, "snr_db": 20.0, "seed": 5}
    assert built["carlini-targeted"]["targeted"]
    assert "targeted" not in built["carlini"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("sgd.steps=3", r"'sgd.steps=3' names no attack.*white-noise.*lbfgs"),
        ("lbfgs=3", "no option ''.*restarts"),
        ("lbfgs.steps=3", "lbfgs has no option 'steps': choose among .*tolerance"),
        ("lbfgs.verbose=true", "no option 'verbose'"),
        ("lbfgs.restarts", "must be a number"),
        ("lbfgs.restarts=many", "must be a number"),
        ("lbfgs.restarts=[1]", "must be a number"),
    ],
)
def test_what_is_wrong_is_said_with_what_there_is(said, message):
    with pytest.raises(ValueError, match=message):
        attack_options([said])
