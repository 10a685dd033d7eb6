"""The report: one HTML file that needs no network, made of an audit, a comparison, or both."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import art_audio_ext
from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.report.audit_view import audit_view, check_rows
from art_audio_ext.report.comparison_view import comparison_view
from art_audio_ext.report.files import write_text
from art_audio_ext.report.records import AuditResult, ComparisonResult
from art_audio_ext.report.text import printable

AUDIT_TITLE = "Is this dataset poisoned?"
COMPARISON_TITLE = "Which filter stops the attack?"


def write_report(
    path: Path,
    *,
    audit: AuditResult | None = None,
    comparison: ComparisonResult | None = None,
    dataset: AudioDataset | None = None,
    latents: np.ndarray | None = None,
    sounds: Mapping[int, np.ndarray] | None = None,
    title: str | None = None,
    seed: int = 0,
    max_suspects: int = 60,
) -> None:
    """
    Write one self-contained HTML page: the same input gives the same bytes.

    :param path: The file to write; its folder is made if it is missing.
    :param audit: The audit to show.
    :param comparison: The comparison of filters to show.
    :param dataset: The audited dataset, for players and spectrograms; only the clips shown (and up to 96 for the mean
        spectrograms of each flagged class) are read from a memory map.
    :param latents: What the score saw, shape (N, D) or (T, N, D), for a map of each flagged class.
    :param sounds: What the suspects of flagged classes share, by class index, for a player each; needs the dataset.
    :param title: The heading of the page; None asks the question that the page answers.
    :param seed: For the choice of accepted clips shown beside the suspects.
    :param max_suspects: Most suspects shown over all flagged classes; very long clips lower it to keep the page small.
    :raises ValueError: If there is nothing to show, or the dataset or latents are not those of the audit.
    """
    latents = None if latents is None else np.asarray(latents)
    _check(audit, comparison, dataset, latents, max_suspects)
    page = (
        environment()
        .get_template("report.html")
        .render(
            title=printable(title or (AUDIT_TITLE if audit else COMPARISON_TITLE)),
            version=art_audio_ext.__version__,
            audit=audit and audit_view(audit, dataset, latents, sounds, max_suspects=max_suspects, seed=seed),
            comparison=comparison and comparison_view(comparison),
            sound=_sound_facts(dataset),
        )
    )
    write_text(page, Path(path))


def _check(
    audit: AuditResult | None,
    comparison: ComparisonResult | None,
    dataset: AudioDataset | None,
    latents: np.ndarray | None,
    max_suspects: int,
) -> None:
    """Refuse parts that do not make a page."""
    if audit is None and comparison is None:
        raise ValueError("nothing to report: give an audit, a comparison, or both")
    if audit is None and (dataset is not None or latents is not None):
        raise ValueError("dataset and latents illustrate an audit: give the audit too, or leave them out")
    if max_suspects < 0:
        raise ValueError(f"max_suspects must be at least 0, got {max_suspects}")
    if audit is not None:
        check_rows(audit, dataset, latents)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates of this package; every value is escaped unless a template says otherwise, and none does."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _sound_facts(dataset: AudioDataset | None) -> dict[str, str] | None:
    """What the axes of every spectrogram span."""
    if dataset is None:
        return None
    seconds = dataset.waveforms.shape[1] / dataset.sample_rate
    return {"khz": f"{dataset.sample_rate / 2000:g}", "seconds": f"{seconds:.3g}"}
