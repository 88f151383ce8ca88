"""The package's face: light to import, and every public name where it is said to be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import visavis

HEAVY = (
    "PIL",
    "anthropic",
    "google",
    "matplotlib",
    "numpy",
    "openai",
    "pandas",
    "psychopy",
    "scipy",
    "skimage",
    "starlette",
    "torch",
    "uvicorn",
)


def modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import visavis",
        "from visavis.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass",
        "from visavis.cli import main\ntry:\n    main(['run', '--help'])\nexcept SystemExit:\n    pass",
        "from visavis.cli import main\ntry:\n    main(['serve', '--help'])\nexcept SystemExit:\n    pass",
    ],
)
def test_importing_and_asking_for_help_load_nothing_heavy(code: str) -> None:
    assert not modules_after(code) & set(HEAVY)


@pytest.mark.parametrize("name", visavis.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(visavis, name).__doc__


def test_type_checkers_and_the_program_are_told_the_same_names() -> None:
    tree = ast.parse(Path(visavis.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    told = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == set(visavis.__all__)
    assert set(visavis.__all__) < set(dir(visavis))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'visavis' has no attribute 'runn'"):
        visavis.runn  # noqa: B018


def test_the_version_is_the_installed_one() -> None:
    from importlib.metadata import version

    assert visavis.__version__ == version("visavis")
