"""FreeVC: WavLM's account of what is said, a code of who speaks, and a decoder in the manner of VITS."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from art_audio_ext.voices.checkpoints import fill, known_fields, read_checkpoint, read_settings
from art_audio_ext.voices.neural import Loaded, NeuralVoice, output_rate
from art_audio_ext.voices.wavlm import HOP, SAMPLE_RATE, built_with, framed, read_wavlm
from art_audio_ext.voices.weights import FREEVC, WAVLM

_AUDIO = {"filter_length": 1280, "hop_length": 320, "win_length": 1280, "n_mel_channels": 80, "mel_fmin": 0.0}
_TRIM_DB = 20  # what is so much softer than the loudest part, at both ends of a target, the network leaves out
_SPOKEN_SECONDS = 0.25  # what must be left of it


class FreeVCVoice(NeuralVoice):
    """
    The paper's conversion; the seed is of its prior.

    | Paper: Li, Tu, Xiao, "FreeVC: Towards high-quality text-free one-shot voice conversion", 2022, through coqui-tts.
    """

    name = "freevc"

    def _load(self, root: Path) -> Loaded:
        from TTS.vc.configs.freevc_config import FreeVCArgs, FreeVCAudioConfig, FreeVCConfig
        from TTS.vc.models import freevc

        files = FREEVC.paths(root)
        about, config = files["config.json"], read_settings(files["config.json"], FREEVC.about)
        settings = known_fields(config.get("model_args"), asdict(FreeVCArgs()), about)
        audio = known_fields(config.get("audio"), _AUDIO, about)
        args = FreeVCArgs(**settings)
        if args.use_spk:
            raise ValueError(f"{about} asks for a speaker network of its own: put that of {FREEVC.about} there")
        state = read_checkpoint(files["model.pth"], FREEVC.about, "model")["model"]
        wavlm: Any = read_wavlm(WAVLM.paths(root)["WavLM-Large.pt"])
        if wavlm.cfg.encoder_embed_dim != args.ssl_dim:
            raise ValueError(
                f"{about} is made for a WavLM of {args.ssl_dim} channels, not {wavlm.cfg.encoder_embed_dim}"
            )
        try:
            rate = output_rate(args.upsample_rates, HOP, SAMPLE_RATE)
            with torch.device("meta"), built_with(freevc, wavlm):  # nothing is allocated before the weights fit
                network = freevc.FreeVC(FreeVCConfig(model_args=args, audio=FreeVCAudioConfig(**audio)))
        except (RuntimeError, ZeroDivisionError, IndexError, ValueError) as error:
            raise ValueError(f"{about} describes no FreeVC ({error}): put that of {FREEVC.about} there") from error
        fill(network, state, files["model.pth"], optional="wavlm.")
        return Loaded(network.eval(), SAMPLE_RATE, rate, [settings, audio, sorted(vars(wavlm.cfg).items())])

    def _target_code(self, loaded: Loaded, sounds: list[Tensor]) -> Tensor:
        from librosa.effects import trim

        fewest = _SPOKEN_SECONDS * SAMPLE_RATE
        spoken = [sound for sound in sounds if len(trim(sound[0].cpu().numpy(), top_db=_TRIM_DB)[0]) >= fewest]
        if not spoken:
            raise ValueError(f"has less than {_SPOKEN_SECONDS} s that is not silence")
        return loaded.network._extract_target_se(spoken)

    def _padding(self, loaded: Loaded, samples: int) -> tuple[int, int]:
        return framed(samples)

    def _run(self, loaded: Loaded, sound: Tensor, code: Any) -> Tensor:
        network = loaded.network
        return network.inference(network.extract_wavlm_features(sound), g=code)[0, 0]
