from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from screens import Behaviour, ScriptedScreen, diligent

from visavis.observers.human import HumanObserver, HumanOptions

MakePerson = Callable[..., tuple[HumanObserver, ScriptedScreen]]


@pytest.fixture
def person() -> MakePerson:
    """Make a participant before a screen that nobody sees."""

    def make(
        behave: Behaviour | None = None, size: tuple[int, int] = (1000, 800), name: str = "P07", **options: Any
    ) -> tuple[HumanObserver, ScriptedScreen]:
        screen = ScriptedScreen(behave or diligent(), size)
        return HumanObserver(name, HumanOptions(**options), lambda *_: screen), screen

    return make
