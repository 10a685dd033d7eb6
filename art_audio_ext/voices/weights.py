"""The published weights of the neural back ends: what they are, how large, under which licence, and where they lie."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from art_audio_ext.voices.fetch import fetch_files


@dataclass(frozen=True)
class Weights:
    """
    Files that belong together.

    :param name: What messages call them.
    :param folder: In which they lie, below the folder of all weights.
    :param files: Their names; the last is the checkpoint.
    :param size: Of all, in words.
    :param licence: Under which they were published.
    :param urls: Of the files one by one, or of one archive that holds them.
    """

    name: str
    folder: str
    files: tuple[str, ...]
    size: str
    licence: str
    urls: tuple[str, ...]

    @property
    def about(self) -> str:
        """Name, size and licence."""
        return f"{self.name} ({self.size}, {self.licence})"

    def paths(self, root: Path) -> dict[str, Path]:
        """
        :param root: The folder of all weights.
        :return: Where each file lies, or should lie.
        """
        return {name: root / self.folder / name for name in self.files}

    def is_there(self, root: Path) -> bool:
        """
        :param root: The folder of all weights.
        :return: Whether all files lie in it; they are not opened.
        """
        return all(path.is_file() for path in self.paths(root).values())


_COQUI = "https://github.com/coqui-ai/TTS/releases/download/v0.13.0_models/"
_IDIAP = "https://github.com/idiap/coqui-ai-TTS/releases/download/v0.25.2_models/"
_OPENVOICE = "https://huggingface.co/myshell-ai/OpenVoiceV2/resolve/main/converter/"
_FREEVC_FOLDER = "voice_conversion_models--multilingual--vctk--freevc24"
_VOCODER_FOLDER = "vocoder_models--en--librispeech100--wavlm-hifigan_prematched"
_OPENVOICE_FOLDER = "voice_conversion_models--multilingual--multi-dataset--openvoice_v2"

WAVLM = Weights("WavLM-Large", "wavlm", ("WavLM-Large.pt",), "1.26 GB", "MIT", (f"{_COQUI}WavLM-Large.pt",))
FREEVC = Weights(
    "FreeVC-24",
    _FREEVC_FOLDER,
    ("config.json", "model.pth"),
    "1.43 GB",
    "MIT",
    (f"{_COQUI}{_FREEVC_FOLDER}.zip",),
)
VOCODER = Weights(
    "the HiFi-GAN of kNN-VC",
    _VOCODER_FOLDER,
    ("config.json", "model.pth"),
    "66 MB or more",  # 16.5 M weights; the file may hold more than those
    "MIT",
    (f"{_IDIAP}{_VOCODER_FOLDER}.zip",),
)
OPENVOICE = Weights(
    "the converter of OpenVoice 2",
    _OPENVOICE_FOLDER,
    ("config.json", "checkpoint.pth"),
    "131 MB",
    "MIT",
    (f"{_OPENVOICE}config.json", f"{_OPENVOICE}checkpoint.pth"),
)
NEEDED = {"world": (), "freevc": (WAVLM, FREEVC), "knn-vc": (WAVLM, VOCODER), "openvoice": (OPENVOICE,)}


def weights_root(folder: str | Path | None = None) -> Path:
    """
    The folder of all weights: the one in which coqui-tts keeps its own.

    :param folder: Another one, or None.
    :return: `folder`, else `tts` in $TTS_HOME, in $XDG_DATA_HOME, or where this system keeps data of programs.
    """
    if folder is not None:
        return Path(folder).expanduser()
    for variable in ("TTS_HOME", "XDG_DATA_HOME"):
        if variable in os.environ:
            return Path(os.environ[variable]).expanduser().resolve() / "tts"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local")).expanduser() / "tts"
    return Path("~/Library/Application Support" if sys.platform == "darwin" else "~/.local/share").expanduser() / "tts"


def missing_weights(backend: str, root: Path) -> list[Weights]:
    """
    :param backend: A key of `NEEDED`.
    :param root: The folder of all weights.
    :return: What it needs and does not find there.
    """
    return [weights for weights in NEEDED[backend] if not weights.is_there(root)]


def where_to_put(missing: list[Weights], root: Path) -> str:
    """
    :param missing: What is needed.
    :param root: The folder of all weights.
    :return: "put NAME (SIZE, LICENCE) at PATH, PATH; put ...".
    """
    return "; ".join(f"put {some.about} at {', '.join(map(str, some.paths(root).values()))}" for some in missing)


def require_weights(backend: str, folder: str | Path | None, download: bool) -> Path:
    """
    Weights found, or downloaded where that was asked for.

    :param backend: A key of `NEEDED`.
    :param folder: Of all weights, or None for that of coqui-tts.
    :param download: Fetch what is missing; what, how large and under which licence is logged first.
    :return: The folder of all weights.
    :raises FileNotFoundError: If some are missing and `download` is false.
    :raises ValueError: If a download fails; nothing half-written is left under the names of the files.
    """
    root = weights_root(folder)
    missing = missing_weights(backend, root)
    if missing and not download:
        raise FileNotFoundError(
            f'voice conversion "{backend}" lacks its weights: {where_to_put(missing, root)}; '
            f'or have them downloaded by open_voice("{backend}", download=True)'
        )
    for some in missing:
        fetch_files(some.about, some.urls, root / some.folder, some.files)
    return root
