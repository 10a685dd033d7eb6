"""kNN-VC: each frame of WavLM becomes the mean of the target's nearest frames, and a vocoder makes sound of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from art_audio_ext.voices.checkpoints import fill, known_fields, read_checkpoint, read_settings
from art_audio_ext.voices.clip_store import ClipStore
from art_audio_ext.voices.neural import Loaded, NeuralVoice, output_rate
from art_audio_ext.voices.wavlm import FIELD, HOP, SAMPLE_RATE, built_with, framed, read_wavlm
from art_audio_ext.voices.weights import VOCODER, WAVLM

_VOCODER = {  # of the generator, with an example of each
    "in_channels": 512,
    "pre_linear": 1024,
    "resblock_type": "1",
    "resblock_dilation_sizes": [[1, 3, 5]],
    "resblock_kernel_sizes": [3, 7, 11],
    "upsample_kernel_sizes": [20, 16, 4, 4],
    "upsample_initial_channel": 512,
    "upsample_factors": [10, 8, 2, 2],
    "conv_pre_weight_norm": True,
    "conv_post_weight_norm": True,
    "conv_post_bias": True,
}
_TRIGGER_LEVEL = 7  # of the detector of speech that trims targets, as published


class KnnVCVoice(NeuralVoice):
    """
    Nearest neighbours among the frames of a target; nothing is drawn. Some minutes of the target do best.

    | Paper: Baas, van Niekerk, Kamper, "Voice conversion with just nearest neighbors", 2023, through coqui-tts.
    """

    name = "knn-vc"
    draws_noise = False

    def __init__(
        self,
        neighbours: int = 4,
        *,
        folder: str | Path | None = None,
        download: bool = False,
        device: str = "auto",
        store: ClipStore | None = None,
    ) -> None:
        """
        :param neighbours: Frames of the target whose mean takes the place of one frame.
        :param folder: Of all weights; None for that in which coqui-tts keeps its own, `$TTS_HOME/tts`.
        :param download: Fetch weights that are not there; what, how large and under which licence is logged first.
        :param device: "cpu", "cuda", "cuda:N", or "auto" for the GPU where there is one.
        :param store: Keeps what was converted, or None.
        :raises ImportError: If coqui-tts is not installed.
        :raises FileNotFoundError: If weights are missing; says which, how large, their licence and where to put them.
        :raises ValueError: If weights are damaged or of something else, a download fails, or a parameter is unusable.
        """
        if isinstance(neighbours, bool) or not isinstance(neighbours, int) or neighbours < 1:
            raise ValueError(f"neighbours must be a whole number from 1, got {neighbours!r}")
        self.neighbours = neighbours
        super().__init__(folder=folder, download=download, device=device, store=store)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the result beside clip and target."""
        return {**super().identity, "neighbours": self.neighbours}

    def _load(self, root: Path) -> Loaded:
        from TTS.vc.configs.knnvc_config import KNNVCConfig
        from TTS.vc.models import knnvc
        from TTS.vocoder.models.hifigan_generator import HifiganGenerator

        files = VOCODER.paths(root)
        about, config = files["config.json"], read_settings(files["config.json"], VOCODER.about)
        settings = known_fields(config.get("generator_model_params"), _VOCODER, about)
        if "in_channels" not in settings and isinstance(config.get("audio"), dict):  # as the library reads it
            settings |= {"in_channels": config["audio"].get("num_mels", 0)}
        state = read_checkpoint(files["model.pth"], VOCODER.about, "model")["model"]
        try:
            rate = output_rate(settings["upsample_factors"], HOP, SAMPLE_RATE)
            with torch.device("meta"):  # nothing is allocated before the weights fit
                vocoder = HifiganGenerator(out_channels=1, **settings)
        except (RuntimeError, TypeError, KeyError, ZeroDivisionError, IndexError, ValueError) as error:
            raise ValueError(f"{about} describes no vocoder ({error}): put that of {VOCODER.about} there") from error
        fill(vocoder, state, files["model.pth"])
        wavlm: Any = read_wavlm(WAVLM.paths(root)["WavLM-Large.pt"])
        with built_with(knnvc, wavlm):
            network = knnvc.KNNVC(KNNVCConfig())
        channels, layers = wavlm.cfg.encoder_embed_dim, wavlm.cfg.encoder_layers
        if channels != settings.get("pre_linear") or layers < network.config.wavlm_layer:
            raise ValueError(f"{about} is not made for a WavLM of {layers} layers of {channels} channels")
        network.vocoder = vocoder
        return Loaded(network.eval(), SAMPLE_RATE, rate, [settings, sorted(vars(wavlm.cfg).items())])

    def _target_code(self, loaded: Loaded, sounds: list[Tensor]) -> Tensor:
        spoken = [sound for sound in map(_trimmed, sounds) if sound.shape[1] >= FIELD]
        frames = [loaded.network.get_features(sound) for sound in spoken]
        if sum(map(len, frames)) < self.neighbours:
            raise ValueError("has too little that a detector of speech takes for speech")
        return torch.cat(frames).clone()

    def _padding(self, loaded: Loaded, samples: int) -> tuple[int, int]:
        return framed(samples)

    def _run(self, loaded: Loaded, sound: Tensor, code: Any) -> Tensor:
        network = loaded.network
        frames = network.match(network.get_features(sound), code, topk=self.neighbours)
        return network.vocoder(frames)[0, 0]


def _trimmed(sound: Tensor) -> Tensor:
    """Sound (1, L) without what is not speech at both ends."""
    from torchaudio.transforms import Vad

    detect = Vad(SAMPLE_RATE, trigger_level=_TRIGGER_LEVEL).to(sound.device)
    begun = detect(sound)
    return detect(begun.flip(-1)).flip(-1) if begun.numel() else begun
