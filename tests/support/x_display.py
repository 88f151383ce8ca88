"""A display that nobody sees, one for all tests of a process."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

import pytest


@cache
def _server() -> tuple[str, subprocess.Popen[str]]:
    """Start Xvfb; it ends with this process, which Xlib would end if its display went before."""
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp", "-terminate"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603
    assert server.stdout is not None
    with server.stdout as output:
        return f":{output.readline().strip()}", server


def require_display() -> str:
    """Return the name of a display of 1280 x 1024 pixels; skip where there is no Xvfb, and fail where ``CI`` is set."""
    if shutil.which("Xvfb") is None:
        if os.environ.get("CI"):
            pytest.fail("needs Xvfb: apt-get install xvfb")
        pytest.skip("needs Xvfb: apt-get install xvfb")
    return _server()[0]
