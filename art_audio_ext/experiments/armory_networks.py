"""The networks of a scenario of purification: opened where a file is named, else trained once and kept in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from art_audio_ext.datasets import AudioDataset, waveform_batches
from art_audio_ext.datasets.cache import cache_dir
from art_audio_ext.experiments.train_classifier import background_of
from art_audio_ext.functional.front_end import speech_mel
from art_audio_ext.networks.speech_classifiers import SpeechClassifier
from art_audio_ext.training import classifier_settings, diffusion_settings
from art_audio_ext.training.audio_diffusion import AudioDiffusion, build_network
from art_audio_ext.training.classifier_settings import ClassifierSettings
from art_audio_ext.training.diffusion_settings import DiffusionSettings
from art_audio_ext.training.runs import check_seed, seeded
from art_audio_ext.training.speech_model import SpeechModel

try:
    import fcntl
except ImportError:  # Windows has none: there nothing keeps two trainings apart
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)
Model = TypeVar("Model")

_VERSION = 1  # raise it when the same settings, seed and clips give another network
_PUBLIC = (".pkl", ".pt")  # published DiffWave weights
_EXAMPLES = 8  # clips on which the time of a training is measured


def classifier_for(train: AudioDataset, preset: str = "quick", seed: int = 0, **changes: Any) -> SpeechModel:
    """
    A classifier trained on these clips: at the first call it is trained, later it is opened.

    :param train: One-second clips at 16 kHz.
    :param preset: A key of `classifier_settings.PRESETS`.
    :param seed: Of the training.
    :param changes: Of `ClassifierSettings`, by name.
    :raises ValueError: If a setting or the clips will not do.
    """
    base = classifier_settings.resolve_settings(preset)
    settings = ClassifierSettings.from_dict({**base.to_dict(), **changes})

    def build() -> nn.Module:
        return SpeechClassifier(settings.architecture, len(train.label_names), settings.width, settings.floor_sigma)

    def make(folder: Path) -> SpeechModel:
        from art_audio_ext.training.classifier import train_classifier  # Lightning takes seconds to import

        return train_classifier(
            train.waveforms,
            train.labels,
            train.label_names,
            train.sample_rate,
            settings,
            seed=seed,
            background=background_of(train),
            checkpoint_dir=folder,
        )

    def seconds() -> float:
        attacked = 1 + settings.adversarial_steps if settings.adversarial_eps else 1
        return attacked * settings.epochs * epoch_seconds(build, [_examples(train)], len(train))

    what = f"a classifier ({settings.architecture}, {len(train)} clips, epochs: {settings.epochs})"
    path = network_path("classifier", train, settings.to_dict(), seed)
    return trained_once(path, SpeechModel.load, make, what, seconds)


def diffusion_for(
    train: AudioDataset, domain: str, preset: str = "quick", seed: int = 0, **changes: Any
) -> AudioDiffusion:
    """
    A diffusion model trained on these clips: at the first call it is trained, later it is opened.

    :param train: One-second clips at 16 kHz.
    :param domain: "mel" or "wave".
    :param preset: "quick", "standard" or "paper".
    :param seed: Of the training.
    :param changes: Of `DiffusionSettings`, by name.
    :raises ImportError: If the domain is "mel" and diffusers is not installed.
    :raises ValueError: If a setting or the clips will not do.
    """
    base = diffusion_settings.resolve_settings(domain, preset)
    settings = DiffusionSettings.from_dict({**base.to_dict(), **changes, "domain": domain})

    def make(folder: Path) -> AudioDiffusion:
        from art_audio_ext.training.diffusion import train_diffusion  # Lightning takes seconds to import

        return train_diffusion(train.waveforms, train.sample_rate, domain, settings, seed=seed, checkpoint_dir=folder)

    def seconds() -> float:
        sound = _examples(train)
        seen = speech_mel(sound) if domain == "mel" else sound[:, : settings.crop]
        steps = torch.ones(len(sound), dtype=torch.long)
        return settings.epochs * epoch_seconds(partial(build_network, settings), [seen, steps], len(train))

    what = f"a diffusion model of domain {domain} ({len(train)} clips, epochs: {settings.epochs})"
    path = network_path(f"diffusion-{domain}", train, settings.to_dict(), seed)
    return trained_once(path, AudioDiffusion.load, make, what, seconds)


def open_diffusion_file(path: str) -> AudioDiffusion:
    """
    :param path: What `art-audio train diffusion` wrote, or published DiffWave weights (.pkl, .pt).
    :return: The model.
    :raises FileNotFoundError: If it is not there; the message says how to make one.
    :raises ValueError: If it is damaged or of something else.
    """
    file = Path(path).expanduser()
    return AudioDiffusion.from_diffwave_checkpoint(file) if file.suffix in _PUBLIC else AudioDiffusion.load(file)


def network_path(kind: str, train: AudioDataset, settings: dict[str, Any], seed: int) -> Path:
    """
    Where a network lies, by everything that decides what it learns.

    :param kind: What it is, the start of the file's name.
    :param train: Clips that it learns from.
    :param settings: In plain types.
    :param seed: Of the training.
    :return: A path in the cache.
    :raises ValueError: If the seed will not do.
    """
    checksum = zlib.crc32(np.ascontiguousarray(train.labels).tobytes())
    for batch in waveform_batches(train.waveforms):
        checksum = zlib.crc32(np.ascontiguousarray(batch).data, checksum)
    made_of = repr((_VERSION, check_seed(seed), sorted(settings.items()), len(train), train.label_names, checksum))
    digest = hashlib.blake2b(made_of.encode(), digest_size=16).hexdigest()
    return cache_dir() / "networks" / f"{kind}-{digest}.safetensors"


def trained_once(
    path: Path,
    load: Callable[[Path], Model],
    make: Callable[[Path], Any],
    what: str,
    seconds: Callable[[], float],
) -> Model:
    """
    The network at a path, trained if it is not there or not whole; a stopped training goes on where it was.

    :param path: Of the weights.
    :param load: Opens what lies there.
    :param make: Trains it, with a folder for checkpoints; what it gives has `save`.
    :param what: For the message.
    :param seconds: Judges how long the training takes.
    """
    checkpoints = path.with_name(f"{path.stem}-checkpoints")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_name(f"{path.stem}.lock")):
        try:
            return load(path)
        except FileNotFoundError:
            pass
        except ValueError as error:
            logger.warning("%s: training it anew", error)
        print(f"Training {what}, about {_in_words(seconds())}; kept in {path.parent} for later runs", flush=True)
        model = make(checkpoints)
        model.save(path)
        shutil.rmtree(checkpoints, ignore_errors=True)
        return load(path)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time train a network: the others wait, and find it trained."""
    file: IO[bytes]
    with path.open("ab") as file:
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _examples(train: AudioDataset) -> Tensor:
    return torch.from_numpy(np.array(train.waveforms[:_EXAMPLES], dtype=np.float32))


def epoch_seconds(build: Callable[[], nn.Module], inputs: list[Tensor], clips: int) -> float:
    """
    Time of an epoch, judged by a forward pass; there and back again takes three times as long.

    :param build: Makes the network.
    :param inputs: A batch.
    :param clips: How many there are in all.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network, inputs = seeded(build, 0).eval().to(device), [some.to(device) for some in inputs]
    with torch.no_grad():
        for _ in range(2):  # the first pass is slower than all others
            started = time.perf_counter()
            network(*inputs).sum().item()
    return 3 * clips / len(inputs[0]) * (time.perf_counter() - started)


def _in_words(seconds: float) -> str:
    """A duration as a person says it."""
    for size, unit in ((3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}"
    return "a minute" if seconds > 45 else "less than a minute"
