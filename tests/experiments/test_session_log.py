"""The log and its session: what is damaged is named, what is whole is read, and a session begins once."""

from __future__ import annotations

import json
import multiprocessing
import random
from pathlib import Path
from typing import Any

import pytest
from answering import Scripted, by_hash
from racing import begin

from visavis.experiments import Experiment, Response, SessionError, Trial, load_trials, run
from visavis.experiments.session_log import read_events


@pytest.fixture
def session(experiment: Experiment, tmp_path: Path) -> Path:
    run(experiment, Scripted(), tmp_path / "results", limit=12)
    return tmp_path / "results" / "P1" / "1"


def answers(folder: Path) -> dict[str, Any]:
    return dict(load_trials(folder, strict=True).set_index("trial")["choice"])


def test_every_line_has_a_checksum_that_holds(session: Path) -> None:
    lines = (session / "events.jsonl").read_bytes().splitlines()
    assert all(b',"crc":"' in line for line in lines)
    assert all("crc" not in event for event in read_events(session))


def test_a_single_bit_that_flips_is_found_wherever_it_is(session: Path) -> None:
    log = session / "events.jsonl"
    whole, reference = log.read_bytes(), answers(session)
    draw = random.Random(3)
    refused: list[str] = []
    for _ in range(600):
        place = draw.randrange(len(whole))
        changed = bytearray(whole)
        changed[place] ^= 1 << draw.randrange(8)
        log.write_bytes(bytes(changed))
        try:
            found: dict[str, Any] | str = answers(session)
        except SessionError as error:
            found = str(error)
        if isinstance(found, str):
            refused.append(found)
        else:
            assert found == reference
    assert all("events.jsonl: line" in message for message in refused)
    assert len(refused) > 580  # but for the last newline, and the checksum's own name in the first line


def test_a_log_of_an_older_version_is_read_and_gone_on_with(
    session: Path, experiment: Experiment, tmp_path: Path
) -> None:
    log = session / "events.jsonl"
    reference = answers(session)
    old = [json.loads(line) for line in log.read_bytes().splitlines()]
    log.write_bytes(b"".join(json.dumps({k: v for k, v in one.items() if k != "crc"}).encode() + b"\n" for one in old))
    assert answers(session) == reference
    assert run(experiment, Scripted(), tmp_path / "results").complete
    lines = log.read_bytes().splitlines()
    log.write_bytes(b"\n".join([*lines[:-1], lines[-1].partition(b',"crc"')[0] + b"}", b""]))
    with pytest.raises(SessionError, match="its checksum is missing"):
        answers(session)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"event":"response"}', "line 5 is damaged"),
        (b'{"event":"response","trial":"x","outcome":"banana"}', "outcome must be one of"),
        (b'{"event":"response","trial":[1],"outcome":"error"}', "trial cannot be"),
        (b'{"event":"response","trial":"x","outcome":"choice","choice":"left","p_left":7}', "p_left must lie in"),
        (b'{"event":"response","trial":"x","outcome":"choice","choice":"left","response_time_s":NaN}', "NaN is not"),
        (b'{"event":"response","trial":"x","outcome":"error","answered_at":"soon"}', "answered_at must be a time"),
        (b'{"event":"response","trial":"x","outcome":"error"}', "not in the plan: 'x'"),
        (b'{"event":"pairs"}', "expected pairs"),
        (b'{"event":5}', "expected a JSON object with an event"),
        (b"[" * 100_000, "too deeply nested"),
        (b"\xff", "line 5 is damaged"),
    ],
)
def test_lines_that_no_version_wrote_are_named(session: Path, line: bytes, message: str) -> None:
    log = session / "events.jsonl"
    lines = [one.partition(b',"crc"')[0] + b"}" for one in log.read_bytes().splitlines()]
    log.write_bytes(b"\n".join([*lines[:4], line, *lines[4:], b""]))
    with pytest.raises(SessionError, match=message):
        load_trials(session)


def test_a_changed_manifest_is_found(session: Path) -> None:
    manifest = session / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"observer": "P1"', b'"observer": "P2"'))
    with pytest.raises(SessionError, match="its checksum is another"):
        load_trials(session)


def test_a_session_that_cannot_be_read_is_left_out_by_name(session: Path, experiment: Experiment) -> None:
    results = session.parent.parent
    run(experiment, Scripted(name="P2"), results, limit=3)
    (results / "P2" / "1" / "plan.csv").write_text("x", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"left out: .*P2.1.plan\.csv: changed since the session began"):
        trials = load_trials(results)
    assert set(trials["observer"]) == {"P1"}
    with pytest.raises(SessionError, match="changed since the session began"):
        load_trials(results, strict=True)


def test_a_reply_that_utf8_cannot_hold_is_kept_and_ends_no_run(experiment: Experiment, tmp_path: Path) -> None:
    def odd(trial: Trial) -> Response:
        return Response(trial.id, "invalid", provenance={"raw": "A \ud83d \x1b[31m\0"})

    assert run(experiment, Scripted(odd), tmp_path).complete
    (raw,) = load_trials(tmp_path)["provenance"].map(lambda text: json.loads(text)["raw"]).unique()
    assert raw == "A \\ud83d \x1b[31m\0"


def test_a_folder_with_something_else_in_it_is_left_alone(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "P1" / "1").mkdir(parents=True)
    (tmp_path / "P1" / "1" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SessionError, match=r"holds notes\.txt, and no session: move this folder away"):
        run(experiment, Scripted(), tmp_path)


def test_what_an_older_version_left_of_a_beginning_is_replaced(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "P1" / "1").mkdir(parents=True)
    (tmp_path / "P1" / "1" / "plan.csv").write_text("half", encoding="utf-8")
    assert run(experiment, Scripted(), tmp_path).complete


def test_who_runs_a_session_is_said(session: Path, experiment: Experiment) -> None:
    def meanwhile(trial: Trial) -> Response:
        with pytest.raises(SessionError, match=r"another process is running this session \(process \d+ on .*, since 2"):
            run(experiment, Scripted(), session.parent.parent)
        return by_hash(trial)

    run(experiment, Scripted(meanwhile), session.parent.parent, limit=1)
    assert not (session / ".running.json").exists()


@pytest.mark.parametrize("number", ["ENOLCK", "EINVAL"])
def test_a_disk_without_locks_gets_one_of_files(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    import errno

    from filelock import FileLock

    def refuse(self: FileLock, **_: Any) -> None:
        raise OSError(getattr(errno, number), "no locks here")

    monkeypatch.setattr(FileLock, "acquire", refuse)

    def meanwhile(trial: Trial) -> Response:
        with pytest.raises(SessionError, match=r"or remove .*\.lock-soft if none does"):
            run(experiment, Scripted(), tmp_path)
        return by_hash(trial)

    run(experiment, Scripted(meanwhile), tmp_path, limit=1)
    assert run(experiment, Scripted(), tmp_path).complete


def test_of_many_who_begin_a_session_at_once_one_wins(images: Path, tmp_path: Path) -> None:
    from definitions import definition_data

    for number, seed in enumerate((7, 7, 7, 8)):
        data = definition_data(seed=seed, repetitions=1)
        (images.parent / f"d{number}.yaml").write_text(json.dumps(data), encoding="utf-8")
    context = multiprocessing.get_context("spawn")
    barrier, outcomes = context.Barrier(4), context.Queue()
    results = tmp_path / "race"
    processes = [
        context.Process(target=begin, args=(images.parent / f"d{n}.yaml", results, barrier, outcomes)) for n in range(4)
    ]
    for process in processes:
        process.start()
    found = [outcomes.get(timeout=60) for _ in processes]
    assert any(what == "ran" for what, _ in found)
    for what, message in found:
        assert what == "ran" or "another process is running" in message or "another definition" in message
    for process in processes:
        process.join()
    assert load_trials(results, strict=True)["trial"].is_unique
