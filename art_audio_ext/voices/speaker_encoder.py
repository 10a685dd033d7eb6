"""ECAPA-TDNN, a network that tells speakers apart, from weights that lie on this machine. No downloads."""

from __future__ import annotations

import pickle
from hashlib import blake2b
from math import gcd
from pathlib import Path

import numpy as np
import torch
from scipy.signal import resample_poly

from art_audio_ext.functional.checks import check_sample_rate, check_waveforms

RATE = 16000
DIMENSIONS = 192
SOURCE = "https://huggingface.co/speechbrain/spkrec-ecapa-voxceleb, embedding_model.ckpt"
_TERMS = "83 MB, Apache 2.0"
FILE = "embedding_model.ckpt"
HUB = "~/.cache/huggingface/hub/models--speechbrain--spkrec-ecapa-voxceleb/snapshots"  # a folder a version
_MELS = 80
_WIDTHS = [1024, 1024, 1024, 1024, 3072]
_ROWS_AT_ONCE = 16
_ECAPA = {"kernel_sizes": [5, 3, 3, 3, 1], "dilations": [1, 2, 3, 4, 1], "attention_channels": 128}


class SpeakerEncoder:
    """
    Embeddings of speakers.

    Source: Desplanques et al., ECAPA-TDNN, 2020; network and front end are speechbrain's, with the sizes of its model
    spkrec-ecapa-voxceleb.

    :param network: ECAPA-TDNN, features (N, T, 80) to embeddings (N, 1, 192).
    """

    method = "ECAPA-TDNN cosine"

    def __init__(self, network: torch.nn.Module) -> None:
        from speechbrain.lobes.features import Fbank

        self.network = network.eval()
        self.front_end = Fbank(sample_rate=RATE, n_mels=_MELS).eval()

    def checksum(self) -> str:
        """Hexadecimal; tells these weights from others."""
        digest = blake2b(digest_size=8)
        for value in self.network.state_dict().values():
            digest.update(value.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def embed(self, waveforms: np.ndarray, sample_rate: int) -> np.ndarray:
        """
        An embedding for each clip.

        :param waveforms: Sound (N, L) in [-1, 1], at least .1 s.
        :param sample_rate: In Hz; resampled to 16 kHz.
        :return: float64 (N, 192).
        :raises ValueError: If the sound is unusable.
        """
        x, rate = check_waveforms(waveforms), check_sample_rate(sample_rate)
        if x.shape[1] < 0.1 * rate:
            raise ValueError(f"clips of {x.shape[1]} samples are shorter than .1 s: give longer speech")
        common, found = gcd(rate, RATE), []
        for start in range(0, len(x), _ROWS_AT_ONCE):
            block = np.asarray(x[start : start + _ROWS_AT_ONCE])
            if rate != RATE:
                block = resample_poly(block, RATE // common, rate // common, axis=1).astype(np.float32)
            with torch.no_grad():
                features = self.front_end(torch.from_numpy(np.array(block)))
                found.append(self.network(features - features.mean(1, keepdim=True))[:, 0])
        return torch.cat(found).double().numpy()


def open_speaker_encoder(weights: str | Path | None = None) -> SpeakerEncoder:
    """
    ECAPA-TDNN from a local file; nothing is downloaded.

    :param weights: `embedding_model.ckpt`, or the folder with it; None looks where the Hugging Face hub keeps it.
    :return: Ready to embed.
    :raises ValueError: If there is no such file, or it is damaged or of something else.
    :raises ImportError: If the extra is not installed.
    """
    try:
        from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
    except ImportError as error:
        raise ImportError(
            f'speaker embeddings need speechbrain ({error}): pip install "art-audio-ext[voice]"'
        ) from error
    path = _place(weights)
    network = ECAPA_TDNN(_MELS, channels=_WIDTHS, lin_neurons=DIMENSIONS, **_ECAPA)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    except (OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, pickle.UnpicklingError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path} is not the whole file of ECAPA-TDNN's weights ({first}): fetch {SOURCE} anew ({_TERMS})"
        ) from error
    return SpeakerEncoder(network)


def _place(weights: str | Path | None) -> Path:
    """The file, where there is one."""
    if weights is None:
        places, where = sorted(Path(HUB).expanduser().glob(f"*/{FILE}")), HUB
    else:
        path = Path(weights).expanduser()
        places, where = [path / FILE if path.is_dir() else path], str(weights)
    there = next((path for path in places if path.is_file()), None)
    if there is None:
        raise ValueError(
            f"there are no weights of ECAPA-TDNN at {where}: fetch {SOURCE} ({_TERMS}) "
            "and name the file (weights=, --speaker-weights)"
        )
    return there
