"""The human observer's options as they come from a command line."""

from __future__ import annotations

import pytest

from visavis.experiments import ObserverError
from visavis.observers.configurable import parse_options
from visavis.observers.human import HumanObserver, HumanOptions


@pytest.mark.parametrize("text", ["1600x1000", "[1600, 1000]"])
def test_a_windows_size(text: str) -> None:
    found = parse_options(HumanObserver, {"window": text}, "human")
    assert isinstance(found, HumanOptions)
    assert found.window == (1600, 1000)


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("window", "1600", "human:\n  --window: this cannot be read: write it as in --window 1600x1000"),
        ("window", "wide", "human:\n  --window: this cannot be read: write it as in --window 1600x1000"),
        ("window", "100x100", "human:\n  --window: 200×200 pixels is the least"),
        ("width_cm", "wide", "human:\n  --width-cm: expected a number, got 'wide'"),
        ("distance_cm", "-57", "human:\n  --distance-cm: must be greater than 0, got -57"),
        ("screen", "first", "human:\n  --screen: expected a whole number, got 'first'\n"
                            "  --screen: must be 'headless', got 'first'"),
        ("acuity", "1", "human:\n  --acuity: 1 is read as a number, expected text: write it in quotes"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_words(option: str, text: str, message: str) -> None:
    with pytest.raises(ObserverError) as caught:
        parse_options(HumanObserver, {option: text}, "human")
    assert str(caught.value) == message
