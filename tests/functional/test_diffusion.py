"""Diffusion: its numbers, its identities, a library's arithmetic, exact gradients, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from art_audio_ext.functional.diffusion import DiffusionSchedule, ancestral_step, diffuse, predicted_clean

SCHEDULE = DiffusionSchedule()
STEPS = [1, 2, 3, 10, 100, 200]


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X, Z, E = draw(0, 4, 50), draw(1, 4, 50), draw(2, 4, 50)


@pytest.mark.parametrize(("t", "sigma"), [(1, 0.0100), (2, 0.0173), (3, 0.0245), (5, 0.0387), (10, 0.0741)])
def test_published_noise_levels(t, sigma):
    assert round(float(SCHEDULE.noise(t)), 4) == sigma


def test_signal_and_noise_share_the_power():
    t = torch.arange(201)
    assert SCHEDULE.signal(t).dtype == torch.float64
    torch.testing.assert_close(SCHEDULE.signal(t) ** 2 + SCHEDULE.noise(t) ** 2, torch.ones(201, dtype=torch.float64))
    assert float(SCHEDULE.signal(0)) == 1
    assert float(SCHEDULE.noise(0)) == 0
    assert (SCHEDULE.noise(t).diff() > 0).all()
    SCHEDULE.signal(3).zero_()
    assert float(SCHEDULE.signal(3)) > 0.99


def test_the_jump_is_the_sum_of_single_steps():
    """Step by step with the betas themselves: the signal shrinks, the variance of the noise adds up."""
    signal, variance = 1.0, 0.0
    for t, beta in enumerate(np.linspace(1e-4, 0.02, 200), 1):
        signal, variance = signal * np.sqrt(1 - beta), variance * (1 - beta) + beta
        assert np.isclose(float(SCHEDULE.signal(t)), signal, rtol=1e-12)
        assert np.isclose(float(SCHEDULE.noise(t)) ** 2, variance, rtol=1e-10)


@pytest.mark.parametrize("t", STEPS)
def test_the_true_noise_leads_back(t):
    noised = diffuse(X, t, Z, SCHEDULE)
    torch.testing.assert_close(predicted_clean(noised, Z, t, SCHEDULE), X)
    assert torch.equal(diffuse(X, 0, Z, SCHEDULE), X)
    if t == 1:
        torch.testing.assert_close(ancestral_step(noised, Z, 1, None, SCHEDULE), X)


@pytest.mark.parametrize("t", STEPS[1:])
def test_the_mean_is_that_of_the_posterior(t):
    """Ho et al., equation 7: the mean of x_{t-1} given x_t and x_0, and its variance."""
    betas = np.linspace(1e-4, 0.02, 200)
    bars = np.cumprod(1 - betas)
    beta, bar, before = betas[t - 1], bars[t - 1], bars[t - 2]
    noised = diffuse(X, t, Z, SCHEDULE)
    expected = (np.sqrt(before) * beta * X + np.sqrt(1 - beta) * (1 - before) * noised) / (1 - bar)
    torch.testing.assert_close(ancestral_step(noised, Z, t, None, SCHEDULE), expected)
    step = ancestral_step(noised, Z, t, E, SCHEDULE) - expected
    torch.testing.assert_close(step, np.sqrt(beta * (1 - before) / (1 - bar)) * E)


@pytest.mark.parametrize("t", STEPS)
def test_against_a_library(t):
    diffusers = pytest.importorskip("diffusers", reason="needs the extra [diffusion]")
    theirs = diffusers.DDPMScheduler(200, 1e-4, 0.02, "linear", variance_type="fixed_small", clip_sample=False)
    x, z, eps = X.float(), Z.float(), E.float()
    there = theirs.add_noise(x, z, torch.full((4,), t - 1))
    torch.testing.assert_close(there, diffuse(x, t, z, SCHEDULE), atol=1e-5, rtol=1e-5)
    back = theirs.step(eps, t - 1, x, generator=torch.Generator().manual_seed(5))
    drawn = torch.randn(x.shape, generator=torch.Generator().manual_seed(5))
    # the library's float32 tables give 1 - abar_1 three digits fewer
    torch.testing.assert_close(back.prev_sample, ancestral_step(x, eps, t, drawn, SCHEDULE), atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(back.pred_original_sample, predicted_clean(x, eps, t, SCHEDULE), atol=2e-5, rtol=1e-4)


def test_the_last_step_is_the_published_one_and_adds_no_noise():
    """The released code of DualPure: (x - .01 eps) / sqrt(.9999)."""
    expected = (X - 0.01 * E) / np.sqrt(0.9999)
    torch.testing.assert_close(ancestral_step(X, E, 1, None, SCHEDULE), expected)
    assert torch.equal(ancestral_step(X, E, 1, Z, SCHEDULE), ancestral_step(X, E, 1, None, SCHEDULE))


def test_one_step_a_row():
    t = torch.tensor([3, 1, 200, 3])
    x, z, eps = (v.view(4, 1, 5, 10) for v in (X, Z, E))
    together = (
        diffuse(x, t, z, SCHEDULE),
        predicted_clean(x, eps, t, SCHEDULE),
        ancestral_step(x, eps, t, z, SCHEDULE),
    )
    for row, step in enumerate(t.tolist()):
        one = slice(row, row + 1)
        torch.testing.assert_close(together[0][one], diffuse(x[one], step, z[one], SCHEDULE))
        torch.testing.assert_close(together[1][one], predicted_clean(x[one], eps[one], step, SCHEDULE))
        torch.testing.assert_close(together[2][one], ancestral_step(x[one], eps[one], step, z[one], SCHEDULE))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("t", [3, torch.tensor([3, 1, 2, 9])])
def test_the_type_stays(dtype, t):
    x, z, eps = X.to(dtype), Z.to(dtype), E.to(dtype)
    assert diffuse(x, t, z, SCHEDULE).dtype == dtype
    assert predicted_clean(x, eps, t, SCHEDULE).dtype == dtype
    assert ancestral_step(x, eps, t, z, SCHEDULE).dtype == dtype


@pytest.mark.parametrize("t", [1, torch.tensor([3, 1])])
def test_gradients_are_exact(t):
    x, z, eps = (v[:2, :4].clone().requires_grad_() for v in (X, Z, E))
    assert torch.autograd.gradcheck(lambda x, z: diffuse(x, t, z, SCHEDULE), (x, z))
    assert torch.autograd.gradcheck(lambda x, eps: predicted_clean(x, eps, t, SCHEDULE), (x, eps))
    assert torch.autograd.gradcheck(lambda x, eps, z: ancestral_step(x, eps, t, z, SCHEDULE), (x, eps, z))


@pytest.mark.parametrize(
    ("t", "message"),
    [
        (-1, "from 0 to 200, got -1"),
        (201, "got 201"),
        (2.0, "got 2.0"),
        (True, "got True"),
        (torch.tensor([1, 2, 3, 201]), "got 201 in row 3"),
        (torch.tensor([1.0]), "LongTensor"),
        (torch.tensor(1), "LongTensor"),
        (torch.tensor([1, 2]), "one step a row"),
    ],
)
def test_steps_that_are_none(t, message):
    with pytest.raises(ValueError, match=message):
        diffuse(X, t, Z, SCHEDULE)
    with pytest.raises(ValueError, match=r"t must be|one step a row"):
        ancestral_step(X, E, t, Z, SCHEDULE)


def test_there_is_no_step_back_from_the_clean_signal():
    for t in (0, torch.tensor([1, 0, 1, 1])):
        with pytest.raises(ValueError, match="from 1 to 200, got 0"):
            ancestral_step(X, E, t, None, SCHEDULE)


def test_shapes_are_not_broadcast():
    for call in (
        lambda: diffuse(X, 1, Z[:1], SCHEDULE),
        lambda: predicted_clean(X, E[0], 1, SCHEDULE),
        lambda: ancestral_step(X, E[:, :1], 1, None, SCHEDULE),
        lambda: ancestral_step(X, E, 1, Z[:1], SCHEDULE),
    ):
        with pytest.raises(ValueError, match="they must be the same"):
            call()


@pytest.mark.parametrize(
    "numbers",
    [{"steps": 0}, {"steps": 2.0}, {"steps": 10**9}, {"first": 0.0}, {"first": 0.5}, {"last": 1.0}, {"last": "x"}],
)
def test_schedules_that_cannot_be(numbers):
    with pytest.raises(ValueError, match="of a schedule must"):
        DiffusionSchedule(**numbers)
