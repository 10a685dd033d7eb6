"""A clean dataset made ready for many attacks: everything encoded once, later only the clips that get a trigger."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.speakers import NOISE_LABELS
from art_audio_ext.experiments.attack_plans import AttackPlan
from art_audio_ext.functional.flatten import flatten_sound
from art_audio_ext.functional.window_tokens import WindowBasis, waveform_window_basis, waveform_window_tokens
from art_audio_ext.training.encoders import Encoder, encode_all
from art_audio_ext.training.score_inputs import encode_windows

#: What a score can take, and where its N stands: latents (N, D), windows and steps of an encoder (T, N, D), waveforms
#: and flattened (N, L).
KINDS = {"latents": 0, "windows": 1, "steps": 1, "waveforms": 0, "flattened": 0}


@dataclass(frozen=True)
class AttackBank:
    """
    Clean clips, what scores take of them, and the frozen encoders that made it.

    :param waveforms: float32 (N, L).
    :param labels: Class indices (N,).
    :param label_names: By class index.
    :param sample_rate: In Hz.
    :param encoded: By kind of `KINDS`, besides "waveforms".
    :param basis: Of the windows, if they are there.
    :param encoder: Of the latents and steps, if they are there.
    """

    waveforms: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]
    sample_rate: int
    encoded: dict[str, np.ndarray] = field(default_factory=dict)
    basis: WindowBasis | None = None
    encoder: Encoder | None = None

    @classmethod
    def build(
        cls, dataset: AudioDataset, kinds: Collection[str], encoder: Encoder | None = None, progress: bool = False
    ) -> AttackBank:
        """
        Encode a clean dataset.

        :param dataset: The clips.
        :param kinds: Of `KINDS`, those that will be asked for.
        :param encoder: For "latents" and "steps".
        :param progress: Show progress bars.
        :return: The bank.
        :raises ValueError: If a kind is unknown, or latents or steps are wanted without an encoder.
        """
        unknown = sorted(set(kinds) - set(KINDS))
        if unknown:
            raise ValueError(f"no score takes {', '.join(unknown)}: choose among {', '.join(KINDS)}")
        if encoder is None and (missing := sorted({"latents", "steps"} & set(kinds))):
            raise ValueError(f"{' and '.join(missing)} need an encoder: give a trained VAE")
        waveforms, encoded = np.asarray(dataset.waveforms), dict[str, np.ndarray]()
        basis = waveform_window_basis(waveforms, dataset.sample_rate, seed=0) if "windows" in kinds else None
        bank = cls(waveforms, dataset.labels, dataset.label_names, dataset.sample_rate, encoded, basis, encoder)
        for kind in sorted(set(kinds) - {"waveforms"}):
            encoded[kind] = bank.encode(waveforms, kind, progress)
        return bank

    @property
    def noise_classes(self) -> list[int]:
        """The classes that are noise by name and have clips: neither source nor target, and not scored."""
        present = set(self.labels.tolist())
        return [i for i, name in enumerate(self.label_names) if name.lower() in NOISE_LABELS and i in present]

    @property
    def classes(self) -> np.ndarray:
        """The other classes that have clips, int64 ascending."""
        return np.setdiff1d(np.unique(self.labels), self.noise_classes)

    def encode(self, waveforms: np.ndarray, kind: str, progress: bool = False) -> np.ndarray:
        """
        What a score takes of clips, by the encoders of this bank.

        :param waveforms: float32 (n, L).
        :param kind: Of `KINDS`.
        :param progress: Show a progress bar.
        :return: As `KINDS` says.
        """
        if kind == "latents":
            assert self.encoder is not None
            return encode_all(self.encoder, waveforms, progress=progress)
        if kind == "steps":
            return encode_windows(self.encoder, waveforms, progress=progress)  # type: ignore[arg-type]
        if kind == "windows":
            assert self.basis is not None
            return waveform_window_tokens(waveforms, self.basis, self.sample_rate)
        return flatten_sound(waveforms, self.sample_rate).numpy() if kind == "flattened" else waveforms

    def triggered(self, plan: AttackPlan) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """
        The clips that an attack changes.

        :param plan: The attack.
        :return: Their rows (P,), sound (P, L) and new labels (P,).
        :raises ValueError: If a clip is in two parts of the plan, or the attack is impossible here.
        """
        rows = [part.rows(self.labels, self.classes) for part in plan.parts]
        sound = [
            part.apply(self.waveforms[some], self.sample_rate) for part, some in zip(plan.parts, rows, strict=True)
        ]
        labels = [np.full(len(some), part.target) for part, some in zip(plan.parts, rows, strict=True)]
        every = np.concatenate(rows)
        if len(np.unique(every)) < len(every):
            raise ValueError(f"attack {plan.line!r} gives one clip two triggers: its parts must have their own sources")
        return every, np.concatenate(sound), np.concatenate(labels)

    def attacked(self, plan: AttackPlan) -> AttackedClips:
        """
        The dataset under an attack.

        :param plan: The attack.
        :return: Its clips; only those with a trigger are encoded, when they are asked for.
        :raises ValueError: As `triggered` does.
        """
        rows, sound, new_labels = self.triggered(plan)
        labels, is_poison = self.labels.copy(), np.zeros(len(self.labels), dtype=bool)
        labels[rows], is_poison[rows] = new_labels, True
        return AttackedClips(self, rows, sound, labels, is_poison)

    def resample(self, share: float, seed: int) -> np.ndarray:
        """
        A clean dataset: a random share of every class.

        :param share: In (0, 1].
        :param seed: Of the draw.
        :return: Rows in ascending order, int64 (n,).
        """
        rng = np.random.default_rng(seed)
        drawn = [
            rng.permutation(np.flatnonzero(self.labels == label))[: max(1, round(share * count))]
            for label, count in zip(*np.unique(self.labels, return_counts=True), strict=True)
        ]
        return np.sort(np.concatenate(drawn))

    def clean(self, rows: np.ndarray | None, kind: str) -> np.ndarray:
        """
        Clips as they are.

        :param rows: Which; None for all of them, not to be written to.
        :param kind: Of `KINDS`.
        :return: As `KINDS` says.
        """
        inputs = self.waveforms if kind == "waveforms" else self.encoded[kind]
        return inputs if rows is None else inputs[_at(kind, rows)]


@dataclass(frozen=True)
class AttackedClips:
    """
    A bank under an attack.

    :param bank: The clean clips.
    :param rows: Clips with a trigger (P,).
    :param sound: These, with the trigger (P, L).
    :param labels: Of all clips (N,), as the attacker left them.
    :param is_poison: bool (N,).
    """

    bank: AttackBank
    rows: np.ndarray
    sound: np.ndarray
    labels: np.ndarray
    is_poison: np.ndarray

    def inputs(self, kind: str) -> np.ndarray:
        """
        All clips as a score takes them.

        :param kind: Of `KINDS`.
        :return: As `KINDS` says; a copy.
        """
        inputs = np.array(self.bank.clean(None, kind))
        inputs[_at(kind, self.rows)] = self.bank.encode(self.sound, kind)
        return inputs


def _at(kind: str, rows: np.ndarray) -> Any:
    """The index of some clips."""
    return (slice(None), rows) if KINDS[kind] else rows
