"""Projected ascent: where the best point is known, which steps it takes, and what it refuses."""

from __future__ import annotations

import pytest
import torch

from art_audio_ext.functional.projected_gradient import (
    check_ball,
    project,
    projected_ascent,
    random_change,
    steepest,
    step_share,
)

X = torch.zeros(3, 40)
SLOPE = torch.randn(3, 40, generator=torch.Generator().manual_seed(0))


def uphill(points, rows, step):
    return SLOPE[rows], None


def test_on_a_slope_it_ends_at_the_rim():
    """The highest point of a ball on an even slope: every coordinate at eps, or eps along the slope."""
    far = projected_ascent(X, uphill, eps=0.2, eps_step=0.1, steps=4, norm="inf")
    assert torch.allclose(far, 0.2 * SLOPE.sign())
    far = projected_ascent(X, uphill, eps=0.2, eps_step=0.1, steps=4, norm="2")
    assert torch.allclose(far, 0.2 * SLOPE / SLOPE.norm(dim=1, keepdim=True), atol=1e-6)


def test_it_stays_within_the_clip_values():
    near = projected_ascent(X + 0.95, uphill, eps=0.2, eps_step=0.1, steps=4, norm="inf")
    assert near.max() == 1.0
    assert (near - 0.95).abs().max() <= 0.2 + 1e-6


def test_each_value_may_have_its_own_radius_step_and_bounds():
    eps = torch.linspace(0, 0.3, 40)
    low, high = torch.full((40,), -1.0), torch.full((40,), 0.25)
    far = projected_ascent(X, uphill, eps=eps, eps_step=eps / 2, steps=3, clip_values=(low, high))
    assert torch.allclose(far, (eps * SLOPE.sign()).clamp(max=0.25))
    assert not far[:, 0].any()
    drawn = random_change((500, 40), eps, "inf", torch.Generator().manual_seed(1))
    assert (drawn.abs() <= eps).all()
    assert (drawn.abs().amax(0)[1:] > 0.9 * eps[1:]).all()


def test_a_row_that_has_arrived_stays_and_is_not_asked_again():
    asked = []

    def arrives(points, rows, step):
        asked.append(rows.tolist())
        return SLOPE[rows], (rows == 1) if step == 1 else torch.zeros(len(rows), dtype=torch.bool)

    far = projected_ascent(X, arrives, eps=1.0, eps_step=0.1, steps=3, norm="inf")
    assert asked == [[0, 1, 2], [0, 1, 2], [0, 2]]
    assert torch.allclose(far[1].abs(), torch.tensor(0.1))
    assert torch.allclose(far[0].abs(), torch.tensor(0.3))


def test_tiny_and_broken_gradients_do_no_harm():
    assert torch.allclose(steepest(SLOPE * 1e-30, "2").norm(dim=1), torch.ones(3))
    assert torch.equal(steepest(torch.zeros(1, 4), "2"), torch.zeros(1, 4))
    assert torch.isfinite(steepest(torch.tensor([[torch.nan, torch.inf, 1.0]]), "2")).all()


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_projection_and_random_points_lie_in_the_ball(norm):
    def length(change):
        return change.abs().amax(1) if norm == "inf" else change.norm(dim=1)

    inside = 0.01 * SLOPE / SLOPE.norm(dim=1, keepdim=True)
    assert torch.equal(project(inside, 0.1, norm), inside)
    assert (length(project(SLOPE, 0.1, norm)) <= 0.1 + 1e-6).all()
    drawn = random_change((500, 8), 0.1, norm, torch.Generator().manual_seed(1))
    assert (length(drawn) <= 0.1 + 1e-6).all()
    assert length(drawn).mean() > 0.08  # evenly drawn points of 8 dimensions lie near the rim
    assert drawn.mean().abs() < 0.01


def test_schedules_shrink():
    assert [step_share(k, 10, "constant") for k in (0, 9)] == [1, 1]
    assert step_share(0, 10, "linear") == step_share(0, 10, "cosine") == 1
    assert step_share(9, 10, "linear") == pytest.approx(0.19)
    assert step_share(5, 10, "cosine") == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("values", "message"),
    [((0, 1, "2"), "eps"), ((1, -1, "2"), "eps_step"), ((1, True, "2"), "eps_step"), ((1, 1, 2), "norm")],
)
def test_what_is_no_ball_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        check_ball(*values)
    with pytest.raises(ValueError, match="step_schedule"):
        check_ball(1, 1, "inf", "never")


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_what_is_handed_in_stays_as_it_is(norm):
    start, slope = X + 0.01, SLOPE.clone()
    kept = [X.clone(), start.clone(), slope.clone()]
    projected_ascent(X, lambda *_: (slope, None), eps=0.2, eps_step=0.1, steps=3, norm=norm, start=start)
    for now, before in zip((X, start, slope), kept, strict=True):
        assert torch.equal(now, before)


def test_a_gradient_of_another_type_moves_points_of_theirs():
    for given in (torch.bfloat16, torch.float64):
        far = projected_ascent(X, lambda *_, d=given: (SLOPE.to(d), None), eps=0.2, eps_step=0.014, steps=1)
        same = projected_ascent(X, lambda *_: (SLOPE, None), eps=0.2, eps_step=0.014, steps=1)
        assert far.dtype == X.dtype
        assert torch.equal(far, same)
