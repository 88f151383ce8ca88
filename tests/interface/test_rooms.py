"""Which room may import which: the table in CONTRIBUTING.md, held against the code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "stimuli": set(),
    "experiments": {"stimuli"},
    "observers": {"stimuli", "experiments"},
    "scaling": set(),
}


def rooms_imported(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    ours = [module.split(".") for module in modules if module.split(".")[0] == "visavis"]
    return {parts[1] if len(parts) > 1 else "interface" for parts in ours}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    for file in (ROOT / room).rglob("*.py"):
        assert rooms_imported(file) <= MAY_IMPORT[room] | {room}, file
        tree = ast.parse(file.read_text(encoding="utf-8"))
        levels = [node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert max(levels, default=0) <= 1, f"{file}: imports across rooms are absolute"
