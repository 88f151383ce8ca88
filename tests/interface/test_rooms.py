"""Which room may import which: the table in CONTRIBUTING.md, held against the code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "base": set(),
    "stimuli": {"base"},
    "experiments": {"base", "stimuli"},
    "observers": {"base", "stimuli", "experiments"},
    "scaling": {"base"},
}
FOLDERS = {"base": "interface/base"}


def rooms_imported(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    ours = [module.split(".") for module in modules if module.split(".")[0] == "visavis"]
    return {parts[1] if len(parts) > 1 else "interface" for parts in ours}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    for file in (ROOT / FOLDERS.get(room, room)).rglob("*.py"):
        assert rooms_imported(file) <= MAY_IMPORT[room] | {room}, file
        tree = ast.parse(file.read_text(encoding="utf-8"))
        levels = [node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert max(levels, default=0) <= 1, f"{file}: imports across rooms are absolute"


STACKED = (
    "errors",
    "counts",
    "intervals",
    "scales",
    "study",
    "presentation",
    "agreement",
    "variability",
    "design",
    "comparison",
    "report",
)
"""The rooms inside scaling, each importing from those before it alone."""


@pytest.mark.parametrize("room", STACKED)
def test_a_room_of_scaling_imports_only_from_those_below_it(room: str) -> None:
    below = set(STACKED[: STACKED.index(room)])
    place = ROOT / "scaling" / room
    for file in place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        modules = [node.module or "" for node in found if not node.level]
        if not place.is_dir():
            modules += [f"visavis.scaling.{node.module}" for node in found if node.level]
        used = {module.split(".")[2] for module in modules if module.startswith("visavis.scaling.")}
        assert used <= below, f"{file} imports {', '.join(sorted(used - below))}"
        assert "visavis.scaling" not in modules, f"{file}: imports name the room they come from"


def test_every_room_of_scaling_has_its_place_in_the_stack() -> None:
    there = {path.stem for path in (ROOT / "scaling").iterdir() if path.name not in ("__init__.py", "__pycache__")}
    assert there == set(STACKED)
