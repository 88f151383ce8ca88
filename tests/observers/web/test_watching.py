"""What the experimenter's page is told: how far each session is, with each line of a log read once."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsers import write_study

from visavis import Experiment, create_observer, run
from visavis.experiments.session import EVENTS, session_folder
from visavis.observers.web import watching
from visavis.observers.web.watching import SessionProgress


def answer(folder: Path, limit: int) -> None:
    observer = create_observer(
        "simulated:web-001", options={"values": {"contrast": {"low": 0.0, "middle": 1.0, "high": 2.0}}}
    )
    run(Experiment.load(folder / "study.yaml"), observer, folder / "results", limit=limit, warn=lambda _: None)


def test_a_refresh_reads_what_was_appended_and_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_study(tmp_path)
    read: list[int] = []
    read_new = watching.read_new

    def counting(folder: Path, offset: int) -> tuple[list[dict[str, object]], int]:
        events, end = read_new(folder, offset)
        read.append(len(events))
        return events, end

    monkeypatch.setattr(watching, "read_new", counting)
    progress = SessionProgress(session_folder(tmp_path / "results", "web-001", "1"))
    assert progress.summary()["planned"] == 0
    answer(tmp_path, 3)
    assert (progress.summary()["answered"], progress.summary()["planned"]) == (3, 6)
    answer(tmp_path, 2)
    found = progress.summary()
    assert (found["answered"], found["outcomes"]) == (5, {"choice": 5})
    assert read == [5, 0, 4]  # a start and a stop beside the answers
    assert [progress.is_answered(n) for n in (0, 4, 5, 6, -1)] == [True, True, False, False, False]


def test_a_line_that_is_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    write_study(tmp_path)
    folder = session_folder(tmp_path / "results", "web-001", "1")
    progress = SessionProgress(folder)
    answer(tmp_path, 4)
    whole = (folder / EVENTS).read_bytes()
    cut = whole.rindex(b'{"event":"response"') + 30
    (folder / EVENTS).write_bytes(whole[:cut])
    assert progress.summary()["answered"] == 3
    (folder / EVENTS).write_bytes(whole)
    assert progress.summary()["answered"] == 4
