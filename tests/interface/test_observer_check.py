"""Three trials with known answers, for seeing whether an observer works and what it sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from extras import require_extra

from visavis import create_observer
from visavis.experiments import Observer
from visavis.observer_check import CheckedTrial, check_observer


def tried(observer: Observer) -> tuple[list[CheckedTrial], list[str], list[str]]:
    warned: list[str] = []
    told: list[str] = []
    return list(check_observer(observer, warned.append, told.append)), warned, told


def test_who_knows_is_right_three_times_and_who_guesses_a_side_is_not() -> None:
    lines, warned, told = tried(create_observer("metric:rms_contrast"))
    assert [line.correct for line in lines] == [True] * 3
    assert len({line.shown for line in lines}) == 3
    assert {line.answer for line in lines} == {"left (contrast-high)", "right (contrast-high)"}
    assert (warned, told) == ([], [])


@pytest.mark.filterwarnings("ignore")  # torch's and transformers' own
def test_a_local_model_tells_what_it_runs_on_and_what_its_processor_makes_of_images(tmp_path: Path) -> None:
    require_extra("local", "torch", "transformers")
    from tiny_models import make_internvl

    observer = create_observer(f"transformers:{make_internvl(tmp_path / 'tiny')}", {"device": "cpu"})
    lines, warned, told = tried(observer)
    assert warned == ["the processor makes 56×56 in 5 tiles of 384×288 images"]
    said = dict(line.split(maxsplit=1) for line in told)
    assert (said["device"], said["dtype"]) == ("cpu", "float32")
    assert said["torch"][0].isdigit()
    assert any("InternVLProcessor" in line for line in told)
    for line in lines:
        assert line.details["image left"] == "384×288 px, seen as 56×56 in 5 tiles, 20 tokens"
        assert 0 < line.details["p_left"] < 1
