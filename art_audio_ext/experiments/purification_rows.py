"""The defences and the attacks of the comparison of purifiers, and one of its cells: a defence under an attack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from art.attacks.evasion import AutoProjectedGradientDescent, MomentumIterativeMethod

from art_audio_ext.attacks.evasion import TSMIFGSM, AudioPGD, FakeBob
from art_audio_ext.attacks.evasion.white_box import predicted
from art_audio_ext.defences.preprocessor import (
    AudioPure,
    DDPMPurifier,
    DiffRevPurifier,
    DualPure,
    FrequencyDomainPurifier,
    OneShotPurifier,
    Purifier,
    TimeDomainPurifier,
)
from art_audio_ext.experiments.global_seed import global_seed
from art_audio_ext.experiments.purification_models import TIME_STEPS, open_diffusion, open_model

RESUBMISSIONS = 5  # fresh draws of the noise at which the final point is tried


@dataclass(frozen=True)
class Defence:
    """
    A line of the table.

    :param about: What it is.
    :param model: A classifier of `MODELS`.
    :param purifier: Its class, or None.
    :param diffusion: A diffusion model of `MODELS`, or "".
    :param options: Of the purifier.
    """

    about: str
    model: str = "plain"
    purifier: type[Purifier] | None = None
    diffusion: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """The networks that it needs."""
        return [self.model, *([self.diffusion] if self.diffusion else [])]


_WAVE: dict[str, Any] = {"diffusion": "wave_diffusion", "options": {"steps": TIME_STEPS}}
DEFENCES: dict[str, Defence] = {
    "none": Defence("no defence"),
    "time_stage": Defence("noise of t_w = 3 (DiffNoise)", "plain", TimeDomainPurifier, options={"steps": TIME_STEPS}),
    "frequency_stage": Defence(
        "one step back on the log-mel, t_s = 1", "plain", FrequencyDomainPurifier, "mel_diffusion"
    ),
    "dual_pure": Defence("both: DualPure", "plain", DualPure, "mel_diffusion", {"time_steps": TIME_STEPS, "steps": 1}),
    "noise_matched": Defence(
        "control: noise of t_w = 3, classifier trained with it",
        "noisy",
        TimeDomainPurifier,
        options={"steps": TIME_STEPS},
    ),
    "adversarial": Defence("control: adversarially trained classifier, nothing random", "adversarial"),
    "robust_noisy": Defence(
        "noise of t_w = 3, classifier trained adversarially with it",
        "robust_noisy",
        TimeDomainPurifier,
        options={"steps": TIME_STEPS},
    ),
    "ddpm": Defence("noise, then DDPM back on the waveform", "plain", DDPMPurifier, **_WAVE),
    "diff_rev": Defence("DDPM back without noise before", "plain", DiffRevPurifier, **_WAVE),
    "one_shot": Defence("noise, then one prediction", "plain", OneShotPurifier, **_WAVE),
    "audio_pure": Defence("AudioPure, exact gradients", "plain", AudioPure, **_WAVE),
}


@dataclass(frozen=True)
class AttackLine:
    """
    A column of the table.

    :param about: What it is.
    :param build: Given the classifier, a batch size and a seed, the attack; None attacks nothing.
    :param transfer: Attack an undefended classifier of another seed, and try the points on the defence.
    :param fixed_noise: The defence draws the same noise in the attack and afterwards.
    """

    about: str
    build: Callable[[Any, int, int], Any] | None = None
    transfer: bool = False
    fixed_noise: bool = False


def _pgd(**options: Any) -> Callable[[Any, int, int], Any]:
    return lambda classifier, batch, seed: AudioPGD(classifier, batch_size=batch, seed=seed, verbose=False, **options)


def _auto_pgd(classifier: Any, batch: int, seed: int) -> Any:
    rate = {"eps": 0.002, "eps_step": 0.0004, "max_iter": 50, "nb_random_init": 1}
    return AutoProjectedGradientDescent(classifier, batch_size=batch, verbose=False, **rate)


def _mi_fgsm(classifier: Any, batch: int, seed: int) -> Any:
    rate = {"eps": 0.002, "eps_step": 0.0004, "max_iter": 10, "decay": 1.0}
    return MomentumIterativeMethod(classifier, batch_size=batch, verbose=False, **rate)


_L2 = {"norm": "2", "eps": 0.253}
ATTACKS: dict[str, AttackLine] = {
    "clean": AttackLine("no attack"),
    **{f"pgd{n}": AttackLine(f"PGD-{n}", _pgd(max_iter=n)) for n in (10, 30, 50, 70, 100)},
    **{f"pgd{n}_l2": AttackLine(f"PGD-{n}, L2", _pgd(max_iter=n, **_L2)) for n in (10, 50, 100)},
    "pgd10_eot20": AttackLine("PGD-10, EOT 20", _pgd(max_iter=10, eot_samples=20)),
    "pgd30_eot10": AttackLine("PGD-30, EOT 10", _pgd(max_iter=30, eot_samples=10)),
    "pgd10_eot128": AttackLine("PGD-10, EOT 128", _pgd(max_iter=10, eot_samples=128)),
    "pgd10_eot20_l2": AttackLine("PGD-10, EOT 20, L2", _pgd(max_iter=10, eot_samples=20, **_L2)),
    "margin": AttackLine("PGD-30, EOT 10, margin", _pgd(max_iter=30, eot_samples=10, loss="margin")),
    "restarts": AttackLine("PGD-10, EOT 10, 3 restarts", _pgd(max_iter=10, eot_samples=10, restarts=3)),
    "fixed_noise": AttackLine("PGD-50, noise fixed and known", _pgd(max_iter=50), fixed_noise=True),
    "auto_pgd": AttackLine("AutoPGD-50", _auto_pgd),
    "mi_fgsm": AttackLine("MI-FGSM-10", _mi_fgsm),
    "transfer": AttackLine("PGD-50 from another network", _pgd(max_iter=50), transfer=True),
    "tsmi_fgsm": AttackLine(
        "TSMI-FGSM from another network, eps .004",
        lambda classifier, batch, seed: TSMIFGSM(classifier, batch_size=batch, seed=seed, verbose=False),
        transfer=True,
    ),
    "fake_bob": AttackLine(
        "FakeBob, 200 steps",
        lambda classifier, batch, seed: FakeBob(classifier, batch_size=batch, seed=seed, verbose=False),
    ),
}


@dataclass(frozen=True)
class PurificationContext:
    """
    What all cells read.

    :param waveforms: Test clips float32 (N, L).
    :param labels: Their class indices (N,).
    :param models: Files by name of `MODELS`.
    """

    waveforms: np.ndarray
    labels: np.ndarray
    models: dict[str, str]


def run_cell(experiment: dict[str, Any], context: PurificationContext) -> dict[str, Any]:
    """
    A defence under an attack.

    :param experiment: `defence`, `attack`, `seed`, `clips` (how many, from the first) and `batch_size`.
    :param context: Clips and files.
    :return: For each clip: `right` (0 or 1, one string for each of the fresh draws), `ever_wrong` (in a draw that the
        attack saw; None where the attack does not say), and `queries` where it counts them.
    """
    defence, line = DEFENCES[experiment["defence"]], ATTACKS[experiment["attack"]]
    seed, batch = int(experiment["seed"]), int(experiment["batch_size"])
    x = np.array(context.waveforms[: experiment["clips"]])
    y = context.labels[: experiment["clips"]]
    purifiers = build_purifiers(defence, context.models, seed, batch, line.fixed_noise)
    classifier = open_model(context.models[defence.model]).as_art(purifiers, length=x.shape[1])
    bad, ever = x, None
    extra: dict[str, Any] = {}
    if line.build is not None:
        attacked = open_model(context.models["surrogate"]).as_art(length=x.shape[1]) if line.transfer else classifier
        attack = line.build(attacked, batch, seed)
        with global_seed(seed):
            bad = attack.generate(x, y)
        ever = None if line.transfer else getattr(attack, "ever_wrong", None)
        extra = {name: getattr(attack, name).tolist() for name in ("queries",) if hasattr(attack, name)}
    for purifier in purifiers:
        purifier.set_params(seed=seed if line.fixed_noise else seed + 1_000_003)
    draws = RESUBMISSIONS if any(p.is_random for p in purifiers) and not line.fixed_noise else 1
    right = [predicted(classifier, bad, batch).argmax(1) == y for _ in range(draws)]
    return {
        "right": ["".join(map(str, row.astype(int))) for row in right],
        "ever_wrong": None if ever is None else "".join(map(str, np.asarray(ever).astype(int))),
        "change": float(np.abs(bad - x).max()),
        **extra,
    }


def build_purifiers(
    defence: Defence, models: dict[str, str], seed: int, batch_size: int, fixed_noise: bool
) -> list[Purifier]:
    """
    The preprocessing of a defence.

    :param defence: Of `DEFENCES`.
    :param models: Files by name of `MODELS`.
    :param seed: Of the noise.
    :param batch_size: Clips at a time.
    :param fixed_noise: Draw the same noise in every call.
    :return: At most one purifier.
    """
    if defence.purifier is None:
        return []
    first = (open_diffusion(models[defence.diffusion]),) if defence.diffusion else ()
    options = {"seed": seed, "batch_size": batch_size, "fixed_noise": fixed_noise, **defence.options}
    return [defence.purifier(*first, **options)]
