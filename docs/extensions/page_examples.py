"""Do what the examples of a page say, in an empty folder and in the order of the page.

``python`` blocks run as doctests, ``yaml`` and ``csv`` blocks that begin with a comment such as ``# study.yaml`` are
written to that file, and in ``sh`` blocks the commands ``visavis …`` run and must end well, or with the exit status
that a comment ``# status 3`` names. The tests run every page this way, and the site the pages whose figures it shows.
"""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class ExampleFailed(AssertionError):
    """An example does not do what its page says; the message names the page, the line and what came instead."""


def run_page(page: Path, folder: Path) -> None:
    """Run the examples of a page in a folder.

    Raises
    ------
    ExampleFailed
        At the first that does something else than the page says.
    """
    text = page.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.chdir(folder):
        for block in BLOCK.finditer(text):
            language, code = block.groups()
            line = text[: block.start(2)].count("\n")
            if language == "python":
                run_python(page, code, line, names)
            elif language == "sh":
                run_commands(page, code, folder)
            elif language in {"yaml", "csv"} and (named := re.match(r"# (\S+\.\w+)\n", code)):
                file = folder / named.group(1)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(code if language == "yaml" else code.partition("\n")[2], encoding="utf-8")


def run_python(page: Path, code: str, line: int, names: dict[str, Any]) -> None:
    """Run one block of Python; what it defines is added to ``names``."""
    test = doctest.DocTestParser().get_doctest(code, names, page.name, str(page), line)
    runner = doctest.DebugRunner(optionflags=FLAGS)
    try:
        runner.run(test, clear_globs=False)
    except doctest.DocTestFailure as failure:
        raise ExampleFailed(
            f"{page.name}, line {line + failure.example.lineno + 1}: {failure.example.source}"
            f"expected:\n{failure.example.want}got:\n{failure.got}"
        ) from None
    names.update(test.globs)


def run_commands(page: Path, code: str, folder: Path) -> None:
    """Run the commands of visavis in one block of shell."""
    for command in code.replace("\\\n", " ").splitlines():
        words = shlex.split(command, comments=True)
        if words[:1] == ["visavis"]:
            done = subprocess.run(
                [sys.executable, "-m", "visavis", *words[1:]],
                cwd=folder,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=300,
                env={**os.environ, "PYTHONIOENCODING": "utf-8"},
                check=False,
            )
            named = re.search(r"# status (\d+)$", command)
            expected = int(named.group(1)) if named else 0
            if done.returncode != expected:
                raise ExampleFailed(f"{page.name}: {command}\n{done.stdout}{done.stderr}")
