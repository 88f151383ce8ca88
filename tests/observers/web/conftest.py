from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import Served, browser, chromium, write_study
from web_client import WebClient


@pytest.fixture(scope="session")
def chrome() -> Iterator[Any]:
    """A real Chromium at device scale factor 1."""
    with browser() as started:
        yield started


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Serve a study by the command line, in a process of its own."""
    chromium()
    running: list[Served] = []

    def serve(*options: str, **changes: Any) -> Served:
        running.append(Served(write_study(tmp_path, **changes), *options))
        return running[-1]

    yield serve
    for one in running:
        one.stop()


@pytest.fixture
def join() -> Iterator[Callable[..., WebClient]]:
    """Come to a server as a participant without a browser."""
    coming: list[WebClient] = []

    def join(server: Served, *tab: str, **options: Any) -> WebClient:
        coming.append(WebClient(server.address, *tab, **options))
        return coming[-1]

    yield join
    for one in coming:
        one.close()
