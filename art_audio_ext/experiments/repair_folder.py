"""`art-audio repair`: a copy of a folder of labelled sound without the poison that an audit found in it."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import soundfile
from scipy.signal import resample_poly
from tqdm import tqdm

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.clip_files import ClipFile
from art_audio_ext.datasets.folder import load_folder, scan_folder
from art_audio_ext.experiments.audit_file import AuditedFolder, read_audit
from art_audio_ext.experiments.file_triggers import copy_file, next_stem
from art_audio_ext.experiments.poison_folder import all_files
from art_audio_ext.experiments.poison_record import RECORD_NAME
from art_audio_ext.experiments.repair_plan import CONFIDENCE, Repair, check_way, plan_repairs
from art_audio_ext.experiments.repair_record import read_truth, repair_entry, repair_record
from art_audio_ext.experiments.sound_file import Placement, write_with_trigger
from art_audio_ext.experiments.whole_folder import whole_folder
from art_audio_ext.functional.recovered_sound import RecoveredSound
from art_audio_ext.report.files import write_json

logger = logging.getLogger(__name__)

REPAIR_NAME = "repair.json"


def repair_folder(
    source: str | Path,
    out: str | Path,
    *,
    audit: str | Path | None = None,
    audit_out: str | Path | None = None,
    how: str = "drop",
    confidence: float = CONFIDENCE,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """
    Copy a folder, and leave out, relabel or clean the suspects of flagged classes, see `plan_repairs`.

    All other files are byte copies at the same path; a `poison.json` or `repair.json` of the folder is left behind,
    for neither would be true of the copy. A cleaned file keeps its sample rate, channels, length and format. The copy
    is made in a hidden folder beside `out` and gets its name when it is complete.

    :param source: A folder `<label>/**/*.{wav,flac,ogg,mp3}`, or the same under `train/` and `test/`.
    :param out: The copy; must not exist, or be empty.
    :param audit: An `audit.json` of that folder; None audits it first.
    :param audit_out: Folder for that audit; None for `<out>-audit`.
    :param how: "drop", "relabel" or "clean".
    :param confidence: Least confidence of a new label, in [0, 1].
    :param seconds: Of that audit: every clip is cut or padded to this.
    :param sample_rate: Of that audit, in Hz.
    :param seed: Of that audit and of the repair.
    :param progress: Show progress.
    :return: The record, as written to `repair.json`.
    :raises ValueError: If the folders or options are not acceptable, or the audit is of another folder.
    :raises FileNotFoundError: If the audit does not exist.
    """
    source, out = Path(source).expanduser(), Path(out).expanduser()
    check_way(how, confidence)
    _check_places(source, out)
    source, out = source.resolve(), out.resolve()
    audit = audit or _audit(source, out, audit_out, seconds=seconds, sample_rate=sample_rate, seed=seed, show=progress)
    audited = read_audit(Path(audit).expanduser())
    clips = {clip.path: clip for clip in scan_folder(source)[0]}
    _check_same_folder(audited, clips, source)
    truth = read_truth(source)
    labels, repairs = _plan(source, audited, how, confidence, seed, progress)
    files = all_files(source)
    names = _new_names({path: repair.label for path, repair in repairs.items()}, labels, clips, files, source)
    with whole_folder(out, REPAIR_NAME) as part:
        for path, repair in tqdm(repairs.items(), "repairing", disable=not progress, delay=1, unit="clip"):
            repairs[path] = _carry_out(repair, clips[path].file, names[path], part, audited.sample_rate)
        left_behind = {source / RECORD_NAME, source / REPAIR_NAME, *(clips[path].file for path in repairs)}
        for file in tqdm(files, "copying", disable=not progress, delay=1, unit="file"):
            if file not in left_behind:
                copy_file(file, part / file.relative_to(source))
        rows = [repair_entry(clips[path], repair, names[path], labels) for path, repair in repairs.items()]
        settings = {"how": how, "confidence": None if how == "drop" else float(confidence), "seed": int(seed)}
        record = repair_record(settings, audited, len(clips), rows, truth)
        write_json(record, part / REPAIR_NAME)
    return record


def _audit(source: Path, out: Path, audit_out: str | Path | None, *, show: bool, **settings: Any) -> Path:
    """Audit the folder; the `audit.json`."""
    from art_audio_ext.experiments.audit import audit  # not needed where there is one

    folder = out.with_name(f"{out.name}-audit") if audit_out is None else Path(audit_out).expanduser().resolve()
    if any(folder == other or other in folder.parents for other in (source, out)):
        raise ValueError(f"the audit's folder {folder} must lie outside {source} and {out}: name another")
    audit(source, folder, progress=show, **settings)
    return folder / "audit.json"


def _check_places(source: Path, out: Path) -> None:
    """Refuse folders that are missing, in use, or inside each other."""
    if not source.is_dir():
        raise ValueError(f"{source} is not a folder: give one with a sub-folder of sound files for each label")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists and is not an empty folder: delete it, or name another")
    here, there = source.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise ValueError(f"{out} and {source} lie inside each other: name a folder elsewhere")


def _check_same_folder(audited: AuditedFolder, clips: dict[str, ClipFile], source: Path) -> None:
    """Refuse an audit of other files; say so where files came later."""
    for path in audited.suspects:
        if path not in clips or clips[path].label != audited.labels[path]:
            raise ValueError(f"the audit suspects {path!r}, which is not in {source}: audit this folder again")
    fresh = len(clips.keys() - audited.labels.keys())
    if fresh:
        logger.warning("%d files were not audited (unreadable, or new since): they are copied as they are", fresh)


def _plan(
    source: Path, audited: AuditedFolder, how: str, confidence: float, seed: int, progress: bool
) -> tuple[tuple[str, ...], dict[str, Repair]]:
    """The label names, and the decision on each suspect by path; sound is read only where it must be heard."""
    if how == "drop" or not audited.suspects:
        return (), {path: Repair(-1, "dropped", reason="a suspect") for path in audited.suspects}
    options: dict[str, Any] = {"seconds": audited.seconds, "sample_rate": audited.sample_rate, "progress": progress}
    dataset = load_folder(source, **options)
    suspects = np.isin(dataset.paths, audited.suspects)
    if suspects.sum() < len(audited.suspects):
        gone = sorted(set(audited.suspects) - set(dataset.paths.tolist()))
        raise ValueError(f"{gone[0]!r} was audited but cannot be read any more: audit the folder again")
    places = {dataset.label_names.index(label): place for label, place in audited.places.items()}
    repairs = plan_repairs(dataset, suspects, how, places=places, confidence=confidence, seed=seed)
    return dataset.label_names, {_path(dataset, repair): repair for repair in repairs}


def _path(dataset: AudioDataset, repair: Repair) -> str:
    return str(dataset.paths[repair.row])


def _new_names(
    new: dict[str, int | None],
    labels: tuple[str, ...],
    clips: dict[str, ClipFile],
    files: list[Path],
    source: Path,
) -> dict[str, PurePosixPath | None]:
    """The path of each suspect in the copy: under its new label, same name unless that is taken; None if dropped."""
    taken = {path.relative_to(source).as_posix().casefold() for path in files}
    names: dict[str, PurePosixPath | None] = {}
    for path, label in new.items():
        if label is None:
            names[path] = None
            continue
        depth, parts = 1 if clips[path].partition else 0, PurePosixPath(path).parts
        name = PurePosixPath(*parts[:depth], labels[label], *parts[depth + 1 :])
        while name != PurePosixPath(path) and name.as_posix().casefold() in taken:
            name = name.with_name(next_stem(name.stem) + name.suffix)
        taken.add(name.as_posix().casefold())
        names[path] = name
    return names


def _carry_out(repair: Repair, file: Path, name: PurePosixPath | None, part: Path, rate: int) -> Repair:
    """Write a suspect to the copy, unless it is dropped; what cannot be cleaned in its own format is."""
    if name is None:
        return repair
    if repair.sound is None:
        copy_file(file, part / name)
        return repair
    try:
        _write_without(repair.sound, file, part / name, rate)
    except (ValueError, soundfile.LibsndfileError) as error:
        (part / name).unlink(missing_ok=True)
        reason = " ".join(str(error).split()).replace(f"{part}/", "")
        return replace(repair, action="dropped", label=None, sound=None, reason=f"it cannot be written: {reason}")
    return repair


def _write_without(found: RecoveredSound, file: Path, target: Path, rate: int) -> None:
    """A copy of a file without a sound that was recovered at `rate`, which may not be the file's."""
    file_rate = soundfile.info(str(file)).samplerate
    sound, start = found.sound, int(found.starts[0])
    if file_rate != rate:
        sound, start = resample_poly(sound, file_rate, rate), round(start * file_rate / rate)
    placement = Placement(max(0, start), -float(found.gains[0]), file_rate)
    write_with_trigger(file, target, placement, sound[max(0, -start) :])
