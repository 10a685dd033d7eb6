"""`repair.json`, the record of what became of each suspect, held against the truth where that is known."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

from art_audio_ext.datasets.clip_files import ClipFile
from art_audio_ext.experiments.audit_file import AuditedFolder
from art_audio_ext.experiments.poison_record import RECORD_NAME, read_record
from art_audio_ext.experiments.repair_plan import Repair

logger = logging.getLogger(__name__)

ACTIONS = ("dropped", "relabelled", "cleaned")


def read_truth(folder: Path) -> dict[str, str] | None:
    """
    Which files `art-audio poison` poisoned.

    :param folder: Perhaps written by it.
    :return: True label by path; None without a record, or, with a warning, where that is damaged.
    """
    if not (folder / RECORD_NAME).is_file():
        return None
    try:
        return {entry["path"]: entry["true_label"] for entry in read_record(folder)["poisoned"]}
    except ValueError as error:
        logger.warning("the repair is not held against the truth: %s", error)
        return None


def repair_entry(clip: ClipFile, repair: Repair, name: PurePosixPath | None, labels: tuple[str, ...]) -> dict[str, Any]:
    """
    What the record says of one suspect.

    :param clip: The file.
    :param repair: What became of it.
    :param name: Its path in the copy, if it has one.
    :param labels: Names by class index.
    :return: JSON-safe.
    """
    return {
        "path": clip.path,
        "action": repair.action,
        "old_label": clip.label,
        "new_label": None if repair.label is None else labels[repair.label],
        "new_path": None if repair.label is None or name is None else name.as_posix(),
        "guess": None if repair.guess is None else labels[repair.guess],
        "confidence": repair.confidence,
        "reason": repair.reason,
    }


def repair_record(
    settings: dict[str, Any],
    audited: AuditedFolder,
    clips: int,
    files: list[dict[str, Any]],
    truth: dict[str, str] | None,
) -> dict[str, Any]:
    """
    The whole record.

    :param settings: `how`, `confidence` and `seed`.
    :param audited: The audit that was followed.
    :param clips: Sound files in the folder.
    :param files: From :func:`repair_entry`, one a suspect.
    :param truth: From :func:`read_truth`.
    :return: JSON-safe; `truth` is None where it is not known.
    """
    counts = Counter(row["action"] for row in files)
    return {
        **settings,
        "audit": {"verdict": audited.verdict, "score": audited.score},
        "clips": clips,
        "suspects": len(files),
        **{action: counts[action] for action in ACTIONS},
        "truth": None if truth is None else _against_truth(files, truth),
        "files": files,
    }


def format_repair(record: dict[str, Any]) -> str:
    """
    The record in a few lines.

    :param record: From :func:`repair_record`.
    :return: Text for a terminal.
    """
    counts = ", ".join(f"{record[action]} {action}" for action in ACTIONS if record[action]) or "nothing to repair"
    lines = [f"{record['suspects']} of {record['clips']} clips are suspects: {counts}"]
    if (truth := record["truth"]) is not None:
        lines.append(
            f"Of {truth['poisoned']} poisoned clips {truth['dropped']} were dropped, {truth['true_label']} got their "
            f"true label, {truth['wrong_label']} have a wrong one, {truth['missed']} were not suspects; "
            f"{truth['clean_suspects']} suspects were clean"
        )
    return "\n".join(lines)


def _against_truth(files: list[dict[str, Any]], truth: dict[str, str]) -> dict[str, int]:
    """How many truly poisoned clips met which end."""
    ends = [(row["new_label"], truth[row["path"]]) for row in files if row["path"] in truth]
    return {
        "poisoned": len(truth),
        "dropped": sum(new is None for new, _ in ends),
        "true_label": sum(new == true for new, true in ends),
        "wrong_label": sum(new not in (None, true) for new, true in ends),
        "missed": len(truth) - len(ends),
        "clean_suspects": len(files) - len(ends),
    }
