"""Every public function that takes a table names the columns that are missing, and the remedy."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import visavis.scaling
from visavis.scaling import ScalingError

BY_VALUES = {"attribute_weights"}
"""Its table has a column an attribute, of any name."""

GIVEN: dict[str, Any] = {
    "attribute": "contrast",
    "scenes": ["s"],
    "items": ["a", "b"],
    "people": ["P"],
    "kind": "sides",
    "observers": ["P"],
    "rule": visavis.scaling.ScreeningRule(),
    "people_name": "people",
}


def takes_a_table(function: Any) -> bool:
    parameters = inspect.signature(function).parameters.values() if inspect.isfunction(function) else ()
    return next((parameter.annotation == "pd.DataFrame" for parameter in parameters), False)


FUNCTIONS = [name for name in visavis.scaling.__all__ if takes_a_table(getattr(visavis.scaling, name))]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in BY_VALUES])
def test_a_table_that_lacks_columns_is_refused_with_the_remedy(name: str) -> None:
    function: Callable[..., Any] = getattr(visavis.scaling, name)
    theirs = pd.DataFrame({"judge": ["P"], "picture_a": ["a"], "picture_b": ["b"], "picked": ["a"]})
    _, *others = inspect.signature(function).parameters.values()
    given = []
    named = {}
    for other in others:
        if other.default is not inspect.Parameter.empty or other.kind is other.VAR_KEYWORD:
            continue
        value = theirs if other.annotation == "pd.DataFrame" else GIVEN[other.name]
        if other.kind is other.KEYWORD_ONLY:
            named[other.name] = value
        else:
            given.append(value)
    with pytest.raises(ScalingError, match=r"lacks the column\(s\) .*; it has judge, .*: rename them, as by"):
        function(theirs, *given, **named)


def test_there_are_such_functions() -> None:
    assert {"compare", "count_choices", "scene_scales", "side_bias", "vr_within"} <= set(FUNCTIONS)
