"""A sound that repeats at any place of many clips: correlation at every shift, first by groups, then refined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

GROUP = 16  # clips added up and correlated as one, fewer in a small class
LEAST_GROUPS = 8
CANDIDATES = 3
ROUNDS = 2
SMOOTH_SECONDS = 0.02
_LEFT_OUT = 8  # members that are scored by a template without them


@dataclass(frozen=True)
class Circular:
    """Clips as correlation at every shift needs them: padded to a power of two, and their spectra."""

    sound: Tensor  # (N, M)
    spectra: Tensor  # complex64 (N, M / 2 + 1)

    def __getitem__(self, rows: Tensor) -> Circular:
        return Circular(self.sound[rows], self.spectra[rows])

    def __len__(self) -> int:
        return len(self.sound)


def circular(flat: Tensor) -> Circular:
    """
    Prepare clips for correlation at every shift, around the end of a clip to its beginning.

    :param flat: From `flatten_sound`, shape (N, L).
    :return: Padded to M samples, M the next power of two.
    """
    length = 2 ** int(np.ceil(np.log2(flat.shape[1])))
    return Circular(torch.nn.functional.pad(flat, (0, length - flat.shape[1])), torch.fft.rfft(flat, n=length))


@dataclass(frozen=True)
class ShiftTemplate:
    """What many clips share, each at a place of its own."""

    sound: Tensor  # (M,), of unit energy
    quality: float = 0.0  # how far clips match it that were left out of it, in standard deviations of the others

    def heights(self, clips: Circular) -> tuple[Tensor, Tensor]:
        """
        Highest correlation over all shifts, whatever its sign, and the shift.

        :param clips: N of them.
        :return: Heights (N,) and shifts in samples (N,).
        """
        return _heights(clips.spectra, torch.fft.rfft(self.sound))

    def align(self, clips: Circular, shifts: Tensor) -> Tensor:
        """
        Shift clips, and turn their sign, so that what they share lies where the template has it.

        :param clips: N of them.
        :param shifts: From :meth:`heights`, shape (N,).
        :return: Sound of shape (N, M).
        """
        return _aligned(clips.sound, shifts, self.sound)


def find_at_any_shift(clips: Circular, sample_rate: int, rng: np.random.Generator) -> ShiftTemplate:
    """
    Find the sound that most clips share, wherever it lies in each.

    Every clip is correlated with sums of `GROUP` others: whichever of them holds the sound stands out. The best groups
    give candidates, each refined by turns of aligning the clips that match it and averaging them.

    :param clips: At least 4 of them.
    :param sample_rate: In Hz.
    :param rng: Of the groups.
    :return: The best candidate, by how well it matches clips that it was not made from.
    """
    count = len(clips)
    order = torch.from_numpy(rng.permutation(count))
    many = min(count, max(LEAST_GROUPS, -(-count // GROUP)))
    groups = [order[i::many] for i in range(many)]
    found = [_heights(clips.spectra, clips.spectra[group].sum(0) / len(group) ** 0.5) for group in groups]
    heights = torch.stack([height for height, _ in found])
    for row, group in enumerate(groups):
        heights[row, group] = 0
    least = max(3, count // 30)
    best = heights.topk(least, 1)[0].mean(1).topk(min(CANDIDATES, len(groups)))[1]
    smooth = max(1, round(SMOOTH_SECONDS * sample_rate)) | 1
    candidates = []
    for row in best.tolist():
        chosen = heights[row].topk(least)[1]
        members = _aligned(clips.sound[chosen], found[row][1][chosen], clips.sound[groups[row]].sum(0))
        candidates.append(_refine(clips, members, least, smooth))
    return max(candidates, key=lambda candidate: candidate.quality)


def _refine(clips: Circular, members: Tensor, least: int, smooth: int) -> ShiftTemplate:
    """Average the members, match all clips with the average, take those that stand out as members, and again."""
    for _ in range(ROUNDS):
        template = _average(members, smooth)
        heights, shifts = _heights(clips.spectra, torch.fft.rfft(template))
        centre, scale = heights.median(), (heights.quantile(0.75) - heights.quantile(0.25)).clamp(min=1e-6) / 1.35
        many = min(max(least, int((heights > centre + 6 * scale).sum())), max(least, len(clips) // 2))
        chosen = heights.topk(many)[1]
        members = _aligned(clips.sound[chosen], shifts[chosen], template)
    left_out = []
    for i in range(min(len(members), _LEFT_OUT)):
        others = _average(members[torch.arange(len(members)) != i], smooth)
        left_out.append(_heights(torch.fft.rfft(members[i : i + 1]), torch.fft.rfft(others))[0])
    return ShiftTemplate(_average(members, smooth), float((torch.cat(left_out).mean() - centre) / scale))


def _heights(spectra: Tensor, template: Tensor) -> tuple[Tensor, Tensor]:
    """Highest correlation over all shifts of each clip with a template, by their spectra, and the shift."""
    correlation = torch.fft.irfft(spectra * template.conj())
    high, shift = correlation.abs_().max(1)
    return high, shift


def _aligned(sound: Tensor, shifts: Tensor, template: Tensor) -> Tensor:
    """Clips (N, M) shifted and turned to match the template (M,)."""
    length = sound.shape[1]
    moved = sound.gather(1, (torch.arange(length) + shifts[:, None]) % length)
    return moved * torch.sign(moved @ template)[:, None]


def _average(members: Tensor, smooth: int) -> Tensor:
    """The members' sum, weighted over time by the share of energy in which they agree, of unit energy."""
    total, energy = members.sum(0), members.square().sum(0)
    power, energy = (_smooth(values, smooth) for values in (total.square(), energy))
    agreement = ((power - energy) / ((len(members) - 1) * energy + 1e-12)).clamp(min=0)
    total = total * agreement
    return total / total.norm().clamp(min=1e-12)


def _smooth(values: Tensor, width: int) -> Tensor:
    """Moving average around the circle, width odd."""
    padded = torch.cat([values[-(width // 2) - 1 :], values, values[: width // 2]]).double().cumsum(0)
    return ((padded[width:] - padded[:-width]) / width).to(values)
