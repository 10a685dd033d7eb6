"""What the neural back ends share: weights, device, seeded noise, rates and lengths, and being pickled."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from art_audio_ext.functional.resampling import resampled
from art_audio_ext.functional.voice_mapping import at_level
from art_audio_ext.voices.base import TargetVoice, Voice
from art_audio_ext.voices.checkpoints import network_digest
from art_audio_ext.voices.clip_store import ClipStore
from art_audio_ext.voices.weights import require_weights

_WORKABLE_SECONDS = 0.1  # a shorter clip gets silence after it
_RATES = (8000, 96000)  # that a decoder may have, in Hz


@dataclass
class Loaded:
    """
    A network ready to convert.

    :param network: For use, not for training.
    :param input_rate: Of the sound it takes, in Hz.
    :param output_rate: Of the sound it makes, in Hz.
    :param settings: How it was built, in plain types.
    """

    network: Any
    input_rate: int
    output_rate: int
    settings: Any


class NeuralVoice(Voice):
    """
    A network of coqui-tts with published weights.

    Clips go through it one by one, since the same clip shall give the same bytes alone and in a batch; the target goes
    through it once. Level stays. Noise as a target is not refused: a network makes a voice of it.
    """

    draws_noise: ClassVar[bool] = True

    def __init__(
        self,
        seed: int = 0,
        *,
        folder: str | Path | None = None,
        download: bool = False,
        device: str = "auto",
        store: ClipStore | None = None,
    ) -> None:
        """
        :param seed: Of the noise the network draws, apart for each clip.
        :param folder: Of all weights; None for that in which coqui-tts keeps its own, `$TTS_HOME/tts`.
        :param download: Fetch weights that are not there; what, how large and under which licence is logged first.
        :param device: "cpu", "cuda", "cuda:N", or "auto" for the GPU where there is one.
        :param store: Keeps what was converted, or None.
        :raises ImportError: If coqui-tts is not installed.
        :raises FileNotFoundError: If weights are missing; says which, how large, their licence and where to put them.
        :raises ValueError: If weights are damaged or of something else, a download fails, or a parameter is unusable.
        """
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ValueError(f"seed must be a whole number from 0, got {seed!r}")
        super().__init__(store)
        self.seed, self.device = seed, device
        _device(device)
        check_library(self.name)
        self._root = require_weights(self.name, folder, download)
        self._loaded: Loaded | None = None
        self._code: tuple[str, Any] | None = None
        self.checksum = ""
        self._ready()

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the result beside clip and target."""
        about = {"weights": self.checksum, "device": _device(self.device).type, "version": 2}
        return {**about, "seed": self.seed} if self.draws_noise else about

    @abc.abstractmethod
    def _load(self, root: Path) -> Loaded:
        """The network on the CPU, from the folder of all weights."""

    @abc.abstractmethod
    def _target_code(self, loaded: Loaded, sounds: list[Tensor]) -> Tensor:
        """
        What is needed of the target's utterances, each (1, L) on the device at the rate of the input.

        :raises ValueError: If there is no voice in them.
        """

    @abc.abstractmethod
    def _padding(self, loaded: Loaded, samples: int) -> tuple[int, int]:
        """Samples of silence before and after, for no less sound to come out than went in."""

    @abc.abstractmethod
    def _run(self, loaded: Loaded, sound: Tensor, code: Any) -> Tensor:
        """Padded sound (1, L) on the device, in the target's voice (L',) at the rate of the output."""

    def _prepare(self, target: TargetVoice, sample_rate: int) -> Tensor:
        key = target.checksum()
        if self._code is None or self._code[0] != key:
            loaded = self._ready()
            rate = loaded.input_rate
            sounds = [_tensor(resampled(u, target.sample_rate, rate), self.device) for u in target.utterances]
            try:
                with _quiet_state(0, _device(self.device)):
                    code = self._target_code(loaded, sounds)
            except ValueError as error:
                raise ValueError(f"voice {target.name!r} {error}: give some seconds of speech") from error
            if not bool(torch.isfinite(code).all()):
                raise ValueError(f"voice {target.name!r} has no voice that {self.name} can take: give another one")
            self._code = key, code
        return self._code[1]

    def _convert(self, clip: np.ndarray, sample_rate: int, target: Tensor) -> np.ndarray:
        loaded = self._ready()
        sound = resampled(clip, sample_rate, loaded.input_rate).astype(np.float32)
        made = self._run_once(sound, target, self._noise_seed(clip))
        back = resampled(made.astype(np.float64), loaded.output_rate, sample_rate)
        return at_level(back[: len(clip)], clip)

    def _run_once(self, sound: np.ndarray, target: Tensor, noise_seed: int) -> np.ndarray:
        """Sound (L,) at the rate of the input, in the target's voice, no shorter, at the rate of the output."""
        loaded = self._ready()
        short = max(0, round(_WORKABLE_SECONDS * loaded.input_rate) - len(sound))
        before, after = self._padding(loaded, len(sound) + short)
        padded = _tensor(np.pad(sound, (before, short + after)), self.device)
        with _quiet_state(noise_seed, _device(self.device)):
            return self._run(loaded, padded, target).cpu().numpy()

    def _noise_seed(self, clip: np.ndarray) -> int:
        """Another for each clip, whatever stands beside it in a batch."""
        digest = blake2b(f"{self.seed}|".encode() + np.ascontiguousarray(clip, "<f4").tobytes(), digest_size=7)
        return int.from_bytes(digest.digest(), "little")

    def _ready(self) -> Loaded:
        """The network on its device; read again where this object was pickled."""
        if self._loaded is None:
            check_library(self.name)
            with _quiet_state(0, torch.device("cpu")):
                loaded = self._load(self._root)
            checksum = network_digest(loaded.network, loaded.settings)
            if self.checksum not in ("", checksum):
                raise ValueError(f"the weights of {self.name} in {self._root} are others than before: put those back")
            loaded.network.to(_device(self.device))
            self._loaded, self.checksum = loaded, checksum
        return self._loaded

    def __getstate__(self) -> dict[str, Any]:
        """The network stays behind: weights are read again from their files."""
        return {**super().__getstate__(), "_loaded": None, "_code": None}


def check_library(name: str) -> None:
    """
    :param name: Of the back end, for the message.
    :raises ImportError: If coqui-tts cannot be used.
    """
    try:
        import_module("TTS.vc.models.base_vc")
    except ImportError as error:
        reason = " ".join(str(error).split())[:200]
        raise ImportError(
            f'voice conversion "{name}" needs coqui-tts ({reason}): pip install "art-audio-ext[voice]"'
        ) from error


@contextmanager
def _quiet_state(seed: int, device: torch.device) -> Iterator[None]:
    """Networks draw from the global generators: seed torch's for a while, and put all back; and pick exact kernels."""
    cuda = [torch.cuda.current_device() if device.index is None else device.index] if device.type == "cuda" else []
    numpy_state = np.random.get_state()  # noqa: NPY002  # WavLM draws from it at each layer, to no effect
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    try:
        with torch.random.fork_rng(devices=cuda), flags, torch.no_grad():
            torch.default_generator.manual_seed(seed)
            for index in cuda:
                torch.cuda.default_generators[index].manual_seed(seed)
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002


def _tensor(sound: np.ndarray, device: str) -> Tensor:
    """Sound (L,) as (1, L) on a device."""
    return torch.from_numpy(np.array(sound, np.float32))[None].to(_device(device))


def _device(device: str) -> torch.device:
    """
    :raises ValueError: If there is no such device.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f'device must be "auto", "cpu", "cuda" or "cuda:N", got {device!r}') from error
    if found.type not in ("cpu", "cuda"):
        raise ValueError(f'device must be "auto", "cpu", "cuda" or "cuda:N", got {device!r}')
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise ValueError(f'there is no device {device!r} here: take "cpu" or "auto"')
    return found


def output_rate(upsampling: list[int], hop: int, input_rate: int) -> int:
    """
    The rate of what a decoder makes: so many samples for each hop of the input.

    :param upsampling: Its factors.
    :param hop: Samples of the input for a frame.
    :param input_rate: In Hz.
    :return: In Hz.
    :raises ValueError: If it is no rate of sound.
    """
    rate, rest = divmod(int(np.prod(upsampling)) * input_rate, hop)
    if rest or not _RATES[0] <= rate <= _RATES[1]:
        raise ValueError(f"a decoder of {upsampling} makes no sound of a usual rate")
    return rate
