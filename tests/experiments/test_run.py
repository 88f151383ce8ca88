"""Sessions: whatever ends a run, what was answered stays, and only what is missing is asked again."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import answering
import pandas as pd
import pytest
from answering import Scripted, by_hash
from PIL import Image

from visavis.experiments import (
    COLUMNS,
    Definition,
    Experiment,
    ObserverError,
    Response,
    SessionError,
    Trial,
    load_trials,
    run,
    session_status,
    write_trials,
)
from visavis.experiments.session import EVENTS, MANIFEST, PLAN, session_folder
from visavis.experiments.session_log import SessionLog

TIMES = ["onset", "answered_at", "response_time_s"]


def same_but_for_times(first: pd.DataFrame, second: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(first.drop(columns=TIMES), second.drop(columns=TIMES))


@pytest.fixture
def whole(experiment: Experiment, tmp_path: Path) -> pd.DataFrame:
    """The table of a run that nothing interrupted."""
    run(experiment, Scripted(), tmp_path / "whole")
    return load_trials(tmp_path / "whole")


def test_a_run_asks_every_trial_of_the_plan_in_order(experiment: Experiment, tmp_path: Path) -> None:
    observer = Scripted()
    result = run(experiment, observer, tmp_path)
    plan = experiment.plan("P1")
    assert observer.asked == [trial.id for trial in plan]
    assert (result.planned, result.answered, result.complete) == (len(plan), len(plan), True)
    assert result.outcomes == {"choice": len(plan)}
    assert observer.closed


def test_the_table_says_what_was_asked_and_answered(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path)
    table = load_trials(tmp_path)
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == {
        name: dtype for name, (dtype, _) in COLUMNS.items()
    }
    for row, trial in zip(table.to_dict("records"), experiment.plan("P1"), strict=True):
        response = by_hash(trial)
        assert (row["trial"], row["left"], row["right"]) == (trial.id, trial.left, trial.right)
        assert row["choice"] == response.choice
        assert row["chosen"] == trial.rendition(response.choice)  # type: ignore[arg-type]
        assert row["definition_sha256"] == experiment.definition.sha256
        assert row["response_time_s"] == 0.25


def test_a_session_that_another_process_began_meanwhile_is_gone_on_with(
    experiment: Experiment, tmp_path: Path, whole: pd.DataFrame
) -> None:
    class Slow(Scripted):
        def prepare(self, experiment: Experiment) -> list[str]:
            run(experiment, Scripted(), tmp_path / "data", limit=5)
            return super().prepare(experiment)

    result = run(experiment, Slow(), tmp_path / "data")
    assert (result.before, result.complete) == (5, True)
    same_but_for_times(load_trials(tmp_path / "data"), whole)


def test_what_is_no_experiment_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"Experiment\.load"):
        run("study.yaml", Scripted(), tmp_path)  # type: ignore[arg-type]


def test_a_finished_session_is_not_asked_again(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path)
    again = Scripted()
    assert run(experiment, again, tmp_path).complete
    assert again.asked == []


def test_a_limit_ends_a_run_that_the_next_one_goes_on_with(
    experiment: Experiment, tmp_path: Path, whole: pd.DataFrame
) -> None:
    first, second = Scripted(), Scripted()
    assert not run(experiment, first, tmp_path / "data", limit=5).complete
    assert run(experiment, second, tmp_path / "data").complete
    assert len(first.asked) == 5
    assert not set(first.asked) & set(second.asked)
    same_but_for_times(load_trials(tmp_path / "data"), whole)


def test_killed_at_random_moments_and_resumed_the_table_is_the_uninterrupted_one(images: Path, tmp_path: Path) -> None:
    definition = tmp_path / "study.yaml"
    definition.write_text(
        "visavis: 1\nname: kill\nseed: 3\nstimuli: {folder: images}\nrepetitions: 8\n"
        "attributes: {contrast: {question: Which?}, preference: {question: Which?}}\n"
    )
    moments, kills, seen = random.Random(20), 0, 0
    command = [sys.executable, str(Path(answering.__file__)), str(definition), str(tmp_path / "killed")]
    events = session_folder(tmp_path / "killed", "P1", "1") / EVENTS
    while kills < 5:
        process = subprocess.Popen([*command, "0.004"])
        while process.poll() is None and (not events.exists() or events.read_bytes().count(b"\n") < seen + 4):
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.1))
        process.kill()
        assert process.wait() != 0, "the run ended before it was killed: ask more trials"
        kills += 1
        answered = len(load_trials(tmp_path / "killed"))
        assert answered >= seen, "an answer that was on disk is gone"
        seen = events.read_bytes().count(b"\n")
    subprocess.run([*command, "0"], check=True)
    run(Experiment.load(definition), Scripted(), tmp_path / "whole")
    same_but_for_times(load_trials(tmp_path / "killed"), load_trials(tmp_path / "whole"))


def test_an_interruption_from_the_keyboard_is_recorded_and_passed_on(
    experiment: Experiment, tmp_path: Path, whole: pd.DataFrame
) -> None:
    def interrupted(trial: Trial) -> Response:
        if trial.index == 4:
            raise KeyboardInterrupt
        return by_hash(trial)

    observer = Scripted(interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(experiment, observer, tmp_path / "data")
    assert observer.closed
    folder = session_folder(tmp_path / "data", "P1", "1")
    last = json.loads((folder / EVENTS).read_text(encoding="utf-8").splitlines()[-1])
    assert (last["event"], last["reason"]) == ("stop", "interrupted from the keyboard")
    run(experiment, Scripted(), tmp_path / "data")
    same_but_for_times(load_trials(tmp_path / "data"), whole)


def test_another_thread_ends_a_run_as_the_keyboard_does(
    experiment: Experiment, tmp_path: Path, whole: pd.DataFrame
) -> None:
    stop = threading.Event()

    def answering(trial: Trial) -> Response:
        if trial.index == 4:
            stop.set()
        return by_hash(trial)

    with pytest.raises(KeyboardInterrupt):
        run(experiment, Scripted(answering), tmp_path / "data", stop=stop)
    assert len(load_trials(tmp_path / "data")) == 5
    run(experiment, Scripted(), tmp_path / "data")
    same_but_for_times(load_trials(tmp_path / "data"), whole)


def test_failures_are_asked_again_and_answers_of_the_observer_are_not(experiment: Experiment, tmp_path: Path) -> None:
    def sometimes(trial: Trial) -> Response:
        outcome = {0: "error", 1: "aborted", 2: "refusal", 3: "invalid", 4: "truncated", 5: "filtered"}.get(trial.index)
        return Response(trial.id, outcome) if outcome else by_hash(trial)  # type: ignore[arg-type]

    first = run(experiment, Scripted(sometimes), tmp_path)
    assert first.answered == first.planned - 2
    second = Scripted()
    assert run(experiment, second, tmp_path).complete
    assert second.asked == [trial.id for trial in experiment.plan("P1")[:2]]
    outcomes = load_trials(tmp_path)["outcome"].tolist()
    assert outcomes[:6] == ["choice", "choice", "refusal", "invalid", "truncated", "filtered"]
    every = load_trials(tmp_path, every_response=True)
    assert every["trial"].tolist() == [*(trial.id for trial in experiment.plan("P1")), *second.asked]
    assert every["outcome"].tolist() == ["error", "aborted", *outcomes[2:], "choice", "choice"]
    standing = every.iloc[2:].sort_values("trial_index", ignore_index=True)
    assert standing.equals(load_trials(tmp_path))


@pytest.mark.parametrize("torn", [b'{"event":"response","tri', b'{"event":"response","trial":"x"', b"\xff\xfe"])
def test_a_torn_last_line_is_cut_off_before_more_is_written(
    experiment: Experiment, tmp_path: Path, torn: bytes, whole: pd.DataFrame
) -> None:
    run(experiment, Scripted(), tmp_path / "data", limit=3)
    events = session_folder(tmp_path / "data", "P1", "1") / EVENTS
    with events.open("ab") as file:
        file.write(torn)
    assert len(load_trials(tmp_path / "data")) == 3
    run(experiment, Scripted(), tmp_path / "data")
    same_but_for_times(load_trials(tmp_path / "data"), whole)
    assert all(json.loads(line) for line in events.read_bytes().splitlines())


def test_an_answer_whose_newline_alone_is_missing_is_kept(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path, limit=3)
    events = session_folder(tmp_path, "P1", "1") / EVENTS
    lines = events.read_bytes().splitlines()
    events.write_bytes(b"\n".join(line for line in lines if b'"stop"' not in line))
    again = Scripted()
    run(experiment, again, tmp_path)
    assert again.asked == [trial.id for trial in experiment.plan("P1")[3:]]
    assert len(load_trials(tmp_path)) == len(experiment.plan("P1"))


def test_damage_in_the_middle_is_named_with_its_line(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path)
    events = session_folder(tmp_path, "P1", "1") / EVENTS
    lines = events.read_bytes().splitlines(keepends=True)
    lines[6] = b'{"event": "resp\n'
    events.write_bytes(b"".join(lines))
    for read in (lambda: load_trials(tmp_path), lambda: run(experiment, Scripted(), tmp_path)):
        with pytest.raises(SessionError, match=r"events\.jsonl: line 7 is damaged .* restore the file from a copy"):
            read()


def test_one_process_writes_a_session_at_a_time(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path, limit=1)
    with (
        SessionLog(session_folder(tmp_path, "P1", "1")),
        pytest.raises(SessionError, match="another process is running this session"),
    ):
        run(experiment, Scripted(), tmp_path)
    assert run(experiment, Scripted(), tmp_path).complete


def test_a_changed_definition_is_refused_and_the_change_named(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path, limit=1)
    changed = replace(experiment, definition=experiment.definition.model_copy(update={"seed": 8, "ties": True}))
    with pytest.raises(SessionError, match=r"began with another definition \(changed: ties, seed\)"):
        run(changed, Scripted(), tmp_path)


def test_changed_images_are_refused_and_the_first_named(experiment: Experiment, images: Path, tmp_path: Path) -> None:
    from visavis.experiments.experiment import load_stimuli

    run(experiment, Scripted(), tmp_path / "data", limit=1)
    Image.new("RGB", (16, 12), "red").save(images / "market" / "c3.png")
    changed = Experiment(experiment.definition, load_stimuli(experiment.definition, images.parent))
    with pytest.raises(SessionError, match=r"the images have changed .*scene 'market', rendition 'c3'"):
        run(changed, Scripted(), tmp_path / "data")


def test_another_number_of_repetitions(experiment: Experiment, tmp_path: Path) -> None:
    result = run(experiment, Scripted(), tmp_path, repetitions=1)
    assert result.planned * 3 == len(experiment.plan("P1"))
    assert load_trials(tmp_path)["definition_sha256"].unique().tolist() == [experiment.definition.sha256]
    with pytest.raises(SessionError, match="began with 1 repetitions, not 3"):
        run(experiment, Scripted(), tmp_path)


def test_a_second_session_is_another_plan_in_the_same_table(experiment: Experiment, tmp_path: Path) -> None:
    for session in ("1", "2"):
        run(experiment, Scripted(), tmp_path, session=session)
    table = load_trials(tmp_path)
    first, second = (part["trial"].tolist() for _, part in table.groupby("session"))
    assert len(first) == len(second) == len(table) / 2
    assert first != second


def test_names_that_no_file_system_takes(experiment: Experiment, tmp_path: Path) -> None:
    names = ["Qwen/Qwen3-VL:32B", "NUL", "Zoë", "..", "a" * 300, "Qwen-Qwen3-VL-32B"]
    for name in names:
        run(experiment, Scripted(name=name), tmp_path, limit=1)
    assert sorted(load_trials(tmp_path)["observer"]) == sorted(names)


def test_a_session_folder_of_someone_else_is_refused(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path, limit=1)
    session_folder(tmp_path, "P1", "1").parent.rename(session_folder(tmp_path, "P2", "1").parent)
    with pytest.raises(SessionError, match="belongs to 'P1'"):
        run(experiment, Scripted(name="P2"), tmp_path)


@pytest.mark.parametrize("answer", ["nobody/asked/for/this/1", None])
def test_an_observer_that_answers_what_it_was_not_asked_is_stopped(
    experiment: Experiment, tmp_path: Path, answer: str | None
) -> None:
    first = experiment.plan("P1")[0].id
    observer = Scripted(lambda _: Response(answer or first, "choice", "left"))
    with pytest.raises(ObserverError, match="which it was not asked or had answered already"):
        run(experiment, observer, tmp_path)
    assert len(load_trials(tmp_path, unanswered=True)) == len(experiment.plan("P1"))


class Careless(Scripted):
    """Breaks the contract in one way."""

    def __init__(self, returned: Any = None, **wrong: Any) -> None:
        super().__init__()
        self.returned = returned
        for name, value in wrong.items():
            setattr(self, name, value)

    def respond(self, trials: Sequence[Trial]) -> Any:  # noqa: ARG002 - it does not care
        return self.returned


@pytest.mark.parametrize(
    ("observer", "message"),
    [
        (Careless(kind="model"), "P1: 'kind' must be one of human, vlm, metric, simulated, not 'model'"),
        (Careless(name=""), "Careless has no name: set 'name' to who answers"),
        (Careless([]), r"P1: 'respond' must yield its responses, not return \[\]"),
        (Careless(), "P1: 'respond' must yield its responses, not return None"),
        (Careless(iter(["left"])), "P1 yielded 'left', expected a Response"),
    ],
)
def test_an_observer_that_breaks_the_contract_is_told_how(
    experiment: Experiment, tmp_path: Path, observer: Careless, message: str
) -> None:
    with pytest.raises(ObserverError, match=message):
        run(experiment, observer, tmp_path)


def test_what_is_no_observer_and_no_limit_is_refused(experiment: Experiment, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="expected an Observer, got str: make one"):
        run(experiment, "metric:rms_contrast", tmp_path)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limit must be at least 1, not -3"):
        run(experiment, Scripted(), tmp_path, limit=-3)
    assert list(tmp_path.glob("P1*")) == []


def test_a_session_may_be_numbered(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path, session=2)  # type: ignore[arg-type]
    assert load_trials(tmp_path)["session"].unique().tolist() == ["2"]
    assert load_trials(tmp_path)["trial"].tolist() == [trial.id for trial in experiment.plan("P1", "2")]
    assert experiment.plan("P1", 2) == experiment.plan("P1", "2")  # type: ignore[arg-type]


def test_a_table_in_one_file_is_read_by_its_name(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path / "results")
    trials = load_trials(tmp_path / "results")
    file = write_trials(trials, tmp_path / "all")
    pd.testing.assert_frame_equal(load_trials(file), trials)
    with pytest.raises(SessionError, match=r"no such folder, nor a file \*\.trials\.csv"):
        load_trials(tmp_path / "results.csv")


def test_what_an_observer_warns_of_is_told_before_the_first_trial(experiment: Experiment, tmp_path: Path) -> None:
    class Resampling(Scripted):
        def prepare(self, experiment: Experiment) -> list[str]:
            return [*super().prepare(experiment), "the images will be resampled"]

    told: list[tuple[str, int]] = []
    observer = Resampling()
    run(experiment, observer, tmp_path, warn=lambda text: told.append((text, len(observer.asked))))
    assert told == [("the images will be resampled", 0)]


def test_an_observer_that_cannot_do_it_leaves_no_session_behind(experiment: Experiment, tmp_path: Path) -> None:
    class OneSided(Scripted):
        def prepare(self, experiment: Experiment) -> list[str]:
            raise ObserverError(f"{self.name} cannot do {experiment.definition.name}")

    observer = OneSided()
    with pytest.raises(ObserverError, match="P1 cannot do small"):
        run(experiment, observer, tmp_path / "data")
    assert observer.closed
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (MANIFEST, "{", r"manifest\.json: damaged manifest"),
        (MANIFEST, '{"format": 99}', "written in format 99, this version of visavis reads 1"),
        (PLAN, "trial\n", r"plan\.csv: changed since the session began: restore it from a copy"),
    ],
)
def test_damaged_files_are_named(experiment: Experiment, tmp_path: Path, file: str, content: str, message: str) -> None:
    run(experiment, Scripted(), tmp_path, limit=1)
    (session_folder(tmp_path, "P1", "1") / file).write_text(content)
    with pytest.raises(SessionError, match=message):
        load_trials(tmp_path)


def test_answers_whose_manifest_is_gone_are_not_built_upon(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path, limit=2)
    (session_folder(tmp_path, "P1", "1") / MANIFEST).unlink()
    with pytest.raises(SessionError, match=r"answers without the manifest\.json that they belong to"):
        run(experiment, Scripted(), tmp_path)


@pytest.mark.parametrize("provenance", [{"path": Path("x")}, {"score": float("nan")}])
def test_a_response_that_is_no_json_stops_the_run_and_keeps_the_rest(
    experiment: Experiment, tmp_path: Path, provenance: dict[str, object]
) -> None:
    def broken(trial: Trial) -> Response:
        return replace(by_hash(trial), provenance=provenance if trial.index == 3 else {})

    with pytest.raises(ObserverError, match=r"cannot be written as JSON .* every answer before it is saved"):
        run(experiment, Scripted(broken), tmp_path)
    assert len(load_trials(tmp_path)) == 3
    assert run(experiment, Scripted(), tmp_path).complete


def test_a_folder_without_sessions_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="no sessions here"):
        load_trials(tmp_path)
    with pytest.raises(SessionError, match="no such folder"):
        load_trials(tmp_path / "nowhere")


def test_a_copied_session_is_not_counted_twice(experiment: Experiment, tmp_path: Path) -> None:
    import shutil

    run(experiment, Scripted(), tmp_path / "data", limit=1)
    shutil.copytree(session_folder(tmp_path / "data", "P1", "1"), tmp_path / "data" / "copy")
    with pytest.raises(SessionError, match="are both session '1' of 'P1': remove the copy"):
        load_trials(tmp_path / "data")


def test_a_folder_that_is_a_file_is_an_error_that_says_so(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(SessionError, match=r"cannot write a session here .*: choose another folder"):
        run(experiment, Scripted(), tmp_path / "data")


def test_status_tells_how_far_each_session_has_come(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path)
    run(experiment, Scripted(name="P2"), tmp_path, limit=4)
    table = session_status(load_trials(tmp_path, unanswered=True)).set_index("observer")
    assert table["state"].to_dict() == {"P1": "complete", "P2": "unfinished"}
    assert table["answered"].to_dict() == {"P1": len(experiment.plan("P1")), "P2": 4}
    assert table["choice"].to_dict() == table["answered"].to_dict()


def test_the_recorded_definition_is_the_one_that_was_run(experiment: Experiment, tmp_path: Path) -> None:
    from visavis.experiments.session import read_manifest

    run(experiment, Scripted(), tmp_path, limit=1)
    manifest = read_manifest(session_folder(tmp_path, "P1", "1"))
    assert manifest.read_definition() == experiment.definition
    assert isinstance(manifest.read_definition(), Definition)
    assert {(s["scene"], s["rendition"]): s["pixels_sha256"] for s in manifest.stimuli} == {
        (s.scene, s.rendition): s.pixels_sha256 for s in experiment.stimuli.values()
    }


def test_ctrl_c_while_an_answer_is_written_loses_neither_it_nor_what_is_under_way() -> None:
    from visavis.experiments.run import for_each

    def observer() -> Iterator[Response]:
        trial = 0
        try:
            while True:
                trial += 1
                yield Response(f"t{trial}", "choice", "left")
        except KeyboardInterrupt:
            yield Response("under way", "choice", "left")
            raise

    written: list[str] = []
    interrupted = [False]

    def record(response: Response) -> None:
        if response.trial == "t3" and not interrupted[0]:
            interrupted[0] = True
            raise KeyboardInterrupt
        written.append(response.trial)

    with pytest.raises(KeyboardInterrupt):
        for_each(observer(), record)
    assert written == ["t1", "t2", "t3", "under way"]
