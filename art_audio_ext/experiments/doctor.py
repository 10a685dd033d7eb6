"""What this machine has of what the package can use: versions, device, extras, local weights."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from art_audio_ext.datasets.cache import cache_path
from art_audio_ext.voices.weights import NEEDED, missing_weights, weights_root, where_to_put

EXTRAS = {
    "armory": ("armory", "tensorflow", "tidecv"),
    "demo": ("espeakng_loader",),
    "voice": ("TTS", "pyworld", "speechbrain", "asteroid_filterbanks"),
    "video": ("av", "cv2"),
    "diffusion": ("diffusers",),
    "quality": ("torchmetrics", "pesq", "pystoi", "librosa", "requests"),
    "cluster": ("dask", "distributed"),
}
VERSIONS = (
    "art-audio-ext",
    "adversarial-robustness-toolbox",
    "torch",
    "torchaudio",
    "numpy",
    "scikit-learn",
    "lightning",
)
WEIGHTS = (  # name, size and licence, places (a variable that is not set is passed over; the last is the advice)
    ("weights: NISQA", "speech quality; 1 MB, CC BY-NC-SA 4.0", ("~/.torchmetrics/NISQA/nisqa.tar",)),
    (
        "weights: ECAPA-TDNN",
        "speaker similarity; 83 MB, Apache 2.0",
        ("~/.cache/huggingface/hub/models--speechbrain--spkrec-ecapa-voxceleb/snapshots",),
    ),
)


@dataclass(frozen=True)
class Finding:
    """One line of the examination."""

    topic: str
    ok: bool
    text: str
    remedy: str = ""


def examine() -> list[Finding]:
    """
    Look at the machine; nothing is downloaded or changed.

    :return: Findings in the order in which a person reads them.
    """
    return [*_versions(), _device(), *_extras(), _cache(), _speech_commands(), *_weights(), *_voices()]


def format_doctor(findings: list[Finding]) -> str:
    """
    :param findings: What `examine` returned.
    :return: A plain text table with a remedy under each line that needs one.
    """
    lines = []
    for finding in findings:
        lines.append(f"{'ok' if finding.ok else '--':<4}{finding.topic:<34}{finding.text}")
        if finding.remedy:
            lines.append(f"    {'':<34}{finding.remedy}")
    return "\n".join(lines)


def _versions() -> list[Finding]:
    found = [Finding("Python", (3, 10) <= sys.version_info[:2] <= (3, 12), platform.python_version())]
    for name in VERSIONS:
        try:
            found.append(Finding(name, True, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            found.append(Finding(name, False, "not installed", f"pip install {name}"))
    torch_version, audio_version = (_version(name).split("+")[0] for name in ("torch", "torchaudio"))
    if torch_version != audio_version:
        remedy = f"pip install torch=={audio_version} torchaudio=={audio_version}"
        found.append(Finding("torch and torchaudio", False, "are not a pair: torchaudio will not import", remedy))
    return found


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _device() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("device", True, f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}")
    return Finding("device", True, f"CPU, {os.cpu_count()} cores, {torch.get_num_threads()} torch threads")


def _extras() -> list[Finding]:
    found = []
    for extra, modules in EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        text = "installed" if not missing else f"missing: {', '.join(missing)}"
        remedy = f'pip install "art-audio-ext[{extra}]"' if missing else ""
        found.append(Finding(f"extra [{extra}]", not missing, text, remedy))
    return found


def _cache() -> Finding:
    """The folder of decoded clips: how large it is, or why it cannot be used. Nothing is made."""
    try:
        folder = cache_path()
    except ValueError as error:
        return Finding("cache", False, "not usable", str(error))
    there = next((path for path in (folder, *folder.absolute().parents) if os.path.lexists(path)), folder)
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        remedy = "name another folder in the environment variable ART_AUDIO_CACHE"
        return Finding("cache", False, f"{folder} cannot be written", remedy)
    if there is not folder:
        return Finding("cache", True, f"{folder}, not made yet")
    return Finding("cache", True, f"{folder}, {_size(folder) / 2**20:,.1f} MiB")


def _size(folder: Path) -> int:
    """Bytes of the files in a folder; what cannot be read, or goes away meanwhile, counts nothing."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(base, name)).st_size
            except OSError:
                continue
    return total


def _speech_commands() -> Finding:
    try:
        folder = cache_path() / "speech-commands" / "SpeechCommands" / "speech_commands_v0.02"
    except ValueError:  # `_cache` says why
        folder = None
    if folder is not None and os.path.isdir(folder):
        return Finding("Speech Commands v0.02", True, os.fspath(folder))
    remedy = "--data speech-commands downloads it (2.3 GB, CC BY 4.0); --data speech-commands:ROOT names a local copy"
    return Finding("Speech Commands v0.02", False, "no local copy", remedy)


def _weights() -> list[Finding]:
    found = []
    for name, about, places in WEIGHTS:
        paths = [Path(os.path.expandvars(place)).expanduser() for place in places if not _unset(place)]
        there = next((path for path in paths if path.exists()), None)
        remedy = "" if there else f"for {about}: put a local copy at {paths[-1]}"
        found.append(Finding(name, there is not None, os.fspath(there) if there else "no local copy", remedy))
    return found


def _voices() -> list[Finding]:
    """A line for each way to convert voices: which weights it needs, and which of them are there."""
    found, root = [], weights_root()
    for name, needed in NEEDED.items():
        missing = missing_weights(name, root)
        parts = [f"{some.about} {'missing' if some in missing else 'there'}" for some in needed]
        remedy = where_to_put(missing, root)
        remedy += f'; or open_voice("{name}", download=True)' if missing else ""
        found.append(Finding(f"voice: {name}", not missing, ", ".join(parts) or "needs no weights", remedy))
    return found


def _unset(place: str) -> bool:
    """Whether a place names an environment variable that is not set."""
    return place.startswith("$") and os.path.expandvars(place) == place
