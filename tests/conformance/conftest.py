"""Fixtures of the conformance tests: the cases of the table, what all must refuse, and untrained victims."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_audio_ext.functional.ctc import LabelCodes
from art_audio_ext.functional.front_end import log_mel
from art_audio_ext.networks.audiovisual_recogniser import AudioVisualRecogniser
from art_audio_ext.networks.audiovisual_row import RowModel
from art_audio_ext.training.audiovisual_transcriber import SentenceRecogniser
from art_audio_ext.training.runs import seeded


def _table() -> ModuleType:
    """The file beside this one, which no package leads to: see the import mode in pyproject.toml."""
    spec = spec_from_file_location("conformance_table", Path(__file__).with_name("table.py"))
    table = module_from_spec(spec)
    sys.modules[spec.name] = table  # where pickle and dataclasses look for it
    spec.loader.exec_module(table)
    return table


table = _table()
ROWS = table.ROWS


@pytest.fixture(params=table.EVASION_DETECTORS, ids=str)
def detector_case(request) -> table.Case:
    return request.param


@pytest.fixture(params=table.EVASION_ATTACKS, ids=str)
def evasion_case(request) -> table.Case:
    return request.param


@pytest.fixture(params=table.SENTENCE_ATTACKS, ids=str)
def sentence_case(request) -> table.Case:
    return request.param


@pytest.fixture(params=table.PURIFIERS, ids=str)
def purifier_case(request) -> table.Case:
    if "diffusion" in request.param.options and request.param.options["diffusion"] is None:
        pytest.skip("needs the extra [diffusion]")
    return request.param


@pytest.fixture(params=table.POISONING_ATTACKS, ids=str)
def attack_case(request) -> table.Case:
    if request.param.needs and find_spec(request.param.needs) is None:
        pytest.skip(f"needs {request.param.needs}, of the extra [voice]")
    return request.param


@pytest.fixture(params=table.POISON_FILTERS, ids=str)
def filter_case(request) -> table.Case:
    return request.param


@pytest.fixture(scope="session")
def in_the_table() -> set[type]:
    return {case.cls for kind in table.KINDS for case in kind}


@pytest.fixture(scope="session")
def bad_sound() -> dict[str, Any]:
    """Sound that everything must refuse by ValueError, each with what the message must say."""
    good = np.full((4, 800), 0.1, np.float32)
    nan, loud = good.copy(), good.copy()
    nan[2, 7], loud[1, 5] = np.nan, 1.5
    return {
        "int16": (good * 1000).astype(np.int16),
        "row 2 is nan": nan,
        "row 1 peaks at 1.5": loud,
        "empty": good[:0],
        "not rectangular": [good[0], good[1, :9]],
        "shape": good[None],
    }


@pytest.fixture
def untouched_randomness() -> Callable[[], Any]:
    """A context in which the global random states must not move; they stand at another place each time."""

    @contextmanager
    def watch() -> Iterator[None]:
        before = _global_states()
        yield
        assert _global_states() == before, "a global random state was read or set"

    return watch


def _global_states() -> tuple:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002  # looked at only
    return random.getstate(), (kind, keys.tobytes(), *rest), torch.get_rng_state().numpy().tobytes()


class _MelLinear(nn.Module):
    """The smallest differentiable victim: a linear layer on the mean and the maximum over time of 32 mel bands."""

    def __init__(self, classes: int):
        super().__init__()
        self.linear = nn.Linear(64, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mel = log_mel(x, n_mels=32, frames=32)
        return self.linear(8 * torch.cat([mel.mean(2), mel.amax(2)], 1) - 2)


@pytest.fixture
def row_victim(tmp_path, monkeypatch) -> PyTorchClassifier:
    """An untrained classifier of four classes of audiovisual rows, the same each time."""
    monkeypatch.setattr("art.config.ART_DATA_PATH", str(tmp_path))
    sizes = {"crop": 16, "width": 4, "audio_width": 4, "hidden": 6}
    return PyTorchClassifier(
        RowModel(seeded(lambda: AudioVisualRecogniser(4, **sizes), 0), ROWS),
        loss=nn.CrossEntropyLoss(),
        input_shape=(ROWS.length,),
        nb_classes=4,
        clip_values=ROWS.clip_values(),
        device_type="cpu",
    )


@pytest.fixture
def sentence_victim() -> SentenceRecogniser:
    """An untrained recogniser of sentences of four words, the same each time."""
    codes = LabelCodes("words", ("bin", "lay", "place", "set"))
    sizes = {"crop": 16, "width": 4, "audio_width": 4, "hidden": 6}
    network = seeded(lambda: AudioVisualRecogniser(codes.outputs, head="sentence", **sizes), 0)
    return SentenceRecogniser(RowModel(network.requires_grad_(False), ROWS), ROWS, codes, device_type="cpu")


@pytest.fixture
def victim(tmp_path, monkeypatch) -> PyTorchClassifier:
    """An untrained classifier of four classes of one-second clips, the same each time."""
    monkeypatch.setattr("art.config.ART_DATA_PATH", str(tmp_path))  # where ART writes when it pickles a classifier
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = _MelLinear(4)
    return PyTorchClassifier(
        model,
        loss=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), 0.03),
        input_shape=(16000,),
        nb_classes=4,
        clip_values=(-1, 1),
        device_type="cpu",
    )
