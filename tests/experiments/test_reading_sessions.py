"""Logs become one table: many sessions at once, and what the log says of an answer as the text that it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from answering import Scripted, by_hash
from hypothesis import given
from hypothesis import strategies as st

from visavis.experiments import Experiment, Response, Trial, load_trials, run, session_log, table
from visavis.experiments.plan import plan_columns
from visavis.experiments.session import EVENTS, create_session, read_manifest
from visavis.experiments.session_log import _line, _read_line

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def text_of(line: bytes) -> Any:
    return json.loads(_read_line(line, texts=True)[0]["provenance"])


@given(
    trial=st.text() | st.just('a,"provenance":{"b":1}'),
    provenance=st.dictionaries(st.text(max_size=8), JSON, max_size=4),
)
def test_provenance_is_kept_as_the_text_of_the_log(trial: str, provenance: dict[str, Any]) -> None:
    event = {"event": "response", "trial": trial, "outcome": "refusal", "provenance": provenance}
    line = _line(event).removesuffix(b"\n")
    assert text_of(line) == provenance
    assert _read_line(line)[0] == event


def test_of_a_line_whose_checksum_holds_provenance_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counted(text: str) -> Any:
        parsed.append(text)
        return json.loads(text)

    monkeypatch.setattr(session_log, "_decode", counted)
    line = _line({"event": "response", "trial": "a", "outcome": "refusal", "provenance": {"reply": "x" * 500}})
    _read_line(line.removesuffix(b"\n"), texts=True)
    assert [len(text) < 100 for text in parsed] == [True]


@pytest.mark.parametrize("line", [
    b'{"event":"response","trial":"a","outcome":"refusal","provenance":{"reply":"x"},"attempts":1}',
    b'{"event": "response", "trial": "a", "provenance": {"reply": "x"}, "outcome": "refusal"}',
])  # fmt: skip
def test_provenance_of_a_line_without_checksum_is_parsed_and_written_anew(line: bytes) -> None:
    assert _read_line(line, texts=True)[0]["provenance"] == '{"reply":"x"}'


def test_damage_within_provenance_is_found_by_the_checksum() -> None:
    line = _line({"event": "response", "trial": "a", "outcome": "refusal", "provenance": {"reply": "x"}})
    with pytest.raises(ValueError, match="its checksum is another"):
        _read_line(line.removesuffix(b"\n").replace(b'"x"', b'"y"'), texts=True)


def test_in_whatever_portions_the_sessions_are_read_the_table_is_the_same(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("P10", "P2", "a"):
        run(experiment, Scripted(name=name), tmp_path, limit=None if name == "P2" else 3)
    portions = []
    for rows in (1, 4, 10_000):
        monkeypatch.setattr(table, "_CHUNK", rows)
        portions.append([load_trials(tmp_path, unanswered=unanswered) for unanswered in (False, True)])
    for answered, planned in portions[1:]:
        pd.testing.assert_frame_equal(answered, portions[0][0])
        pd.testing.assert_frame_equal(planned, portions[0][1])
    answered, planned = portions[0]
    assert list(dict.fromkeys(answered["observer"])) == ["P10", "P2", "a"]
    assert len(answered) == len(experiment.plan("P2")) + 6
    pd.testing.assert_frame_equal(planned[planned["outcome"].notna()].reset_index(drop=True), answered)


def test_every_response_stands_in_the_order_of_the_log(experiment: Experiment, tmp_path: Path) -> None:
    def fails_first(trial: Trial) -> Response:
        return Response(trial.id, "error") if not trial.index else by_hash(trial)

    folder = run(experiment, Scripted(answer=fails_first), tmp_path).folder
    run(experiment, Scripted(), tmp_path)
    events = [json.loads(line) for line in (folder / EVENTS).read_text(encoding="utf-8").splitlines()]
    logged = [(event["trial"], event["outcome"]) for event in events if event["event"] == "response"]
    every = load_trials(tmp_path, every_response=True)
    assert list(zip(every["trial"], every["outcome"], strict=True)) == logged
    assert len(logged) == len(experiment.plan("P1")) + 1


def test_a_plan_is_read_as_it_was_written(experiment: Experiment) -> None:
    plan = experiment.plan("P1")
    columns = plan_columns(plan.to_csv())
    frame = plan.to_frame()
    assert list(columns) == list(frame.columns)
    assert columns["trial_index"] == list(range(len(plan)))
    assert columns["reference"] == [trial.reference for trial in plan]
    assert columns["trial"] == [trial.id for trial in plan]


def test_a_session_that_another_process_began_and_answers_is_left_as_it_is(
    experiment: Experiment, tmp_path: Path
) -> None:
    folder = run(experiment, Scripted(), tmp_path, limit=2).folder
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    manifest = read_manifest(folder)
    create_session(folder, manifest, experiment.plan("P1"))
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == before
