"""Make the figures of the pages: run the examples of each page that shows one, and the demo, and copy what they drew.

A page shows ``made/PAGE/PATH``: what its own examples (or another page's) write to PATH, or, for ``made/demo/PATH``,
what ``visavis demo`` writes there. ``-D make_figures=0`` keeps the figures of an earlier build, for writing text.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from page_examples import run_page
from sphinx.application import Sphinx

FOLDER = "made"
DEMO = "demo"

_SHOWN = re.compile(rf"\b{FOLDER}/([\w-]+)/([\w./-]+\.(?:svg|png))")


def shown(source: Path) -> Mapping[str, frozenset[str]]:
    """Return which files the pages of a folder show, by the page (or the demo) that makes them."""
    found: dict[str, set[str]] = {}
    for page in sorted(source.glob("*.md")):
        for maker, path in _SHOWN.findall(page.read_text(encoding="utf-8")):
            found.setdefault(maker, set()).add(path)
    return {maker: frozenset(paths) for maker, paths in found.items()}


def make_figures(source: Path) -> None:
    """Make every figure that the pages of a folder show, into its folder ``made``.

    Raises
    ------
    FileNotFoundError
        If examples do not write a file that a page shows.
    """
    shutil.rmtree(source / FOLDER, ignore_errors=True)
    for maker, paths in shown(source).items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            if maker == DEMO:
                subprocess.run(
                    [sys.executable, "-m", "visavis", "demo", "."], cwd=folder, check=True, stdout=subprocess.DEVNULL
                )
            else:
                run_page(source / f"{maker}.md", folder)
            for path in sorted(paths):
                target = source / FOLDER / maker / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / path, target)


def _make(app: Sphinx) -> None:
    if app.config.make_figures:
        make_figures(Path(app.srcdir))


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_config_value("make_figures", default=True, rebuild="", types=[bool])
    app.connect("builder-inited", _make)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
