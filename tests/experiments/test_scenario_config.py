"""Armory scenarios: the committed files are what the function makes, and Armory's schema accepts them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from art_audio_ext.defences.detector.poison import PoisonLikelihoodDefence
from art_audio_ext.experiments.scenario_config import committed_scenarios, scenario_config
from art_audio_ext.experiments.scenario_filters import FILTERS, MORE_FILTERS, SOUND_FILTERS, filter_setting
from art_audio_ext.functional.scorers import SCORERS

SCENARIOS = Path(__file__).resolve().parents[2] / "armory_scenarios"
HAS_ARMORY = importlib.util.find_spec("armory") is not None
needs_armory = pytest.mark.skipif(not HAS_ARMORY, reason='needs pip install "art-audio-ext[armory]"')


def test_committed_scenarios_are_what_the_function_makes():
    expected = committed_scenarios()
    found = {path.relative_to(SCENARIOS).as_posix() for path in SCENARIOS.rglob("*") if path.is_file()}
    assert found == set(expected)
    for name, config in expected.items():
        assert json.loads((SCENARIOS / name).read_text(encoding="utf-8")) == json.loads(json.dumps(config)), name


@needs_armory
def test_committed_scenarios_pass_armorys_schema():
    jsonschema = pytest.importorskip("jsonschema")
    spec = importlib.util.find_spec("armory")
    schema = json.loads((Path(spec.submodule_search_locations[0]) / "utils" / "config_schema.json").read_text())
    for config in committed_scenarios().values():
        jsonschema.validate(config, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**config, "model": {}}, schema)


def test_scenario_of_each_filter_differs_only_where_it_should():
    options = {"spec": "builtin", "source": "a", "target": "b", "poison_fraction": 0.1}
    configs = {name: scenario_config(name, **options) for name in FILTERS + MORE_FILTERS}
    assert configs["none"]["defense"] is None
    assert not configs["none"]["adhoc"]["use_poison_filtering_defense"]
    assert configs["perfect"]["defense"]["kwargs"] == {"perfect_filter": True}
    assert configs["activation_clustering"]["defense"]["kwargs"] == {}
    assert configs["spectral_signatures_tuned"]["defense"]["kwargs"]["expected_pp_poison"] == pytest.approx(0.0909)
    victims = {name: config["adhoc"]["fit_defense_classifier_outside_defense"] for name, config in configs.items()}
    assert {name for name, trained in victims.items() if not trained} == set(SOUND_FILTERS)
    scores = {name: configs[name]["defense"]["kwargs"]["score"] for name in SOUND_FILTERS}
    assert scores == {name: name for name in SOUND_FILTERS} | {"poison_likelihood": "pls"}
    for config in configs.values():
        assert config["attack"] == configs["none"]["attack"]
        assert config["model"] == configs["none"]["model"]
    with pytest.raises(ValueError, match="no filter 'magic'"):
        scenario_config("magic", **options)
    with pytest.raises(ValueError, match="poison_likelihood has a score of its own"):
        scenario_config("poison_likelihood", **options, filter_options={"score": "combined"})


def test_scores_of_scenarios_exist_and_the_filter_takes_their_options():
    assert set(SOUND_FILTERS.values()) == set(SCORERS)
    for config in committed_scenarios().values():
        if (config["defense"] or {}).get("name") == "PoisonLikelihoodDefence":
            assert set(config["defense"]["kwargs"]) <= set(PoisonLikelihoodDefence.defence_params)
            assert config["defense"]["kwargs"]["score"] in SCORERS


def test_a_setting_in_words_tells_what_was_chosen():
    def setting(name, **given):
        options = {"spec": "builtin", "source": "a", "target": "b", "poison_share": 0.08, "filter_options": given}
        return filter_setting(name, scenario_config(name, **options))

    assert setting("none") == "no defence"
    assert setting("perfect") == "perfect filter"
    assert setting("activation_clustering") == "ART's activation clustering, ART's defaults"
    assert setting("activation_clustering", nb_dims=7).endswith("ART's defaults; nb_dims = 7")
    assert "expected_pp_poison = 0.08" in setting("spectral_signatures_tuned")
    likelihood = setting("poison_likelihood", vae="some/where/mine.safetensors", ignore_classes=[])
    assert setting("combined", alpha=0.05).endswith('; ignore_classes = ["_silence_"], alpha = 0.05')
    assert likelihood == 'VAE poison likelihood score; ignore_classes = [], vae = "mine.safetensors"'
