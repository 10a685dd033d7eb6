"""The files of an experiment: results as JSON, tables in Markdown, pictures, and one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import art_audio_ext
from art_audio_ext.report.files import write_json, write_text
from art_audio_ext.report.page import environment
from art_audio_ext.report.pictures import data_address
from art_audio_ext.report.text import plain, printable, setting_rows

Table = tuple[str, tuple[str, ...], list[list[str]]]


@dataclass(frozen=True)
class ExperimentPage:
    """
    What the page of an experiment shows; every string may hold names of others, and `html` makes it printable.

    :param title: What the page asks.
    :param headlines: A sentence for each thing found.
    :param tables: Name, header and rows of each.
    :param pictures: By file name, caption and PNG.
    :param explanation: What the columns and figures mean.
    :param settings: Groups of settings by name, values as :func:`~art_audio_ext.report.text.plain` takes them.
    :param notes: What to know when reading this.
    :param said: By the name of a table, the sentence below it; other names are left out.
    :param listen: Players, a card a clip, from `voice_quality_view.listen_cards`, which makes them printable.
    """

    title: str
    headlines: Sequence[str]
    tables: Sequence[Table]
    pictures: Mapping[str, tuple[str, bytes]]
    explanation: str
    settings: Mapping[str, Mapping[str, Any]]
    notes: Sequence[str] = ()
    said: Mapping[str, str] = field(default_factory=dict)
    listen: Sequence[dict[str, Any]] = ()

    def html(self) -> str:
        """
        :return: The page; the same input gives the same text.
        """
        words = {
            "title": self.title,
            "headlines": list(self.headlines),
            "tables": list(self.tables),
            "explanation": self.explanation,
            "notes": list(self.notes),
            "said": dict(self.said),
        }
        figures = [
            {"caption": printable(caption), "source": data_address("image/png", picture)}
            for caption, picture in self.pictures.values()
        ]
        settings = [
            (printable(group), setting_rows(plain(dict(values), readable=True)))
            for group, values in self.settings.items()
        ]
        template = environment().get_template("experiment.html")
        return template.render(
            plain(words, readable=True),
            version=art_audio_ext.__version__,
            figures=figures,
            listen=self.listen,
            settings=settings,
        )


def write_experiment(record: dict[str, Any], table: str, page: ExperimentPage, out: str | Path) -> list[Path]:
    """
    Write `results.json`, `table.md`, and what `write_page` writes.

    :param record: What was found.
    :param table: The tables in Markdown, without a newline at the end.
    :param page: What the page shows.
    :param out: Folder, made if it is missing.
    :return: The files written, in that order.
    :raises ValueError: If `out` is a file.
    """
    return [*write_results(record, table, out), *write_page(page, out)]


def write_results(record: dict[str, Any], table: str, out: str | Path) -> list[Path]:
    """
    Write `results.json` and `table.md`, for what draws only once these are safe.

    :param record: What was found.
    :param table: The tables in Markdown, without a newline at the end.
    :param out: Folder, made if it is missing.
    :return: The files written, in that order.
    :raises ValueError: If `out` is a file.
    """
    results, text = Path(out) / "results.json", Path(out) / "table.md"
    write_json(record, results)
    write_text(f"{table}\n", text)
    return [results, text]


def write_page(page: ExperimentPage, out: str | Path) -> list[Path]:
    """
    Write every picture under its name, and `report.html`.

    :param page: What the page shows.
    :param out: Folder, made if it is missing.
    :return: The files written, in that order.
    :raises ValueError: If `out` is a file.
    """
    out = Path(out)
    write_text(page.html(), out / "report.html")  # makes the folder, or says why it cannot
    for name, (_, picture) in page.pictures.items():
        (out / name).write_bytes(picture)
    return [out / name for name in (*page.pictures, "report.html")]
