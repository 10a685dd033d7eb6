"""Which experiments there are: how much each preset runs, and the list of attacks and clean datasets."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.experiments.attack_bank import AttackBank
from art_audio_ext.experiments.attack_plans import LINES, AttackPlan, check_line, draw_plans, with_fraction
from art_audio_ext.experiments.attack_scoring import input_kinds
from art_audio_ext.experiments.poison_likelihood_summary import FRACTIONS
from art_audio_ext.functional.scorers import SCORERS

MAP_LINES = ("clap", "whistle")  # the paper's two triggers
PARTS = ("clean", "maps", "fractions", "retrain")
ALPHA = 0.01
_SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)


@dataclass(frozen=True)
class Size:
    """
    How much is run.

    :param attacks: A line; None for every ordered pair of classes.
    :param clean: Clean datasets.
    :param lines: Of `LINES`.
    :param map_classes: Pairs among so many classes are run for the maps, besides those drawn.
    :param fractions: Shares of the source class.
    :param fraction_pairs: Pairs that each share is tried on.
    :param retrain: Filter, retrain, verify.
    """

    attacks: int | None
    clean: int
    lines: tuple[str, ...]
    map_classes: int
    fractions: tuple[float, ...]
    fraction_pairs: int
    retrain: bool


PRESETS = {
    "quick": Size(6, 6, MAP_LINES, 3, (0.02, 0.1, 0.3), 2, False),
    "standard": Size(40, 100, tuple(LINES), 0, _SHARES, 3, True),
    "paper": Size(None, 100, MAP_LINES, 0, _SHARES, 5, True),
}


def choose_size(
    preset: str,
    attacks: int | None,
    lines: Sequence[str] | None,
    clean: int | None = None,
    parts: Sequence[str] | None = None,
) -> Size:
    """
    A preset, with what was asked for in its place.

    :param preset: A key of `PRESETS`.
    :param attacks: A line; None as the preset says.
    :param lines: Of `LINES`; None as the preset says.
    :param clean: Clean datasets; None as the preset says.
    :param parts: Of `PARTS`, what to run besides the lines; None for all that the preset has.
    :return: How much to run.
    :raises ValueError: If a name is unknown, or a number none.
    """
    if preset not in PRESETS:
        raise ValueError(f"there is no preset {preset!r}: choose {', '.join(PRESETS)}")
    if attacks is not None and (isinstance(attacks, bool) or not isinstance(attacks, int) or attacks < 1):
        raise ValueError(f"attacks must be a whole number from 1 up, got {attacks!r}")
    size = PRESETS[preset]
    chosen = size.lines if lines is None else tuple(dict.fromkeys(lines))
    if not chosen:
        raise ValueError(f"lines names no attack: choose among {', '.join(LINES)}")
    for line in chosen:
        check_line(line)
    if clean is not None and (isinstance(clean, bool) or not isinstance(clean, int) or clean < 0):
        raise ValueError(f"clean must be a whole number from 0 up, got {clean!r}")
    wanted = PARTS if parts is None else tuple(parts)
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        raise ValueError(f"there is no part {', '.join(unknown)}: choose among {', '.join(PARTS)}")
    return replace(
        size,
        attacks=size.attacks if attacks is None else attacks,
        lines=chosen,
        clean=0 if "clean" not in wanted else size.clean if clean is None else clean,
        map_classes=size.map_classes if "maps" in wanted else 0,
        fractions=size.fractions if "fractions" in wanted else (),
        retrain=size.retrain and "retrain" in wanted,
    )


def choose_scores(scores: Sequence[str] | None, preset: str, vae_given: bool) -> list[str]:
    """
    The scores to compare.

    :param scores: Keys of `SCORERS`; None for all, in "quick" without those that need a VAE unless one is given.
    :param preset: A key of `PRESETS`.
    :param vae_given: Whether there is a VAE already.
    :return: Each name once.
    :raises ValueError: If there is none, or one is unknown.
    """
    if scores is None:
        names = [name for name in SCORERS if vae_given or preset != "quick" or "latents" not in input_kinds(name)]
    else:
        names = list(dict.fromkeys(scores))
    unknown = [name for name in names if name not in SCORERS]
    if unknown or not names:
        known = ", ".join(sorted(SCORERS))
        raise ValueError(f"there is no score {', '.join(unknown) or 'named'}: choose among {known}")
    return names


def list_experiments(
    size: Size, bank: AttackBank, scores: list[str], vae_id: str | None, seed: int
) -> list[dict[str, Any]]:
    """
    Every experiment once, in the order in which they are run: pictures, attacks, clean datasets.

    :param size: How much.
    :param bank: The clean clips.
    :param scores: Keys of `SCORERS`.
    :param vae_id: What tells the VAE from another, for scores that take latents.
    :param seed: Of everything.
    :return: Parameters as `run_experiment` takes them.
    :raises ValueError: If the classes are too few for a line.
    """
    classes = bank.classes.tolist()
    plans = [plan for line in size.lines for plan in draw_plans(line, classes, size.attacks, seed)]
    near = _near_pairs(plans, size, classes, seed)
    pairs = draw_plans(MAP_LINES[0], classes, size.fraction_pairs, seed)
    plans += [with_fraction(plan, fraction, FRACTIONS) for fraction in size.fractions for plan in pairs]
    tasks: list[dict[str, Any]] = [{"picture": first_plan(size.lines[0], bank, seed).to_dict()}]
    tasks += [{"attack": plan.to_dict()} for plan in plans]
    tasks += [{"attack": plan.to_dict(), "for_map": True} for plan in near]
    tasks += [{"clean": clean} for clean in clean_seeds(size.clean, seed)]
    shared = {"seed": seed, "alpha": ALPHA}
    return [
        task | {"score": score} | shared | ({"vae": vae_id} if "latents" in input_kinds(score) else {})
        for task in tasks
        for score in scores
    ]


def clean_seeds(count: int, seed: int) -> list[int]:
    """
    :param count: How many clean datasets.
    :param seed: Of everything.
    :return: The seed of each one's draw; the first ones are the same whatever the count.
    """
    return [int(np.random.SeedSequence([seed, k]).generate_state(1)[0]) for k in range(count)]


def first_plan(line: str, bank: AttackBank, seed: int) -> AttackPlan:
    """
    :param line: A key of `LINES`.
    :param bank: The clean clips.
    :param seed: Of everything.
    :return: The attack of that line which is looked at closely.
    """
    return draw_plans(line, bank.classes.tolist(), 1, seed)[0]


def fingerprint(dataset: AudioDataset) -> str:
    """
    A hash of a dataset's content: labels, names, and every hundredth sample or so of every clip.

    :param dataset: The data.
    :return: Hexadecimal.
    """
    digest = hashlib.sha256(dataset.labels.tobytes() + "\n".join(dataset.label_names).encode())
    for start in range(0, len(dataset), 1024):
        digest.update(np.ascontiguousarray(dataset.waveforms[start : start + 1024, ::101]).tobytes())
    return digest.hexdigest()


def _near_pairs(plans: list[AttackPlan], size: Size, classes: list[int], seed: int) -> list[AttackPlan]:
    """For the maps: every pair among the first few classes that is not there yet."""
    near, more = set(classes[: size.map_classes]), []
    for line in MAP_LINES:
        if line in size.lines:
            for plan in draw_plans(line, classes, None, seed):
                part = plan.parts[0]
                if {part.source, part.target} <= near and plan not in plans:
                    more.append(plan)
    return more
