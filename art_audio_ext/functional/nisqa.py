"""NISQA: how good speech sounds by itself, with no original to compare it with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from art_audio_ext.functional.checks import check_sample_rate, check_waveforms
from art_audio_ext.functional.speech_quality import ClipScores, NoAnswer, audio_metric, collected, is_silent

DIMENSIONS = ("mos", "noisiness", "discontinuity", "coloration", "loudness")  # in the order of the network's answers
_PARTS = ("_NISQADIM", "_get_librosa_melspec", "_segment_specs")  # private to torchmetrics 1.9, so asked for first
_ROWS_AT_ONCE = 16


@dataclass(frozen=True)
class NisqaModel:
    """
    The network and how its input is made.

    :param network: Spectrogram windows (N, 1300, 48, 15) and how many of them are used (N,), to scores (N, 5).
    :param settings: Constants of the windows, as the weights' file has them.
    """

    network: torch.nn.Module
    settings: Mapping[str, Any]


def build_nisqa(settings: Mapping[str, Any], state: Mapping[str, torch.Tensor]) -> NisqaModel:
    """
    The model from the contents of a weights' file.

    Source: Mittag et al., NISQA: A deep CNN-self-attention model for multidimensional speech quality prediction with
    crowdsourced datasets, 2021; the network is that of torchmetrics.

    :param settings: Of the network and its input.
    :param state: Its weights.
    :return: Ready to judge.
    :raises ValueError: If the weights are of another network.
    :raises ImportError: If the extra is not installed.
    """
    library = nisqa_library()
    try:
        network = library._NISQADIM(dict(settings))
        network.load_state_dict(state, strict=True)
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"these are no weights of NISQA v2.0 with its five scores ({type(error).__name__})") from error
    if not all(torch.isfinite(value).all() for value in state.values()):
        raise ValueError("some weights are not finite")
    return NisqaModel(network.eval(), settings)


def nisqa(waveforms: np.ndarray, sample_rate: int, model: NisqaModel) -> dict[str, ClipScores]:
    """
    Overall quality and its four dimensions, by clip.

    The network was made for speech of 5 to 12 s and up to 20 kHz: on one-second commands compare versions of the same
    clips, and take no score by itself.

    :param waveforms: Sound (N, L) in [-1, 1].
    :param sample_rate: In Hz.
    :param model: From `build_nisqa`.
    :return: By name of `DIMENSIONS`, opinion scores of about 1 (bad) to 5; none for a clip that is silent, shorter
        than .15 s or longer than 52 s.
    :raises ValueError: If the sound is unusable.
    :raises ImportError: If the extra is not installed.
    """
    x, rate = check_waveforms(waveforms), check_sample_rate(sample_rate)
    silent = [is_silent(np.asarray(clip)) for clip in x]
    loud, said = np.flatnonzero(~np.array(silent)), np.full((len(x), len(DIMENSIONS)), np.nan)
    unusable = _unusable_length(x.shape[1], rate, model.settings)
    for start in range(0, 0 if unusable else len(loud), _ROWS_AT_ONCE):
        rows = loud[start : start + _ROWS_AT_ONCE]
        said[rows] = _judged(np.asarray(x[rows]), rate, model)

    def one(row: int, dimension: int) -> float:
        if silent[row] or unusable:
            raise NoAnswer("the clip is silent" if silent[row] else unusable)
        return float(said[row, dimension])

    return {name: collected(lambda row, k=k: one(row, k), len(x)) for k, name in enumerate(DIMENSIONS)}  # type: ignore


def nisqa_library() -> Any:
    """
    torchmetrics' module of NISQA, imported late.

    :return: The module.
    :raises ImportError: If it, or what it needs, is not installed, or is of a version with other parts.
    """
    library = audio_metric("nisqa", "librosa", "requests")
    missing = [name for name in _PARTS if not hasattr(library, name)]
    if missing:
        raise ImportError(f"this torchmetrics has no {', '.join(missing)}: pip install 'torchmetrics>=1.8,<1.10'")
    return library


def _judged(clips: np.ndarray, sample_rate: int, model: NisqaModel) -> np.ndarray:
    """Scores (N, 5) of clips (N, L) that are loud and long enough."""
    library = nisqa_library()
    spectrogram = torch.from_numpy(library._get_librosa_melspec(clips, sample_rate, model.settings))
    windows, used = library._segment_specs(spectrogram, model.settings)
    with torch.no_grad():
        return model.network(windows, used.expand(len(windows))).double().numpy()


def _unusable_length(samples: int, sample_rate: int, settings: Mapping[str, Any]) -> str:
    """Why clips of a length have no score, "" where they have one."""
    hop = int(sample_rate * settings["ms_hop_length"])
    if hop < 1:
        return f"sampled at {sample_rate} Hz, too seldom for a spectrogram"
    windows = 1 + samples // hop - (settings["ms_seg_length"] - 1)
    if windows < 1:
        return f"shorter than {settings['ms_hop_length'] * (settings['ms_seg_length'] - 1):.2g} s"
    most = settings["ms_max_segments"] * settings["ms_seg_hop_length"]
    return f"longer than {settings['ms_hop_length'] * most:.3g} s" if windows > most else ""
