"""The file of NISQA's weights: where it lies, whether it is whole, and what to do where it does not. No downloads."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import torch

from art_audio_ext.functional.nisqa import NisqaModel, build_nisqa, nisqa_library

DEFAULT_PLACE = "~/.torchmetrics/NISQA/nisqa.tar"  # where torchmetrics looks
SOURCE = "https://github.com/gabrielmittag/NISQA, weights/nisqa.tar"
_TERMS = "1,051,663 bytes, CC BY-NC-SA 4.0: not for commercial use"


def open_nisqa(weights: str | Path | None = None) -> NisqaModel:
    """
    NISQA v2.0 from a local file. Nothing is downloaded, and nothing is put into the home directory.

    :param weights: `nisqa.tar`, a torch archive despite its name; None is the place where torchmetrics keeps it.
    :return: Ready to judge.
    :raises ValueError: If there is no such file, or it is damaged or of something else.
    :raises ImportError: If the extra is not installed.
    """
    path = Path(DEFAULT_PLACE if weights is None else weights).expanduser()
    nisqa_library()
    if not path.is_file():
        raise ValueError(
            f"there are no weights of NISQA at {path} ({_TERMS}): if you accept that licence, fetch them from "
            f"{SOURCE}, and put them at {DEFAULT_PLACE} or name the file (weights=, --nisqa-weights)"
        )
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no torch archive, or the end is missing")
        with zipfile.ZipFile(path) as archive:
            if (broken := archive.testzip()) is not None:
                raise ValueError(f"its part {broken} is damaged")
        found = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(found, dict) or not {"args", "model_state_dict"} <= found.keys():
            raise ValueError("it has no args and model_state_dict")
        return build_nisqa(found["args"], found["model_state_dict"])
    except (ValueError, OSError, RuntimeError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise ValueError(
            f"{path} is not the whole file of NISQA's weights ({error}): fetch it anew from {SOURCE} ({_TERMS})"
        ) from error
