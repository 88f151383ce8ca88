"""A real Chromium, and studies served to it by the real command."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from extras import require_extra
from PIL import Image

STUDY: dict[str, Any] = {
    "visavis": 1,
    "name": "web",
    "stimuli": {"folder": "images"},
    "attributes": {"contrast": {"question": "Which image has the higher contrast?"}},
    "seed": 1,
    "repetitions": 1,
    "presentation": {"inter_trial_interval_s": 0.1, "feedback_s": 0.1},
}

PATIENCE_S = 30.0


def write_study(folder: Path, size: tuple[int, int] = (120, 80), scenes: int = 2, **changes: Any) -> Path:
    """Write noise images of every value, and a definition; return it."""
    rng = np.random.default_rng(1)
    for scene in range(scenes):
        for rendition in ("low", "middle", "high"):
            path = folder / "images" / f"scene{scene}" / f"{rendition}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).save(path)
    from ruamel.yaml import YAML

    presentation = {**STUDY["presentation"], **changes.pop("presentation", {})}
    with (folder / "study.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({**STUDY, "presentation": presentation, **changes}, file)
    return folder / "study.yaml"


class Served:
    """``visavis serve`` in a process of its own."""

    def __init__(self, study: Path, *options: str, port: int = 0) -> None:
        self.study, self.options, self.port = study, options, port
        self.start()

    def start(self) -> None:
        line = [sys.executable, "-m", "visavis", "serve", "study.yaml", "--port", str(self.port), *self.options]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            line, cwd=self.study.parent, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdout is not None
        said = [self.process.stdout.readline() for _ in range(3)]
        if "participants" not in said[0]:
            assert self.process.stderr is not None
            pytest.fail(self.process.stderr.read())
        self.address = said[0].split()[1].rstrip("/")
        self.watch = said[1].split()[1]
        self.port = int(self.address.rpartition(":")[2])

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.process.kill()
        self.process.communicate()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.communicate(timeout=20)


def chromium() -> str:
    """Return where Chromium is, or skip."""
    require_extra("test", "playwright")
    require_extra("web", "starlette", "uvicorn")
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.environ.get("CI"):
        pytest.fail("needs Chromium: apt-get install chromium")
    pytest.skip("needs Chromium: apt-get install chromium")


@contextlib.contextmanager
def browser(*, scale: float = 1.0) -> Iterator[Any]:
    """Start Chromium with a device scale factor that is the display's own, not an emulated one."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    arguments = [f"--force-device-scale-factor={scale}", "--force-color-profile=srgb", "--hide-scrollbars"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield started
        finally:
            started.close()


def answer_all(page: Any, key: str = "ArrowLeft", trials: int | None = None) -> int:
    """Press Enter on pages and a key in trials until the session is over, or so many are answered."""
    answered = 0
    last = None
    until = time.monotonic() + PATIENCE_S
    while trials is None or answered < trials:
        assert time.monotonic() < until, f"after {answered} answers the page says {page.inner_text('body')!r}"
        state = page.evaluate(
            "() => document.querySelector('[data-over]') ? 'over' : document.body.dataset.onset"
            " ?? (document.querySelector('.words .buttons button') ? 'page' : '')"
        )
        if state == "over":
            break
        if state == "page":
            page.keyboard.press("Enter" if page.evaluate("document.activeElement.tagName != 'BUTTON'") else "x")
            page.wait_for_timeout(30)
        elif state and state != last:
            last = state
            page.keyboard.press(key)
            answered += 1
            page.wait_for_timeout(20)
        else:
            page.wait_for_timeout(10)
    return answered


def to_trial(page: Any) -> None:
    """Leave pages until a trial is on the screen."""
    until = time.monotonic() + PATIENCE_S
    while not page.locator("[data-onset]").count():
        assert time.monotonic() < until, page.inner_text("body")
        if page.locator(".words .buttons button").count():
            page.keyboard.press("x")
        page.wait_for_timeout(50)
