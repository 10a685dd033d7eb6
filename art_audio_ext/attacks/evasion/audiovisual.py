"""ART's FGSM and BIM on audiovisual rows, with an epsilon for each modality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from art.attacks.evasion import BasicIterativeMethod, FastGradientMethod
from art.estimators.classification import PyTorchClassifier

from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout

_SAMPLE, _PIXEL = 32768, 255


@dataclass(frozen=True)
class AttackStrength:
    """
    How far an attack may go, in the paper's units.

    :param audio: Steps of a 16-bit sample; 0 leaves the sound alone.
    :param video: Steps of a pixel of 255; 0 leaves the pictures alone.
    :param audio_step: Of an iterative attack.
    :param video_step: Of an iterative attack.
    :raises ValueError: If one is negative, both modalities are left alone, or a step is not positive.
    """

    audio: float = 512
    video: float = 8
    audio_step: float = 64
    video_step: float = 1

    def __post_init__(self) -> None:
        for name in ("audio", "video", "audio_step", "video_step"):
            value = getattr(self, name)
            number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if not number or not 0 <= value < np.inf or (value == 0 and name.endswith("step")):
                raise ValueError(f"{name} must be a number, {'positive' if name.endswith('step') else 'not negative'}")
        if not self.audio and not self.video:
            raise ValueError("audio and video are both 0: an attack must change something")

    def eps(self, layout: AudioVisualLayout) -> np.ndarray:
        """The largest change of each value of a row, float32 (D,)."""
        return layout.vector(self.audio / _SAMPLE, self.video / _PIXEL)

    def step(self, layout: AudioVisualLayout) -> np.ndarray:
        """The length of an iterative attack's step for each value of a row, float32 (D,)."""
        return layout.vector(self.audio_step / _SAMPLE, self.video_step / _PIXEL)

    @property
    def iterations(self) -> int:
        """
        min(eps + 4, 1.25 eps) of the video's eps: 5, 10, 20 at 4, 8, 16; of the sound alone, as many as reach its rim
        with a quarter over.

        Source: Kurakin et al., Adversarial examples in the physical world, 2017, section 2.2.
        """
        steps = self.video / self.video_step if self.video else self.audio / self.audio_step
        return max(1, int(min(steps + 4, 1.25 * steps)))


#: The nine strengths of the paper's Table 1, strongest first.
TABLE_1 = tuple(AttackStrength(audio, video) for video in (16, 8, 4) for audio in (1024, 512, 256))


def fast_gradient(
    classifier: PyTorchClassifier,
    layout: AudioVisualLayout,
    strength: AttackStrength,
    *,
    targeted: bool = False,
    batch_size: int = 16,
) -> FastGradientMethod:
    """
    One step along the sign of the gradient.

    | Paper link: https://arxiv.org/abs/1412.6572

    :param classifier: Of rows (N, D).
    :param layout: Of the rows.
    :param strength: How far; a modality of strength 0 stays as it is.
    :param targeted: `y` is what clips shall be called.
    :param batch_size: Rows at a time.
    :return: ART's attack.
    :raises ValueError: If the classifier takes rows of another length.
    """
    _check(classifier, layout)
    options: dict[str, Any] = {"norm": np.inf, "targeted": targeted, "batch_size": batch_size}
    return FastGradientMethod(classifier, eps=strength.eps(layout), eps_step=strength.step(layout), **options)


def basic_iterative(
    classifier: PyTorchClassifier,
    layout: AudioVisualLayout,
    strength: AttackStrength,
    *,
    max_iter: int | None = None,
    targeted: bool = False,
    batch_size: int = 16,
    verbose: bool = False,
) -> BasicIterativeMethod:
    """
    Steps along the sign of the gradient within the box.

    | Paper link: https://arxiv.org/abs/1607.02533

    :param classifier: Of rows (N, D).
    :param layout: Of the rows.
    :param strength: How far, and in which steps; a modality of strength 0 stays as it is.
    :param max_iter: Steps; None takes `strength.iterations`.
    :param targeted: `y` is what clips shall be called.
    :param batch_size: Rows at a time.
    :param verbose: Show progress.
    :return: ART's attack.
    :raises ValueError: If the classifier takes rows of another length.
    """
    _check(classifier, layout)
    return BasicIterativeMethod(
        classifier,
        eps=strength.eps(layout),
        eps_step=strength.step(layout),
        max_iter=strength.iterations if max_iter is None else max_iter,
        targeted=targeted,
        batch_size=batch_size,
        verbose=verbose,
    )


def _check(classifier: PyTorchClassifier, layout: AudioVisualLayout) -> None:
    """Refuse a classifier of something else."""
    if tuple(classifier.input_shape) != (layout.length,):
        shape = tuple(classifier.input_shape)
        raise ValueError(f"the classifier takes {shape}, rows have {layout.length}: give the layout of its model")
