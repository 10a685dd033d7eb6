"""Which classes can be compared, and which stand out."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.outliers import class_outliers, comparable_classes, flag_outliers
from art_audio_ext.functional.scorers import check_scorer


def test_class_outliers_by_hand():
    scores = np.array([1.0, 2.0, 3.0, 4.0, 20.0])
    np.testing.assert_allclose(class_outliers(scores), [-2, -1, 0, 1, 17])  # median 3, MAD 1
    assert flag_outliers(np.array([5.0, 5.3]), 3.5).tolist() == [False, True]  # 3.5 / 0.6745 = 5.19
    assert not flag_outliers(np.array([-50.0]), 3.5).any()


def test_class_outliers_without_deviation():
    assert class_outliers(np.full(4, 7.3)).tolist() == [0, 0, 0, 0]
    by_mean_deviation = class_outliers(np.array([1.0, 1, 1, 1, 1, 1, 1, 1, 1, 9]))  # MAD is 0
    assert by_mean_deviation[:9].tolist() == [0] * 9
    assert by_mean_deviation[9] == pytest.approx(8 / (0.6745 * 1.253314 * 0.8))


def test_comparable_classes():
    labels = np.repeat([0, 1, 2, 3, 7], [10, 3, 5, 4, 9])
    found = comparable_classes(labels, [7, 99])
    assert found.present.tolist() == [0, 1, 2, 3, 7]
    assert found.scored.tolist() == [True, False, True, True, False]
    assert len(found.notes) == 4
    assert found.notes[0] == "Class 7 was left out of the comparison, as asked."
    assert found.notes[-1].startswith("Only 3 classes were compared")
    with pytest.raises(ValueError, match=r"2 classes can be scored .* at least 3"):
        comparable_classes(labels, [7, 0])


def test_least_size():
    def scored(sizes, dims):
        found = comparable_classes(np.repeat(np.arange(len(sizes)), sizes), dims=dims)
        return found.scored.tolist(), found.dims

    assert scored([300, 300, 300, 150, 149], 24) == ([True, True, True, True, False], 24)
    assert scored([80, 80, 80, 72, 71], 24) == ([True, True, True, True, False], 24)
    assert scored([8, 8, 8, 6, 5], 24) == ([True, True, True, True, False], 2)
    assert scored([4, 4, 4, 3], 24) == ([True, True, True, False], 1)
    with pytest.raises(ValueError, match="2 classes can be scored"):  # before the latents exist
        check_scorer("pls", np.repeat([0, 1, 2], [300, 300, 100]), seed=0)
