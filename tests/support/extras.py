"""Packages that only some tests need: without one a test skips, but never on the machine that decides what lands."""

from __future__ import annotations

import importlib.util
import os

import pytest


def require_extra(extra: str, *packages: str) -> None:
    """Skip the test or module that calls this where a package is missing; where ``CI`` is set, fail instead."""
    missing = [name for name in packages if not _is_installed(name)]
    if not missing:
        return
    reason = f"needs {', '.join(missing)}: pip install -e '.[{extra}]'"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
