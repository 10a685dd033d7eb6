"""Random weights in the files and folders of the published ones: what tests and benchmarks run on without them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from art_audio_ext.voices.wavlm import built_with
from art_audio_ext.voices.weights import FREEVC, OPENVOICE, VOCODER, WAVLM, Weights

_DECODER: dict[str, Any] = {"resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 1, 1]]}
_FLOW: dict[str, Any] = {"inter_channels": 8, "hidden_channels": 8, "upsample_initial_channel": 16, "gin_channels": 8}
_WAVLM = {
    "tiny": {
        "encoder_layers": 6,
        "encoder_embed_dim": 16,
        "encoder_ffn_embed_dim": 16,
        "encoder_attention_heads": 2,
        "conv_feature_layers": "[(8,10,5)] + [(8,3,2)] * 4 + [(8,2,2)] * 2",
        "conv_pos": 16,
        "conv_pos_groups": 4,
        "num_buckets": 8,
    },
    "published": {
        "encoder_layers": 24,
        "encoder_embed_dim": 1024,
        "encoder_ffn_embed_dim": 4096,
        "encoder_attention_heads": 16,
        "conv_feature_layers": "[(512,10,5)] + [(512,3,2)] * 4 + [(512,2,2)] * 2",
        "num_buckets": 320,
    },
}
_STYLE = {"extractor_mode": "layer_norm", "layer_norm_first": True, "max_distance": 800, "gru_rel_pos": True}
_ARGS: dict[str, dict[str, Any]] = {
    "tiny": {
        **_DECODER,
        **_FLOW,
        "ssl_dim": 16,
        "upsample_rates": [10, 6, 4, 2],
        "upsample_kernel_sizes": [16, 12, 8, 4],
    },
    "published": {"upsample_rates": [10, 6, 4, 2], "upsample_kernel_sizes": [16, 16, 4, 4]},
}
_VOCODER: dict[str, dict[str, Any]] = {
    "tiny": {**_DECODER, "in_channels": 8, "pre_linear": 16, "upsample_initial_channel": 16},
    "published": {
        "resblock_kernel_sizes": [3, 7, 11],
        "resblock_dilation_sizes": [[1, 3, 5]] * 3,
        "in_channels": 512,
        "pre_linear": 1024,
        "upsample_initial_channel": 512,
    },
}
_UPSAMPLING = {"resblock_type": "1", "upsample_factors": [10, 8, 2, 2], "upsample_kernel_sizes": [20, 16, 4, 4]}
_OPENVOICE: dict[str, dict[str, Any]] = {"tiny": {**_DECODER, **_FLOW}, "published": {}}
_OPENVOICE_DATA = {"sampling_rate": 22050, "filter_length": 1024, "hop_length": 256, "win_length": 1024}


def write_untrained(root: str | Path, size: str = "tiny", seed: int = 0) -> Path:
    """
    Weights of all neural back ends.

    :param root: The folder of all weights; 5 MB are written for "tiny", 1.7 GB for "published".
    :param size: "tiny", or "published" for networks as large as the published ones.
    :param seed: Of the weights.
    :return: `root`.
    :raises ImportError: If coqui-tts is not installed.
    """
    from TTS.vc.configs.freevc_config import FreeVCArgs, FreeVCConfig
    from TTS.vc.configs.openvoice_config import OpenVoiceArgs, OpenVoiceConfig
    from TTS.vc.layers.freevc.wavlm.wavlm import WavLM, WavLMConfig
    from TTS.vc.models import freevc
    from TTS.vc.models.openvoice import OpenVoice
    from TTS.vocoder.models.hifigan_generator import HifiganGenerator

    root = Path(root)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        cfg = {**_STYLE, "relative_position_embedding": True, **_WAVLM[size]}
        _write(root, WAVLM, WavLM(WavLMConfig(cfg)), cfg=cfg)
        with built_with(freevc, nn.Identity()):
            network = freevc.FreeVC(FreeVCConfig(model_args=FreeVCArgs(**_ARGS[size])))
        _write(root, FREEVC, network, {"model": "freevc", "model_args": _ARGS[size], "audio": {"hop_length": 320}})
        vocoder = {**_UPSAMPLING, **_VOCODER[size]}
        _write(root, VOCODER, HifiganGenerator(out_channels=1, **vocoder), {"generator_model_params": vocoder})
        converter = OpenVoice(OpenVoiceConfig(model_args=OpenVoiceArgs(**_OPENVOICE[size])))
        _write(root, OPENVOICE, converter, {"model": _OPENVOICE[size], "data": _OPENVOICE_DATA})
    return root


def _write(
    root: Path, weights: Weights, network: nn.Module, settings: dict[str, Any] | None = None, **more: Any
) -> None:
    """A checkpoint, and the JSON beside it. What begins as zero is drawn too: flows of zeros know no target."""
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(0.0, 0.05)
    *beside, checkpoint = weights.paths(root).values()
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": network.state_dict(), **more}, checkpoint)
    for path in beside:
        path.write_text(json.dumps(settings), encoding="utf-8")
