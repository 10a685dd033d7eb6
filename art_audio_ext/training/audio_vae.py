"""A trained sequential autoencoder as an object that turns sound into latents, and its two files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from art_audio_ext import __version__
from art_audio_ext.functional.checks import check_sample_rate
from art_audio_ext.networks.dsa import DisentangledSequentialAutoencoder
from art_audio_ext.networks.step_autoencoder import StepAutoencoder
from art_audio_ext.training.vae_data import checked_batches, log_mels
from art_audio_ext.training.vae_settings import VaeSettings

Autoencoder = DisentangledSequentialAutoencoder | StepAutoencoder
_FORMAT = "art_audio_ext.AudioVae"
_VALUES_AT_ONCE = 1 << 24  # of the widest layer, 64 MB: memory stays bounded whatever the batch size


def build_network(settings: VaeSettings) -> Autoencoder:
    """
    :param settings: Say which network, and its sizes.
    :return: The network with fresh weights.
    """
    if settings.architecture == "steps":
        return StepAutoencoder(**settings.network_arguments())
    return DisentangledSequentialAutoencoder(**settings.network_arguments())


class AudioVae:
    """
    A trained autoencoder. Clips of any length are accepted: their frames are averaged to `settings.frames`.

    :param network: Trained; it is put in eval mode.
    :param settings: What it was built and trained with.
    :param sample_rate: Of the sound it knows, in Hz.
    :param history: Losses of each epoch.
    """

    def __init__(
        self,
        network: Autoencoder,
        settings: VaeSettings,
        sample_rate: int,
        history: list[dict[str, float]] | None = None,
    ) -> None:
        self.network = network.eval().requires_grad_(False)
        self.settings = settings
        self.sample_rate = check_sample_rate(sample_rate)
        self.history = list(history or [])

    def to(self, device: str | torch.device) -> AudioVae:
        """
        Move the network to a device, where `encode` then runs.

        :return: Itself.
        """
        self.network.to(device)
        return self

    def encode(self, waveforms: np.ndarray, *, batch_size: int = 256, progress: bool = False) -> np.ndarray:
        """
        Per-clip latents: the posterior mean of f, without noise; of a `StepAutoencoder` those of all steps.
        Each clip's are its own, whatever the batch.

        :param waveforms: Sound of shape (N, L) in [-1, 1] at `sample_rate`; an array or a memory map, which is
            streamed.
        :param batch_size: Clips read at once.
        :param progress: Show a bar.
        :return: float32 of shape (N, f_dim), or (N, T * z_dim).
        :raises ValueError: If the sound is not finite, floating, rectangular and within [-1, 1].
        """
        parts = [
            self.network.encode_clip(x).float().cpu().numpy() for x in self._inputs(waveforms, batch_size, progress)
        ]
        return np.concatenate(parts)

    def encode_steps(self, waveforms: np.ndarray, *, batch_size: int = 256, progress: bool = False) -> np.ndarray:
        """
        Per-step latents: the posterior means of z, given the mean of f.

        :param waveforms: As for `encode`.
        :param batch_size: Clips read at once.
        :param progress: Show a bar.
        :return: float32 of shape (T, N, z_dim), T = `settings.frames`, an eighth of it with a
            `StepAutoencoder`.
        :raises ValueError: As `encode`.
        """
        parts = [
            self.network.encode(x)[1].transpose(0, 1).float().cpu().numpy()
            for x in self._inputs(waveforms, batch_size, progress)
        ]
        return np.concatenate(parts, axis=1)

    def save(self, path: str | Path) -> Path:
        """
        Write the weights as safetensors, and beside them a JSON of what is needed to rebuild the object.

        :param path: With or without `.safetensors`; the folder is made if absent.
        :return: The path of the weights.
        """
        weights, about = _two_paths(path)
        weights.parent.mkdir(parents=True, exist_ok=True)
        tensors = {k: v.detach().cpu().contiguous() for k, v in self.network.state_dict().items()}
        record = {
            "format": _FORMAT,
            "version": __version__,
            "sample_rate": self.sample_rate,
            "settings": self.settings.to_dict(),
            "history": self.history,
        }
        partial = weights.with_name(f".{weights.name}.partial")
        save_file(tensors, partial)
        os.replace(partial, weights)
        partial = about.with_name(f".{about.name}.partial")
        partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        os.replace(partial, about)
        return weights

    @classmethod
    def load(cls, path: str | Path) -> AudioVae:
        """
        Read what `save` wrote.

        :param path: With or without `.safetensors`.
        :raises FileNotFoundError: If the weights are not there.
        :raises ValueError: If the JSON is missing or either file is damaged or of something else.
        """
        weights, about = _two_paths(path)
        if not weights.is_file():
            if Path(path).is_file():
                raise FileNotFoundError(f"{path} is no VAE: give the .safetensors that `art-audio train vae` wrote")
            raise FileNotFoundError(f"no VAE at {path}: train one with `art-audio train vae`, or correct the path")
        record = _read_record(about)
        settings = VaeSettings.from_dict(record["settings"])
        with torch.device("meta"):  # nothing is allocated before the file has shown that it has these shapes
            network = build_network(settings)
        try:
            tensors = load_file(weights)
            expected = {name: value.dtype for name, value in network.state_dict().items()}
            wrong = sorted(name for name, value in tensors.items() if value.dtype != expected.get(name, value.dtype))
            if wrong:
                raise ValueError(f"{wrong[0]} is {tensors[wrong[0]].dtype}, not {expected[wrong[0]]}")
            network.load_state_dict(tensors, assign=True)
        except (SafetensorError, OSError, ValueError) as error:
            raise ValueError(
                f"{weights} is not a whole safetensors file of this VAE ({error}): copy or train it again"
            ) from error
        except RuntimeError as error:
            raise ValueError(f"the weights in {weights} do not fit the settings in {about.name}") from error
        if not all(bool(torch.isfinite(v).all()) for v in network.state_dict().values()):
            raise ValueError(f"{weights} holds weights that are not finite: train it again")
        return cls(network, settings, record["sample_rate"], record["history"])

    def _inputs(self, waveforms: np.ndarray, batch_size: int, progress: bool) -> Iterator[Tensor]:
        """Log-mels on the network's device, in pieces whose widest layer is bounded."""
        width = self.settings.bands ** (2 if self.settings.literal else 1)
        rows = max(1, _VALUES_AT_ONCE // (self.settings.frames * self.settings.conv_channels * width))
        device = next(self.network.parameters()).device
        total = len(waveforms) if hasattr(waveforms, "__len__") else None
        with tqdm(total=total, desc="Encoding", unit="clip", disable=not progress) as bar:
            for batch in checked_batches(waveforms, batch_size):
                for x in log_mels(batch, self.sample_rate, self.settings).split(rows):
                    yield x.to(device)
                bar.update(len(batch))


def _two_paths(path: str | Path) -> tuple[Path, Path]:
    """The weights and the JSON of a name given with or without its ending."""
    path = Path(path)
    weights = path if path.suffix == ".safetensors" else path.with_name(path.name + ".safetensors")
    return weights, weights.with_suffix(".json")


def _read_record(about: Path) -> dict[str, Any]:
    """The JSON beside the weights, with its parts looked at."""
    if not about.is_file():
        raise ValueError(f"{about} is missing: a VAE is two files, copy the JSON beside the weights")
    try:
        record = json.loads(about.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{about} is not JSON ({error}): copy it again") from error
    if not isinstance(record, dict) or record.get("format") != _FORMAT or "settings" not in record:
        raise ValueError(f"{about} does not describe a VAE of this package (format {_FORMAT})")
    check_sample_rate(record.get("sample_rate", 0))
    history = record.get("history")
    return {**record, "history": history if isinstance(history, list) else []}
