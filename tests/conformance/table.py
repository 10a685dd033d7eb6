"""The table of our ART subclasses: a new class is one line here, and every promise is kept or broken by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from art_audio_ext.attacks.evasion import (
    LBFGS,
    TSMIFGSM,
    AudioCarliniL2,
    AudioDeepFool,
    AudioPGD,
    AudioVisualPGD,
    CarliniWagnerCTC,
    FakeBob,
    FGSMAtSNR,
    PGDAtSNR,
    WhiteNoise,
)
from art_audio_ext.attacks.poisoning import AudioTriggerBackdoor, SpectrogramBadNets, VoiceConversionBackdoor
from art_audio_ext.defences.detector.evasion import AudioVisualSyncDetector
from art_audio_ext.defences.detector.poison import (
    PoisonLikelihoodDefence,
    TunedActivationClustering,
    TunedSpectralSignatures,
)
from art_audio_ext.defences.preprocessor import (
    AudioPure,
    DDPMPurifier,
    DiffNoise,
    DiffRevPurifier,
    DualPure,
    FrequencyDomainPurifier,
    NoiseFloorPurifier,
    OneShotPurifier,
    TimeDomainPurifier,
)
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.functional.front_end import log_mel
from art_audio_ext.training.audio_diffusion import AudioDiffusion, build_network
from art_audio_ext.training.diffusion_settings import DiffusionSettings
from art_audio_ext.training.runs import seeded
from art_audio_ext.training.sync_model import SyncModel
from art_audio_ext.training.syncnet_settings import SyncNetSettings


class BandLevels:
    """An encoder in the place of a trained one: mean and spread over time of 16 mel bands."""

    sample_rate = 16000

    def encode(self, waveforms: np.ndarray) -> np.ndarray:
        mel = log_mel(torch.from_numpy(np.array(waveforms)), n_mels=16)
        return torch.cat([mel.mean(2), mel.std(2)], 1).numpy()


def untrained(domain: str) -> AudioDiffusion:
    """The smallest diffusion model of a domain, with weights that do something."""
    sizes = {"base": 8, "multipliers": (1, 1), "attention": (), "residual_channels": 4, "layers": 2, "skip_channels": 4}
    settings = DiffusionSettings(domain, **sizes, dilation_cycle=2, embedding=(8, 8, 8), heads=1)
    network = seeded(lambda: build_network(settings), 0)
    with torch.no_grad():  # the last layer of a fresh network is zero
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    return AudioDiffusion(network, settings, 16000)


def unsynchronised(seed: int) -> SyncModel:
    """The smallest synchronisation network, which has learnt nothing: its confidences differ all the same."""
    settings = SyncNetSettings(size=16)
    return SyncModel(seeded(settings.build, seed), settings, AudioVisualLayout.of_frames(12, 16))


MEL, WAVE = untrained("mel") if find_spec("diffusers") else None, untrained("wave")


@dataclass(frozen=True)
class Case:
    """A class and the options it is tried with; `defects` holds one bad option at a time."""

    cls: type
    options: dict[str, Any] = field(default_factory=dict)
    defects: dict[str, Any] = field(default_factory=dict)
    needs_classifier: bool = False
    needs: str = ""  # a library
    required: tuple[str, ...] = ()  # options without a default
    targeted: bool = False  # whether labels are what clips shall be called

    def __str__(self) -> str:
        shown = ",".join(f"{k}={v}" for k, v in self.options.items() if isinstance(v, (str, int, float)))
        return f"{self.cls.__name__}({shown})"

    def make(self, *args: Any, **more: Any) -> Any:
        return self.cls(*args, **(self.options | more))


# A voice, if a dull one: harmonics of 150 Hz that waver.
_TIME = np.arange(16000) / 16000
_PHASE = 150 * (2 * np.pi * _TIME + 0.01 * np.sin(20 * _TIME))
HUM = sum(np.sin(k * _PHASE) / k for k in range(1, 30)).astype(np.float32) / 4
POISONING_ATTACKS = [
    Case(AudioTriggerBackdoor, {"trigger": "clap", "scale": 0.5}, {"scale": -1}),
    Case(AudioTriggerBackdoor, {"trigger": "whistle", "snr_db": 0, "position": "random", "seed": 3}, {"seed": -1}),
    Case(AudioTriggerBackdoor, {"trigger": np.array([1.0, 1.0, -1.0, -1.0] * 200), "position": 9}, {"position": -1}),
    Case(SpectrogramBadNets, {"level": 0.05}, {"rows": 0}),
    Case(
        VoiceConversionBackdoor,
        {"target": HUM, "verbose": False},
        {"clean_label": 1, "voice": "prayer"},
        needs="pyworld",
        required=("target",),
    ),
]
POISON_FILTERS = [
    Case(
        PoisonLikelihoodDefence,
        {"score": "pls", "vae": BandLevels(), "dims": 8, "trials": 3, "verbose": False},
        {"order": "none"},
    ),
    Case(PoisonLikelihoodDefence, {"alpha": 0.1, "seed": 3, "verbose": False}, {"alpha": 0}),
    Case(
        PoisonLikelihoodDefence,
        {"score": "coherent_component", "alpha": 0.1, "score_options": {"anywhere": False}, "verbose": False},
        {"alpha": 1},
    ),
    Case(PoisonLikelihoodDefence, {"score": "novel_component", "alpha": 0.3, "verbose": False}, {"tokens": "mel"}),
    Case(TunedActivationClustering, {"nb_dims": 3, "size_threshold": 0.45}, {"n_init": 0}, needs_classifier=True),
    Case(TunedSpectralSignatures, {"expected_pp_poison": 0.2}, {"eps_multiplier": -1}, needs_classifier=True),
]
ROWS = AudioVisualLayout.of_frames(8, 20)


def mean_brightness(rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A detector in the place of a trained one, which looks at each time somewhere else."""
    frame = int(torch.randint(ROWS.frames, (), generator=generator))
    return ROWS.unpack(rows)[1][:, frame].mean((1, 2))


EVASION_ATTACKS = [
    Case(AudioPGD, {"eps": 0.01, "max_iter": 3, "verbose": False}, {"eps": 0}),
    Case(
        AudioPGD,
        {"norm": "2", "eps": 0.2, "max_iter": 3, "loss": "margin", "restarts": 2, "seed": 4, "verbose": False},
        {"loss": "mean"},
    ),
    Case(TSMIFGSM, {"max_iter": 3, "shifts": 2, "eps": 0.01, "verbose": False}, {"decay": -1}),
    Case(
        AudioVisualPGD,
        {"layout": ROWS, "max_iter": 2, "keep_best": False, "verbose": False},
        {"eps_audio": -1, "step_video": 0},
        required=("layout",),
    ),
    Case(
        AudioVisualPGD,
        {"layout": ROWS, "max_iter": 2, "confidence": mean_brightness, "mix": "selective", "eot_samples": 2}
        | {"confidence_goal": "own", "verbose": False},
        {"mix": "product", "confidence_goal": "lowest", "eot_samples": 0},
        required=("layout",),
    ),
    Case(FakeBob, {"max_iter": 3, "samples": 4, "eps": 0.01, "verbose": False}, {"samples": 3}),
    Case(WhiteNoise, {"snr_db": 15, "seed": 3, "verbose": False}, {"snr_db": "loud"}),
    Case(FGSMAtSNR, {"snr_db": 25.0, "batch_size": 4, "verbose": False}, {"snr_db": float("nan")}),
    Case(PGDAtSNR, {"snr_db": 30.0, "max_iter": 3, "verbose": False}, {"max_iter": 0}),
    Case(AudioDeepFool, {"most_stretch": 2.0, "hurry_after": 0, "verbose": False}, {"nb_grads": 1}),
    Case(AudioCarliniL2, {"max_iter": 6, "binary_search_steps": 2, "verbose": False}, {"confidence": -1}),
    Case(
        LBFGS,
        {"initial_const": 1000.0, "max_iter": 4, "bisections": 0, "verbose": False},
        {"corrections": 0},
        targeted=True,
    ),
]
SENTENCE_ATTACKS = [
    Case(
        CarliniWagnerCTC,
        {"max_iter": 3, "random_start": True, "verbose": False},
        {"shrink": 1.0, "aim": "half", "eps_audio": -1, "max_iter": 0},
    ),
]
PURIFIERS = [
    Case(TimeDomainPurifier, {"steps": 3, "seed": 5}, {"steps": 0}),
    Case(DiffNoise, {"steps": 2}, {"steps": 201}),
    Case(FrequencyDomainPurifier, {"diffusion": MEL, "steps": 4, "reverse": "all_steps"}, {"reverse": "back"}),
    Case(FrequencyDomainPurifier, {"diffusion": MEL, "steps": 20, "reverse": "one_shot"}, {"diffusion": WAVE}),
    Case(NoiseFloorPurifier, {"sigma": 0.01}, {"sigma": 0}),
    Case(DualPure, {"diffusion": MEL}, {"time_steps": 0}),
    Case(DDPMPurifier, {"diffusion": WAVE}, {"steps": True}),
    Case(DiffRevPurifier, {"diffusion": WAVE}, {"diffusion": "weights.pt"}),
    Case(OneShotPurifier, {"diffusion": WAVE}, {"diffusion": MEL}),
    Case(AudioPure, {"diffusion": WAVE}, {"steps": 0, "network_gradient": 1}),
]
SYNC = unsynchronised(0)
EVASION_DETECTORS = [
    Case(AudioVisualSyncDetector, {"models": SYNC, "false_positive_rate": 0.1}, {"false_positive_rate": 0}),
    Case(
        AudioVisualSyncDetector,
        {"models": [SYNC, unsynchronised(1)], "two_sided": True, "false_positive_rate": 0.2, "combine": "least"},
        {"combine": "most", "two_sided": 1},
    ),
    Case(
        AudioVisualSyncDetector,
        {"models": SYNC, "window_share": 0.7, "jitter": 1, "sample_shift": 99, "draws": 2, "false_positive_rate": 0.1},
        {"sample_shift": 321, "jitter": -1, "draws": 0, "edges": "wrap", "models": [], "layout": "row"},
    ),
]
KINDS = (POISONING_ATTACKS, POISON_FILTERS, EVASION_ATTACKS, SENTENCE_ATTACKS, EVASION_DETECTORS, PURIFIERS)
