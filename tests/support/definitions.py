"""A small valid definition for tests."""

from __future__ import annotations

from typing import Any


def definition_data(**changes: Any) -> dict[str, Any]:
    """Return the definition as plain Python, with `changes`."""
    return {
        "visavis": 1,
        "name": "small",
        "seed": 7,
        "stimuli": {"folder": "images"},
        "attributes": {
            "contrast": {"question": "Which image has the higher contrast?"},
            "preference": {"question": "Which image do you prefer?"},
        },
        "repetitions": 3,
        **changes,
    }
