"""Weights that are missing, damaged, alien or malicious: each is refused by name, nothing is run or downloaded."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import torch

from art_audio_ext.voices import VOICES, open_voice
from art_audio_ext.voices.weights import FREEVC, NEEDED, OPENVOICE, VOCODER, WAVLM

pytest.importorskip("TTS", reason="needs the extra [voice]")

from art_audio_ext.voices.untrained import write_untrained

CHECKPOINTS = {"freevc": FREEVC, "knn-vc": VOCODER, "openvoice": OPENVOICE}
NAMES = tuple(CHECKPOINTS)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_untrained(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def root(written, tmp_path):
    return Path(shutil.copytree(written, tmp_path / "weights"))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    for name in ("urlopen", "urlretrieve"):
        monkeypatch.setattr(urllib.request, name, lambda *_, **__: pytest.fail("the network was asked"))


def changed(path: Path, change) -> None:
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)


def configured(path: Path, part: str, **settings) -> None:
    content = json.loads(path.read_text())
    content[part] |= settings
    path.write_text(json.dumps(content))


def test_the_table_names_every_back_end():
    assert set(NEEDED) == set(VOICES) - {"world-shared-noise"}  # needs what "world" needs


@pytest.mark.parametrize("name", NAMES)
def test_what_is_missing_is_named_with_its_size_licence_and_place(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TTS_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError) as caught:
        open_voice(name)
    for weights in NEEDED[name]:
        assert weights.about in str(caught.value)
        for path in weights.paths(tmp_path / "tts").values():
            assert str(path) in str(caught.value)
    assert "download=True" in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["freevc", "knn-vc"])
def test_wavlm_is_never_downloaded_unasked(name, root):
    WAVLM.paths(root)["WavLM-Large.pt"].unlink()
    with pytest.raises(FileNotFoundError, match=r"WavLM-Large \(1\.26 GB, MIT\)"):
        open_voice(name, folder=root)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_damaged_is_refused(name, root):
    path = list(CHECKPOINTS[name].paths(root).values())[-1]
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"<html>no such page</html>", pickle.dumps({"model": {}})):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"(damaged|fit|another network).*") as caught:
            open_voice(name, folder=root)
        assert str(path) in str(caught.value)
    for content in ({"weights": {}}, [1, 2], {"model": {"a": "b"}}, {"model": {"a": torch.zeros(3)}}):
        torch.save(content, path)
        with pytest.raises(ValueError, match=r"something else|another network"):
            open_voice(name, folder=root)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state, first: state.pop(first), "missing"),
        (lambda state, first: state.update(extra=torch.zeros(2)), "extra is unknown"),
        (lambda state, first: state.update({first: torch.zeros(1, 2, 3)}), "do not fit"),
        (lambda state, first: state[first].fill_(torch.nan), "not finite"),
        (lambda state, first: state.update({first: torch.zeros(2, dtype=int)}), "no tensor of floats"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change, words, root):
    path = VOCODER.paths(root)["model.pth"]
    changed(path, lambda content: change(content["model"], next(iter(content["model"]))))
    with pytest.raises(ValueError, match=words):
        open_voice("knn-vc", folder=root)


@pytest.mark.parametrize("name", ["freevc", "openvoice"])
def test_weights_of_another_back_end_are_refused(name, root):
    path = list(CHECKPOINTS[name].paths(root).values())[-1]
    shutil.copy(VOCODER.paths(root)["model.pth"], path)
    with pytest.raises(ValueError, match="another network"):
        open_voice(name, folder=root)


class Malicious:
    """An object whose unpickling writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_checkpoint_is_run(name, root, tmp_path):
    trace = tmp_path / "trace"
    for weights in NEEDED[name]:
        path = list(weights.paths(root).values())[-1]
        whole = path.read_bytes()
        changed(path, lambda content: content.update(more=Malicious(trace)))
        with pytest.raises(ValueError, match="damaged or no checkpoint"):
            open_voice(name, folder=root)
        path.write_bytes(whole)
    assert not trace.exists()


def test_nor_the_text_of_layers_that_the_library_evaluates(root, tmp_path):
    trace = tmp_path / "trace"
    path = WAVLM.paths(root)["WavLM-Large.pt"]
    for text in (f"[(8,10,5)] + [open({str(trace)!r}, 'w')]", "[(8,10,5)]", "[(8,10,5)] * 99", "", 3):
        changed(path, lambda content, text=text: content["cfg"].update(conv_feature_layers=text))
        with pytest.raises(ValueError, match="WavLM"):
            open_voice("freevc", folder=root)
    assert not trace.exists()


@pytest.mark.parametrize("change", [{"encoder_layers": 90000}, {"encoder_embed_dim": 90000}, {"encoder_layers": "6"}])
def test_a_wavlm_that_claims_to_be_huge_is_not_built(root, change):
    changed(WAVLM.paths(root)["WavLM-Large.pt"], lambda content: content["cfg"].update(change))
    with pytest.raises(ValueError, match="WavLM-Large"):
        open_voice("knn-vc", folder=root)


@pytest.mark.parametrize(
    ("name", "part", "settings", "words"),
    [
        ("freevc", "model_args", {"use_spk": True}, "speaker network of its own"),
        ("freevc", "model_args", {"ssl_dim": 32}, "WavLM of 32 channels"),
        ("freevc", "model_args", {"hidden_channels": "8"}, "no setting"),
        ("freevc", "model_args", {"upsample_rates": []}, "no setting"),
        ("freevc", "model_args", {"upsample_rates": [7, 1, 1, 1]}, "no sound of a usual rate"),
        ("knn-vc", "generator_model_params", {"upsample_factors": [10, 8]}, "fit|unknown|vocoder"),
        ("knn-vc", "generator_model_params", {"pre_linear": 17}, "fit"),
        ("openvoice", "model", {"gin_channels": 9}, "fit"),
        ("openvoice", "data", {"hop_length": -1}, "no setting"),
    ],
)
def test_settings_that_cannot_be_are_refused(root, name, part, settings, words):
    path = CHECKPOINTS[name].paths(root)["config.json"]
    configured(path, part, **settings)
    with pytest.raises(ValueError, match=words):
        open_voice(name, folder=root)
    for text in ("{", "[]", "{}"):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"config\.json"):
            open_voice(name, folder=root)


def old_style(state: dict) -> dict:
    """Names of weights as they were before torch 2.1, in which the published checkpoints are written."""
    names = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}
    for new, old in names.items():
        state = {name.replace(new, old): value for name, value in state.items()}
    return state


@pytest.mark.parametrize("name", NAMES)
def test_checkpoints_of_an_older_torch_are_the_same(name, root):
    before = open_voice(name, folder=root, device="cpu").identity
    path = list(CHECKPOINTS[name].paths(root).values())[-1]
    changed(path, lambda content: content.update(model=old_style(content["model"])))
    assert any(key.endswith("weight_g") for key in torch.load(path, weights_only=True)["model"])
    assert open_voice(name, folder=root, device="cpu").identity == before


def test_a_freevc_that_brings_its_own_wavlm_is_taken(root):
    before = open_voice("freevc", folder=root, device="cpu").identity
    inner = torch.load(WAVLM.paths(root)["WavLM-Large.pt"], weights_only=True)["model"]
    path = FREEVC.paths(root)["model.pth"]
    changed(path, lambda content: content["model"].update({f"wavlm.{k}": v for k, v in inner.items()}))
    assert open_voice("freevc", folder=root, device="cpu").identity == before
    changed(path, lambda content: content["model"]["wavlm.mask_emb"].add_(1.0))
    assert open_voice("freevc", folder=root, device="cpu").identity != before


def test_parameters_and_the_extra(root, monkeypatch):
    for options in ({"device": "tpu"}, {"device": "cuda:99"}, {"device": 3.5}, {"seed": -1}, {"seed": True}):
        with pytest.raises(ValueError, match=next(iter(options))):
            open_voice("freevc", folder=root, **options)
    for neighbours in (0, "4", True):
        with pytest.raises(ValueError, match="neighbours"):
            open_voice("knn-vc", folder=root, neighbours=neighbours)
    monkeypatch.setitem(sys.modules, "TTS.vc.models.base_vc", None)
    for name in NAMES:
        with pytest.raises(ImportError, match=r'pip install "art-audio-ext\[voice\]"'):
            open_voice(name, folder=root)


def test_names_cost_no_import():
    code = "import sys, art_audio_ext.voices as v; print(*v.VOICES, *(m for m in ('torch', 'TTS') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["world", "world-shared-noise", *NAMES]


def test_random_weights_leave_the_generators_alone(tmp_path):
    before = torch.get_rng_state()
    write_untrained(tmp_path)
    assert torch.equal(torch.get_rng_state(), before)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.p*")) < 6e6
