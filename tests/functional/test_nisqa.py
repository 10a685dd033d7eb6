"""NISQA on sound that has a score and sound that has none, its file whole and damaged, and beside torchmetrics' own."""

from __future__ import annotations

import os
import shutil
import zipfile

import numpy as np
import pytest
import torch

from art_audio_ext.functional import nisqa as module
from art_audio_ext.functional.nisqa import DIMENSIONS, nisqa
from art_audio_ext.voices.nisqa_weights import open_nisqa

for _name in ("librosa", "requests", "torchmetrics"):
    pytest.importorskip(_name, reason="needs the extra [quality]")
RATE = 16000
SETTINGS = {
    **{"ms_sr": None, "ms_fmax": 20000, "ms_n_fft": 4096, "ms_hop_length": 0.01, "ms_win_length": 0.02},
    **{"ms_n_mels": 48, "ms_seg_length": 15, "ms_seg_hop_length": 4, "ms_max_segments": 40, "cnn_dropout": 0.2},
    **{"cnn_c_out_1": 2, "cnn_c_out_2": 2, "cnn_c_out_3": 4, "cnn_kernel_size": (3, 3)},
    **{"cnn_pool_1": [24, 7], "cnn_pool_2": [12, 5], "cnn_pool_3": [6, 3]},
    **{"td_sa_d_model": 8, "td_sa_nhead": 1, "td_sa_num_layers": 1, "td_sa_h": 8, "td_sa_dropout": 0.1},
    **{"pool_att_h": 8, "pool_att_dropout": 0},
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of the real form, with a tiny network that has learnt nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = module.nisqa_library()._NISQADIM(SETTINGS)
    path = tmp_path_factory.mktemp("nisqa") / "nisqa.tar"
    torch.save({"args": SETTINGS, "model_state_dict": network.state_dict()}, path)
    return path


def archive_bytes(path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def noise(rows: int, samples: int = RATE) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.3, 0.3, (rows, samples)).astype(np.float32)


def test_scores_of_a_clip_do_not_depend_on_its_neighbours(weights):
    model, x = open_nisqa(weights), noise(19)
    x[[0, 4]] = 0
    found = nisqa(x, RATE, model)
    assert tuple(found) == DIMENSIONS
    for name, scores in found.items():
        assert np.flatnonzero(np.isnan(scores.values)).tolist() == [0, 4]
        assert scores.reasons[0] == scores.reasons[4] == "the clip is silent"
        assert "".join(scores.reasons[5:]) == ""
        alone = nisqa(x[7:8], RATE, model)[name].values[0]
        assert scores.values[7] == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize(
    ("samples", "rate", "words"),
    [(100, RATE, "shorter than 0.14 s"), (2 * RATE, RATE, "longer than 1.6 s"), (300, 50, "too seldom")],
)
def test_clips_of_the_wrong_length_have_a_reason(weights, samples, rate, words):
    for scores in nisqa(noise(2, samples), rate, open_nisqa(weights)).values():
        assert np.isnan(scores.values).all()
        assert all(words in reason for reason in scores.reasons)


def test_the_limits_of_the_length_are_those_of_the_library(weights):
    model = open_nisqa(weights)
    hop = RATE // 100
    for samples, good in ((14 * hop - 1, False), (14 * hop, True), ((14 + 160) * hop - 1, True), (174 * hop, False)):
        assert np.isfinite(nisqa(noise(1, samples), RATE, model)["mos"].values[0]) == good, samples


def test_what_is_no_sound_is_refused(weights):
    model, x = open_nisqa(weights), noise(1)
    broken = x.copy()
    broken[0, 3] = np.inf
    for wrong, words in ((broken, "inf"), ((x * 32767).astype(np.int16), "int16"), (x[0], "shape"), (x[:0], "empty")):
        with pytest.raises(ValueError, match=words):
            nisqa(wrong, RATE, model)
    with pytest.raises(ValueError, match="sample_rate"):
        nisqa(x, 16000.5, model)


def test_a_missing_file_is_named_and_nothing_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    monkeypatch.setattr(module.nisqa_library(), "_download_weights", lambda: pytest.fail("a download"))
    for given, place in ((None, ".torchmetrics/NISQA/nisqa.tar"), (tmp_path / "mine.tar", "mine.tar"), (tmp_path, "")):
        with pytest.raises(ValueError, match=rf"{place} .*1,051,663 bytes, CC BY-NC-SA 4.0"):
            open_nisqa(given)
    assert not any(tmp_path.iterdir())


def test_a_damaged_file_is_refused(weights, tmp_path):
    whole, path = weights.read_bytes(), tmp_path / "broken.tar"
    flipped = bytearray(whole)
    with zipfile.ZipFile(weights) as archive:
        largest = max(archive.infolist(), key=lambda part: part.file_size)
    flipped[whole.index(archive_bytes(weights, largest.filename))] ^= 255
    for content in (whole[: len(whole) // 2], whole[:-40], b"", b"<html>not found</html>", bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"broken.tar is not the whole file of NISQA's weights .* CC BY-NC-SA"):
            open_nisqa(path)


def test_a_file_of_something_else_is_refused(weights, tmp_path):
    path, found = tmp_path / "other.tar", torch.load(weights, weights_only=True)
    state = found["model_state_dict"]
    first = next(iter(state))
    for content in (
        {"weights": torch.zeros(3)},
        {**found, "args": {}},
        {**found, "model_state_dict": {name: value for name, value in state.items() if name != first}},
        {**found, "model_state_dict": {**state, first: state[first] * float("nan")}},
    ):
        torch.save(content, path)
        with pytest.raises(ValueError, match="not the whole file"):
            open_nisqa(path)


@pytest.mark.real_data
def test_the_real_weights_say_what_torchmetrics_says(real_data, tmp_path, monkeypatch):
    weights = real_data / "nisqa" / "nisqa.tar"
    if not weights.is_file():
        pytest.skip("the weights are not among the real recordings")
    library = module.nisqa_library()
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    place = tmp_path / ".torchmetrics" / "NISQA"
    place.mkdir(parents=True)
    shutil.copy(weights, place / "nisqa.tar")
    library._load_nisqa_model.cache_clear()
    torch.manual_seed(42)
    x = torch.randn(16000)
    x = (x / x.abs().max()).numpy()[None]  # at any level: in [-1, 1], as sound is here
    expected = library.non_intrusive_speech_quality_assessment(torch.from_numpy(x[0]), RATE).numpy()
    library._load_nisqa_model.cache_clear()
    names = ("mos", "noisiness", "discontinuity", "coloration", "loudness")  # torchmetrics' documented order
    for model in (open_nisqa(weights), open_nisqa()):
        found = nisqa(x, RATE, model)
        np.testing.assert_allclose([found[name].values[0] for name in names], expected, atol=1e-5)


@pytest.mark.real_data
def test_real_speech_is_better_than_the_same_in_noise(real_data):
    import soundfile

    weights = real_data / "nisqa" / "nisqa.tar"
    if not weights.is_file():
        pytest.skip("the weights are not among the real recordings")
    speech = soundfile.read(sorted((real_data / "read_speech").rglob("*.flac"))[0], dtype="float32")[0][: 5 * RATE]
    hiss = 0.05 * np.random.default_rng(0).standard_normal(len(speech)).astype(np.float32)
    found = nisqa(np.stack([speech, np.clip(speech + hiss, -1, 1)]), RATE, open_nisqa(weights))
    assert 3 < found["mos"].values[0] < 5
    assert found["mos"].values[1] < 2.5
    assert found["noisiness"].values[1] < found["noisiness"].values[0]
