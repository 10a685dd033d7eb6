"""What suspects have in common, made audible: the repeated sound, averaged out of the speech that lies over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from art_audio_ext.functional.checks import check_sample_rate, check_waveforms
from art_audio_ext.functional.coherent_shifts import Circular, circular, find_at_any_shift
from art_audio_ext.functional.flatten import flatten_sound

LEAST_CLIPS = 4
_SMOOTH_SECONDS = 0.01
_AGREEMENT = 0.15  # share of energy in which clips agree, below which nothing repeats
_STAYS = 0.6  # of the clips with one and the same shift: the sound has one place, and does not go round the end
_QUIET = 1e-4  # amplitude under which one clip is not trusted more than another


@dataclass(frozen=True)
class RecoveredSound:
    """A sound that n clips share, and where and how loud it is in each."""

    sound: np.ndarray  # float32 (T,), at the level it has in the clips; T = 0: nothing repeats
    starts: np.ndarray  # int64 (n,), sample of the clip at which it starts; negative: it began before the clip
    gains: np.ndarray  # float32 (n,), factor of each clip, about 1


def recover_sound(waveforms: np.ndarray, others: np.ndarray, sample_rate: int, *, seed: int) -> RecoveredSound:
    """
    Align clips by what they share, and average: each moment is weighted by how quiet the clip is around it.

    :param waveforms: The suspects of one class, shape (n, L) in [-1, 1], n >= 4.
    :param others: Clips of the class that are no suspects, (m, L), m about n or more.
    :param sample_rate: In Hz.
    :param seed: Of the search.
    :return: The sound, empty where the clips share none.
    :raises ValueError: If the sound is not acceptable or there are fewer than 4 clips.
    """
    check_sample_rate(sample_rate)
    waveforms, others = check_waveforms(waveforms, "waveforms"), check_waveforms(others, "others")
    if len(waveforms) < LEAST_CLIPS:
        raise ValueError(f"{len(waveforms)} clips are too few to recover a sound from: give at least {LEAST_CLIPS}")
    clips = circular(flatten_sound(waveforms, sample_rate))
    without = circular(flatten_sound(others, sample_rate))
    both = Circular(torch.cat([clips.sound, without.sound]), torch.cat([clips.spectra, without.spectra]))
    template = find_at_any_shift(both, sample_rate, np.random.default_rng(seed))
    shifts = template.heights(clips)[1]
    stays = float((shifts == shifts.mode().values).float().mean()) > _STAYS
    shifts = torch.zeros_like(shifts) if stays else shifts
    flat = clips.sound if stays else template.align(clips, shifts)
    length = flat.shape[1]
    raw = torch.zeros(len(waveforms), length)
    raw[:, : waveforms.shape[1]] = torch.from_numpy(np.asarray(waveforms, dtype=np.float32))
    raw = raw.gather(1, (torch.arange(length) + shifts[:, None]) % length)
    smooth = max(1, round(_SMOOTH_SECONDS * sample_rate)) | 1
    first, last = _extent(flat, smooth, around=not stays)
    weights = 1 / (_smooth(raw.square(), smooth) + _QUIET**2)
    sound = ((raw * weights).sum(0) / weights.sum(0)).roll(-first)[: last - first]
    here = raw.roll(-first, 1)[:, : last - first], weights.roll(-first, 1)[:, : last - first]
    gains = (here[0] * here[1] * sound).sum(1) / (here[1] * sound.square()).sum(1).clamp(min=1e-12)
    starts = (shifts + first) % length
    starts = torch.where(starts >= waveforms.shape[1] - smooth, starts - length, starts)
    return RecoveredSound(sound.numpy(), starts.numpy(), gains.float().numpy())


def remove_sound(waveforms: np.ndarray, found: RecoveredSound) -> np.ndarray:
    """
    Subtract a recovered sound from the clips that it was recovered from.

    :param waveforms: The same clips, shape (n, L).
    :param found: From :func:`recover_sound`.
    :return: float32 (n, L), in [-1, 1].
    """
    cleaned = np.array(waveforms, dtype=np.float32)
    for clip, start, gain in zip(cleaned, found.starts.tolist(), found.gains.tolist(), strict=True):
        sound = found.sound[max(0, -start) :][: len(clip) - max(0, start)]
        clip[max(0, start) : max(0, start) + len(sound)] -= gain * sound
    return cleaned.clip(-1, 1)


def _extent(flat: Tensor, smooth: int, around: bool) -> tuple[int, int]:
    """First and last sample of the stretch in which aligned clips agree, around the circle or not."""
    total, energy = flat.sum(0).square(), flat.square().sum(0)
    total, energy = _smooth(total[None], smooth)[0], _smooth(energy[None], smooth)[0]
    agreement = (total - energy) / ((len(flat) - 1) * energy + 1e-9)
    agreement[energy < 0.1 * energy.mean()] = 0
    inside = torch.nonzero(agreement > _AGREEMENT)[:, 0]
    if len(inside) == 0:
        return 0, 0
    if not around:
        return int(inside[0]), int(inside[-1]) + 1
    # the circle is cut where the longest stretch without agreement ends
    gaps = torch.diff(torch.cat([inside, inside[:1] + flat.shape[1]]))
    after = int(gaps.argmax())
    first = int(inside[(after + 1) % len(inside)])
    last = int(inside[after]) + (0 if int(inside[after]) >= first else flat.shape[1])
    return first, last + 1


def _smooth(values: Tensor, width: int) -> Tensor:
    """Moving average of rows around the circle, width odd."""
    half = width // 2
    sums = torch.cat([values[:, -half - 1 :], values, values[:, :half]], 1).double().cumsum(1)
    return ((sums[:, width:] - sums[:, :-width]) / width).to(values)
