"""Changes of audiovisual clips for training and judging: crops, light, noise over the sound, a modality blanked."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BLANK_SAMPLE, BLANK_PIXEL = 0.0, 0.5
MODALITIES = ("audio", "video")


@dataclass(frozen=True)
class ModalityDropout:
    """
    How often a clip loses a modality, so that a recogniser must learn both.

    :param audio: Share of clips whose sound is silent.
    :param video: Share of clips, of the others, whose frames are grey.
    :param noise: Share of clips that hear white noise over the sound.
    :param least_db: The lowest signal-to-noise ratio of that noise; it is drawn evenly.
    :param most_db: The highest.
    """

    audio: float = 0.0
    video: float = 0.0
    noise: float = 0.0
    least_db: float = -15.0
    most_db: float = 20.0


def drop_modalities(
    audio: Tensor, video: Tensor, recipe: ModalityDropout, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """
    Noise over some clips' sound, and one modality blanked in others; never both.

    :param audio: Sound (N, S).
    :param video: Frames (N, T, H, W) in [0, 1].
    :param recipe: How often.
    :param generator: On the CPU.
    :return: Both anew.
    """
    draws = torch.rand((3, len(audio)), generator=generator).to(audio.device)
    level = recipe.least_db + (recipe.most_db - recipe.least_db) * draws[2]
    noisy = add_noise(audio, level, generator)
    audio = torch.where((draws[1] < recipe.noise)[:, None], noisy, audio)
    silent = draws[0] < recipe.audio
    grey = ~silent & (draws[0] < recipe.audio + (1 - recipe.audio) * recipe.video)
    return (
        audio.masked_fill(silent[:, None], BLANK_SAMPLE),
        video.masked_fill(grey[:, None, None, None], BLANK_PIXEL),
    )


def add_noise(audio: Tensor, snr_db: Tensor | float, generator: torch.Generator) -> Tensor:
    """
    White noise over sound; what leaves [-1, 1] is cut, after both are made quieter where the noise is the louder one.

    :param audio: Sound (N, S).
    :param snr_db: Of each clip (N,), or of all.
    :param generator: On the CPU.
    :return: The same shape; a silent clip stays silent.
    """
    power = audio.square().mean(1, keepdim=True)
    ratio = torch.as_tensor(snr_db, dtype=audio.dtype, device=audio.device).reshape(-1, 1)
    noise = torch.randn(audio.shape, generator=generator).to(audio)
    sum_ = audio + noise * power.sqrt() * 10 ** (-ratio / 20)
    return (sum_ / (1 + 10 ** (-ratio / 10)).sqrt()).clamp(-1, 1)


def blanked(audio: Tensor, video: Tensor, modality: str) -> tuple[Tensor, Tensor]:
    """
    Clips without one modality: silence, or grey frames.

    :param audio: Sound (N, S).
    :param video: Frames (N, T, H, W).
    :param modality: "audio" or "video".
    :return: Both; the other one as it was.
    :raises ValueError: If the modality is unknown.
    """
    if modality not in MODALITIES:
        raise ValueError(f"modality must be one of {', '.join(MODALITIES)}, got {modality!r}")
    if modality == "audio":
        return torch.full_like(audio, BLANK_SAMPLE), video
    return audio, torch.full_like(video, BLANK_PIXEL)


def augment_frames(video: Tensor, crop: int, generator: torch.Generator, light: float = 0.15) -> Tensor:
    """
    A random square, mirrored in half of the clips, under another light.

    :param video: Frames (N, T, H, W) in [0, 1].
    :param crop: Pixels of a side of the square; H and W at least.
    :param generator: On the CPU.
    :param light: Brightness moves by up to this, contrast by up to twice this share, either way.
    :return: Shape (N, T, crop, crop) in [0, 1]; every frame of a clip is changed alike.
    """
    count, _, height, width = video.shape
    tops = torch.randint(height - crop + 1, (count,), generator=generator).tolist()
    lefts = torch.randint(width - crop + 1, (count,), generator=generator).tolist()
    mirrored = (torch.rand(count, generator=generator) < 0.5).to(video.device)
    draws = (2 * torch.rand((2, count, 1, 1, 1), generator=generator) - 1).to(video)
    places = zip(video, tops, lefts, strict=True)
    cut = torch.stack([clip[:, top : top + crop, left : left + crop] for clip, top, left in places])
    cut = torch.where(mirrored[:, None, None, None], cut.flip(3), cut)
    middle = cut.mean((1, 2, 3), keepdim=True)
    return ((cut - middle) * (1 + 2 * light * draws[0]) + middle + light * draws[1]).clamp(0, 1)
