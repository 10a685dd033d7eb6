"""How much a comparison of purifiers runs: its presets, and what is asked for in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from art_audio_ext.experiments.purification_attacks import ATTACKS
from art_audio_ext.experiments.purification_defences import DEFENCES, find_defence

_MAIN = ("none", "time_stage", "frequency_stage", "dual_pure", "adversarial")


@dataclass(frozen=True)
class Size:
    """
    How much is run.

    :param clips: Test clips; those that the plain classifier gets wrong are among them.
    :param seeds: Of attacks and noise.
    :param defences: Of `DEFENCES`.
    :param attacks: Of `ATTACKS`.
    :param classifier: Preset of the classifiers.
    :param diffusion: Preset of the diffusion models.
    :param batch_size: Rows of a forward pass.
    :param slow_rows: Of a forward pass through a diffusion model of waveforms: on a processor a clip takes twice as
        long among 50 as among 10, since memory is fetched anew each time.
    :param costly: Clips of the cells that cost most, see `clips_of`; None for all.
    """

    clips: int
    seeds: int
    defences: tuple[str, ...]
    attacks: tuple[str, ...]
    classifier: str
    diffusion: str
    batch_size: int
    slow_rows: int = 10
    costly: int | None = 50


_SWEEP = (  # over t_w of both, then over t_s, as the paper goes back and in one shot
    *(f"{name}@{t}" for name in ("time_stage", "dual_pure") for t in (1, 2, 3, 5, 10)),
    *(f"dual_pure@3+{t}" for t in (2, 5, 10, 20)),
    *(f"dual_pure@3+{t}:one_shot" for t in (2, 5, 10, 20)),
)
_LOUD = ("time_stage@10", "dual_pure@10")  # the paper's against points of other networks (its Table 3)
PRESETS = {
    "quick": Size(100, 1, _MAIN, ("clean", "pgd10", "pgd10_eot20"), "quick", "quick", 100),
    "standard": Size(400, 3, tuple(DEFENCES), tuple(ATTACKS), "quick", "quick", 100),
    "steps": Size(
        100,
        1,
        _SWEEP,
        ("clean", "pgd10", "pgd10_eps4", "pgd10_eps6", "pgd10_eps8", "pgd10_eot20"),
        "quick",
        "quick",
        100,
    ),
    "paper": Size(1000, 5, (*DEFENCES, *_LOUD), tuple(ATTACKS), "paper", "paper", 512, 128, None),
}


def choose_size(
    preset: str,
    defences: Sequence[str] | None = None,
    attacks: Sequence[str] | None = None,
    clips: int | None = None,
    seeds: int | None = None,
) -> Size:
    """
    A preset, with what was asked for in its place.

    :param preset: A key of `PRESETS`.
    :param defences: Of `DEFENCES`; None as the preset says.
    :param attacks: Of `ATTACKS`; None as the preset says.
    :param clips: Test clips; None as the preset says.
    :param seeds: How many; None as the preset says.
    :return: How much to run.
    :raises ValueError: If a name is unknown, or a number none.
    """
    if preset not in PRESETS:
        raise ValueError(f"there is no preset {preset!r}: choose {', '.join(PRESETS)}")
    for kind, names in (("defence", defences), ("attack", attacks)):
        if names is not None and not names:
            raise ValueError(f"there is no {kind} named: choose among {', '.join(DEFENCES)}; {', '.join(ATTACKS)}")
    for name in defences or ():
        find_defence(name)
    if unknown := sorted(set(attacks or ()) - set(ATTACKS)):
        raise ValueError(f"there is no attack {', '.join(unknown)}: choose among {', '.join(ATTACKS)}")
    for name, value in (("clips", clips), ("seeds", seeds)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ValueError(f"{name} must be a whole number from 1 up, got {value!r}")
    given = {"defences": defences, "attacks": attacks, "clips": clips, "seeds": seeds}
    chosen = {k: tuple(dict.fromkeys(v)) if isinstance(v, (list, tuple)) else v for k, v in given.items()}
    return replace(PRESETS[preset], **{k: v for k, v in chosen.items() if v is not None})  # type: ignore[arg-type]
