"""OpenVoice's converter: a flow takes the colour of one voice off a spectrogram and puts that of another on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from art_audio_ext.voices.checkpoints import fill, known_fields, read_checkpoint, read_settings
from art_audio_ext.voices.neural import Loaded, NeuralVoice, output_rate
from art_audio_ext.voices.weights import OPENVOICE

_DATA = {"sampling_rate": 22050, "filter_length": 1024, "hop_length": 256, "win_length": 1024}


class OpenVoiceVoice(NeuralVoice):
    """
    Colour of the voice only: pitch and manner of speaking stay the source's. The seed is of its posterior.

    | Paper: Qin et al., "OpenVoice: Versatile instant voice cloning", 2023, version 2, through coqui-tts.
    """

    name = "openvoice"

    def _load(self, root: Path) -> Loaded:
        from TTS.vc.configs.openvoice_config import OpenVoiceArgs, OpenVoiceAudioConfig, OpenVoiceConfig
        from TTS.vc.models.openvoice import OpenVoice

        files = OPENVOICE.paths(root)
        about, config = files["config.json"], read_settings(files["config.json"], OPENVOICE.about)
        settings = known_fields(config.get("model"), asdict(OpenVoiceArgs()), about)
        data = {**_DATA, **known_fields(config.get("data"), _DATA, about)}
        args, rate = OpenVoiceArgs(**settings), data["sampling_rate"]
        audio = OpenVoiceAudioConfig(rate, rate, data["filter_length"], data["hop_length"], data["win_length"])
        state = read_checkpoint(files["checkpoint.pth"], OPENVOICE.about, "model")["model"]
        try:
            made = output_rate(args.upsample_rates, data["hop_length"], rate)
            with torch.device("meta"):  # nothing is allocated before the weights fit
                network = OpenVoice(OpenVoiceConfig(model_args=args, audio=audio))
        except (RuntimeError, ZeroDivisionError, IndexError, ValueError) as error:
            raise ValueError(
                f"{about} describes no OpenVoice ({error}): put that of {OPENVOICE.about} there"
            ) from error
        fill(network, state, files["checkpoint.pth"])
        return Loaded(network.eval(), rate, made, [settings, data])

    def _target_code(self, loaded: Loaded, sounds: list[Tensor]) -> Tensor:
        return loaded.network._extract_target_se(sounds)

    def _padding(self, loaded: Loaded, samples: int) -> tuple[int, int]:
        audio = loaded.network.config.audio
        frames = max(-(-samples // audio.hop_length), -(-audio.fft_size // audio.hop_length))
        return 0, frames * audio.hop_length - samples

    def _run(self, loaded: Loaded, sound: Tensor, code: Any) -> Tensor:
        own, spectrogram = loaded.network.extract_se(sound)
        return loaded.network.inference(spectrogram, {"g_src": own, "g_tgt": code})["model_outputs"][0, 0]
