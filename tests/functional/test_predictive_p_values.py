"""Classes held against what the others predict."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from art_audio_ext.functional.predictive_p_values import predictive_p_values


def test_the_formula_on_five_classes():
    scores = np.array([4.0, 1.0, 9.0, 2.0, 100.0])
    p_values = predictive_p_values(scores)
    for i, value in enumerate(np.sqrt(scores)):
        others = np.delete(np.sqrt(scores), i)
        t = (value - others.mean()) / (others.std(ddof=1) * np.sqrt(1 + 1 / 4))
        assert p_values[i] == pytest.approx(student.sf(t, 3))


def test_a_dataset_without_poison_is_called_poisoned_as_rarely_as_it_should():
    rng = np.random.default_rng(0)
    smallest = [predictive_p_values((5 + rng.standard_normal(11)) ** 2).min() for _ in range(2000)]
    assert 0.03 < np.mean(np.array(smallest) * 11 < 0.05) < 0.09
    assert np.mean(np.array(smallest) * 11 < 0.01) < 0.02


def test_poisoned_classes_do_not_hide_each_other():
    clean = (2 + np.random.default_rng(1).standard_normal(11)) ** 2
    one, two, three = (predictive_p_values(np.append([300.0] * k, clean)) for k in (1, 2, 3))
    assert one[0] < 1e-5
    assert two[:2].max() < 1e-5
    assert three[:3].max() < 1e-4
    assert min(one[1:].min(), two[2:].min(), three[3:].min()) > 0.01


def test_few_equal_missing_and_negative_scores():
    assert predictive_p_values(np.array([1.0, 2.0, 50.0])).tolist() == [1, 1, 1]
    assert predictive_p_values(np.full(8, 3.0)).tolist() == [1] * 8
    assert predictive_p_values(np.append(np.full(8, 3.0), 9.0))[8] == 0
    scores = np.array([np.nan, 4.0, 1.0, -3.0, 2.0, 16.0])
    p_values = predictive_p_values(scores)
    assert np.isnan(p_values).tolist() == [True] + [False] * 5
    np.testing.assert_array_equal(p_values[1:], predictive_p_values(np.maximum(scores[1:], 0)))
    assert predictive_p_values(np.array([])).shape == (0,)
