"""A network of sound and frames as a network of flat rows, which is the only input that ART knows."""

from __future__ import annotations

from torch import Tensor, nn

from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout


class RowModel(nn.Module):
    """
    A network that takes rows `[audio | video]`.

    :param network: Of sound (N, S) and frames (N, T, H, W); it is shared, not copied.
    :param layout: Takes rows apart.
    """

    def __init__(self, network: nn.Module, layout: AudioVisualLayout):
        super().__init__()
        self.network, self.layout = network, layout

    def forward(self, rows: Tensor) -> Tensor:
        """
        :param rows: Shape (N, D).
        :return: What the network gives.
        :raises ValueError: If the rows have another length.
        """
        output: Tensor = self.network(*self.layout.unpack(rows))
        return output
