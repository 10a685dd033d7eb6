"""The paper's score under ART's and Armory's contract, with a small encoder in the place of a trained one."""

from __future__ import annotations

import json
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from art.defences.detector.poison import PoisonFilteringDefence

from art_audio_ext.defences.detector.poison import PoisonLikelihoodDefence

CLASSES, CLEAN, POISON, TARGET = 4, 90, 30, 1


class SegmentLevels:
    """Log energy of sixteen stretches of a clip; counts the batches it saw."""

    def __init__(self, sample_rate=16000):
        self.sample_rate = sample_rate
        self.batches = []

    def encode(self, waveforms):
        self.batches.append(len(waveforms))
        parts = waveforms.reshape(len(waveforms), 16, -1)
        return np.log(np.square(parts).mean(2) + 1e-6).astype(np.float32)


@pytest.fixture(scope="module")
def data():
    """Noise of four classes; thirty clips of the second begin with a burst, and are poison."""
    rng = np.random.default_rng(0)
    x = 0.1 * rng.standard_normal((CLASSES * CLEAN + POISON, 320))
    y = np.append(np.repeat(np.arange(CLASSES), CLEAN), np.full(POISON, TARGET))
    poison = np.arange(len(y)) >= CLASSES * CLEAN
    x[poison, :100] += 0.4 * rng.standard_normal((POISON, 100))
    order = rng.permutation(len(y))
    return x[order].clip(-1, 1).astype(np.float32), y[order], (~poison[order]).astype(int)


def defence(data, **options):
    options = {"classifier": None, "score": "pls", "vae": SegmentLevels(), "verbose": False} | options
    return PoisonLikelihoodDefence(x_train=data[0], y_train=data[1], **options)


def test_finds_the_poison(data):
    report, is_clean = defence(data).detect_poison()
    assert isinstance(is_clean, list)
    assert {type(v) for v in is_clean} == {int}
    assert np.mean(np.array(is_clean) == data[2]) > 0.98
    assert [c["flagged"] for c in report["classes"]] == [False, True, False, False]
    assert report["classes"][TARGET]["clips"] == CLEAN + POISON
    assert report["classes"][TARGET]["suspects"] == is_clean.count(0)
    assert [c["suspects"] for c in report["classes"] if not c["flagged"]] == [0, 0, 0]
    assert report["highest_class"] == TARGET


def test_report_is_json_and_has_the_settings(data):
    report, _ = defence(data, seed=np.int64(3), trials=np.int64(4), ignore_classes=[3], threshold=4).detect_poison()
    report = json.loads(json.dumps(report, allow_nan=False))
    assert set(report) == {"classes", "highest_class", "settings", "seconds", "notes"}
    numbers = {"score", "spread", "outlier", "p_value"}
    assert set(report["classes"][0]) == {"class", "clips", "flagged", "suspects"} | numbers
    assert report["classes"][0]["p_value"] is None, "the paper's score has none"
    assert set(report["seconds"]) == {"train", "encode", "score"}
    assert report["settings"]["vae"] == "given"
    assert report["settings"]["seed"] == 3
    assert report["settings"]["score_details"]["trials"] == 4
    assert report["settings"]["score_details"]["threshold"] == 4
    assert any("Class 3" in note for note in report["notes"])


def test_attributes_after_detection(data):
    filter_ = defence(data)
    assert filter_.is_clean_lst is None
    _, is_clean = filter_.detect_poison()
    assert filter_.is_clean_lst == is_clean
    assert filter_.sample_scores.shape == (len(data[1]),)
    assert filter_.latents.shape == (len(data[1]), 16)
    assert filter_.scores.flagged.tolist() == [False, True, False, False]
    assert (filter_.sample_scores[np.array(is_clean) == 0] > 0.5).all()


def test_options_reach_it_both_ways(data):
    options = {"trials": 3, "dims": 5, "order": "pca_whiten", "aggregate": "median", "threshold": 2.0, "seed": 7}
    by_constructor = defence(data, **options)
    by_call = defence(data)
    one, two = by_constructor.detect_poison()[0], by_call.detect_poison(**options)[0]
    for report in (one, two):
        assert options.items() <= (report["settings"]["score_details"]).items()
    assert one["classes"] == two["classes"]
    assert by_call.trials == 3  # kept
    report, _ = defence(data).detect_poison(score_options={"trials": np.int64(2), "ignore_classes": (np.int64(0),)})
    details = json.loads(json.dumps(report, allow_nan=False))["settings"]["score_details"]
    assert (details["trials"], details["ignore_classes"]) == (2, [0])


def test_options_from_armory_json(data):
    options = '{"sample_rate": 16000, "preset": "quick", "epochs": 2, "ignore_classes": [0], "seed": 1, "threshold": 4}'
    filter_ = defence(data)
    report, is_clean = filter_.detect_poison(**json.loads(options))
    by_constructor = defence(data, ignore_classes=(0,), seed=1, threshold=4)
    assert report["classes"] == by_constructor.detect_poison()[0]["classes"]
    assert (report["settings"]["epochs"], report["settings"]["preset"], report["settings"]["seed"]) == (2, "quick", 1)
    assert report["classes"][0]["score"] is None
    assert 0 < is_clean.count(0) < len(is_clean)
    assert np.mean(np.array(is_clean) == data[2]) > 0.98


def test_get_params_and_set_params(data):
    filter_ = defence(data)
    params = filter_.get_params()
    assert set(params) == set(PoisonLikelihoodDefence.defence_params)
    assert set(PoisonFilteringDefence.defence_params) <= set(params)
    assert params["x_train"] is filter_.x_train
    again = PoisonLikelihoodDefence(**params)
    assert again.detect_poison()[1] == filter_.detect_poison()[1]
    filter_.set_params(**params)


def test_same_answer_for_one_hot_seed_and_batch_size(data):
    one_hot = (data[0], np.eye(CLASSES, dtype=np.float32)[data[1]])
    first = defence(data).detect_poison()
    for other in (defence(one_hot), defence(data), defence(data, batch_size=7)):
        report, is_clean = other.detect_poison()
        assert is_clean == first[1]
        assert report["classes"] == first[0]["classes"]


def test_latents_are_kept_until_something_they_depend_on_changes(data):
    encoder = SegmentLevels()
    filter_ = defence(data, vae=encoder, batch_size=1000)
    filter_.detect_poison()
    filter_.detect_poison(threshold=5.0, seed=3, trials=2)
    assert len(encoder.batches) == 1
    filter_.detect_poison(x_train=data[0] * 0.5)
    assert len(encoder.batches) == 2
    other = SegmentLevels()
    filter_.detect_poison(vae=other)
    assert len(other.batches) == 1
    filter_.set_params(threshold=6.0)
    assert filter_.is_clean_lst is None


def test_memory_map_is_read_by_batches(data, tmp_path):
    np.save(tmp_path / "x.npy", data[0])
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    encoder = SegmentLevels()
    filter_ = defence((mapped, data[1]), vae=encoder, batch_size=50)
    assert isinstance(filter_.x_train, np.memmap)
    assert filter_.detect_poison()[1] == defence(data).detect_poison()[1]
    assert encoder.batches == [50] * 7 + [40]


def test_evaluate_defence_has_arts_json(data):
    filter_ = defence(data)
    result = json.loads(filter_.evaluate_defence(data[2]))  # detects first
    assert list(result) == ["class_0", "class_1", "class_2", "class_3"]
    target = result[f"class_{TARGET}"]
    assert set(target) == {"TruePositive", "TrueNegative", "FalsePositive", "FalseNegative"}
    found = np.array(filter_.is_clean_lst)
    hits = int(((found == 0) & (data[2] == 0)).sum())
    assert target["TruePositive"] == {"rate": round(100 * hits / POISON, 2), "numerator": hits, "denominator": POISON}
    assert result["class_0"]["TrueNegative"] == {"rate": 100.0, "numerator": CLEAN, "denominator": CLEAN}
    assert result["class_0"]["TruePositive"]["rate"] == -1  # ART's mark for a class without poison
    wide = defence(data, classifier=SimpleNamespace(nb_classes=6))
    assert len(json.loads(wide.evaluate_defence(data[2].tolist()))) == 6


def test_evaluate_defence_refuses_other_lengths_and_values(data):
    for truth in (data[2][:-1], [], None):
        with pytest.raises(ValueError, match="390 clips"):
            defence(data).evaluate_defence(truth)
    with pytest.raises(ValueError, match=r"1 \(clean\)"):
        defence(data).evaluate_defence(data[2] * 2)


def test_pickles(data):
    filter_ = defence(data)
    before = filter_.detect_poison()[1]
    copy = pickle.loads(pickle.dumps(filter_))
    assert copy.is_clean_lst == before
    assert copy.detect_poison()[1] == before


def test_trains_inside_when_no_vae_is_given(data, monkeypatch):
    seen = []

    def train_vae(waveforms, sample_rate, settings, **options):
        seen.append((len(waveforms), sample_rate, settings, options))
        return SegmentLevels(sample_rate)

    monkeypatch.setattr("art_audio_ext.training.vae.train_vae", train_vae)
    filter_ = defence(data, vae=None, sample_rate=8000, preset="standard", epochs=3, seed=5)
    report, _ = filter_.detect_poison()
    assert seen == [(len(data[1]), 8000, "standard", {"seed": 5, "epochs": 3, "progress": False})]
    assert report["settings"]["vae"] == "trained"
    filter_.detect_poison(threshold=5.0)
    assert len(seen) == 1
    filter_.detect_poison(seed=6)  # another training
    assert len(seen) == 2


def test_loads_the_file_of_a_vae(data, monkeypatch, tmp_path):
    monkeypatch.setattr("art_audio_ext.training.vae.AudioVae.load", lambda path: SegmentLevels(8000))
    filter_ = defence(data, vae=tmp_path / "vae.safetensors")
    with pytest.raises(ValueError, match="8000 Hz but the clips are at 16000 Hz"):
        filter_.detect_poison()
    report, _ = filter_.detect_poison(sample_rate=8000)
    assert report["settings"]["vae"] == str(tmp_path / "vae.safetensors")
