"""What a scenario leaves to the data: filled in where it is open, refused where it contradicts; and weights."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from art_audio_ext.experiments.armory_config import complete_attack, complete_filter, complete_model, load_weights
from art_audio_ext.experiments.armory_data import Splits


@pytest.fixture
def splits(tiny_dataset) -> Splits:
    return Splits(tiny_dataset, tiny_dataset, np.empty(0, np.int64), tiny_dataset.labels, None, None)


@pytest.fixture
def recorded(splits) -> Splits:
    return replace(splits, record={"source": "alpha", "target": "bravo"})


def test_the_model_takes_its_shape_from_the_data_unless_it_is_given(splits):
    config = {"model": {"model_kwargs": {"length": 8000}}, "adhoc": {"split_id": 3}}
    complete_model(config, splits)
    expected = {"length": 8000, "num_classes": 4, "sample_rate": 16000, "seed": 3}
    assert config["model"]["model_kwargs"] == expected


def test_labels_to_ignore_become_indices(splits):
    config = {"defense": {"kwargs": {"ignore_classes": ["delta", "_silence_", 0]}}}
    complete_filter(config, splits)
    assert config["defense"]["kwargs"]["ignore_classes"] == [3, 0]
    complete_filter({"defense": None}, splits)


def test_classes_become_indices(splits, recorded):
    for data in (splits, recorded):
        adhoc = {"source_class": "alpha", "target_class": 1, "poison_dataset": True}
        complete_attack(adhoc, data)
        assert (adhoc["source_class"], adhoc["target_class"]) == (0, 1)
    complete_attack({"source_class": 0, "target_class": 1, "poison_dataset": False}, splits)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_class": "alpha"}, "both 'alpha'"),
        ({"target_class": 0}, "both 'alpha'"),
        ({"source_class": None}, "label or its index"),
        ({"source_class": "zulu"}, "no label 'zulu'"),
    ],
)
def test_bad_classes_are_refused(splits, changes, message):
    with pytest.raises(ValueError, match=message):
        complete_attack({"source_class": "alpha", "target_class": "bravo", "poison_dataset": True, **changes}, splits)


@pytest.mark.parametrize(
    ("changes", "message"), [({"target_class": "delta"}, "poisoned with bravo"), ({"poison_dataset": False}, "already")]
)
def test_what_contradicts_the_record_is_refused(recorded, changes, message):
    with pytest.raises(ValueError, match=message):
        complete_attack({"source_class": "alpha", "target_class": "bravo", "poison_dataset": True, **changes}, recorded)


def test_weights_are_loaded_or_refused_with_a_remedy(tmp_path):
    model, path = nn.Linear(4, 3), tmp_path / "weights.safetensors"
    save_file(nn.Linear(4, 3).state_dict(), path)
    load_weights(model, os.fspath(path))
    whole = path.read_bytes()
    for count in (0, 4, 20, len(whole) - 1):
        path.write_bytes(whole[:count])
        with pytest.raises(ValueError, match=r"not a whole safetensors file .*copy or save it again"):
            load_weights(model, os.fspath(path))
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="do not fit the model: give model_kwargs"):
        load_weights(nn.Linear(4, 2), os.fspath(path))
    save_file({"weight": torch.full((3, 4), torch.nan), "bias": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match="not finite"):
        load_weights(model, os.fspath(path))
    with pytest.raises(FileNotFoundError):
        load_weights(model, os.fspath(tmp_path / "none.safetensors"))
