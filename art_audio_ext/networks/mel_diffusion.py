"""The network that predicts the noise in a 32 x 32 log-mel picture of speech: a U-Net of the library diffusers."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

SIDE = 32  # bands and frames of `speech_mel`
SIZES: dict[str, dict[str, Any]] = {
    "full": {
        "base": 128,
        "multipliers": (1, 2, 2, 2),
        "blocks": 3,
        "attention": (16, 8),
        "heads": 4,
        "dropout": 0.3,
    },
    "small": {"base": 32, "multipliers": (1, 2, 2), "blocks": 1, "attention": (8,), "heads": 4, "dropout": 0.0},
}


class MelUNet(nn.Module):
    """
    Residual blocks at falling and rising resolutions, self-attention at some of them, told the diffusion step.

    | "full": 52.5 million parameters, 16.3 GFLOP a picture, which is a second of sound.
    | "small": 1.2 million, 0.5 GFLOP.

    Source: Tan et al., "DualPure", 2024, section 4.1, for the sizes; Nichol and Dhariwal, "Improved Denoising Diffusion
    Probabilistic Models", 2021, for the network.

    :param base: Channels at 32 x 32, a multiple of 8.
    :param multipliers: Channels at 32 x 32, 16 x 16 and so on, in `base`; at most 6 levels.
    :param blocks: Residual blocks a level on the way down; one more on the way up.
    :param attention: Sides of the pictures at which there is self-attention. It is always at the smallest.
    :param heads: Of the attention, at the level with the most channels.
    :param dropout: Share of features dropped in each block while training.
    :raises ImportError: If diffusers is not installed.
    :raises ValueError: If a size cannot be.
    """

    def __init__(
        self,
        base: int = 128,
        multipliers: tuple[int, ...] = (1, 2, 2, 2),
        blocks: int = 3,
        attention: tuple[int, ...] = (16, 8),
        heads: int = 4,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        _check(base, multipliers, blocks, attention, heads, dropout)
        attends = [SIDE >> level in attention for level in range(len(multipliers))]
        self.unet = _library().UNet2DModel(
            sample_size=SIDE,
            in_channels=1,
            out_channels=1,
            block_out_channels=tuple(base * factor for factor in multipliers),
            down_block_types=tuple("AttnDownBlock2D" if here else "DownBlock2D" for here in attends),
            up_block_types=tuple("AttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attends)),
            layers_per_block=blocks,
            attention_head_dim=base * max(multipliers) // heads,
            dropout=dropout,
            norm_num_groups=math.gcd(32, base // 4),
            resnet_time_scale_shift="scale_shift",
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """
        The noise in x.

        :param x: Noisy pictures of shape (N, 1, 32, 32).
        :param t: Diffusion steps, integers of shape (N,), counted from 1.
        :return: The shape of `x`.
        :raises ValueError: If a shape is another.
        """
        if x.ndim != 4 or x.shape[1:] != (1, SIDE, SIDE) or t.shape != x.shape[:1]:
            raise ValueError(
                f"expected x of shape (N, 1, {SIDE}, {SIDE}) and t of (N,), got {tuple(x.shape)} and {tuple(t.shape)}"
            )
        noise: Tensor = self.unet(x, t - 1, return_dict=False)[0]  # the library counts steps from 0
        return noise


def _check(
    base: int, multipliers: tuple[int, ...], blocks: int, attention: tuple[int, ...], heads: int, dropout: float
) -> None:
    """Refuse sizes that the library would build in another way, or break at later."""
    if base < 8 or base % 8:
        raise ValueError(f"base must be a positive multiple of 8, got {base}")
    if not 1 <= len(multipliers) <= 6 or min(multipliers) < 1 or not 1 <= blocks <= 8:
        raise ValueError(f"there must be 1 to 6 positive multipliers and 1 to 8 blocks: got {multipliers} and {blocks}")
    sides = [SIDE >> level for level in range(len(multipliers))]
    if unknown := sorted(set(attention) - set(sides)):
        raise ValueError(f"no level has side {unknown[0]}: attention may be at {', '.join(map(str, sides))}")
    size = base * max(multipliers) // max(heads, 1)
    attending = [m for side, m in zip(sides, multipliers, strict=True) if side in attention] + [multipliers[-1]]
    if heads < 1 or base * max(multipliers) % heads or any(base * m % size for m in attending):
        raise ValueError(f"heads must divide the channels of every level with attention, got {heads}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must lie in [0, 1), got {dropout}")


def _library() -> Any:
    """The library, which is an extra and takes seconds to import."""
    try:
        import diffusers
    except ImportError as error:
        raise ImportError(
            'diffusion on log-mels needs the library diffusers: pip install "art-audio-ext[diffusion]"'
        ) from error
    return diffusers
