"""An audit as the page shows it: verdict in plain words, class chart, and the evidence for each flagged class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.report.charts import MAP_HEIGHT, MAP_WIDTH, bar_chart, latent_map
from art_audio_ext.report.clips_shown import (
    ACCEPTED_SHOWN,
    accepted_rows,
    average_pictures,
    cards,
    clips_allowed,
    shared_sound,
    shares,
    suspect_rows,
)
from art_audio_ext.report.records import AuditResult, ClassResult
from art_audio_ext.report.text import number, percent, plain, plural, printable, setting_rows

_SKIPPED_SHOWN = 200
_NAMED = 4


def check_rows(audit: AuditResult, dataset: AudioDataset | None, latents: np.ndarray | None) -> None:
    """
    Refuse a dataset or latents that are not those of the audit.

    :param audit: The result.
    :param dataset: What is said to have been audited, or None.
    :param latents: What is said to have been scored, (N, D) or (T, N, D), or None.
    :raises ValueError: If their number differs from the audit's samples, or a path or a label does.
    """
    count = len(audit.samples)
    if dataset is not None and len(dataset) != count:
        raise ValueError(f"dataset has {len(dataset)} clips, the audit {count}: give the dataset that was audited")
    if dataset is not None:
        for row, sample in enumerate(audit.samples):
            found = (str(dataset.paths[row]), dataset.label_names[dataset.labels[row]])
            if found != (sample.path, sample.label):
                raise ValueError(
                    f"row {row} of the dataset is {printable(found[0])!r} ({printable(found[1])}), of the audit "
                    f"{printable(sample.path)!r} ({printable(sample.label)}): give the dataset that was audited"
                )
    if latents is not None and (latents.ndim not in (2, 3) or latents.shape[-2] != count):
        raise ValueError(f"latents must have shape (N, D) with N = {count}, one row a sample; got {latents.shape}")


def audit_view(
    audit: AuditResult,
    dataset: AudioDataset | None,
    latents: np.ndarray | None,
    sounds: Mapping[int, np.ndarray] | None = None,
    *,
    max_suspects: int,
    seed: int,
) -> dict[str, Any]:
    """
    Everything that the page shows of an audit, strings made printable.

    :param audit: The result.
    :param dataset: For sound and pictures, None leaves them out.
    :param latents: For the map of each flagged class, None leaves it out.
    :param sounds: What the suspects of a class share, by class index, None leaves it out.
    :param max_suspects: Most suspects shown, over all flagged classes.
    :param seed: For the choice of accepted clips.
    :return: A dictionary for the template.
    """
    flagged = sorted((c for c in audit.classes if c.flagged), key=lambda entry: (-(entry.score or 0.0), entry.label))
    # the details of each class would be hundreds of rows: audit.json has them
    method = {key: value for key, value in audit.method.items() if key != "classes"} | {"seed": audit.seed}
    skipped = plain(audit.dataset.get("skipped") or [], readable=True)
    settings = plain({k: v for k, v in audit.dataset.items() if k != "skipped"}, readable=True)
    return {
        "verdict": _verdict(audit, flagged),
        "tiles": _tiles(audit),
        "chart": _chart(audit),
        "evidence": _evidence(audit, flagged, dataset, latents, sounds or {}, max_suspects, seed),
        "notes": [printable(note) for note in audit.notes],
        "settings": [
            ("Dataset", setting_rows(settings)),
            ("Method", setting_rows(plain(method, readable=True))),
            ("Seconds", setting_rows(plain({k: round(v, 1) for k, v in audit.seconds.items()}, readable=True))),
        ],
        "skipped": skipped[:_SKIPPED_SHOWN],
        "skipped_more": max(0, len(skipped) - _SKIPPED_SHOWN),
    }


def _verdict(audit: AuditResult, flagged: list[ClassResult]) -> dict[str, Any]:
    """The answer in plain words."""
    names = [f"“{printable(entry.label)}”" for entry in flagged]
    listed = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    if audit.verdict == "poisoned":
        total = sum(entry.suspects for entry in flagged)
        facts = f"{plural(len(flagged), 'class', 'classes')} of {len(audit.classes)} flagged: {listed}. " + (
            f"{plural(total, 'clip')} of {len(audit.samples):,} {'is a suspect' if total == 1 else 'are suspects'}."
        )
        return {"poisoned": True, "headline": "This dataset looks poisoned", "facts": facts}
    facts = f"None of the {len(audit.classes) - len(_unscored(audit))} classes compared stands out from the others."
    return {"poisoned": False, "headline": "No sign of poisoning found", "facts": facts}


def _tiles(audit: AuditResult) -> list[tuple[str, str]]:
    """A few figures at a glance: (figure, what it counts)."""
    suspects = sum(entry.suspects for entry in audit.classes if entry.flagged)
    rate = audit.dataset.get("sample_rate_hz")
    tiles = [
        (f"{len(audit.samples):,}", "clips"),
        (str(len(audit.classes)), "classes"),
        (str(sum(entry.flagged for entry in audit.classes)), "flagged"),
        (f"{suspects:,}", "suspects"),
    ]
    tiles += [(f"{rate / 1000:g} kHz", "sample rate")] if isinstance(rate, (int, float)) else []
    return [*tiles, (f"{sum(audit.seconds.values()):.0f} s", "to find out")] if audit.seconds else tiles


def _chart(audit: AuditResult) -> dict[str, Any]:
    """The bars of the class scores, the highest first."""
    unscored = _unscored(audit)
    scores = {c.label: float("nan") if c.label in unscored or c.score is None else c.score for c in audit.classes}
    order = sorted(audit.classes, key=lambda c: (not c.flagged, -np.nan_to_num(scores[c.label], nan=-1e300), c.label))
    chart = bar_chart(
        np.array([scores[entry.label] for entry in order]),
        np.array([entry.score_spread or 0.0 for entry in order]),
        _threshold(audit),
    )
    rows = [
        {
            "label": printable(entry.label),
            "bar": bar,
            "score": number(entry.score),
            "spread": number(entry.score_spread),
            "outlier": ("+" if (entry.outlier or 0.0) >= 0.05 else "") + number(entry.outlier, 1),
            "p_value": None if entry.p_value is None else f"{entry.p_value:.2g}",
            "clips": plural(entry.clips, "clip"),
            "flagged": entry.flagged,
            "suspects": plural(entry.suspects, "suspect"),
        }
        for entry, bar in zip(order, chart.bars, strict=True)
    ]
    tested = any(entry.p_value is not None for entry in audit.classes)
    return {"rows": rows, "median": chart.median, "threshold": chart.threshold, "tested": tested}


def _unscored(audit: AuditResult) -> set[str]:
    """The labels that were left out of the comparison; a score gives them the median, which is not theirs."""
    left_out = {str(label) for label in audit.method.get("not_scored") or ()}
    scored = audit.method.get("scored_classes")
    return left_out | ({c.label for c in audit.classes} - set(scored) if isinstance(scored, list) else set())


def _threshold(audit: AuditResult) -> float | None:
    """The score from which a class is flagged, where the method's settings tell."""
    limit = audit.method.get("outlier_threshold")
    pairs = [(c.score, c.outlier) for c in audit.classes if c.score is not None and c.outlier is not None]
    pairs = [(score, outlier) for score, outlier in pairs if np.isfinite([score, outlier]).all()]
    farthest = max(pairs, key=lambda pair: abs(pair[1]), default=(0.0, 0.0))
    if not isinstance(limit, (int, float)) or not farthest[1]:
        return None
    median = float(np.median([score for score, _ in pairs]))
    return median + float(limit) * (farthest[0] - median) / farthest[1]


def _evidence(
    audit: AuditResult,
    flagged: list[ClassResult],
    dataset: AudioDataset | None,
    latents: np.ndarray | None,
    sounds: Mapping[int, np.ndarray],
    max_suspects: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Suspects, accepted clips, mean spectrograms and latent map of each flagged class."""
    samples, labels = audit.samples, np.array([sample.label for sample in audit.samples], dtype=object)
    rows = [np.flatnonzero(labels == entry.label) for entry in flagged]
    suspects = [suspect_rows(samples, r) for r in rows]
    given = shares([len(s) for s in suspects], clips_allowed(dataset, len(flagged), max_suspects))
    evidence = []
    for k, entry in enumerate(flagged):
        accepted = accepted_rows(samples, rows[k], np.random.default_rng([seed, k]))
        share = len(suspects[k]) / max(1, len(rows[k]))
        evidence.append(
            {
                "label": printable(entry.label),
                "clips": f"{len(rows[k]):,}",
                "count": f"{len(suspects[k]):,}",
                "share": percent(share),
                "suspects": cards(samples, suspects[k][: given[k]], dataset),
                "more": len(suspects[k]) - given[k],
                "accepted": cards(samples, accepted[:ACCEPTED_SHOWN], dataset),
                "averages": average_pictures(dataset, suspects[k], accepted),
                "map": _map(audit, rows[k], latents, seed),
                "shared": shared_sound(dataset, entry.label, sounds),
            }
        )
    return evidence


def _map(audit: AuditResult, rows: np.ndarray, latents: np.ndarray | None, seed: int) -> dict[str, Any] | None:
    """The latent map of one class, for the template."""
    if latents is None:
        return None
    found = latent_map(latents[..., rows, :], np.array([audit.samples[row].suspect for row in rows], dtype=bool), seed)
    if found is None:
        return None
    marks = [(x, y, printable(audit.samples[rows[row]].path)) for x, y, row in found.suspects]
    return {
        "dots": found.accepted_path,
        "accepted": found.accepted,
        "marks": marks,
        "explained": [f"{100 * share:.0f}%" for share in found.explained],
        "width": MAP_WIDTH,
        "height": MAP_HEIGHT,
    }
