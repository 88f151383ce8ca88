"""Every example in the README and in docs/ does what the page says.

Of each page, in an empty folder and in the order of the page: ``python`` blocks run as doctests, ``yaml`` and ``csv``
blocks that begin with a comment such as ``# study.yaml`` are written to that file, and in ``sh`` blocks the commands
``visavis …`` run and must end well, or with the exit status that a comment ``# status 3`` names.
"""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run_python(page: Path, code: str, line: int, names: dict[str, Any]) -> None:
    test = doctest.DocTestParser().get_doctest(code, names, page.name, str(page), line)
    runner = doctest.DebugRunner(optionflags=FLAGS)
    try:
        runner.run(test, clear_globs=False)
    except doctest.DocTestFailure as failure:
        pytest.fail(
            f"{page.name}, line {line + failure.example.lineno + 1}: {failure.example.source}"
            f"expected:\n{failure.example.want}got:\n{failure.got}"
        )
    names.update(test.globs)


def run_commands(page: Path, code: str, folder: Path) -> None:
    for command in code.replace("\\\n", " ").splitlines():
        words = shlex.split(command, comments=True)
        if words[:1] == ["visavis"]:
            done = subprocess.run(
                [sys.executable, "-m", "visavis", *words[1:]], cwd=folder, capture_output=True, text=True, timeout=300
            )
            named = re.search(r"# status (\d+)$", command)
            expected = int(named.group(1)) if named else 0
            assert done.returncode == expected, f"{page.name}: {command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in BLOCK.finditer(text):
        language, code = block.groups()
        line = text[: block.start(2)].count("\n")
        if language == "python":
            run_python(page, code, line, names)
        elif language == "sh":
            run_commands(page, code, tmp_path)
        elif language in {"yaml", "csv"} and (named := re.match(r"# (\S+\.\w+)\n", code)):
            file = tmp_path / named.group(1)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(code if language == "yaml" else code.partition("\n")[2], encoding="utf-8")


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
