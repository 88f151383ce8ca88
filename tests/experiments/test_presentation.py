"""The keys of the definition that belong to people."""

from __future__ import annotations

from typing import Any

import pytest
from definitions import definition_data

from visavis.experiments import Definition, DefinitionError
from visavis.experiments.presentation import FormField


def problem(**presentation: Any) -> str:
    with pytest.raises(DefinitionError) as caught:
        Definition.from_dict(definition_data(presentation=presentation))
    (only,) = caught.value.problems
    return only


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"left": ["lft"]}, "unknown key 'lft': did you mean 'left'?"),
        ({"left": ["Left"]}, "unknown key 'Left': did you mean 'left'?"),
        ({"tie": ["%"]}, "unknown key '%': see the names of PsychoPy's Keyboard"),
        ({"right": ["escape"]}, "'escape' ends the session and cannot be an answer"),
        ({"left": ["f"], "right": ["f"]}, "a key stands for two answers"),
    ],
)
def test_keys_that_could_never_answer_are_refused(keys: dict[str, list[str]], told: str) -> None:
    assert told in problem(keys=keys)


def test_keys_have_the_names_of_psychopys_keyboard_on_every_system() -> None:
    names = ["left", "num_4", "7", "semicolon", "lctrl", "f12", "space"]
    definition = Definition.from_dict(
        definition_data(presentation={"keys": {"left": names, "right": ["j"], "tie": ["q"]}})
    )
    assert definition.presentation.keys.left == tuple(names)


def test_choices_in_several_languages_stand_in_the_data_in_one() -> None:
    field = FormField(name="hand", ask="?", choices=({"de": "links", "en": "left"}, {"zh": "右"}, "both"))
    assert field.recorded == ("left", "右", "both")
    assert "lists the same answer twice" in problem(
        form=[{"name": "hand", "ask": "?", "choices": [{"de": "ja", "en": "yes"}, "yes"]}]
    )
