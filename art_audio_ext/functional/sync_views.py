"""Random views of talking clips: moves, cuts, light and noise, to train synchronisation on, and to hide a detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

FRAME_SAMPLES = 640  # at 16 kHz and 25 frames a second
_TAIL = 240  # samples by which the last feature of a window reaches beyond its last frame


@dataclass(frozen=True)
class SyncAugmentation:
    """
    How far clips are changed when synchronisation is learnt; sound and pictures stay in step.

    :param jitter: Pixels by which pictures move at most, each way.
    :param brightness: Pictures get brighter or darker by up to this share, and by up to half of it in offset.
    :param gain_db: Sound gets louder or softer by up to this.
    :param noise_share: Of the clips that get white noise in the sound; so many others get it in the pictures.
    :param noise_snr_db: Least and largest ratio of sound to its noise.
    :param pixel_noise: Largest standard deviation of the noise of pictures.
    """

    jitter: int = 4
    brightness: float = 0.2
    gain_db: float = 10.0
    noise_share: float = 0.4
    noise_snr_db: tuple[float, float] = (10.0, 30.0)
    pixel_noise: float = 0.03


def augment_clips(
    audio: Tensor, video: Tensor, generator: torch.Generator, recipe: SyncAugmentation
) -> tuple[Tensor, Tensor]:
    """
    Moves, mirrors, light, loudness and noise.

    :param audio: Sound (N, S) in [-1, 1].
    :param video: Pictures (N, T, H, W) in [0, 1].
    :param generator: On the CPU.
    :param recipe: How far.
    :return: The same shapes, within their bounds.
    """
    count = len(audio)

    def uniform(low: float, high: float) -> Tensor:
        return (low + (high - low) * torch.rand(count, generator=generator)).to(audio)

    moves = torch.randint(-recipe.jitter, recipe.jitter + 1, (count, 2), generator=generator)
    video = moved_pictures(video, moves)
    video = torch.where((uniform(0, 1) < 0.5)[:, None, None, None], video.flip(3), video)
    light, lift = uniform(-recipe.brightness, recipe.brightness), uniform(-recipe.brightness, recipe.brightness) / 2
    grain = uniform(0, recipe.pixel_noise) * (uniform(0, 1) < recipe.noise_share)
    noise = torch.randn(video.shape, generator=generator).to(video)
    video = (1 + light)[:, None, None, None] * video + lift[:, None, None, None] + grain[:, None, None, None] * noise
    audio = 10 ** (uniform(-recipe.gain_db, recipe.gain_db) / 20)[:, None] * audio
    level = audio.square().mean(1).sqrt() * 10 ** (-uniform(*recipe.noise_snr_db) / 20)
    level = level * (uniform(0, 1) < recipe.noise_share)
    audio = audio + level[:, None] * torch.randn(audio.shape, generator=generator).to(audio)
    return audio.clamp(-1, 1), video.clamp(0, 1)


def cut_windows(audio: Tensor, video: Tensor, windows: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """
    So many windows of each clip from a random frame on, or all where there are no more.

    :param audio: Sound (N, S) at 16 kHz.
    :param video: Pictures (N, T, H, W), 25 a second.
    :param windows: Of five frames, a new one each frame.
    :param generator: On the CPU.
    :return: Sound and pictures of one length, in step.
    """
    frames = min(windows + 4, video.shape[1])
    samples = min(frames * FRAME_SAMPLES + _TAIL, audio.shape[1])
    last = min(video.shape[1] - frames, (audio.shape[1] - samples) // FRAME_SAMPLES)
    starts = torch.randint(max(0, last) + 1, (len(audio),), generator=generator).tolist()
    sound = [x[k * FRAME_SAMPLES : k * FRAME_SAMPLES + samples] for x, k in zip(audio, starts, strict=True)]
    return torch.stack(sound), torch.stack([x[k : k + frames] for x, k in zip(video, starts, strict=True)])


@dataclass(frozen=True)
class SyncRandomness:
    """
    What a detector may vary so that an attack does not know what it will be looked at through.

    :param window_share: Of the windows of pictures that count.
    :param jitter: Pixels by which pictures move at most, each way.
    :param sample_shift: Samples by which the sound moves at most, each way; well below a frame, 640.
    """

    window_share: float = 1.0
    jitter: int = 0
    sample_shift: int = 0


class SyncDraws(NamedTuple):
    """One draw for each of N clips: weights of windows (N, Tv), moves of pictures (N, 2), of the sound (N,)."""

    weights: Tensor
    moves: Tensor
    shifts: Tensor


def draw_views(randomness: SyncRandomness, windows: int, generators: list[torch.Generator]) -> SyncDraws:
    """
    :param randomness: How far.
    :param windows: Of pictures in a clip.
    :param generators: One for each clip, on the CPU: a clip's draw does not depend on its neighbours.
    :return: The draws, on the CPU.
    """
    kept = max(1, round(randomness.window_share * windows))
    weights, moves, shifts = [], [], []
    for generator in generators:
        order = torch.rand(windows, generator=generator).argsort().argsort()
        weights.append((order < kept).float())
        jitter, shift = randomness.jitter, randomness.sample_shift
        moves.append(torch.randint(-jitter, jitter + 1, (2,), generator=generator))
        shifts.append(torch.randint(-shift, shift + 1, (), generator=generator))
    return SyncDraws(torch.stack(weights), torch.stack(moves), torch.stack(shifts))


def moved_pictures(video: Tensor, moves: Tensor) -> Tensor:
    """
    Pictures moved by whole pixels; what comes in repeats the edge. Differentiable.

    :param video: Shape (N, T, H, W).
    :param moves: Pixels down and to the right (N, 2).
    :return: The same shape.
    """
    if not bool(moves.any()):
        return video
    count, _, height, width = video.shape
    at = moves.to(video.device)
    rows = (torch.arange(height, device=video.device) - at[:, :1]).clamp(0, height - 1)
    columns = (torch.arange(width, device=video.device) - at[:, 1:]).clamp(0, width - 1)
    clip = torch.arange(count, device=video.device)[:, None, None]
    # the indexed dimensions lead, time comes last
    return video[clip, :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def moved_sound(audio: Tensor, shifts: Tensor) -> Tensor:
    """
    Sound moved by whole samples; what comes in is silence. Differentiable.

    :param audio: Shape (N, S).
    :param shifts: Samples later (N,).
    :return: The same shape.
    """
    if not bool(shifts.any()):
        return audio
    at = torch.arange(audio.shape[1], device=audio.device) - shifts.to(audio.device)[:, None]
    inside = (at >= 0) & (at < audio.shape[1])
    return audio.gather(1, at.clamp(0, audio.shape[1] - 1)) * inside
