"""A bank of clips: what is encoded anew equals what encoding everything would give, and nothing clean changes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import joblib
import numpy as np
import pytest

from art_audio_ext.experiments.attack_bank import KINDS, AttackBank
from art_audio_ext.experiments.attack_plans import AttackPlan, draw_plans
from art_audio_ext.experiments.attack_scoring import input_kinds, scores_of
from art_audio_ext.functional.scorers import score_samples


@pytest.fixture
def bank(tiny_dataset, first_samples):
    return AttackBank.build(tiny_dataset, KINDS, first_samples)


@pytest.mark.parametrize("kind", KINDS)
def test_encoding_the_triggered_clips_alone_is_encoding_all(bank, kind):
    (plan,) = draw_plans("clap", bank.classes.tolist(), 1, seed=0)
    attacked = bank.attacked(plan)
    labels, is_poison = attacked.labels, attacked.is_poison
    expected = bank.encode(attacked.inputs("waveforms"), kind)
    np.testing.assert_allclose(attacked.inputs(kind), expected, atol=2e-4)
    assert not np.array_equal(expected, bank.clean(None, kind))
    part = plan.parts[0]
    assert (bank.labels[is_poison] == part.source).all()
    assert (labels[is_poison] == part.target).all()
    assert np.array_equal(labels[~is_poison], bank.labels[~is_poison])
    assert is_poison.sum() == 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_bank_stays_clean(bank, tiny_dataset, kind):
    before = np.array(bank.clean(None, kind))
    attacked = bank.attacked(draw_plans("clap", [0, 1, 2, 3], 1, seed=0)[0])
    assert not np.array_equal(attacked.inputs(kind), before)
    assert np.array_equal(bank.clean(None, kind), before)
    assert np.array_equal(bank.labels, tiny_dataset.labels)
    assert not np.array_equal(attacked.labels, bank.labels)


def test_only_triggered_clips_are_encoded(tiny_dataset, first_samples, monkeypatch):
    bank = AttackBank.build(tiny_dataset, ["latents"], first_samples)
    seen = []
    encode = type(first_samples).encode
    monkeypatch.setattr(
        type(first_samples), "encode", lambda self, waveforms: seen.append(len(waveforms)) or encode(self, waveforms)
    )
    bank.attacked(draw_plans("clap", [0, 1, 2, 3], 1, seed=0)[0]).inputs("latents")
    assert seen == [3]


def test_noise_is_neither_source_nor_target(tiny_dataset):
    noisy = replace(tiny_dataset, label_names=("alpha", "_silence_", "charlie", "delta"))
    bank = AttackBank.build(noisy, [])
    assert bank.noise_classes == [1]
    assert bank.classes.tolist() == [0, 2, 3]


def test_a_resample_keeps_its_share_of_every_class(bank):
    rows = bank.resample(0.8, 7)
    assert np.bincount(bank.labels[rows]).tolist() == [24] * 4
    assert bank.clean(rows, "windows").shape[1] == 96
    assert np.array_equal(rows, bank.resample(0.8, 7))
    assert not np.array_equal(rows, bank.resample(0.8, 8))


def test_a_worker_gets_the_same_bank(tiny_dataset, tmp_path):
    bank = AttackBank.build(tiny_dataset, ["windows", "flattened"])
    joblib.dump(bank, tmp_path / "bank")
    other = joblib.load(tmp_path / "bank", mmap_mode="c")
    (plan,) = draw_plans("clap", [0, 1, 2, 3], 1, seed=0)
    for kind in ("windows", "flattened", "waveforms"):
        assert np.array_equal(bank.attacked(plan).inputs(kind), other.attacked(plan).inputs(kind))


def test_what_a_bank_cannot_give_is_refused(tiny_dataset):
    with pytest.raises(ValueError, match="choose among latents"):
        AttackBank.build(tiny_dataset, ["pictures"])
    with pytest.raises(ValueError, match="need an encoder"):
        AttackBank.build(tiny_dataset, ["latents"])


def test_a_clip_gets_one_trigger(bank):
    part = draw_plans("clap", [0, 1, 2, 3], 1, seed=0)[0].parts[0]
    with pytest.raises(ValueError, match="two triggers"):
        bank.triggered(AttackPlan("twice", (part, part)))


def test_the_combined_score_is_that_of_audits(tiny_dataset):
    bank = AttackBank.build(tiny_dataset, input_kinds("combined"))
    ours = scores_of("combined", partial(bank.clean, None), bank.labels, bank, seed=0, alpha=0.01)
    audits = score_samples("combined", bank.waveforms, bank.labels, seed=0, alpha=0.01)
    np.testing.assert_allclose(ours.class_p, audits.class_p, rtol=1e-4)
    assert np.array_equal(ours.flagged, audits.flagged)
