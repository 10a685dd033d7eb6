"""The manual points at files that exist, names every command, and leaves no placeholder."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("page", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda page: page.name)
def test_formulas_of_notebooks_are_read_as_formulas(page):
    """In TeX two backslashes end a line: before a name they are an escape too many."""
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    for formula in re.findall(r"\$[^$]+\$", text):
        assert not re.search(r"\\\\[a-zA-Z,]", formula), formula
