"""Drawings as bytes, and bytes as the addresses of what a page holds."""

from __future__ import annotations

import base64
import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def png(figure: Figure) -> bytes:
    """
    :param figure: Drawn.
    :return: The same for the same drawing, byte for byte: matplotlib's version is left out.
    """
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})
    return stream.getvalue()


def data_address(kind: str, content: bytes) -> str:
    """
    :param kind: Media type, `image/png` say.
    :param content: Of the file.
    :return: `data:KIND;base64,...`, which a page shows without another file.
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
