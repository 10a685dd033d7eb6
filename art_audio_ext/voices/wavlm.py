"""WavLM as coqui-tts builds it: read from a checkpoint without downloads, and the frames it makes of a clip."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from art_audio_ext.voices.checkpoints import fill, known_fields, read_checkpoint
from art_audio_ext.voices.weights import WAVLM

SAMPLE_RATE = 16000
HOP, FIELD = 320, 400  # samples between frames, and samples that a frame sees

_SHAPING = {  # the settings that shape the network, with an example of each; the others are for training
    "extractor_mode": "layer_norm",
    "encoder_layers": 24,
    "encoder_embed_dim": 1024,
    "encoder_ffn_embed_dim": 4096,
    "encoder_attention_heads": 16,
    "activation_fn": "gelu",
    "layer_norm_first": True,
    "conv_feature_layers": "[(512,10,5)] + [(512,3,2)] * 4 + [(512,2,2)] * 2",
    "conv_bias": False,
    "conv_pos": 128,
    "conv_pos_groups": 16,
    "relative_position_embedding": True,
    "num_buckets": 320,
    "max_distance": 800,
    "gru_rel_pos": True,
}
_TERM = r"\[\((\d{1,4}), *(\d{1,2}), *(\d{1,2})\)\](?: *\* *(\d{1,2}))?"
_BUILDING = threading.Lock()


def read_wavlm(path: Path) -> nn.Module:
    """
    A WavLM with the weights of a file.

    :param path: A checkpoint in the form of microsoft/unilm: "cfg" and "model".
    :return: On the CPU, for use.
    :raises ValueError: If the file is damaged or something else.
    """
    from TTS.vc.layers.freevc.wavlm.wavlm import WavLM, WavLMConfig

    content = read_checkpoint(path, WAVLM.about, "cfg", "model")
    settings = known_fields(content["cfg"], _SHAPING, path)
    _check_layers(settings.get("conv_feature_layers", ""), path)
    _check_sizes(settings, content["model"], path)
    try:
        network = WavLM(WavLMConfig(settings))
    except (AssertionError, RuntimeError, ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{path} describes no WavLM ({error}): put {WAVLM.about} there again") from error
    fill(network, content["model"], path)
    return network.eval()


def framed(samples: int) -> tuple[int, int]:
    """
    The silence around a clip that gives one frame for each 20 ms, each in the middle of what it sees.

    :param samples: Of the clip, at 16 kHz.
    :return: Samples before and after.
    """
    frames = -(-samples // HOP)
    before = (FIELD - HOP) // 2
    return before, frames * HOP + FIELD - HOP - samples - before


@contextmanager
def built_with(module: ModuleType, wavlm: nn.Module) -> Iterator[None]:
    """
    Have a module of coqui-tts take a WavLM that is read already: left alone it would look for one, and download it.

    :param module: In which `get_wavlm` is looked up.
    :param wavlm: What it shall return.
    :raises ImportError: If this version of coqui-tts finds its WavLM in another way.
    """
    if not hasattr(module, "get_wavlm"):
        raise ImportError(f'{module.__name__} gets its WavLM in an unknown way: pip install "coqui-tts[codec]==0.28.*"')
    with _BUILDING:
        kept = module.get_wavlm
        module.get_wavlm = lambda *_, **__: wavlm  # type: ignore[attr-defined]
        try:
            yield
        finally:
            module.get_wavlm = kept  # type: ignore[attr-defined]


def _check_layers(text: str, path: Path) -> None:
    """The library evaluates this text as Python: let nothing through but lists of numbers, and frames of 20 ms."""
    if not re.fullmatch(rf"{_TERM}(?: *\+ *{_TERM})*", text):
        raise ValueError(f"{path} describes its layers as {text!r:.80}: put {WAVLM.about} there again")
    hop, field = 1, 1
    for _, width, stride, times in re.findall(_TERM, text):
        for _ in range(int(times or 1)):
            field += (int(width) - 1) * hop
            hop *= int(stride)
    if (hop, field) != (HOP, FIELD):
        raise ValueError(f"{path} has frames every {hop} samples, not {HOP}: put {WAVLM.about} there again")


def _check_sizes(settings: dict[str, Any], state: dict[str, Any], path: Path) -> None:
    """Nothing large is allocated before the file has shown that it is as large."""
    last = state.get(f"encoder.layers.{settings.get('encoder_layers', 0) - 1}.fc1.weight")
    wanted = (settings.get("encoder_ffn_embed_dim"), settings.get("encoder_embed_dim"))
    if last is None or tuple(last.shape) != wanted:
        raise ValueError(f"the weights in {path} are not of the size it says: put {WAVLM.about} there again")
