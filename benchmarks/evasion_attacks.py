"""The attacks that `evasion.py` compares: ours, ART's, and those of foolbox and torchattacks where installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from art.attacks.evasion import CarliniL2Method, DeepFool, FastGradientMethod, ProjectedGradientDescentPyTorch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_audio_ext.attacks.evasion import (
    AudioCarliniL2,
    AudioDeepFool,
    FGSMAtSNR,
    PGDAtSNR,
    audio_carlini,
    audio_deepfool,
)

METHODS = ("deepfool", "carlini", "fgsm", "pgd")
Attack = Callable[[np.ndarray, np.ndarray], np.ndarray]
Bounded = Callable[[np.ndarray, np.ndarray, float], np.ndarray]  # of one clip, with its eps
_FGSM_DB, _PGD_DB, _STEPS = 20.0, 30.0, 10


def build(network: nn.Module, classifier: PyTorchClassifier) -> dict[str, Attack]:
    """Ours first, then ART's, then the rivals that are installed; names are method/owner."""
    quiet: dict[str, Any] = {"verbose": False}
    hurried: dict[str, Any] = {"nb_grads": 2, "most_stretch": 2.0, "hurry_after": 0, "halvings": 1}
    patient: dict[str, Any] = {"most_stretch": 1.05, "overshoot": 0.005, "halvings": 8}
    attacks: dict[str, Attack] = {
        "deepfool/ours": AudioDeepFool(classifier, **quiet).generate,
        "deepfool/ours_in_a_hurry": AudioDeepFool(classifier, **quiet, **hurried).generate,
        "deepfool/ours_at_length": AudioDeepFool(classifier, **quiet, **patient).generate,
        "deepfool/art": DeepFool(classifier, **quiet).generate,
        "deepfool/art_audio_deepfool": audio_deepfool(classifier, **quiet).generate,
        "carlini/ours": AudioCarliniL2(classifier, **quiet).generate,
        "carlini/ours_in_a_hurry": AudioCarliniL2(classifier, binary_search_steps=3, max_iter=25, **quiet).generate,
        "carlini/ours_at_length": AudioCarliniL2(classifier, learning_rate=0.5, max_iter=100, **quiet).generate,
        "carlini/art": CarliniL2Method(classifier, **quiet).generate,
        "carlini/art_audio_carlini": audio_carlini(classifier, **quiet).generate,
        "fgsm/ours": FGSMAtSNR(classifier, snr_db=_FGSM_DB, **quiet).generate,
        "fgsm/art": each(lambda x, y, eps: FastGradientMethod(classifier, norm=np.inf, eps=eps).generate(x, y), 1),
        "pgd/ours": PGDAtSNR(classifier, snr_db=_PGD_DB, max_iter=_STEPS, **quiet).generate,
        "pgd/ours_cross_entropy": PGDAtSNR(
            classifier, snr_db=_PGD_DB, max_iter=_STEPS, loss="cross_entropy", **quiet
        ).generate,
        "pgd/art": each(lambda x, y, eps: art_pgd(classifier, eps).generate(x, y), 2),
    }
    for library in (foolbox_attacks, torchattacks_attacks):
        try:
            attacks |= library(network)
        except ImportError as error:
            print(f"without {library.__name__.partition('_')[0]}: {error}")
    return attacks


def art_pgd(classifier: PyTorchClassifier, eps: float) -> ProjectedGradientDescentPyTorch:
    """ART's, as many steps of the same length as ours."""
    step = 2.5 * eps / _STEPS
    return ProjectedGradientDescentPyTorch(
        classifier, norm=2, eps=eps, eps_step=step, max_iter=_STEPS, num_random_init=0, verbose=False
    )


def each(attack: Bounded, norm: int) -> Attack:
    """Clip by clip, with the eps that gives the ratio: of every sample (1), or of the whole clip (2)."""

    def run(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        found = []
        for clip, label in zip(x, y, strict=True):
            whole = float(np.linalg.norm(clip))
            eps = whole * 10 ** (-_FGSM_DB / 20) / np.sqrt(len(clip)) if norm == 1 else whole * 10 ** (-_PGD_DB / 20)
            found.append(attack(clip[None], np.array([label]), eps))
        return np.concatenate(found)

    return run


def foolbox_attacks(network: nn.Module) -> dict[str, Attack]:
    """At its default of 10 000 steps Carlini-Wagner takes hours: as many passes as ours has."""
    import foolbox

    model, known = foolbox.PyTorchModel(network, bounds=(-1, 1), device="cpu"), foolbox.attacks

    def run(attack: Callable[..., torch.Tensor], x: np.ndarray, y: np.ndarray, **options: float) -> np.ndarray:
        return attack(model, torch.from_numpy(x), torch.from_numpy(y), **options).detach().numpy()

    deepfool, carlini = known.L2DeepFoolAttack(), known.L2CarliniWagnerAttack(binary_search_steps=6, steps=50)
    fgsm = known.LinfFastGradientAttack()
    pgd = known.L2ProjectedGradientDescentAttack(rel_stepsize=2.5 / _STEPS, steps=_STEPS, random_start=False)
    return {
        "deepfool/foolbox": lambda x, y: run(deepfool.run, x, y),
        "carlini/foolbox": lambda x, y: run(carlini.run, x, y),
        "fgsm/foolbox": each(lambda x, y, eps: run(fgsm.run, x, y, epsilon=eps), 1),
        "pgd/foolbox": each(lambda x, y, eps: run(pgd.run, x, y, epsilon=eps), 2),
    }


def torchattacks_attacks(network: nn.Module) -> dict[str, Attack]:
    """It knows pictures in [0, 1] alone, so a clip is a line of one and everything is halved."""
    import torchattacks

    halved = Halved(network).eval()

    def run(attack: Callable[..., torch.Tensor], x: np.ndarray, y: np.ndarray) -> np.ndarray:
        found = attack(torch.from_numpy(x / 2 + 0.5)[:, None, None], torch.from_numpy(y))
        return found.detach().flatten(1).numpy() * 2 - 1

    deepfool, carlini = torchattacks.DeepFool(halved), torchattacks.CW(halved)

    def pgd(x: np.ndarray, y: np.ndarray, eps: float) -> np.ndarray:
        step = 2.5 * eps / 2 / _STEPS
        return run(torchattacks.PGDL2(halved, eps=eps / 2, alpha=step, steps=_STEPS, random_start=False), x, y)

    return {
        "deepfool/torchattacks": lambda x, y: run(deepfool, x, y),
        "carlini/torchattacks": lambda x, y: run(carlini, x, y),
        "fgsm/torchattacks": each(lambda x, y, eps: run(torchattacks.FGSM(halved, eps=eps / 2), x, y), 1),
        "pgd/torchattacks": each(pgd, 2),
    }


class Halved(nn.Module):
    """torchattacks knows pictures in [0, 1] alone."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x.flatten(1) * 2 - 1)
