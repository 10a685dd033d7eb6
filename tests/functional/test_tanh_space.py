"""The change of variables of Carlini and Wagner: there and back, at the bounds, beyond them, and for faint changes."""

from __future__ import annotations

import pytest
import torch

from art_audio_ext.functional.tanh_space import TanhSpace

BOUNDS = [(-1.0, 1.0), (0.0, 1.0), (-0.5, 2.0)]
FIRST = torch.tensor([0])


def inside(low: float, high: float, share: torch.Tensor) -> torch.Tensor:
    """Sound (1, L) at these places of the range, in [-1, 1]."""
    return ((low + high) / 2 + (high - low) / 2 * share)[None].double()


@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_the_variables_of_a_wanted_point_lead_to_it(low, high):
    before, after = torch.tensor([-0.9, -0.2, 0.0, 0.4, 0.99]), torch.tensor([0.9, -0.21, 0.5, -0.999, 0.99])
    x, wanted = inside(low, high, before), inside(low, high, after)
    v = (torch.atanh(after.double()) - torch.atanh(before.double()))[None]
    change, _ = TanhSpace(x, low, high).change(v, FIRST)
    torch.testing.assert_close(x + change, wanted)
    still, _ = TanhSpace(x, low, high).change(torch.zeros_like(v), FIRST)
    assert not still.any()


@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_samples_at_the_bounds_can_leave_them_inwards_alone(low, high):
    x = inside(low, high, torch.tensor([-1.0, 1.0]))
    space, slack = TanhSpace(x, low, high), 2e-6 * (high - low)
    for far in (-40.0, 40.0):
        change, per_v = space.change(torch.full_like(x, far), FIRST)
        ends = torch.full_like(x, low if far < 0 else high)
        torch.testing.assert_close(x + change, ends, atol=slack, rtol=0)
        assert torch.isfinite(per_v).all()
    _, per_v = space.change(torch.zeros_like(x), FIRST)
    assert (per_v > 0).all()  # else no gradient would ever move them


def test_samples_beyond_the_bounds_move_as_those_at_them():
    beyond, at = torch.tensor([[-1.5, 3.0]]).double(), torch.tensor([[-1.0, 1.0]]).double()
    v = torch.tensor([[7.0, -9.0]]).double()
    found = TanhSpace(beyond, -1, 1).change(v, FIRST)
    assert all(torch.isfinite(one).all() for one in found)
    torch.testing.assert_close(found, TanhSpace(at, -1, 1).change(v, FIRST))


@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_the_derivative_is_that_of_the_change(low, high):
    x = inside(low, high, torch.tensor([-1.0, -0.7, 0.0, 0.3, 0.95]))
    v = torch.tensor([[8.0, -0.5, 0.0, 1.5, -2.0]]).double().requires_grad_()
    change, per_v = TanhSpace(x, low, high).change(v, FIRST)
    (wanted,) = torch.autograd.grad(change.sum(), v)
    torch.testing.assert_close(per_v, wanted)


def test_faint_changes_are_not_lost_in_rounding():
    x, v = torch.tensor([[0.01, -0.3, 0.9]]), torch.full((1, 3), 1e-9)
    change, _ = TanhSpace(x, -1, 1).change(v, FIRST)
    torch.testing.assert_close(change, 1e-9 * (1 - x**2), rtol=1e-5, atol=0)
    assert (torch.tanh(torch.atanh(x) + v) - x - change).abs().max() > 1e-10  # the usual form has lost them


def test_rows_say_which_clips_the_variables_are_of():
    x, v = torch.tensor([[0.0], [0.5], [-0.8]]), torch.tensor([[1.0], [-1.0]])
    some, _ = TanhSpace(x, -1, 1).change(v, torch.tensor([2, 0]))
    torch.testing.assert_close(x[[2, 0]] + some, torch.tanh(torch.atanh(x[[2, 0]]) + v))
