"""A network of sound and frames as a network of flat rows, which is the only input that ART knows."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn


class RowLayout(Protocol):
    """What takes rows apart, as `AudioVisualLayout` does."""

    def unpack(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Sound (N, S) and frames (N, T, H, W) of rows (N, D)."""
        ...


class RowModel(nn.Module):
    """
    A network that takes rows `[audio | video]`.

    :param network: Of sound (N, S) and frames (N, T, H, W); it is shared, not copied.
    :param layout: Takes rows apart.
    """

    def __init__(self, network: nn.Module, layout: RowLayout):
        super().__init__()
        self.network, self.layout = network, layout

    def forward(self, rows: Tensor) -> Tensor:
        """
        :param rows: Shape (N, D).
        :return: What the network gives.
        """
        output: Tensor = self.network(*self.layout.unpack(rows))
        return output
