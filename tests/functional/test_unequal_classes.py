"""The poison likelihood score of classes of unequal size: clean ones do not stand out, and poison still does."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.class_trials import draw_samples, split_class
from art_audio_ext.functional.latents import prepare
from art_audio_ext.functional.poison_likelihood import poison_likelihood_scores


def gaussian_classes(sizes, seed=0, poison=0):
    """Classes of 32-d latents; the last `poison` samples lie 4 away in half of the features."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    latents = rng.standard_normal((len(labels), 32)) @ (rng.standard_normal((32, 32)) / 6 + np.eye(32))
    latents += 2 * rng.standard_normal((len(sizes), 32))[labels]
    is_poison = np.arange(len(labels)) >= len(labels) - poison
    latents[is_poison, :16] += 4
    return latents.astype(np.float32), labels, is_poison


@pytest.mark.parametrize("sizes", [[120] * 7 + [960], [120] * 7 + [65], [120] * 7 + [240], [15] * 7 + [200]])
def test_a_clean_class_does_not_stand_out_by_its_size(sizes):
    above, flags = [], 0
    for seed in range(4):
        latents, labels, _ = gaussian_classes(sizes, seed)
        scores = poison_likelihood_scores(latents, labels, seed=seed, trials=3, dims=16)
        flags += scores.flagged[-1]
        above.append((scores.class_scores[-1] - np.median(scores.class_scores[:-1])) / scores.class_scores[:-1].std())
    assert flags <= 1
    assert abs(np.median(above)) < 1.5  # standard deviations of the score over the equal classes


@pytest.mark.parametrize(("size", "poison"), [(165, 15), (300, 30), (300, 120), (960, 96)])
def test_poison_in_an_enlarged_class_is_found(size, poison):
    latents, labels, is_poison = gaussian_classes([150] * 7 + [size], 1, poison)
    scores = poison_likelihood_scores(latents, labels, seed=0, trials=5, dims=20)
    assert scores.details["highest_class"] == 7
    assert scores.flagged[7]
    assert (scores.suspects == is_poison)[labels == 7].mean() > 0.95


@pytest.mark.parametrize("small", [40, 74])
def test_a_class_too_small_to_compare_is_said_and_not_scored(small):
    latents, labels, _ = gaussian_classes([150] * 7 + [small])
    scores = poison_likelihood_scores(latents, labels, seed=0, trials=2)
    assert np.isnan(scores.class_scores[7])
    assert not scores.suspects[labels == 7].any()
    assert scores.details["clips_a_trial"] == 150
    assert f"Class 7 has {small} clips, under 75 (the median class has 150)" in scores.details["notes"][0]


def test_every_class_has_the_same_dimensions_and_sample():
    latents, labels, _ = gaussian_classes([30] * 7 + [200])
    details = poison_likelihood_scores(latents, labels, seed=0, trials=2).details
    assert (details["dims"], details["dims_used"], details["clips_a_trial"]) == (24, 10, 30)
    for entry in details["classes"].values():
        assert entry["smaller_cluster"][1] <= 15


def test_a_class_of_copies_is_left_out():
    latents, labels, _ = gaussian_classes([90] * 6)
    latents[labels == 2] = np.tile(latents[labels == 2][:5], (18, 1))
    scores = poison_likelihood_scores(latents, labels, seed=0, trials=2)
    assert scores.details["dims_used"] == 24
    assert np.isnan(scores.class_scores).tolist() == [False, False, True, False, False, False]
    assert scores.details["notes"] == [
        "Class 2 was not scored, and poison in it cannot be seen: its latents vary in 4 directions of 24."
    ]


def test_samples_are_drawn_by_the_seed_and_the_whole_class_where_sizes_are_equal():
    vectors = gaussian_classes([100])[0]
    seed = np.random.SeedSequence(3)
    one, two = (draw_samples(vectors, 40, 3, np.random.SeedSequence(3), 5, "standardise_pca") for _ in range(2))
    assert [s.rows.tolist() for s in one] == [s.rows.tolist() for s in two]
    assert len({tuple(s.rows.tolist()) for s in one}) == 3
    for sample in one:
        assert len(set(sample.rows.tolist())) == 40
        expected = prepare(vectors[sample.rows], 5, "standardise_pca")
        np.testing.assert_allclose(sample.coordinates(vectors[sample.rows]), expected, atol=1e-9)
    whole = draw_samples(vectors, 100, 2, seed, 5, "standardise_pca")
    assert all(s.rows.tolist() == list(range(100)) for s in whole)


def test_members_outside_the_sample_go_to_the_nearer_centre():
    vectors = np.concatenate([np.random.default_rng(0).standard_normal((100, 4)), np.full((20, 4), 9.0)])
    vectors[100:] += np.random.default_rng(1).standard_normal((20, 4))
    split = split_class(
        vectors, draw_samples(vectors, 60, 3, np.random.SeedSequence(0), 4, "standardise_pca"), [1, 2, 3]
    )
    for side in split.sides:
        assert len(set(side[:100])) == len(set(side[100:])) == 1
        assert side[0] != side[-1]
    assert [len(side) for _, side in split.parts] == [60, 60, 60]
    inside = [min(side.sum(), (~side).sum()) for _, side in split.parts]
    assert split.smaller.tolist() == inside
