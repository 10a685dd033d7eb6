"""No file of the package imports, directly or through others, what imports it."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import art_audio_ext

ROOT = Path(art_audio_ext.__file__).parent


def imported(tree: ast.AST, known: set[str]) -> set[str]:
    """Modules that a file imports, also within functions, but for those that types alone need."""
    found = set[str]()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & known
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found |= {whole if whole in known else node.module} & known
        else:
            found |= imported(node, known)
    return found


def test_imports_have_no_circle():
    files = {
        ".".join((ROOT.name, *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in ROOT.rglob("*.py")
    }
    assert len(files) > 100
    graph = {name: imported(ast.parse(path.read_text(encoding="utf-8")), set(files)) for name, path in files.items()}
    TopologicalSorter(graph).prepare()  # a CycleError names the circle
