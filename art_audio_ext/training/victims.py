"""Victims of attacks: speech-command classifiers as ART classifiers that learn with a falling learning rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_audio_ext.functional.checks import check_waveforms, class_indices
from art_audio_ext.networks.resnet import AudioResNet


class AudioVictim(PyTorchClassifier):
    """
    A `PyTorchClassifier` whose `fit` raises the learning rate over the first quarter of the epochs, then lets it fall.

    A constant rate, ART's default, leaves a network on a few thousand clips several points short and makes its
    accuracy jump from epoch to epoch, so that a filter's effect drowns in the noise of training. The order of the
    clips comes from a seed of the victim's own: ART shuffles by torch's global generator, which nobody has seeded.

    :param args: As `PyTorchClassifier` takes them.
    :param seed: Seed of the order of the clips.
    :param kwargs: As `PyTorchClassifier` takes them.
    """

    def __init__(self, *args: Any, seed: int = 0, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.seed = seed

    def fit(
        self,
        x: np.ndarray,
        y: np.ndarray,
        batch_size: int = 128,
        nb_epochs: int = 10,
        training_mode: bool = True,
        drop_last: bool = False,
        scheduler: Any | None = None,
        verbose: bool | int | None = None,
        **kwargs: Any,
    ) -> None:
        """
        Fit on sound, as `PyTorchClassifier.fit` does.

        :param x: Waveforms float32 (N, L) in [-1, 1].
        :param y: Class indices (N,) or one-hot labels (N, C).
        :param batch_size: Clips a step.
        :param nb_epochs: Passes over the data.
        :param training_mode: Whether the model is in training mode.
        :param drop_last: Drop the last batch if it is not full.
        :param scheduler: A schedule of one step an epoch to use instead.
        :param verbose: Show a progress bar.
        :param kwargs: Passed to `PyTorchClassifier.fit`.
        :raises ValueError: If the sound or the labels are not acceptable.
        """
        x, y = check_waveforms(x), class_indices(y, len(x))
        if scheduler is None and self._optimizer is not None:
            # The peak, not the current rate: a second `fit` starts its own cycle instead of going on at zero.
            for group in self._optimizer.param_groups:
                group["lr"] = group.setdefault("peak_lr", group["lr"])
            scheduler = torch.optim.lr_scheduler.LambdaLR(self._optimizer, _OneCycle(nb_epochs))
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            super().fit(
                x,
                y,
                batch_size=batch_size,
                nb_epochs=nb_epochs,
                training_mode=training_mode,
                drop_last=drop_last,
                scheduler=scheduler,
                verbose=bool(verbose),
                **kwargs,
            )


def make_victim(
    num_classes: int,
    *,
    length: int = 16000,
    sample_rate: int = 16000,
    depth: int = 18,
    width: int = 16,
    front_end: str = "log_mel",
    augment: bool = True,
    learning_rate: float = 3e-3,
    seed: int = 0,
    device: str = "auto",
) -> AudioVictim:
    """
    An untrained ResNet victim, the same for the same seed.

    :param num_classes: Number of classes.
    :param length: Samples a clip.
    :param sample_rate: In Hz.
    :param depth: 18 or 50.
    :param width: Channels of the first stage.
    :param front_end: "log_mel" or "stft".
    :param augment: Shift and mask spectrograms while training.
    :param learning_rate: Peak learning rate of AdamW.
    :param seed: Seed of the weights and of the augmentation.
    :param device: "cpu", "gpu", or "auto" for a GPU where there is one.
    :return: An ART classifier on waveforms (N, length) in [-1, 1].
    :raises ValueError: If a choice is unknown.
    """
    if device not in ("auto", "cpu", "gpu"):
        raise ValueError(f"device must be auto, cpu or gpu, got {device!r}")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AudioResNet(
            num_classes,
            depth=depth,
            width=width,
            front_end=front_end,
            sample_rate=sample_rate,
            augment=augment,
            seed=seed,
        )
    return AudioVictim(
        model=model,
        loss=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=1e-2),
        input_shape=(length,),
        nb_classes=num_classes,
        clip_values=(-1.0, 1.0),
        seed=seed,
        device_type="gpu" if device == "gpu" or (device == "auto" and torch.cuda.is_available()) else "cpu",
    )


class _OneCycle:
    """The rate at an epoch as a share of its peak: a linear rise, then a half cosine; a class, so that it pickles."""

    def __init__(self, epochs: int):
        self.epochs = epochs
        self.rise = epochs // 4

    def __call__(self, epoch: int) -> float:
        if epoch < self.rise:
            return (epoch + 1) / (self.rise + 1)
        done = min((epoch - self.rise) / max(1, self.epochs - self.rise), 1.0)
        return float(0.5 * (1 + np.cos(np.pi * done)))
