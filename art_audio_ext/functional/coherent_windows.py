"""A sound that repeats at one place of many clips: the leading direction of their fine structure, window by window."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

POWER_STEPS = 40
FULL = 0.7
WINDOW_SECONDS = 0.0625  # long enough for a click and its echo, short enough to leave most of the speech out


def cut_windows(flat: Tensor, sample_rate: int) -> Tensor:
    """
    Cut sound into windows that overlap by half, each of equal energy: products are then correlations.

    :param flat: From `flatten_sound`, shape (N, L).
    :param sample_rate: In Hz.
    :return: Shape (W, N, T), at least one window; of unit energy, or less where a clip is silent in part.
    """
    width = min(flat.shape[1], max(8, round(WINDOW_SECONDS * sample_rate)))
    windows = flat.unfold(1, width, max(1, width // 2)).transpose(0, 1)
    # a clip of unit energy has sqrt(width / length) in a window; one that is silent but for the end of a sound has less
    # and must not be blown up: so few samples correlate by chance
    least = FULL * (width / flat.shape[1]) ** 0.5
    return windows / windows.norm(dim=2, keepdim=True).clamp(min=least)


@dataclass(frozen=True)
class WindowTemplate:
    """What many clips share in one window."""

    window: int
    sound: Tensor  # (T,), unit energy

    def heights(self, windows: Tensor) -> Tensor:
        """
        Correlation with each clip, whatever its sign.

        :param windows: From :func:`cut_windows`, shape (W, N, T).
        :return: Shape (N,) in [0, 1].
        """
        return (windows[self.window] @ self.sound).abs()


def find_in_windows(windows: Tensor) -> WindowTemplate:
    """
    Find the window in which clips agree most, and on what.

    The correlations of n unrelated clips have a largest eigenvalue near (1 + sqrt(n / T))^2; k clips that share a
    sound which makes up the share r of the window raise it to about 1 + (k - 1) r.

    :param windows: Shape (W, N, T), N >= 2.
    :return: The leading direction of that window.
    """
    correlation = windows @ windows.transpose(1, 2)
    start = torch.randn(correlation.shape[:2], generator=torch.Generator().manual_seed(0))
    direction = start[:, :, None]
    for _ in range(POWER_STEPS):  # library solvers of all eigenvalues fail where many clips are silent
        direction = correlation @ direction
        size = direction.norm(dim=1, keepdim=True)
        direction = direction / size.clamp(min=1e-6)
    best = int(size[:, 0, 0].argmax())
    sound = direction[best, :, 0] @ windows[best]
    return WindowTemplate(best, sound / sound.norm().clamp(min=1e-6))
