"""The filter with each kind of score: what it is given, what is kept, and what the report says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from art_audio_ext.defences.detector.poison import PoisonLikelihoodDefence
from art_audio_ext.functional.front_end import log_mel
from art_audio_ext.functional.scorers import SCORERS
from art_audio_ext.functional.significance import adjusted_p_values

TARGET, POISON = 2, 10


class MelSteps:
    """Eight steps of twenty-four mel bands, and their mean; counts what it was asked for."""

    def __init__(self, sample_rate=16000):
        self.sample_rate = sample_rate
        self.clips = self.steps = 0

    def encode(self, waveforms):
        self.clips += len(waveforms)
        return self._steps(waveforms).mean(0)

    def encode_steps(self, waveforms):
        self.steps += len(waveforms)
        return self._steps(waveforms)

    def _steps(self, waveforms):
        import torch

        return log_mel(torch.from_numpy(np.array(waveforms)), n_mels=24, frames=8).permute(2, 0, 1).numpy()


@pytest.fixture(scope="module")
def data(tiny_dataset):
    """A third of the third class begins with the same burst of noise, and is poison."""
    x, y = tiny_dataset.waveforms.copy(), tiny_dataset.labels
    poison = np.flatnonzero(y == TARGET)[:POISON]
    x[poison, :4000] += 0.1 * np.random.default_rng(1).uniform(-1, 1, 4000).astype(np.float32)
    return x, y, np.isin(np.arange(len(y)), poison)


def defence(data, **options):
    return PoisonLikelihoodDefence(None, data[0], data[1], **({"verbose": False} | options))


@pytest.fixture
def no_training(monkeypatch):
    def train_vae(*args, **options):
        raise AssertionError("no VAE is needed")

    monkeypatch.setattr("art_audio_ext.training.vae.train_vae", train_vae)


def test_the_default_finds_the_poison_and_trains_nothing(data, no_training):
    filter_ = defence(data)
    report, is_clean = filter_.detect_poison()
    np.testing.assert_array_equal(np.array(is_clean) == 0, data[2])
    assert (filter_.encoder, filter_.latents, filter_.windows) == (None, None, None)
    settings = json.loads(json.dumps(report, allow_nan=False))["settings"]
    assert (settings["score"], settings["vae"]) == ("combined", None)
    assert (settings["score_details"]["sample_rate"], settings["score_details"]["alpha"]) == (16000, 0.01)


def test_p_values_in_the_report_are_adjusted_and_none_where_there_is_none(data):
    filter_ = defence(data, score="coherent_component", alpha=0.1, ignore_classes=[0])
    rows = filter_.detect_poison()[0]["classes"]
    adjusted = adjusted_p_values(filter_.scores.class_p)
    assert rows[0]["p_value"] is None
    assert [row["p_value"] for row in rows[1:]] == pytest.approx(adjusted[1:])
    assert 0 < rows[TARGET]["p_value"] < 0.1 < min(rows[1]["p_value"], rows[3]["p_value"])
    assert [row["flagged"] for row in rows] == [False, False, True, False]


@pytest.mark.parametrize("score", sorted(SCORERS))
def test_options_that_a_score_does_not_take_are_not_passed(data, score):
    options = {"vae": MelSteps(8000), "dims": 5, "trials": 2, "alpha": 0.2, "threshold": 3.0, "sample_rate": 8000}
    report, _ = defence((data[0][:, :8000], data[1]), score=score, **options).detect_poison()
    settings = json.loads(json.dumps(report, allow_nan=False))["settings"]
    details = settings["score_details"]
    assert settings["vae"] == ("given" if score == "pls" else None)
    assert settings["sample_rate"] == details.get("sample_rate", 8000) == 8000
    assert ("alpha" in details) == (score != "pls")
    assert ("trials" in details) == (score == "pls")
    assert details.get("alpha", 0.2) == 0.2
    with pytest.raises(ValueError, match="no option trails"):
        defence(data, score=score, score_options={"trails": 2})


def test_windows_of_the_log_mel_need_no_encoder_and_say_where(data, no_training):
    filter_ = defence(data, score="novel_component", alpha=0.3)
    report, is_clean = filter_.detect_poison()
    assert filter_.windows.shape == (8, len(data[1]), 16)
    assert filter_.encoder is None
    removed = np.array(is_clean) == 0
    assert removed[data[2]].all()
    assert set(data[1][removed]) == {TARGET}
    found = report["settings"]["score_details"]["classes"][str(TARGET)]
    assert found["window_seconds"] == [found["window"] / 8, (found["window"] + 1) / 8]
    assert found["window"] < 2, "the burst is a quarter of a second long"


def test_windows_may_be_the_steps_of_a_vae(data):
    encoder = MelSteps()
    filter_ = defence(data, score="novel_component", tokens="vae", vae=encoder, batch_size=50)
    report, _ = filter_.detect_poison()
    assert filter_.windows.shape == (8, len(data[1]), 24)
    assert (encoder.steps, encoder.clips) == (len(data[1]), 0)
    assert report["settings"]["vae"] == "given"
    assert report["settings"]["score_details"]["classes"]["0"]["window_seconds"] is None


def test_a_vae_is_trained_where_its_steps_are_wanted(data, monkeypatch):
    monkeypatch.setattr("art_audio_ext.training.vae.train_vae", lambda *args, **options: MelSteps())
    report, _ = defence(data, score="novel_component", tokens="vae").detect_poison()
    assert report["settings"]["vae"] == "trained"


def test_what_was_encoded_is_kept_until_something_it_depends_on_changes(data):
    encoder, count = MelSteps(), len(data[1])
    filter_ = defence(data, score="novel_component", tokens="vae", vae=encoder)
    filter_.detect_poison()
    filter_.detect_poison(alpha=0.2)
    filter_.detect_poison(seed=4)
    assert encoder.steps == count
    filter_.detect_poison(score="pls", dims=8, trials=2)
    filter_.detect_poison(score="combined")
    filter_.detect_poison(score="novel_component")
    filter_.detect_poison(score="pls", threshold=2.0)
    assert (encoder.steps, encoder.clips) == (count, count)
    filter_.detect_poison(score="novel_component", tokens="pca")
    filter_.detect_poison(tokens="vae")
    assert encoder.steps == 2 * count
    filter_.detect_poison(x_train=data[0] * 0.5)
    assert (encoder.steps, encoder.clips) == (3 * count, count)


def test_windows_of_the_log_mel_are_kept_too(data, monkeypatch):
    from art_audio_ext.defences.detector.poison import poison_likelihood_defence as module

    seeds = []

    def pca_windows(waveforms, sample_rate, seed, real=module.pca_windows):
        seeds.append(seed)
        return real(waveforms, sample_rate, seed)

    monkeypatch.setattr(module, "pca_windows", pca_windows)
    filter_ = defence(data, score="novel_component")
    filter_.detect_poison()
    filter_.detect_poison(alpha=0.5)
    filter_.detect_poison(vae=MelSteps())
    assert seeds == [0]
    filter_.detect_poison(seed=3)  # of the sub-sample that the components are fitted to
    assert seeds == [0, 3]
    filter_.set_params(alpha=0.4)
    assert filter_.is_clean_lst is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens": "mel"}, "tokens must be one of pca, vae"),
        ({"alpha": 0}, "alpha must lie between 0 and 1"),
        ({"ignore_classes": [0, 1, 2]}, "1 of 4 classes can be scored"),
        ({"score": "novel_component", "ignore_classes": [0, 1]}, "2 classes can be scored"),
        ({"score_options": {"anywhere": 1}}, "anywhere must be True or False"),
    ],
)
def test_bad_options_are_refused_before_any_work(data, options, message):
    with pytest.raises(ValueError, match=message):
        defence(data, **options)


def test_clips_without_a_window_and_encoders_without_steps_are_refused(data):
    with pytest.raises(ValueError, match="a window needs 8"):
        defence((data[0][:, :1000], data[1]), score="novel_component")

    class NoSteps:
        def encode(self, waveforms):
            return waveforms[:, :30]

    filter_ = defence(data, score="novel_component", tokens="vae", vae=NoSteps())
    with pytest.raises(ValueError, match="NoSteps has no encode_steps"):
        filter_.detect_poison()
