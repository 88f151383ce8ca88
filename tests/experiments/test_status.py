"""How far sessions have come is what the whole logs say, and is read from their ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from answering import Scripted, by_hash

from visavis.experiments import (
    Experiment,
    Response,
    SessionError,
    Trial,
    load_trials,
    read_status,
    run,
    session_status,
    status,
    write_trials,
)
from visavis.experiments.session import EVENTS, PLAN


def fails_twice(trial: Trial) -> Response:
    return Response(trial.id, "error") if trial.index < 2 else by_hash(trial)


@pytest.fixture
def results(experiment: Experiment, tmp_path: Path) -> Path:
    """One session complete, one limited, one with failures, one asked again after them."""
    folder = tmp_path / "results"
    run(experiment, Scripted(), folder)
    run(experiment, Scripted(name="P2"), folder, limit=4)
    run(experiment, Scripted(fails_twice, name="P3"), folder)
    run(experiment, Scripted(fails_twice, name="P4"), folder)
    run(experiment, Scripted(name="P4"), folder, limit=1)
    return folder


def same_as_whole_logs(results: Path) -> pd.DataFrame:
    found = read_status(results)
    expected = session_status(load_trials(results, unanswered=True))
    expected.columns = pd.Index(list(expected.columns))
    pd.testing.assert_frame_equal(found, expected, check_like=True, check_dtype=False)
    return found


def test_it_is_that_of_the_whole_logs(results: Path) -> None:
    found = same_as_whole_logs(results).set_index("observer")
    assert found["state"].to_dict() == {"P1": "complete", "P2": "unfinished", "P3": "unfinished", "P4": "unfinished"}
    assert found["error"].to_dict() == {"P1": 0, "P2": 0, "P3": 2, "P4": 1}


def test_a_log_whose_end_says_it_is_not_read_whole(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the whole log was read")

    monkeypatch.setattr(status, "read_columns", refuse)
    assert len(read_status(results)) == 4


@pytest.mark.parametrize("lines", [0, 1, 3])
@pytest.mark.parametrize("torn", [b"", b'{"event":"resp'])
def test_a_session_that_was_killed_or_is_running_is_read_whole(results: Path, lines: int, torn: bytes) -> None:
    for log in results.rglob(EVENTS):
        kept = log.read_bytes().splitlines(keepends=True)[:lines]
        log.write_bytes(b"".join(kept) + torn)
    found = same_as_whole_logs(results)
    assert (found["answered"] <= max(lines - 1, 0)).all()


def test_a_changed_end_is_not_believed(results: Path) -> None:
    log = results / "P2" / "1" / EVENTS
    log.write_bytes(log.read_bytes().replace(b'"planned":', b'"planned":1'))
    with pytest.raises(SessionError, match="is damaged"):
        read_status(results / "P2", strict=True)


def test_a_session_that_cannot_be_read_is_left_out_by_name(results: Path) -> None:
    (results / "P2" / "1" / EVENTS).unlink()
    (results / "P2" / "1" / PLAN).unlink()
    warned: list[str] = []
    assert set(read_status(results, warn=warned.append)["observer"]) == {"P1", "P3", "P4"}
    assert len(warned) == 1
    assert "P2" in warned[0]
    with pytest.raises(SessionError, match="P2"):
        read_status(results, strict=True)


def test_a_session_found_twice_is_refused_and_a_table_in_one_file_is_read(results: Path, tmp_path: Path) -> None:
    write_trials(load_trials(results / "P1"), tmp_path / "apart" / "one.trials.csv")
    assert read_status(tmp_path / "apart")["answered"].tolist() == read_status(results / "P1")["answered"].tolist()
    with pytest.raises(SessionError, match="found twice: remove the copy"):
        read_status([results, tmp_path / "apart"])
