"""Sessions of people with PsychoPy's columns: which are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from answering import Scripted

from visavis import run
from visavis.experiments import Experiment, SessionError
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
