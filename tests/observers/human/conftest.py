from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from extras import require_extra
from screens import Behaviour, ScriptedScreen, diligent
from x_display import require_display

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


@pytest.fixture(scope="module")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A display that nobody sees, and a home that PsychoPy may write in."""
    require_extra("human", "psychopy", "Xlib")
    name = require_display()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", name)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.delitem(sys.modules, "sphinx", raising=False)  # with it loaded pyglet takes itself for being documented
        import pyglet  # noqa: F401

        yield name


@pytest.fixture
def window(display: str) -> Iterator[Callable[..., Any]]:  # noqa: ARG001 - there must be one
    """Open windows, which are closed at the end."""
    from visavis.observers.human.psychopy_screen import PsychoPyScreen

    opened: list[PsychoPyScreen] = []

    def make(
        size: tuple[int, int] = (1000, 700), background: tuple[int, int, int] = (128, 128, 128), **more: Any
    ) -> Any:
        opened.append(PsychoPyScreen(HumanOptions(window=size, **more), background))
        return opened[-1]

    yield make
    for screen in opened:
        screen.close()
