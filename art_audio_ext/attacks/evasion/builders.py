"""ART's own DeepFool and Carlini-Wagner, set up for sound; why each option is what it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from art.attacks.evasion import CarliniL2Method, DeepFool
from art.estimators.classification import PyTorchClassifier

from art_audio_ext.attacks.evasion.white_box import predicted
from art_audio_ext.functional.attack_report import check_logits


def audio_deepfool(estimator: PyTorchClassifier, **options: Any) -> DeepFool:
    """
    ART's `DeepFool` for waveforms in [-1, 1]. `AudioDeepFool` is faster and comes closer; this is for comparison.

    - `epsilon=0.02`, the authors' overshoot. ART's 1e-6 is less than the rounding of 32 bits at the level of a clip: a
      label that changed in the search may change back in the answer. The price is .2 dB.
    - `max_iter=100`: log-mels saturate, so that a linear step brings a part of what it promises; ten steps are common.
      ART multiplies each step by the width of the clip values, 2 for sound. Here that helps: at the algorithm's own
      step a third of the clips did not arrive within 50. It costs up to 6 dB where the model is nearly linear.
    - `nb_grads=10`: every class gradient is a backward pass. Where there are more classes, ART looks at the union of
      the likeliest ones over all clips of the call, not at each clip's own.
    - `batch_size=1`: a clip's answer does not depend on its neighbours, and what has arrived costs nothing.
    - Logits or log-probabilities, never probabilities: their gradients vanish where the model is sure.
    - `clip_values` must be those of sound: without them ART neither clips nor scales.

    :param estimator: An ART classifier of waveforms with `clip_values=(-1, 1)`.
    :param options: Of ART's class, in the place of those above.
    :return: The attack.
    :raises ValueError: If the estimator has no clip values or returns probabilities.
    """
    _check_estimator(estimator)
    return DeepFool(estimator, **({"max_iter": 100, "epsilon": 0.02, "nb_grads": 10, "batch_size": 1} | options))


def audio_carlini(estimator: PyTorchClassifier, *, targeted: bool = False, **options: Any) -> CarliniL2Method:
    """
    ART's `CarliniL2Method` for waveforms in [-1, 1]. `AudioCarliniL2` comes closer; this is for comparison.

    - `max_iter=30`: three times ART's; on four clips of a small mel model that brought .3 dB.
    - `initial_const=0.01, binary_search_steps=10`, ART's. From 1, with five searches, the same clips came out 5 dB
      louder: each success halves the constant once. After a failure ART's lower bound becomes the next constant (one
      array under two names), so that a later success does not make it smaller.
    - `learning_rate=0.01`, ART's; its line search covers 1/32 to 32 of it.
    - `confidence=0.001`: at 0 a point lies on the boundary, where rounding may call it back.
    - `batch_size=1`, as for `audio_deepfool`.
    - ART goes to the space of tanh and back in 32 bits: a clip of amplitude .01 comes back with noise 110 dB below it.
      That bounds what can be reported, and a clip that is quieter by 20 dB has 20 dB less.

    :param estimator: An ART classifier of waveforms with `clip_values=(-1, 1)`.
    :param targeted: `y` is what clips shall be called.
    :param options: Of ART's class, in the place of those above.
    :return: The attack.
    :raises ValueError: If the estimator has no clip values or returns probabilities.
    """
    _check_estimator(estimator)
    chosen = {"max_iter": 30, "initial_const": 0.01, "binary_search_steps": 10, "learning_rate": 0.01}
    return CarliniL2Method(
        estimator, targeted=targeted, **(chosen | {"confidence": 1e-3, "batch_size": 1} | options)  # type: ignore[arg-type]
    )


def _check_estimator(estimator: PyTorchClassifier) -> None:
    """Refuse what ART would only warn of, or not at all."""
    if not isinstance(estimator, PyTorchClassifier):
        raise ValueError(f"estimator must be an ART PyTorchClassifier, got {type(estimator).__name__}")
    if estimator.clip_values is None:
        raise ValueError("the estimator has no clip_values: build it with clip_values=(-1.0, 1.0), the range of sound")
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, *estimator.input_shape)).astype(np.float32)
    check_logits(predicted(estimator, np.clip(noise, -1, 1)))
