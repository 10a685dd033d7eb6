"""What became of a clip under the targeted attack on sentences."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class CTCAttackResult:
    """
    What became of one clip.

    :param target: The sentence that was wanted.
    :param transcript: The one that is recognised.
    :param word_error_rate: Of the transcript, to the target.
    :param partial: Whether that is below one half.
    :param full: Whether it is nought.
    :param iterations: Steps until the returned rows were found; 0 where the clip was best as it was.
    :param eps_audio: Half the side of the box that holds the returned sound, full scale being 1.
    :param eps_video: The same of the pictures.
    """

    target: str
    transcript: str
    word_error_rate: float
    partial: bool
    full: bool
    iterations: int
    eps_audio: float
    eps_video: float

    def to_dict(self) -> dict[str, Any]:
        """As plain types."""
        return asdict(self)
