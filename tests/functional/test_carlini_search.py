"""The search of Carlini and Wagner: which constants it tries after what, and that the nearest success is kept."""

from __future__ import annotations

import importlib

import pytest
import torch

from art_audio_ext.functional.carlini_search import carlini_search

module = importlib.import_module("art_audio_ext.functional.carlini_search")


def linear(x: torch.Tensor, ways: torch.Tensor, far: torch.Tensor):
    """Margins that fall along each clip's own way (N, L), from `far` (N,)."""
    return lambda points, rows: (far[rows] - ((points - x[rows]) * ways[rows]).sum(1), -ways[rows])


@pytest.fixture
def tried(monkeypatch):
    """Runs whose outcome is written here; returns what they were asked: constants and steps, each (N,)."""

    def run(outcomes: list[list[bool]], **options: float) -> tuple[torch.Tensor, torch.Tensor]:
        seen, script = [], iter(torch.tensor(outcomes).T)

        def descend(self, margins, steps, found):
            seen.append((self.const.clone(), self.level.clone()))
            return next(script)

        monkeypatch.setattr(module._Run, "descend", descend)
        x = torch.full((len(outcomes), 4), 0.1)
        margins = linear(x, torch.full_like(x, 2.0), torch.full((len(x),), 0.5))
        carlini_search(x, margins, searches=len(outcomes[0]), **options)
        consts, levels = zip(*seen, strict=True)
        return torch.stack(consts, 1), torch.stack(levels, 1)

    return run


def test_constants_go_up_after_failures_and_down_after_successes(tried):
    consts, _ = tried(
        [
            [False, False, False, False],
            [True, True, True, True],
            [False, True, True, False],
            [True, False, False, True],
        ],
        initial_const=1.0,
    )
    torch.testing.assert_close(consts[0], torch.tensor([1.0, 10.0, 100.0, 1000.0]))
    torch.testing.assert_close(consts[1], torch.tensor([1.0, 0.1, 0.01, 0.001]))
    powers = consts[2:].log10()  # between a failure and a success the geometric mean: half of the powers
    torch.testing.assert_close(powers, torch.tensor([[0.0, 1.0, 0.5, 0.25], [0.0, -1.0, -0.5, -0.25]]))


def test_steps_grow_until_a_clip_breaks(tried):
    _, levels = tried([[False, False, True, False], [True, False, False, False]], initial_const=1.0)
    torch.testing.assert_close(levels / levels[:, :1], torch.tensor([[1.0, 3.0, 9.0, 9.0], [1.0, 1.0, 1.0, 1.0]]))


def test_the_first_constant_is_a_clips_own(tried):
    consts, _ = tried([[False]])
    torch.testing.assert_close(consts, torch.tensor([[30 * 2 * 0.5 / 16.0]]))


def test_the_nearest_success_is_kept_and_lies_at_the_boundary():
    draws = torch.Generator().manual_seed(0)
    x = 0.2 * torch.randn(3, 32, generator=draws, dtype=torch.float64).clamp(-2, 2)
    ways, far = torch.randn(3, 32, generator=draws, dtype=torch.float64), torch.tensor([0.3, 1.0, 0.05]).double()
    answer, seen = linear(x, ways, far), []

    def margins(points, rows):
        margin, slope = answer(points, rows)
        energy = (points - x[rows]).square().sum(1)
        seen.extend(zip(rows.tolist(), energy.tolist(), (margin <= 0).tolist(), strict=True))
        return margin, slope

    found = carlini_search(x, margins, searches=8)
    for row in range(3):
        successes = [energy for at, energy, success in seen if at == row and success]
        assert found.energy[row].item() == min(successes)
        assert min(successes) < successes[0]
        assert found.iterations[row].item() == sum(at == row for at, *_ in seen)
    torch.testing.assert_close((found.points - x).square().sum(1), found.energy)
    longer = found.energy.sqrt() / (far / ways.norm(dim=1))
    assert longer.min() >= 1 - 1e-6
    assert longer.max() < 1.25  # 2 dB


def test_a_clip_that_never_breaks_is_left_as_it_is():
    x = torch.full((2, 8), 0.1)
    far = torch.tensor([0.05, 1e3])
    found = carlini_search(x, linear(x, torch.ones_like(x), far), steps=20, searches=3)
    assert found.energy.isinf().tolist() == [False, True]
    assert torch.equal(found.points[1], x[1])
    assert not torch.equal(found.points[0], x[0])
    assert found.iterations[1] == 1 + 3 * 20


def test_points_stay_within_the_bounds():
    x = torch.tensor([[0.9, 0.1, 0.0, 1.0]])
    found = carlini_search(x, linear(x, torch.ones_like(x), torch.tensor([1.2])), bounds=(0.0, 1.0))
    assert found.energy.isfinite().all()
    assert found.points.amin() >= 0
    assert found.points.amax() <= 1
