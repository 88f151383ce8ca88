"""Sessions of people with PsychoPy's columns: which are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from answering import Scripted

from visavis import run
from visavis.experiments import Experiment, SessionError, import_choices, load_trials
from visavis.observers.human.psychopy_csv import write_psychopy_csv


class Person(Scripted):
    kind = "human"


class Hesitant(Person):
    def respond(self, *_: object) -> None:  # type: ignore[override]
        raise KeyboardInterrupt


def test_sessions_without_answers_are_left_out(make_experiment: Callable[..., Experiment], tmp_path: Path) -> None:
    experiment = make_experiment()
    with pytest.raises(KeyboardInterrupt):
        run(experiment, Hesitant(name="P2"), tmp_path / "results")
    with pytest.raises(SessionError, match="hold no answers yet"):
        write_psychopy_csv(tmp_path / "results", tmp_path / "csv")
    assert not (tmp_path / "csv").exists()
    run(experiment, Person(name="P1"), tmp_path / "results", limit=3)
    (written,) = write_psychopy_csv(tmp_path / "results", tmp_path / "csv")
    assert pd.read_csv(written)["participant"].tolist() == ["P1"] * 3


def test_what_is_written_comes_back_with_its_phases_answers_and_repetitions(
    make_experiment: Callable[..., Experiment], tmp_path: Path
) -> None:
    catch = {"attribute": "contrast", "scene": "coast", "expect": "c4", "over": "c1"}
    experiment = make_experiment(practice={"trials": 2}, catch=[catch])
    run(experiment, Person(name="007"), tmp_path / "results")
    trials = load_trials(tmp_path / "results")
    (written,) = write_psychopy_csv(tmp_path / "results", tmp_path / "csv")
    back = import_choices(written, "psychopy", experiment=trials["experiment"].iloc[0], warn=[].append)
    same = ["session", "observer", "trial", "phase", "attribute", "scene", "left", "right", "repetition", "expected",
            "outcome", "choice", "chosen"]  # fmt: skip
    assert set(trials["phase"]) == {"practice", "main", "catch"}
    pd.testing.assert_frame_equal(back[same], trials[same])
