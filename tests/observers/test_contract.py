"""Every observer keeps the contract, and the contract catches those that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from answering import Scripted, by_hash

from visavis.experiments import Capabilities, Experiment, Observer, Response, Trial
from visavis.observers import MetricObserver, SimulatedObserver, SimulatedOptions
from visavis.observers.contract_tests import MakeObserver, ObserverContract
from visavis.stimuli import STATISTICS

VALUES = {name: {"low": -1.0, "middle": 0.0, "high": 1.0} for name in ObserverContract.attributes}


class TestSimulated(ObserverContract):
    @pytest.fixture
    def make_observer(self) -> MakeObserver:
        return lambda: SimulatedObserver("sim", SimulatedOptions(values=VALUES))


class TestSimulatedWithProbabilities(ObserverContract):
    @pytest.fixture
    def make_observer(self) -> MakeObserver:
        options = SimulatedOptions(values=VALUES, report_probability=True, refusal_rate=0.1, tie_threshold=0.5)
        return lambda: SimulatedObserver("sim", options)


class TestMetric(ObserverContract):
    @pytest.fixture
    def make_observer(self) -> MakeObserver:
        return lambda: MetricObserver("rms", STATISTICS["rms_contrast"])


class TestScripted(ObserverContract):
    @pytest.fixture
    def make_observer(self) -> MakeObserver:
        return Scripted


class AnswersTwice(Scripted):
    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        for response in super().respond(trials):
            yield response
            yield response


class LeavesOneOut(Scripted):
    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        return super().respond(trials[1:])


class AlwaysTies(Scripted):
    def __init__(self) -> None:
        super().__init__(lambda trial: Response(trial.id, "tie", "tie"))


class MakesUpProbabilities(Scripted):
    def __init__(self) -> None:
        super().__init__(lambda trial: replace(by_hash(trial), p_left=0.5))


class LogsWhatIsNoJson(Scripted):
    def __init__(self) -> None:
        super().__init__(lambda trial: replace(by_hash(trial), provenance={"path": Path("x")}))


class LocalTimes(Scripted):
    def __init__(self) -> None:
        super().__init__(lambda trial: replace(by_hash(trial), answered_at="2026-01-01T12:00:00"))


class AnswersByWhatCameBefore(Scripted):
    capabilities = Capabilities(deterministic=True)

    def __init__(self) -> None:
        super().__init__(lambda trial: Response(trial.id, "choice", "left" if len(self.asked) % 2 else "right"))


class CannotBeStopped(Scripted):
    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        return iter([by_hash(trial) for trial in trials])


class SilentAboutWhatItCannotDo(Scripted):
    capabilities = Capabilities(ties=False)

    def prepare(self, experiment: Experiment) -> list[str]:  # noqa: ARG002 - the fault is to ignore it
        return []


class ClosesOnce(Scripted):
    def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        super().close()


class DescribesObjects(Scripted):
    def describe(self) -> dict[str, Any]:
        return {"handle": object()}


class Nameless(Scripted):
    def __init__(self) -> None:
        super().__init__(name=" ")


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Nameless, "test_it_has_a_name_and_a_kind"),
        (AnswersTwice, "test_it_answers_every_trial_once"),
        (LeavesOneOut, "test_it_answers_every_trial_once"),
        (LogsWhatIsNoJson, "test_it_answers_in_the_form_of_the_log"),
        (LocalTimes, "test_it_answers_in_the_form_of_the_log"),
        (AlwaysTies, "test_ties_and_probabilities_come_only_as_announced"),
        (MakesUpProbabilities, "test_ties_and_probabilities_come_only_as_announced"),
        (SilentAboutWhatItCannotDo, "test_what_it_cannot_do_it_refuses_before_the_run"),
        (CannotBeStopped, "test_it_stops_when_the_run_is_interrupted"),
        (AnswersByWhatCameBefore, "test_a_deterministic_observer_answers_the_same_trial_alike"),
        (DescribesObjects, "test_its_description_can_be_recorded"),
        (ClosesOnce, "test_it_can_be_closed_at_any_time"),
        (LeavesOneOut, "test_a_run_broken_off_and_resumed_is_a_whole_table"),
    ],
)
def test_the_contract_catches(broken: Callable[[], Observer], test: str, tmp_path: Path) -> None:
    import inspect

    contract = ObserverContract()
    make_experiment = ObserverContract.make_experiment.__wrapped__(contract, tmp_path)  # type: ignore[attr-defined]
    given = {"make_observer": broken, "make_experiment": make_experiment, "tmp_path": tmp_path}
    check = getattr(contract, test)
    with pytest.raises((AssertionError, TypeError, RuntimeError, pytest.fail.Exception)):
        check(**{name: given[name] for name in inspect.signature(check).parameters})
