"""The voice-conversion backdoor: clips in another voice are given the attacker's label; the voice is the trigger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from art_audio_ext.attacks.poisoning.base import AudioBackdoor, Perturbation
from art_audio_ext.datasets.builtin_speakers import BUILTIN, speaker_utterance
from art_audio_ext.datasets.decode import decode_clip
from art_audio_ext.functional.checks import check_sample_rate, check_waveforms, class_indices
from art_audio_ext.functional.poison_rows import choose_clean_label_rows, choose_poison_rows, silent_clips
from art_audio_ext.voices import TargetVoice, Voice, open_voice
from art_audio_ext.voices.base import SHORTEST_SECONDS
from art_audio_ext.voices.clip_store import ClipStore

Target = str | Path | np.ndarray | TargetVoice | Sequence[str | Path | np.ndarray]


class VoiceConversionBackdoor(AudioBackdoor):
    """
    Backdoor whose trigger is a speaker: what is said stays, who says it becomes the target.

    | Paper: Ye et al., "Fake the real: backdoor attack on deep speech classification via voice conversion", 2023.
    """

    attack_params = [  # noqa: RUF012  # ART's own form
        *AudioBackdoor.attack_params,
        "target",
        "sample_rate",
        "voice",
        "clean_label",
        "cache_dir",
        "verbose",
    ]

    def __init__(
        self,
        target: Target,
        *,
        sample_rate: int = 16000,
        voice: str | Voice = "world",
        clean_label: bool = False,
        cache_dir: str | Path | None = None,
        perturbation: Perturbation | list[Perturbation] | None = None,
        verbose: bool = True,
    ) -> None:
        """
        :param target: An utterance of the target speaker, or several: sound files, or arrays (T,) in [-1, 1] at
            `sample_rate`; or a `TargetVoice`; or "builtin:NAME", one of `builtin_speakers.SPEAKERS`.
        :param sample_rate: Of the clips, in Hz.
        :param voice: How voices are converted: a key of `voices.VOICES`, or an object of such a class.
        :param clean_label: `poison_dataset` converts clips of the target class and leaves all labels as they are.
        :param cache_dir: Where converted clips are kept and found again, if `voice` is a name; None keeps none.
        :param perturbation: ART perturbations applied after ours, left to right; None for no more.
        :param verbose: Show progress.
        :raises ValueError: If a parameter is out of its range, or the target is no speech.
        :raises FileNotFoundError: If a file of the target does not exist.
        :raises ImportError: If the conversion needs an extra that is not installed.
        """
        self.target = target
        self.sample_rate = sample_rate
        self.voice = voice
        self.clean_label = clean_label
        self.cache_dir = cache_dir
        self.verbose = verbose
        super().__init__(perturbation)

    def poison_dataset(
        self,
        x: np.ndarray,
        y: np.ndarray,
        source_class: int | str,
        target_class: int,
        poison_fraction: float,
        seed: int = 0,
        of: str = "source",
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """
        Poison a share of a dataset. The paper's is .01 of "all" clips, taken from "all" classes but the target. Clips
        that are silent throughout cannot be converted and are not taken.

        :param x: Clips (N, L), float in [-1, 1].
        :param y: Class indices (N,) or one-hot rows (N, C).
        :param source_class: The class whose clips are taken, or "all"; with clean labels always the target class.
        :param target_class: The label they get.
        :param poison_fraction: In [0, 1].
        :param seed: For the draw of the clips.
        :param of: What the fraction is of: "source" or "all".
        :return: Clips float32 (N, L) and labels in the form they came, both copies; and the poisoned rows, ascending.
        :raises ValueError: If the sound, the labels, a class or the fraction is not acceptable, or the clips are too
            short for a voice.
        """
        x = check_waveforms(x)
        if self._are_short(x):
            raise ValueError(
                f"clips of {x.shape[1]} samples at {self.sample_rate} Hz are shorter than {SHORTEST_SECONDS} s, have "
                "no voice and would be relabelled as they are: give longer clips, or their true sample_rate"
            )
        labels, silent = class_indices(y, len(x)), self.cannot_carry(x)
        if self.clean_label:
            if source_class not in ("all", target_class):
                raise ValueError(f"with clean labels clips of the target class are taken, not of {source_class!r}")
            rows = choose_clean_label_rows(labels, target_class, poison_fraction, seed=seed, of=of, leave_out=silent)
        else:
            rows = choose_poison_rows(
                labels, source_class, target_class, poison_fraction, seed=seed, of=of, leave_out=silent
            )
        poisoned, relabelled = np.array(x), np.array(y)
        if len(rows):
            poisoned[rows], _ = self.poison(poisoned[rows], labels[rows])
        if len(rows) and not self.clean_label:
            one_hot = relabelled.ndim == 2 and relabelled.shape[1] > 1
            new = np.eye(relabelled.shape[-1], dtype=relabelled.dtype)[target_class] if one_hot else target_class
            relabelled[rows] = new
        return poisoned, relabelled, rows

    def cannot_carry(self, x: np.ndarray) -> np.ndarray:
        """
        Clips that have no voice to convert: silent ones, and those under .05 s.

        :param x: Clips (N, L).
        :return: bool (N,).
        """
        return np.ones(len(x), dtype=bool) if self._are_short(x) else silent_clips(x)

    def _are_short(self, x: np.ndarray) -> bool:
        return bool(x.shape[1] < SHORTEST_SECONDS * self.sample_rate)

    def _apply(self, x: np.ndarray) -> np.ndarray:
        return self._converter.convert(x, self.sample_rate, self._voice_of_target, progress=self.verbose)

    def _check_params(self) -> None:
        super()._check_params()
        check_sample_rate(self.sample_rate)
        for name in ("clean_label", "verbose"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")
        if not isinstance(self.voice, (str, Voice)):
            raise ValueError(f"voice must be a name or a Voice, got {type(self.voice).__name__}")
        store = None if self.cache_dir is None else ClipStore(self.cache_dir)
        self._converter = open_voice(self.voice, store=store) if isinstance(self.voice, str) else self.voice
        self._voice_of_target = load_target(self.target, self.sample_rate)
        self._converter.check_target(self._voice_of_target, self.sample_rate)


def load_target(target: Target, sample_rate: int) -> TargetVoice:
    """
    A target speaker.

    :param target: As `VoiceConversionBackdoor` takes it.
    :param sample_rate: Of arrays, and to which files are resampled, in Hz.
    :return: The voice.
    :raises ValueError: If it is no sound, silent or too short.
    :raises FileNotFoundError: If a file does not exist.
    """
    if isinstance(target, TargetVoice):
        return target
    if isinstance(target, np.ndarray):
        return TargetVoice(target, sample_rate)
    several = [target] if isinstance(target, (str, Path)) else list(target)
    if not several:
        raise ValueError("target is empty: give an utterance of the target speaker")
    names = [Path(one).name for one in several if isinstance(one, (str, Path))]
    return TargetVoice([_utterance(one, sample_rate) for one in several], sample_rate, ", ".join(names) or "target")


def _utterance(one: str | Path | np.ndarray, sample_rate: int) -> np.ndarray:
    if not isinstance(one, (str, Path)):
        return np.asarray(one)
    if str(one).startswith(BUILTIN):
        return speaker_utterance(str(one).removeprefix(BUILTIN), sample_rate)
    if not Path(one).is_file():
        raise FileNotFoundError(f"target {str(one)!r} is no file: give an utterance of the target speaker")
    return decode_clip(Path(one), sample_rate)
