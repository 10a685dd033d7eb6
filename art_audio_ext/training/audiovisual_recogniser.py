"""Training of audiovisual recognisers, from clips to a `RecogniserModel`; resumable, no global state."""

from __future__ import annotations

import zlib
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.functional.ctc import LabelCodes
from art_audio_ext.functional.ctc_loss import frames_needed
from art_audio_ext.networks.audiovisual_recogniser import HEADS, AudioVisualRecogniser
from art_audio_ext.training.audiovisual_model import RecogniserModel
from art_audio_ext.training.audiovisual_settings import RecogniserSettings, resolve_settings
from art_audio_ext.training.runs import check_seed, loader, run_training, seeded
from art_audio_ext.training.vae_data import checked_batches


def train_recogniser(
    dataset: AudioVisualDataset,
    settings: RecogniserSettings | str = "small",
    *,
    seed: int,
    head: str = "word",
    codes: LabelCodes | None = None,
    start: RecogniserModel | None = None,
    epochs: int | None = None,
    checkpoint_dir: Path | None = None,
    progress: bool = True,
    accelerator: str = "auto",
    devices: int = 1,
    precision: str = "float32",
) -> RecogniserModel:
    """
    Train a recogniser of words or of sentences.

    With `checkpoint_dir`, every epoch is kept, and the same call after an interruption goes on from the last whole
    epoch to the same weights, bit for bit on the CPU with as many threads.

    :param dataset: Clips with labels ("word") or sentences ("sentence").
    :param settings: A `RecogniserSettings`, or a key of `PRESETS`.
    :param seed: Of the first weights, the order, the changes and the noise; not negative.
    :param head: "word" or "sentence".
    :param codes: Of sentences, where symbols are wanted that these clips do not have; None takes those of the clips.
    :param start: A model of the same sizes to go on from (fine-tuning); its streams are taken over, and the layers
        over both too where it knows the same labels.
    :param epochs: Replaces the number in the settings.
    :param checkpoint_dir: Where checkpoints lie; None keeps none.
    :param progress: Show a bar.
    :param accelerator: "auto", "cpu", "gpu" or another that Lightning knows.
    :param devices: How many of them; more than one trains data-parallel.
    :param precision: Of the arithmetic, "float32" or "bfloat16"; weights are kept in 32 bits.
    :return: The trained model, on the CPU, with the weights of the last epoch.
    :raises ValueError: If the clips, the labels, the settings, the device or the checkpoints will not do.
    """
    number, chosen = check_seed(seed), resolve_settings(settings, epochs=epochs)
    labels = _labels(dataset, head, chosen, codes)
    rows = RecogniserClips(dataset, labels, chosen.crop)
    outputs = labels.outputs if isinstance(labels, LabelCodes) else len(labels)
    build = partial(AudioVisualRecogniser, outputs, head=head, **chosen.sizes())
    network = seeded(build, number)
    fingerprint = {
        "settings": chosen.to_dict(),
        "head": head,
        "seed": number,
        "data": f"{len(rows)} clips, checksum {rows.checksum:08x}",
        "start": 0 if start is None else start.checksum(),
    }
    if start is not None:
        _take_over(network, start, labels)
    from art_audio_ext.training.audiovisual_module import RecogniserModule  # Lightning takes seconds to import

    module = RecogniserModule(network, chosen, number, fingerprint)
    batches = loader(rows, np.arange(len(rows)), number, chosen.batch_size)
    run: dict = {"progress": progress, "accelerator": accelerator, "devices": devices, "precision": precision}
    run_training(module, batches, None, epochs=chosen.epochs, folder=checkpoint_dir, **run)
    return RecogniserModel(module.network.cpu(), chosen, dataset.layout, labels, module.history)


class RecogniserClips(Dataset):
    """
    Sound, frames and codes by row number, whole batches at a time.

    :param dataset: Clips.
    :param labels: Names of words, which are the dataset's, or codes of its sentences.
    :param crop: Pixels that frames must have.
    :raises ValueError: If there are no clips, frames are too small, the sound is not acceptable, there is one word
        alone, or a sentence is empty, has an unknown symbol or more symbols than frames can hold.
    """

    def __init__(self, dataset: AudioVisualDataset, labels: tuple[str, ...] | LabelCodes, crop: int) -> None:
        if not len(dataset):
            raise ValueError("the dataset has no clips: load some")
        if dataset.layout.size < crop:
            raise ValueError(
                f"frames have {dataset.layout.size} pixels, the crop {crop}: load them larger, or set crop smaller"
            )
        self.dataset = dataset
        self.codes, self.lengths = _targets(dataset, labels)
        self.checksum = zlib.crc32(self.codes.numpy().tobytes())
        for batch in checked_batches(dataset.audio, 256, "audio"):
            self.checksum = zlib.crc32(np.ascontiguousarray(batch).data, self.checksum)
        for clip in dataset.video:
            self.checksum = zlib.crc32(np.ascontiguousarray(clip).data, self.checksum)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitems__(self, rows: list[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        audio, video = (torch.from_numpy(np.array(part[rows])) for part in (self.dataset.audio, self.dataset.video))
        return audio, video, self.codes[rows], self.lengths[rows]

    def __getitem__(self, row: int) -> tuple[Tensor, ...]:
        return tuple(part[0] for part in self.__getitems__([row]))


def _labels(
    dataset: AudioVisualDataset, head: str, settings: RecogniserSettings, codes: LabelCodes | None
) -> tuple[str, ...] | LabelCodes:
    """What the network shall tell apart."""
    if head not in HEADS:
        raise ValueError(f"head must be one of {', '.join(HEADS)}, got {head!r}")
    if head == "word":
        if codes is not None:
            raise ValueError("codes are of sentences: leave them out for head word")
        return dataset.label_names
    return codes if codes is not None else LabelCodes.of(dataset.sentences, settings.units)


def _targets(dataset: AudioVisualDataset, labels: tuple[str, ...] | LabelCodes) -> tuple[Tensor, Tensor]:
    """Codes (N, L) that zeros fill up, and how many there are (N,)."""
    if not isinstance(labels, LabelCodes):
        if len(np.unique(dataset.labels)) < 2:
            raise ValueError("all clips have one label: a recogniser needs two")
        return torch.from_numpy(dataset.labels)[:, None], torch.ones(len(dataset), dtype=torch.long)
    encoded = []
    for row, sentence in enumerate(dataset.sentences):
        try:
            encoded.append(labels.encode(sentence))
        except ValueError as error:
            raise ValueError(f"clip {row} ({dataset.paths[row]}): {error}") from error
        if (needed := frames_needed(encoded[-1].tolist())) > dataset.layout.frames:
            raise ValueError(f"clip {row} needs {needed} frames for {sentence!r}, it has {dataset.layout.frames}")
    lengths = torch.tensor([len(one) for one in encoded])
    codes = torch.zeros(len(encoded), int(lengths.max()), dtype=torch.long)
    for row, one in enumerate(encoded):
        codes[row, : len(one)] = torch.from_numpy(one)
    return codes, lengths


def _take_over(network: AudioVisualRecogniser, start: RecogniserModel, labels: tuple[str, ...] | LabelCodes) -> None:
    """Go on from another model's weights."""
    known: tuple[str, ...] | LabelCodes = start.label_names if start.codes is None else start.codes
    weights = start.network.state_dict()
    if known != labels:
        weights = {name: value for name, value in weights.items() if name.startswith(("video.", "audio."))}
    try:
        network.load_state_dict(weights, strict=known == labels)
    except RuntimeError as error:
        raise ValueError(
            "the model to go on from has other sizes: give the settings that it was trained with"
        ) from error
