"""The attacks that the comparison of purifiers knows, from none to those that average over the defence's noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from art.attacks.evasion import AutoProjectedGradientDescent, MomentumIterativeMethod

from art_audio_ext.attacks.evasion import TSMIFGSM, AudioPGD, FakeBob

EPS, L2_EPS = 0.002, 0.253  # of full scale; .002 on each of 16,000 samples is .253


@dataclass(frozen=True)
class AttackRun:
    """
    What an attack is told beside its classifier.

    :param batch_size: Rows of a forward pass.
    :param seed: Of its own draws.
    :param is_random: Whether the defence draws noise; without, one draw is as good as many.
    :param precision: Of the gradients, "float32" or "bfloat16", where the attack has a choice.
    """

    batch_size: int
    seed: int
    is_random: bool = True
    precision: str = "float32"


@dataclass(frozen=True)
class AttackLine:
    """
    A column of the table.

    :param about: What it is.
    :param build: Given the classifier and the run, the attack; None attacks nothing.
    :param cost: Passes through the defence that a clip takes, all draws of the noise among them.
    :param draws: Of the noise in each step.
    :param own_draws: It draws at random itself, so that seeds differ even where the defence draws nothing.
    :param still_as: The line that this one is where nothing is random: there one draw is as good as many.
    :param transfer: Attack an undefended classifier of another seed, and try the points on the defence.
    :param fixed_noise: The defence draws the same noise in the attack and afterwards.
    :param shortcut: Option of a purifier that changes its gradients, set for the attack alone; defences without that
        option are left out.
    :param still_only: It keeps or drops a point by one answer, which against noise is no attack: left out there.
    """

    about: str
    build: Callable[[Any, AttackRun], Any] | None = None
    cost: int = 0
    draws: int = 1
    own_draws: bool = False
    still_as: str | None = None
    transfer: bool = False
    fixed_noise: bool = False
    shortcut: tuple[str, Any] | None = None
    still_only: bool = False

    def passes(self, is_random: bool) -> int:
        """
        :param is_random: Whether the defence draws noise.
        :return: Passes through it that a clip takes.
        """
        return self.cost if is_random else self.cost // self.draws


def _pgd(about: str, steps: int, eot: int = 1, **options: Any) -> AttackLine:
    """
    PGD; `fixed_noise`, `shortcut`, `transfer` and `still_as` are the line's, other options the attack's.

    Where nothing is random one draw is as good as many, and a clip is left alone at the first wrong answer: that point
    is the proof. There the whole attack is in 32 bits, so that the proof holds where it is counted. Points that are for
    another network go on to the last step: one just beyond the boundary of the network that they were made on says
    least about others.
    """
    of_line = ("fixed_noise", "shortcut", "transfer", "still_as")
    line: dict[str, Any] = {name: options.pop(name) for name in of_line if name in options}
    line |= {"draws": eot, "own_draws": options.get("restarts", 1) > 1 or options.get("random_start", False)}
    noise_is_known, goes_on = line.get("fixed_noise", False), line.get("transfer", False)

    def build(classifier: Any, run: AttackRun) -> AudioPGD:
        rest: dict[str, Any] = {"batch_size": run.batch_size, "seed": run.seed, "verbose": False, **options}
        if not run.is_random or noise_is_known:
            # a clip that is left alone would move the others to other rows of the noise
            stop = not run.is_random and not goes_on
            return AudioPGD(classifier, max_iter=steps, early_stop=stop, **rest)
        return AudioPGD(classifier, max_iter=steps, eot_samples=eot, dtype=run.precision, **rest)

    return AttackLine(about, build, steps * eot * options.get("restarts", 1), **line)


def _auto_pgd(classifier: Any, run: AttackRun) -> Any:
    rate = {"eps": EPS, "eps_step": 2 * EPS, "max_iter": 50, "nb_random_init": 1}
    return AutoProjectedGradientDescent(classifier, batch_size=run.batch_size, verbose=False, **rate)


def _mi_fgsm(classifier: Any, run: AttackRun) -> Any:
    rate = {"eps": EPS, "eps_step": EPS / 5, "max_iter": 10, "decay": 1.0}
    return MomentumIterativeMethod(classifier, batch_size=run.batch_size, verbose=False, **rate)


def _ts_mifgsm(classifier: Any, run: AttackRun) -> Any:
    return TSMIFGSM(classifier, batch_size=run.batch_size, seed=run.seed, verbose=False)


def _fake_bob(classifier: Any, run: AttackRun) -> Any:
    draws = 5 if run.is_random else 1
    return FakeBob(classifier, draws=draws, batch_size=run.batch_size, seed=run.seed, verbose=False)


_L2: dict[str, Any] = {"norm": "2", "eps": L2_EPS}
ATTACKS: dict[str, AttackLine] = {
    "clean": AttackLine("no attack"),
    **{f"pgd{n}": _pgd(f"PGD-{n}", n) for n in (10, 30, 50, 70, 100, 200)},
    "pgd10_eot20": _pgd("PGD-10, EOT 20", 10, 20, still_as="pgd10"),
    "pgd30_eot10": _pgd("PGD-30, EOT 10", 30, 10, still_as="pgd30"),
    "pgd10_eot128": _pgd("PGD-10, EOT 128", 10, 128, still_as="pgd10"),
    **{f"pgd{n}_l2": _pgd(f"PGD-{n}, L2", n, **_L2) for n in (10, 30, 50, 70, 100)},
    "pgd10_eot20_l2": _pgd("PGD-10, EOT 20, L2", 10, 20, still_as="pgd10_l2", **_L2),
    "pgd30_eot10_l2": _pgd("PGD-30, EOT 10, L2", 30, 10, still_as="pgd30_l2", **_L2),
    **{f"pgd10_eps{n}": _pgd(f"PGD-10, eps .00{n}", 10, eps=n / 1000) for n in (4, 6, 8)},
    "margin": _pgd("PGD-30, EOT 10, margin", 30, 10, loss="margin"),
    "restarts": _pgd("PGD-10, EOT 10, 3 restarts", 10, 10, restarts=3),
    "straight_through": _pgd("PGD-30, EOT 10, straight through the clamp", 30, 10, shortcut=("straight_through", True)),
    "adjoint": _pgd(
        "PGD-10, gradients past the network, as the published adjoint", 10, shortcut=("network_gradient", False)
    ),
    "fixed_noise": _pgd("PGD-50, noise fixed and known", 50, fixed_noise=True, still_as="pgd50"),
    "auto_pgd": AttackLine(
        "AutoPGD-50 (ART's, which returns its last point)", _auto_pgd, 100, own_draws=True, still_only=True
    ),
    "logit_ratio": _pgd(
        "instead of AutoPGD where something is random: PGD-30, EOT 10, its loss, shrinking steps, random start",
        30,
        10,
        loss="logit_ratio",
        step_schedule="cosine",
        eps_step=EPS,
        random_start=True,
    ),
    "mi_fgsm": AttackLine("MI-FGSM-10", _mi_fgsm, 10),
    "transfer": _pgd("PGD-50 from another network", 50, transfer=True),
    "mi_transfer": AttackLine("MI-FGSM-10 from another network", _mi_fgsm, 10, transfer=True),
    "tsmi_fgsm": AttackLine("TSMI-FGSM from another network, eps .004", _ts_mifgsm, 700, own_draws=True, transfer=True),
    "fake_bob": AttackLine(
        "FakeBob, 200 steps, stopped at five wrong answers for a point (one where nothing is random)",
        _fake_bob,
        10_000,
        own_draws=True,
    ),
}
