"""The study of sound-event classifiers as files to read: JSON, Markdown, pictures, and one self-contained page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from art_audio_ext.report.experiment_page import ExperimentPage, write_experiment
from art_audio_ext.report.sound_events_maps import draw_moves, draw_pairs, draw_transfer
from art_audio_ext.report.sound_events_plots import draw_attacks, draw_curves, draw_spectrograms, draw_survival
from art_audio_ext.report.sound_events_sentences import sentences
from art_audio_ext.report.sound_events_tables import tables
from art_audio_ext.report.text import markdown, percent, plural, printable
from art_audio_ext.report.voice_quality_view import HeardClips, listen_cards

_EXPLANATION = (
    "Only clips that a model had right are attacked; one that had an attack's answer before it is not counted. "
    "Success: called something else, in a targeted attack the target. "
    "SNR, over the whole clip, and confidences are of successes: before, of the label; after, of the new label and of "
    "the old one. Transfer: attacked clips that fooled the model they were made for, shown to another; the share "
    "fooled of those that the other had right, beside white noise of equal energy. Survival: attacks that fooled the "
    "model, after a channel, of those clips that the model has right after the same channel without an attack; beside "
    "noise as before, and by how many points the attack does more on the same clips. 95% "
    "intervals: Wilson's, or by drawing clips anew where a clip is there for several models. Curves and "
    "inputs: each clip that was right has the highest SNR at which it breaks; of white noise, FGSM and PGD that is "
    "searched for, and one that breaks at the highest ratio searched has that one. A dash: below all searched."
)
_CAPTIONS = {
    "attacks": "Success, with 95% intervals, and median SNR of successes.",
    "curves": (
        "Success when a ratio limits the change: all models together, 95% bands; further right is quieter. "
        "White noise, FGSM and PGD are searched over ratios, the others look for the smallest change themselves."
    ),
    "pairs": "Targeted attacks, from the label of a line to that of a column: success, and median SNR of successes.",
    "labels": (
        "Labels after untargeted attacks, all models together: how many clips went from the label of a line to that of "
        "a column."
    ),
    "transfer": "Of clips made for the model of a line, how many fool the model of a column.",
    "survival": (
        "What each channel leaves of successful attacks, all models together; 95% intervals. Crosses: noise of equal "
        "energy through the same channel."
    ),
    "spectrograms": "A clip as it is and after each attack; below, the change alone. From -120 dB (dark) to -20 dB.",
}


def write_sound_events(
    record: dict[str, Any], out: str | Path, heard: HeardClips | None = None, aimed: HeardClips | None = None
) -> list[Path]:
    """
    Write `results.json`, `table.md`, a PNG for each figure, and `report.html`.

    :param record: From `experiments.sound_events.sound_events`.
    :param out: Folder, made if it is missing.
    :param heard: Clips that the page plays, the first version without an attack; None plays none.
    :param aimed: The same of targeted attacks, after these.
    :return: The files written.
    :raises ValueError: If `out` is a file.
    """
    return write_experiment(record, format_sound_events(record), _page(record, heard, aimed), out)


def format_sound_events(record: dict[str, Any]) -> str:
    """
    The tables in Markdown, each with the sentence that it supports.

    :param record: From `experiments.sound_events.sound_events`.
    :return: Lines of text without a newline at the end.
    """
    said, parts = sentences(record), []
    for name, header, rows in tables(record):
        parts += [f"{name}:\n\n{markdown(header, rows)}", *([printable(said[name])] if name in said else ())]
    return "\n\n".join([*parts, *record["notes"]])


def _pictures(record: dict[str, Any], heard: HeardClips | None) -> dict[str, bytes]:
    found = {"attacks": draw_attacks(record["attacks"])}
    if record["curves"]:
        found["curves"] = draw_curves(record["curves"])
    if record["pairs"]:
        found["pairs"] = draw_pairs(record["pairs"], record["data"]["label_names"])
    if record["moves"]:
        found["labels"] = draw_moves(record["moves"], record["data"]["label_names"])
    if record["transfer"]:
        found["transfer"] = draw_transfer(record["transfer"])
    if record["survival"]:
        found["survival"] = draw_survival(record["survival"])
    if heard is not None:
        found["spectrograms"] = draw_spectrograms(heard)
    return found


def _page(record: dict[str, Any], heard: HeardClips | None, aimed: HeardClips | None) -> ExperimentPage:
    about = {name: record[name] for name in ("preset", "seed", "version", "seconds")} | record["size"]
    data = record["data"]
    return ExperimentPage(
        title="Attacks on sound-event classifiers",
        headlines=[
            f"{plural(len(data['label_names']), 'label')}, {plural(data['train'], 'clip')} to learn from, "
            f"{plural(data['attacked'], 'clip')} attacked.",
            *_headlines(record),
        ],
        tables=tables(record),
        pictures={f"{name}.png": (_CAPTIONS[name], picture) for name, picture in _pictures(record, heard).items()},
        explanation=_EXPLANATION,
        settings={"Dataset": data, "Experiment": about, "Machine": record["machine"]},
        notes=record["notes"],
        said=sentences(record),
        listen=[*listen_cards(heard), *listen_cards(aimed)],
    )


def _headlines(record: dict[str, Any]) -> list[str]:
    """A sentence for each attack, of all models where there are several."""
    kind = "all" if len(record["models"]) > 1 else record["models"][0]["model"]
    return [
        f"{row['attack']}: {percent(row['success'])} of {plural(row['clips'], 'clip')} broken"
        + ("." if row["snr_median"] is None else f", median SNR {row['snr_median']:.1f} dB.")
        for row in record["attacks"]
        if row["model"] == kind
    ]
