"""How far embeddings of pictures and of sound lie apart at each shift in time, and the offset and confidence of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, pad

MAX_SHIFT = 15  # windows either way, of the reference
LEAST_SHARE = 0.25  # of a clip's windows that must have a partner for a shift to count
_BLOCK = 128  # of pictures' windows in one matrix product
_TINY = 1e-12  # squared distances below it have no root that could be differentiated


def shift_distances(
    video: Tensor,
    audio: Tensor,
    video_valid: Tensor | None = None,
    audio_valid: Tensor | None = None,
    *,
    max_shift: int = MAX_SHIFT,
    edges: str = "masked",
    least_share: float = LEAST_SHARE,
    weights: Tensor | None = None,
) -> Tensor:
    """
    Mean Euclidean distance of each window of pictures to the window of sound s windows later, s = -K..K.

    One batched matrix product over clips and shifts. At the edges a window has no partner: by "masked" such pairs are
    left out of the mean, and a shift at which fewer than `least_share` of the windows have a partner is NaN, which
    `sync_offset` and `sync_confidence` leave out. So a clip with fewer windows than shifts is judged by its inner
    shifts. By "zeros" the sound goes on as zeros, as in the reference, which for short clips makes up to 62% of the
    distances at the outer shifts; masks then are not looked at.

    Source: Chung and Zisserman, "Out of time: automated lip sync in the wild", 2016, section 4, and its public code,
    which adds 1e-6 to every difference: a distance changes by at most that times the root of E.

    :param video: Embeddings (N, Tv, E).
    :param audio: Embeddings (N, Ta, E); as many windows or not.
    :param video_valid: bool (N, Tv), False where a window is padding; None takes all.
    :param audio_valid: bool (N, Ta).
    :param max_shift: K.
    :param edges: "masked" or "zeros".
    :param least_share: From 0 to 1.
    :param weights: Of windows of pictures (N, Tv), not negative, for a mean over some of them; None weighs all alike.
    :return: Shape (N, 2K + 1), differentiable; at index K + s.
    :raises ValueError: If shapes do not fit, `edges` is unknown, or there are fewer than two windows.
    """
    _check(video, audio, edges)
    pairs = _band(video, audio, max_shift)
    if edges == "zeros":
        weight = torch.ones(video.shape[:2]) if weights is None else weights
        weight = weight.to(video)[..., None]
        return (pairs * weight).sum(1) / weight.sum(1)
    present = video.new_ones(video.shape[:2]) if video_valid is None else video_valid.to(video)
    partner = video.new_ones(audio.shape[:2]) if audio_valid is None else audio_valid.to(video)
    both = present[..., None] * _shifted(partner, present.shape[1], max_shift)
    enough = both.sum(1) >= (least_share * present.sum(1, keepdim=True)).clamp(min=1)
    weight = both if weights is None else both * weights.to(video)[..., None]
    total = weight.sum(1)
    mean = (pairs * weight).sum(1) / total.clamp(min=1e-6)
    return mean.masked_fill(~enough | (total <= 0), math.nan)


def sync_offset(distances: Tensor) -> Tensor:
    """
    By how many windows the sound comes late: the shift with the least distance.

    The public code of SyncNet prints the negative of it.

    :param distances: Of `shift_distances`, (N, 2K + 1).
    :return: int64 (N,), from -K to K.
    """
    return distances.nan_to_num(math.inf).argmin(-1) - (distances.shape[-1] - 1) // 2


def sync_confidence(distances: Tensor) -> Tensor:
    """
    Median less minimum over the shifts; the gradient is that of the two shifts which are these.

    :param distances: Of `shift_distances`, (N, 2K + 1).
    :return: Shape (N,).
    """
    least = distances.masked_fill(distances.isnan(), math.inf).min(-1).values
    return torch.nanmedian(distances, -1).values - least


def reference_windows(frames: int, samples: int) -> int:
    """
    How many windows the reference looks at: one fewer than there are.

    :param frames: Of pictures, 25 a second.
    :param samples: Of sound at 16 kHz.
    :return: The number, from the first window on.
    """
    return min(frames, samples // 640) - 5


def matching_loss(video: Tensor, audio: Tensor, *, sharpness: float = 10.0, max_shift: int = MAX_SHIFT) -> Tensor:
    """
    Multi-way matching within clips: which of a clip's windows of sound belongs to one of pictures, and the reverse.

    Symmetric softmax cross-entropy of `sharpness` x cosine over all windows of the clip, plus the cross-entropy of the
    mean along each diagonal from -K to K, of which the middle one is right: it is what the offset is read from.

    Source: Chung, Chung and Kang, "Perfect match: improved cross-modal embeddings for audio-visual synchronisation",
    2019; the diagonals are ours.

    :param video: Embeddings (N, T, E).
    :param audio: Embeddings (N, T, E), at the same times.
    :param sharpness: Factor of the cosine.
    :param max_shift: K; less where a clip has no more than K windows.
    :return: A scalar.
    """
    cosine = _cosines(video, audio, sharpness)
    count, windows = cosine.shape[:2]
    right = torch.arange(windows, device=cosine.device).expand(count, windows)
    diagonals = _diagonals(cosine, max_shift)
    middle = torch.full((count,), diagonals.shape[1] // 2, device=cosine.device)
    return (
        cross_entropy(cosine.transpose(1, 2), right) + cross_entropy(cosine, right) + cross_entropy(diagonals, middle)
    )


def unmatched_loss(video: Tensor, audio: Tensor, *, sharpness: float = 10.0, max_shift: int = MAX_SHIFT) -> Tensor:
    """
    How far clips that shall have no offset, because they were attacked, stand out at one.

    :param video: Embeddings (N, T, E).
    :param audio: Embeddings (N, T, E).
    :param sharpness: Factor of the cosine.
    :param max_shift: K; less where a clip has no more than K windows.
    :return: A scalar: cross-entropy of the softmax over shifts to the even distribution, less its least value.
    """
    chances = _diagonals(_cosines(video, audio, sharpness), max_shift).log_softmax(1)
    return -chances.mean(1).mean() - math.log(chances.shape[1])


def _cosines(video: Tensor, audio: Tensor, sharpness: float) -> Tensor:
    """Factor times cosine (N, T, T) of all windows of a clip."""
    return sharpness * normalize(video, dim=-1) @ normalize(audio, dim=-1).transpose(1, 2)


def _diagonals(cosine: Tensor, max_shift: int) -> Tensor:
    """Means (N, 2K + 1) along the diagonals of (N, T, T)."""
    windows = cosine.shape[1]
    reach = min(max_shift, windows - 1)
    overlap = windows - torch.arange(-reach, reach + 1, device=cosine.device).abs()
    return _sheared(pad(cosine, (reach, reach)), reach).sum(1) / overlap


def _band(video: Tensor, audio: Tensor, reach: int) -> Tensor:
    """Distances (N, Tv, 2K + 1) of each window to those around it."""
    lengths = torch.einsum("nte,nte->nt", audio, audio), torch.einsum("nte,nte->nt", video, video)
    squares = _shifted(lengths[0], video.shape[1], reach) + lengths[1][..., None] - 2 * _products(video, audio, reach)
    return squares.clamp(min=_TINY).sqrt()


def _products(video: Tensor, audio: Tensor, reach: int) -> Tensor:
    """Inner products (N, Tv, 2K + 1); long clips go in blocks, so that memory grows with the length, not its square."""
    windows, later = video.shape[1], audio.shape[1]
    if windows <= _BLOCK:  # as they lie: padding would copy them
        return _sheared(pad(video @ audio.transpose(1, 2), (reach, windows + reach - later)), reach)
    blocks = -(-windows // _BLOCK)
    left = pad(video, (0, 0, 0, blocks * _BLOCK - windows)).unflatten(1, (blocks, _BLOCK))
    behind = blocks * _BLOCK + reach - later  # negative where the sound is longer than it matters
    around = pad(audio, (0, 0, reach, behind)).unfold(1, _BLOCK + 2 * reach, _BLOCK)  # (N, blocks, E, block + 2K)
    return _sheared(left @ around, reach).flatten(1, 2)[:, :windows]


def _sheared(x: Tensor, reach: int) -> Tensor:
    """Diagonals as columns: (..., B, B + 2K) to (..., B, 2K + 1), of which [i, j] was [i, i + j]."""
    rows, columns = x.shape[-2:]
    return pad(x.flatten(-2), (0, rows)).unflatten(-1, (rows, columns + 1))[..., : 2 * reach + 1]


def _shifted(partner: Tensor, windows: int, reach: int) -> Tensor:
    """Whether there is sound (N, Tv, 2K + 1) at each shift of each window of pictures."""
    return pad(partner, (reach, windows + reach - partner.shape[1])).unfold(1, 2 * reach + 1, 1)


def _check(video: Tensor, audio: Tensor, edges: str) -> None:
    if video.ndim != 3 or audio.ndim != 3 or video.shape[::2] != audio.shape[::2]:
        raise ValueError(
            f"embeddings have shapes {tuple(video.shape)} and {tuple(audio.shape)}, expected (N, Tv, E) and (N, Ta, E)"
        )
    if min(video.shape[1], audio.shape[1]) < 2:
        raise ValueError(
            f"{video.shape[1]} windows of pictures and {audio.shape[1]} of sound cannot be compared at several shifts: "
            f"give clips of at least 7 frames"
        )
    if edges not in ("masked", "zeros"):
        raise ValueError(f"edges must be masked or zeros, got {edges!r}")
