"""What a score takes of the clips of an audit: the waveforms, tokens of their windows, or latents of a VAE."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.functional.scorers import SCORERS, scorer_options
from art_audio_ext.functional.window_tokens import pca_windows
from art_audio_ext.training.encoders import Encoder, encode_all, load_encoder
from art_audio_ext.training.score_inputs import check_tokens, encode_windows
from art_audio_ext.training.vae_settings import VaeSettings, resolve_settings


@dataclass(frozen=True)
class InputPlan:
    """How the input of a score is to be made; its parts are checked before any long work."""

    score: str
    tokens: str | None  # of a score over windows
    encoder: Encoder | None  # a trained one
    settings: VaeSettings | None  # of the VAE, given or trained here
    preset: str | None  # of the one trained here
    vae_name: str | None  # how a record names the VAE

    @property
    def takes(self) -> str:
        """What the score takes: "latents", "windows" or "waveforms"."""
        return SCORERS[self.score].takes

    @property
    def trains(self) -> bool:
        """Whether a VAE has to be trained."""
        return self.preset is not None

    def about(self) -> dict[str, Any]:
        """What a record says of it."""
        settings = self.settings.to_dict() if self.settings is not None else None
        about = {"name": self.score, "preset": self.preset, "vae": self.vae_name, "vae_settings": settings}
        return about | ({"tokens": self.tokens} if self.tokens else {})


def plan_input(
    score: str | None,
    tokens: str,
    vae: Encoder | str | Path | None,
    preset: str,
    epochs: int | None,
    sample_rate: int,
) -> InputPlan:
    """
    Decide what is needed, and refuse what cannot be done.

    :param score: A key of `SCORERS`; None for "novel_component" where tokens are of a VAE, for the paper's
        where a VAE is given, else for "combined".
    :param tokens: "pca" or "vae", for scores over windows.
    :param vae: A trained encoder, its file, or None.
    :param preset: Of a VAE trained here, if the score needs one.
    :param epochs: Instead of the preset's.
    :param sample_rate: Of the clips, in Hz.
    :return: The plan.
    :raises ValueError: If a name or the VAE is unusable, or a VAE is given to a score that takes none.
    :raises FileNotFoundError: If `vae` names no file.
    """
    check_tokens(tokens)
    score = score or ("novel_component" if tokens == "vae" else "combined" if vae is None else "pls")
    scorer_options(score)  # an unknown name is refused
    takes = SCORERS[score].takes
    if tokens == "vae" and takes != "windows":
        raise ValueError(f"score {score!r} takes no tokens: leave them out, or choose score novel_component")
    needs = takes == "latents" or (takes == "windows" and tokens == "vae")
    if vae is not None and not needs:
        raise ValueError(f"score {score!r} uses no VAE here: leave it out, or choose score pls, or tokens vae")
    encoder = None if vae is None else load_encoder(vae, sample_rate)
    if takes == "windows" and encoder is not None and not hasattr(encoder, "encode_steps"):
        raise ValueError("tokens of a VAE need an encoder with encode_steps: give an AudioVae")
    settings = getattr(encoder, "settings", None) if encoder is not None else resolve_settings(preset, epochs)
    if takes == "latents" and getattr(settings, "architecture", "dsa") == "steps":
        raise ValueError(f"score {score!r} is about latents of whole clips: choose another preset than steps")
    name = str(vae) if isinstance(vae, (str, Path)) else "trained on these clips" if vae is None else "given"
    return InputPlan(
        score=score,
        tokens=tokens if takes == "windows" else None,
        encoder=encoder,
        settings=settings if needs and isinstance(settings, VaeSettings) else None,
        preset=preset if needs and encoder is None else None,
        vae_name=name if needs else None,
    )


def make_input(
    plan: InputPlan, encoder: Encoder | None, dataset: AudioDataset, seed: int, batch_size: int, progress: bool
) -> np.ndarray:
    """
    The input of the score.

    :param plan: From :func:`plan_input`.
    :param encoder: The VAE, where one is needed.
    :param dataset: The clips.
    :param seed: Of the sub-sample to which principal components are fitted.
    :param batch_size: Clips at a time.
    :param progress: Show progress.
    :return: Waveforms (N, L) as they lie, tokens (T, N, D), or latents (N, D).
    """
    if plan.takes == "waveforms":
        return dataset.waveforms
    if plan.takes == "windows" and plan.tokens == "pca":
        return pca_windows(dataset.waveforms, dataset.sample_rate, seed)
    assert encoder is not None
    if plan.takes == "windows":
        return encode_windows(encoder, dataset.waveforms, batch_size, progress)  # type: ignore[arg-type]
    return encode_all(encoder, dataset.waveforms, batch_size, progress)


def train_encoder(dataset: AudioDataset, out: Path, preset: str, seed: int, options: dict[str, Any]) -> Encoder:
    """
    Train a VAE on the clips and save it; its checkpoints let an interrupted training go on.

    :param dataset: The clips.
    :param out: Folder for `vae.safetensors` and the checkpoints.
    :param preset: Of the VAE.
    :param seed: Of the training.
    :param options: Others of `train_vae`.
    :return: The VAE.
    """
    from art_audio_ext.training.vae import train_vae  # not needed when a VAE is given

    checkpoints = out / "vae" / f"{preset}-seed{seed}"
    vae = train_vae(dataset.waveforms, dataset.sample_rate, preset, seed=seed, checkpoint_dir=checkpoints, **options)
    vae.save(out / "vae.safetensors")
    return vae


@contextmanager
def timed(clock: dict[str, float], stage: str) -> Iterator[None]:
    """Note the seconds that a stage took."""
    start = perf_counter()
    yield
    clock[stage] = round(perf_counter() - start, 3)
