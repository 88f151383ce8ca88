"""What a press answers: a key, or a click or touch on an image. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from visavis.experiments import Choice

from .layout import Placement
from .screen import Press

LEAVE_KEYS = frozenset({"escape", "close"})
"""What asks whether to end the session; ``close`` is the window's own button."""
ENTER_KEYS = frozenset({"return", "num_enter"})


@dataclass(frozen=True)
class GivenAnswer:
    """A press that answered a trial."""

    choice: Choice
    press: Press


def read_answer(press: Press, keys: Mapping[str, Choice], targets: Mapping[Choice, Placement]) -> GivenAnswer | None:
    """Return what a press answers, or None.

    Parameters
    ----------
    press : Press
    keys : mapping
        What each key answers.
    targets : mapping
        Where a click or a touch answers what; empty where the pointer does not answer.
    """
    if press.key == "mouse":
        choice = next((choice for choice, place in targets.items() if place.holds(press.x, press.y)), None)
    else:
        choice = keys.get(press.key)
    return None if choice is None else GivenAnswer(choice, press)


def leave_press(presses: list[Press]) -> Press | None:
    """Return the first press that asks to leave, or None."""
    return next((press for press in presses if press.key in LEAVE_KEYS), None)
