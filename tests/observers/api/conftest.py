from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from api_observers import FAST, KEYS, SPECS
from extras import require_extra
from model_server import Answer, ModelServer, model_server

from visavis import create_observer
from visavis.observers.api import ApiObserver


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], ModelServer]]:
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(model_server(answer))


@pytest.fixture
def observer_at() -> Iterator[Callable[..., ApiObserver]]:
    """Make an observer that asks a server of ours; closed at the end."""
    require_extra("api", "openai", "anthropic", "google.genai", "tenacity")
    made = []

    def make(provider: str, server: ModelServer, *, name: str | None = None, **options: Any) -> ApiObserver:
        path = "" if provider in ("anthropic", "google") else "/v1"
        observer = create_observer(SPECS[provider], {"base_url": server.url + path, **FAST, **options}, name=name)
        assert isinstance(observer, ApiObserver)
        made.append(observer)
        return observer

    yield make
    for observer in made:
        observer.close()
