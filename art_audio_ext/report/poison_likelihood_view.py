"""The experiments on poison likelihood as files to read: JSON, a table, pictures, and one self-contained page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from art_audio_ext.report.experiment_page import ExperimentPage, Table, write_page, write_results
from art_audio_ext.report.experiment_records import PoisonLikelihoodResult
from art_audio_ext.report.poison_likelihood_plots import draw_figures
from art_audio_ext.report.text import filter_name, markdown, number, percent, plural, printable

_CAPTIONS = {
    "figure2_class_scores.png": "Figure 2. Score of every class under one attack; the target is red and hatched.",
    "figure3_clusters.png": (
        "Figure 3. Clips of the target class under that attack, on two principal components of what the score saw "
        "(in the window that tells poison and clean best apart): what the score takes for poison, and what is."
    ),
    "figure4_roc.png": "Figure 4. Target classes against all benign classes, over all attacks and clean datasets.",
    "figure5_confusion.png": "Figure 5. Clips kept and removed by each filter.",
    "figure6_maps.png": (
        "Figure 6. Agreement with the truth in the target class, for each source and target. X: another class scored "
        "higher than the target; grey: not run."
    ),
    "figure7_fractions.png": "Figure 7. Agreement with the truth for more and less poison.",
}
_EXPLANATION = (
    "ARI is the adjusted Rand index between suspects and poison among the clips of the target class. "
    "A class counts as right if it scores highest. "
    "Precision and recall count what a filter removes: suspects of flagged classes."
)
_LINE_HEADER = (
    "attack", "score", "attacks", "class AUC", "right class", "target flagged", "others flagged", "ARI median",
    "ARI >= .95", "precision", "recall", "seconds",
)  # fmt: skip
_CLEAN_HEADER = ("score", "clean datasets", "false alarms", "rate", "seconds")
_FILTER_HEADER = (
    "attack", "filter", "poison removed", "clean removed", "ARI", "attack succeeds", "on any class",
    "benign accuracy", "filter seconds",
)  # fmt: skip


def write_poison_likelihood(result: PoisonLikelihoodResult, out: str | Path) -> list[Path]:
    """
    Write `results.json`, `table.md`, a PNG a figure, and `report.html`.

    :param result: What was found.
    :param out: Folder, made if it is missing.
    :return: The files written.
    :raises ValueError: If `out` is a file.
    """
    written = write_results(result.to_dict(), format_poison_likelihood_table(result), out)
    shown = _page(result)
    for name in _CAPTIONS:
        (Path(out) / name).unlink(missing_ok=True)  # of an earlier run that had more to show
    *figures, page = write_page(shown, out)
    return [*written, page, *figures]


def format_poison_likelihood_table(result: PoisonLikelihoodResult) -> str:
    """
    The tables as Markdown.

    :param result: What was found.
    :return: Lines of text without a newline at the end.
    """
    tables = [markdown(header, rows) for _, header, rows in _tables(result)]
    return "\n\n".join(tables)


def _tables(result: PoisonLikelihoodResult) -> list[Table]:
    """(title, header, rows) of each table that has rows."""
    tables: list[Table] = [
        ("Attacks", _LINE_HEADER, [_attack_row(row["about"], row) for row in result.lines]),
        (
            "Share of the source class that is poisoned",
            _LINE_HEADER,
            [_attack_row(percent(row["poison_fraction"]), row) for row in result.fractions],
        ),
        ("Clean datasets", _CLEAN_HEADER, [_clean_row(row) for row in result.clean if row["runs"]]),
        ("Filter, retrain, verify", _FILTER_HEADER, [_filter_row(row) for row in result.filters]),
    ]
    return [table for table in tables if table[2]]


def _attack_row(name: str, row: dict[str, Any]) -> list[str]:
    shares = [percent(row[key]) for key in ("right_class", "target_flagged", "others_flagged")]
    found = [number(row["ari"]), percent(row["ari_high"]), number(row["precision"]), number(row["recall"])]
    return [
        name, row["score"], str(row["attacks"]), number(row["class_auc"]), *shares, *found,
        number(row["seconds"], 2),
    ]  # fmt: skip


def _clean_row(row: dict[str, Any]) -> list[str]:
    counts = [str(row["runs"]), str(row["alarms"]), percent(row["alarm_rate"])]
    return [row["score"], *counts, number(row["seconds"], 2)]


def _filter_row(row: dict[str, Any]) -> list[str]:
    rates = [percent(row["true_positive_rate"]), percent(row["false_positive_rate"])]
    results = [percent(row[key]) for key in ("attack_success_rate", "any_class_success_rate", "benign_accuracy")]
    name = filter_name(printable(row["filter"]))
    return [row["line"], name, *rates, number(row["adjusted_rand_index"]), *results, number(row["filter_seconds"], 1)]


def _page(result: PoisonLikelihoodResult) -> ExperimentPage:
    attacks = {entry["line"]: [_part_text(part, result) for part in entry["parts"]] for entry in result.attacks}
    runs = {"preset": result.preset, "seed": result.seed, "alpha": result.alpha, "scores": result.scores}
    labels = {"scored": [result.labels[i] for i in result.scored], "seconds": result.seconds}
    return ExperimentPage(
        title="Which poison do the scores find?",
        headlines=_headlines(result),
        tables=_tables(result),
        pictures={name: (_CAPTIONS[name], picture) for name, picture in draw_figures(result).items()},
        explanation=_EXPLANATION,
        settings={
            "Dataset": result.data,
            "Experiments": runs | labels,
            "First attack of each line": attacks,
            "Machine": result.machine,
        },
        notes=result.notes,
    )


def _headlines(result: PoisonLikelihoodResult) -> list[str]:
    """A sentence a score."""
    sentences = []
    for score in result.scores:
        rows = [row for row in result.lines if row["score"] == score]
        count = sum(row["attacks"] for row in rows)
        right = sum(row["right_class"] * row["attacks"] for row in rows) / max(1, count)
        words = f"{score}: the target scores highest in {percent(right)} of {plural(count, 'attack')}"
        for row in result.clean:
            if row["score"] == score and row["runs"]:
                words += f"; {row['alarms']} of {plural(row['runs'], 'clean dataset')} called poisoned"
        sentences.append(f"{words}.")
    return sentences


def _part_text(part: dict[str, Any], result: PoisonLikelihoodResult) -> str:
    """One trigger of an attack in words."""
    ends = [result.labels[c] if isinstance(c, int) else c for c in (part["source"], part["target"])]
    level = " to ".join(f"{value:g}" for value in part["scale"]) if isinstance(part["scale"], list) else part["scale"]
    share = percent(part["poison_fraction"])
    place = f"at {part['position']}" if isinstance(part["position"], str) else f"from sample {part['position']}"
    return f"{part['trigger'] or part['kind']} at scale {level} {place} in {share} of {ends[0]}, labelled {ends[1]}"
