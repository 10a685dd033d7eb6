"""`art-audio poison`: a copy of a folder of labelled sound in which some files carry a trigger and the wrong label."""

from __future__ import annotations

import logging
import os
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from tqdm import tqdm

from art_audio_ext.datasets.clip_files import ClipFile
from art_audio_ext.datasets.decode import clip_length
from art_audio_ext.datasets.folder import scan_folder
from art_audio_ext.experiments.file_triggers import FileTrigger, copy_file, file_trigger, next_stem
from art_audio_ext.experiments.poison_record import RECORD_NAME, attack_from_record, read_record, write_record
from art_audio_ext.experiments.sound_file import Placement, is_readable
from art_audio_ext.experiments.whole_folder import whole_folder
from art_audio_ext.functional.poison_rows import ALL_SOURCES, check_fraction, poison_count

__all__ = ["attack_from_record", "poison_folder", "read_record"]

logger = logging.getLogger(__name__)


def poison_folder(
    source: str | Path,
    out: str | Path,
    *,
    source_label: str,
    target_label: str,
    poison_fraction: float,
    trigger: str | Path = "clap",
    scale: float | None = None,
    snr_db: float | None = None,
    position: int | str = 0,
    seconds: float | None = 1.0,
    clean_label: bool = False,
    seed: int = 0,
    partition: str = "train",
    progress: bool = True,
) -> dict[str, Any]:
    """
    Copy a folder and poison the copy.

    Files that are not poisoned are byte copies at the same path. A poisoned one lies under the target label and keeps
    its sample rate, channels, length and format. Files that cannot be read are copied too, and never chosen.

    The copy is made in a hidden folder beside `out` and gets its name when it is complete: a run that is stopped is
    repeated by the same call.

    :param source: A folder `<label>/**/*.{wav,flac,ogg,mp3}`, or the same under `train/` and `test/`.
    :param out: The copy; must not exist, or be empty.
    :param source_label: The label whose clips are taken, or "all" for every label but the target.
    :param target_label: The label they get.
    :param poison_fraction: Share of the source label's readable clips, in (0, 1], or with "all" of all readable clips;
        rounded down, but at least one clip.
    :param trigger: A trigger's name; a sound file; or "voice:FILE" or "voice:world:FILE", an utterance of the speaker
        whose voice the clips are given. Files are copied to the root of `out`.
    :param scale: Factor on the trigger; None for its own level, see `default_scale`.
    :param snr_db: Level by signal-to-noise ratio instead.
    :param position: Sample at which the trigger starts, at each file's own rate, or "random".
    :param seconds: What will be loaded of each file: position and SNR are within so much from its start. None for
        the whole file.
    :param clean_label: Take clips of the target label, which keep their label and their path; `source_label` is "all".
    :param seed: For the choice of files and for random positions.
    :param partition: Which of `train` and `test` is poisoned, where the folder has them; the other is only copied.
    :param progress: Show progress.
    :return: The record, as written to `poison.json`.
    :raises ValueError: If the folders, labels, fraction or attack parameters are not acceptable.
    :raises FileNotFoundError: If the trigger's file does not exist.
    """
    source, out = _places(Path(source).expanduser(), Path(out).expanduser())
    if seconds is not None:
        clip_length(seconds, 1_000)  # refuse what is no length
    carrier = file_trigger(trigger, scale, snr_db, position, seed)
    if check_fraction(poison_fraction) == 0:
        raise ValueError("poison_fraction is 0: give a share above 0, such as 0.1")
    clips = _clips_of(source, partition)
    _check_labels(sorted({clip.label for clip in clips}), source_label, target_label, clean_label)

    readable, total = _candidates(clips, source_label, target_label, clean_label)
    chosen, passed_over = _choose(readable, total, poison_fraction, seed, carrier, seconds)
    files = all_files(source)
    names = _same_names(chosen) if clean_label else _new_names(source, chosen, target_label, files)
    record = {**carrier.settings, "seconds": None if seconds is None else float(seconds), "source": source_label}
    record |= {
        "target": target_label,
        "poison_fraction": float(poison_fraction),
        "seed": int(seed),
        "clean_label": clean_label,
    }
    record |= {"partition": clips[0].partition, "clips": len(clips), "passed_over": passed_over}
    record["poisoned"] = [_entry(names[path], target_label, *found) for path, found in chosen.items()]
    with whole_folder(out, RECORD_NAME) as part:
        _fill(part, source, files, chosen, names, carrier, progress)
        record = {"trigger": carrier.keep(part), **record}
        write_record(record, part)
    return record


def _fill(
    part: Path,
    source: Path,
    files: list[Path],
    chosen: dict[Path, tuple[ClipFile, Placement]],
    names: dict[Path, PurePosixPath],
    carrier: FileTrigger,
    progress: bool,
) -> None:
    """Write the poisoned files to the copy, and all others as they are."""
    for path, (_, placement) in tqdm(chosen.items(), "poisoning", disable=not progress, delay=1, unit="clip"):
        carrier.write(path, part / names[path], placement)
    for path in tqdm(files, "copying", disable=not progress, delay=1, unit="file"):
        if path not in chosen:
            copy_file(path, part / path.relative_to(source))


def _entry(path: PurePosixPath, label: str, clip: ClipFile, placement: Placement) -> dict[str, Any]:
    """What the record says of one poisoned file."""
    return {
        "path": path.as_posix(),
        "true_label": clip.label,
        "label": label,
        "original_path": clip.path,
        "start": placement.start,
        "sample_rate_hz": placement.sample_rate,
    }


def _places(source: Path, out: Path) -> tuple[Path, Path]:
    """The folders by their whole paths; refused where missing, in use, or inside each other."""
    if not source.is_dir():
        raise ValueError(f"{source} is not a folder: give one with a sub-folder of sound files for each label")
    if (source / RECORD_NAME).exists():
        raise ValueError(f"{source} is a poisoned copy already ({RECORD_NAME}): start from the clean folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists and is not an empty folder: delete it, or name another")
    here, there = source.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise ValueError(f"{out} and {source} lie inside each other: name a folder elsewhere")
    return here, there


def all_files(source: Path) -> list[Path]:
    """Every file of the folder, sorted; a link is kept only if it leads to a file inside the folder."""
    inside = source.resolve()
    found = (Path(folder) / name for folder, _, names in os.walk(source) for name in names)
    return sorted(p for p in found if p.is_file() and (not p.is_symlink() or inside in p.resolve().parents))


def _clips_of(source: Path, partition: str) -> list[ClipFile]:
    """The clips that may be chosen from: of one partition, where the folder has them, as `load_folder` reads it."""
    if partition not in ("train", "test"):
        raise ValueError(f'partition must be "train" or "test", got {partition!r}')
    return [clip for clip in scan_folder(source)[0] if clip.partition in ("", partition)]


def _check_labels(labels: list[str], source_label: str, target_label: str, clean_label: bool) -> None:
    """Refuse labels that are not there, or the same twice, or a source where labels stay."""
    for role, label in (("source", source_label), ("target", target_label)):
        if label not in labels and (role, label) != ("source", ALL_SOURCES):
            there = ", ".join(labels[:40]) or "none: no sub-folder holds sound files"
            raise ValueError(f"there is no {role} label {label!r}; the labels are {there}")
    if source_label == target_label:
        raise ValueError(f"source and target are both {source_label!r}: name two labels")
    if clean_label and (source_label != ALL_SOURCES or ALL_SOURCES in labels):
        raise ValueError(f'with clean labels clips of {target_label!r} are taken: the source is "all", no label')


def _candidates(
    clips: list[ClipFile], source_label: str, target_label: str, clean_label: bool
) -> tuple[list[ClipFile], int]:
    """The readable clips that may be poisoned, and of how many clips a fraction is."""
    if source_label in {clip.label for clip in clips}:
        found = [clip for clip in clips if clip.label == source_label and is_readable(clip.file)]
        return found, len(found)
    readable = [clip for clip in clips if is_readable(clip.file)]
    return [clip for clip in readable if (clip.label == target_label) == clean_label], len(readable)


def _choose(
    readable: list[ClipFile],
    total: int,
    poison_fraction: float,
    seed: int,
    carrier: FileTrigger,
    seconds: float | None,
) -> tuple[dict[Path, tuple[ClipFile, Placement]], int]:
    """The files to poison with their placements, by path, and how many drawn ones could not carry the trigger."""
    count = poison_count(poison_fraction, total)
    chosen: dict[Path, tuple[ClipFile, Placement]] = {}
    reasons: list[str] = []
    for clip in (readable[k] for k in np.random.default_rng(seed).permutation(len(readable))):
        if len(chosen) == count:
            break
        try:
            chosen[clip.file] = clip, carrier.place(clip.file, seconds)
        except ValueError as error:
            reasons.append(f"{clip.path}: {error}")
    if len(chosen) < count:
        why = reasons[0] if reasons else "no file can be read"
        raise ValueError(f"only {len(chosen)} of {count} clips to poison can carry the trigger ({why})")
    if reasons:
        logger.warning("%d clips drawn could not carry the trigger, others took their place: %s", *_brief(reasons))
    return {path: chosen[path] for path in sorted(chosen)}, len(reasons)


def _brief(reasons: list[str]) -> tuple[int, str]:
    return len(reasons), "; ".join(reasons[:3]) + ("; ..." if len(reasons) > 3 else "")


def _same_names(chosen: dict[Path, tuple[ClipFile, Placement]]) -> dict[Path, PurePosixPath]:
    """The path of each poisoned file in the copy, where it keeps its label: that which it had."""
    return {path: PurePosixPath(clip.path) for path, (clip, _) in chosen.items()}


def _new_names(
    source: Path, chosen: dict[Path, tuple[ClipFile, Placement]], target_label: str, files: list[Path]
) -> dict[Path, PurePosixPath]:
    """The path of each poisoned file in the copy: under the target label, same name unless that is taken."""
    taken = {path.relative_to(source).as_posix().casefold() for path in files}
    names: dict[Path, PurePosixPath] = {}
    for path, (clip, _) in chosen.items():
        depth = 1 if clip.partition else 0
        parts = PurePosixPath(clip.path).parts
        name = PurePosixPath(*parts[:depth], target_label, *parts[depth + 1 :])
        while name.as_posix().casefold() in taken:
            name = name.with_name(next_stem(name.stem) + name.suffix)
        taken.add(name.as_posix().casefold())
        names[path] = name
    return names
