"""Which clips hold the sound that some of them share: window by window, each judged by a fit that left it out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

ROUNDS = 4
_TELLING = 1.5  # standard deviations between members and others from which a window is used
_LIMIT = 15.0  # nats that one window can add
_LEAST = 3  # members


@dataclass(frozen=True)
class SharedSound:
    """The sound of the members in W windows, and how members and others agree with it."""

    sounds: Tensor  # (W, T), sums over members
    used: Tensor  # (W,) bool, where members and others can be told apart
    member_mean: Tensor  # (W,)
    member_deviation: Tensor  # (W,)
    other_mean: Tensor  # (W,)
    other_deviation: Tensor  # (W,)
    prior: float  # log odds

    def log_odds(self, windows: Tensor) -> Tensor:
        """
        Log odds of holding the sound, for clips that it was not fitted to.

        :param windows: Shape (W, N, T), of unit energy each.
        :return: Shape (N,), in nats.
        """
        return self._log_odds(_agreement(windows, self.sounds, None))

    def _log_odds(self, agreement: Tensor) -> Tensor:
        member = _log_normal(agreement, self.member_mean, self.member_deviation)
        evidence = (member - _log_normal(agreement, self.other_mean, self.other_deviation)).clamp(-_LIMIT, _LIMIT)
        overlap = 0.5 if int(self.used.sum()) > 1 else 1.0  # neighbours share half of their samples
        return overlap * evidence[self.used].sum(0) + self.prior


def fit_shared_sound(windows: Tensor, controls: Tensor, members: Tensor) -> tuple[SharedSound, Tensor]:
    """
    Refine a first guess of the members.

    In turns: add up the members in every window; see how clips agree with the sum (a member with the sum without it);
    take as members the clips whose agreement is better explained by that of members than by that of the controls.

    :param windows: Of the class, shape (W, N, T), of unit energy each; N > 3.
    :param controls: Of clips without the sound, shape (W, M, T).
    :param members: First guess, bool (N,).
    :return: The sound, and the log odds (N,) of each clip.
    """
    for _ in range(ROUNDS):
        if int(members.sum()) < _LEAST:
            members = torch.zeros_like(members).index_fill(0, _closeness(windows, members).topk(_LEAST)[1], True)
        weights = members.to(windows)
        sounds = _weighted_sum(windows, weights)
        own, other = _agreement(windows, sounds, weights), _agreement(controls, sounds, None)
        other_mean, other_deviation = other.mean(1), other.std(1) + 1e-3
        mean = own[:, members].mean(1)
        deviation = ((own[:, members] - mean[:, None]).square().mean(1) + 0.3 * other_deviation**2).sqrt()
        telling = (mean - other_mean) / other_deviation
        used = telling > min(_TELLING, float(telling.max()) - 1e-6)
        share = float(members.float().mean().clamp(0.004, 0.6))
        prior = float(torch.logit(torch.tensor(share)))
        shared = SharedSound(sounds, used, mean, deviation, other_mean, other_deviation, prior)
        log_odds = shared._log_odds(own)
        members = log_odds > 0
    return shared, log_odds


def _closeness(windows: Tensor, members: Tensor) -> Tensor:
    """Where too few members are left to fit anything: how well each clip agrees with those, or with all."""
    weights = members.to(windows) if bool(members.any()) else torch.ones(windows.shape[1])
    return _agreement(windows, _weighted_sum(windows, weights), weights).amax(0)


def _agreement(windows: Tensor, sounds: Tensor, weights: Tensor | None) -> Tensor:
    """Correlation (W, N) with the sum, without the clip's own share in it where it has one."""
    energy = sounds.square().sum(1)[:, None]
    product = (windows @ sounds[:, :, None])[:, :, 0]
    if weights is not None:
        own = weights * windows.square().sum(2)
        energy = energy - 2 * weights * product + weights * own
        product = product - own
    return product / energy.clamp(min=1e-6).sqrt()


def _weighted_sum(windows: Tensor, weights: Tensor) -> Tensor:
    """Sum over clips (W, T) of (W, N, T) windows."""
    return (weights.expand(len(windows), 1, -1) @ windows)[:, 0]


def _log_normal(values: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Log-density of (W, N) values under a normal for each window, up to a constant."""
    return -0.5 * ((values - mean[:, None]) / deviation[:, None]).square() - deviation.log()[:, None]
