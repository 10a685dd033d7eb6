"""Names of models: what they say, what they may not say, and that plain ones decide what they always did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.experiments.sound_events_models import _digest
from art_audio_ext.experiments.sound_events_names import MODELS, each_training, input_of, model_parts, training_of
from art_audio_ext.experiments.sound_events_plans import PRESETS
from art_audio_ext.experiments.sound_events_tasks import attack_tasks, look_tasks
from art_audio_ext.networks.sound_event_classifiers import ARCHITECTURES
from art_audio_ext.training.sound_event_settings import resolve_settings

_NAMES, _BLANK, _PART = np.array([f"{k}.wav" for k in range(4)]), np.full(4, ""), np.full(4, "test")
SILENT = AudioDataset(
    np.zeros((4, 8), np.float32), np.array([0, 0, 1, 1]), ("low", "high"), 4000, _NAMES, _BLANK, _PART, "silent"
)


def test_a_name_is_an_architecture_or_one_with_another_input():
    assert model_parts("vgg13") == ("vgg13", None)
    assert model_parts("crnn@constant_q") == ("crnn", "constant_q")
    assert [input_of(name) for name in ("gcnn", "dense-wav", "vgg13@wave")] == ["mel", "wave", "wave"]
    assert MODELS[: len(ARCHITECTURES)] == tuple(ARCHITECTURES)
    assert len(MODELS) == len(set(MODELS)) == len(ARCHITECTURES) + 2 * 4
    assert (model_parts("vgg13@wave#3"), training_of("vgg13@wave#3"), training_of("vgg13")) == (("vgg13", "wave"), 3, 1)
    assert each_training(("crnn", "gcnn@wave"), 2) == ("crnn", "gcnn@wave", "crnn#2", "gcnn@wave#2")
    assert each_training(("crnn",), 1) == ("crnn",)
    assert all(set(size.models) <= set(MODELS) for size in PRESETS.values())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet", "unknown architecture 'resnet'"),
        ("vgg13@", "unknown front_end ''"),
        ("vgg13@cochlea", "unknown front_end 'cochlea'"),
        ("dense-wav@mel", "dense-wav reads the wave"),
        ("vgg13@mel", "write 'vgg13'"),
        ("dense-wav@wave", "write 'dense-wav'"),
    ],
)
def test_what_does_not_fit_is_refused(name, words):
    with pytest.raises(ValueError, match=words) as error:
        model_parts(name)
    assert name in str(error.value)


def test_plain_names_have_the_files_and_cells_that_they_always_had():
    size = replace(PRESETS["standard"], models=("vgg13",))
    files = [task["file"] for task in attack_tasks(size, SILENT, {"vgg13": "x"}, 0)]
    assert files == [
        *("vgg13-white-noise-965939244f44.npy", "vgg13-fgsm-77979c8e1f93.npy", "vgg13-deepfool-4bfcc0c65866.npy"),
        *("vgg13-carlini-9b8241b6a35f.npy", "vgg13-carlini-targeted-223fc0909245.npy"),
        "vgg13-lbfgs-36c6603c2ea4.npy",
    ]
    settings = resolve_settings("vgg13", "quick", epochs=None, front_end=None)
    assert _digest(SILENT, settings, 0) == "82a00b27c85a"
    assert _digest(SILENT, resolve_settings("vgg13", "quick", front_end="wave"), 0) != "82a00b27c85a"


def test_another_input_does_not_change_what_plain_models_are_shown():
    clip = {"success": True, "already": False, "row": 0, "target": None}
    size = replace(PRESETS["quick"], parts=("transfer",))
    broken = [({"model": "vgg13", "seed": 0}, {"clips": [clip]})]
    plain = {"vgg13": "x", "crnn": "y"}
    before = look_tasks(broken, size, plain, [])
    after = look_tasks(broken, size, {**plain, "vgg13@wave": "z"}, [])
    assert [task["others"] for task in after] == [{"crnn": "y"}, {"vgg13@wave": "z"}]
    assert before == after[:1]
    again = look_tasks(broken, size, {**plain, "vgg13#2": "w"}, [])
    assert [task["others"] for task in again] == [{"crnn": "y"}, {"vgg13#2": "w"}]
