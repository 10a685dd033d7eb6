"""The manual points at files that exist, names every command, and leaves no placeholder."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from art_audio_ext.datasets import grid as grid_rules
from art_audio_ext.datasets.builtin_av_plan import SPEAKERS
from art_audio_ext.datasets.mouth import LEAST_SHARE, FixedMouth, HaarMouth
from art_audio_ext.datasets.video_files import SUFFIXES

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    assert "@@" not in text
    for target in re.findall(r"\]\(([^)#]+)", text):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("command", ["audit", "poison", "compare", "demo", "doctor", "repair", "experiment"])
def test_every_command_has_a_page_in_the_manual(command):
    page = (ROOT / "docs" / f"{command}.md").read_text(encoding="utf-8")
    assert f"art-audio {command}" in page
    assert f"{command}.md" in (ROOT / "docs" / "README.md").read_text(encoding="utf-8")


def test_the_page_on_datasets_says_what_the_code_does_with_talking_clips():
    page = " ".join((ROOT / "docs" / "datasets.md").read_text(encoding="utf-8").split())
    crop, rows = FixedMouth(), grid_rules._UNITS
    for said in (
        *(
            "builtin-av",
            "grid:ROOT",
            "lrw:ROOT",
            "NAME.txt",
            "s1/align/NAME.align",
            "2.978 s",
            "finder=f",
            "ART_AUDIO_CACHE",
        ),
        f"rows {crop.top}:{crop.top + crop.side}, columns {crop.left}:{crop.left + crop.side}",
        f"{rows:,} units a second",
        f"{len(SPEAKERS)}, each a voice and a face",
        {0.2: "less than a fifth of the pictures searched"}[LEAST_SHARE],
        {3: "every third picture"}[HaarMouth().every],
    ):
        assert said in page
    for suffix in SUFFIXES:
        assert suffix[1:] in page


@pytest.mark.parametrize("page", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda page: page.name)
def test_formulas_of_notebooks_are_read_as_formulas(page):
    """In TeX two backslashes end a line: before a name they are an escape too many."""
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    for formula in re.findall(r"\$[^$]+\$", text):
        assert not re.search(r"\\\\[a-zA-Z,]", formula), formula
