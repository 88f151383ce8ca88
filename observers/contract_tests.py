"""The tests that every observer must pass, for observers of other packages too.

Subclass `ObserverContract` in a test module and give it a fixture that makes the observer::

    from visavis.observers.contract_tests import ObserverContract

    class TestMyObserver(ObserverContract):
        @pytest.fixture
        def make_observer(self):
            return lambda: MyObserver(...)

Needs pytest, and is imported by tests alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from visavis.experiments import Experiment, Observer, ObserverError, Response, Trial, load_trials, run
from visavis.stimuli import encode_png

__all__ = ["ObserverContract"]

MakeObserver = Callable[[], Observer]
MakeExperiment = Callable[..., Experiment]


class ObserverContract:
    """What the rest of visavis relies on in every observer."""

    attributes: tuple[str, ...] = ("contrast", "colorfulness", "preference")

    @pytest.fixture
    def make_observer(self) -> MakeObserver:
        """Return a function that makes a fresh observer; every subclass gives its own."""
        raise NotImplementedError("give a fixture 'make_observer' that returns a function without parameters")

    @pytest.fixture
    def make_experiment(self, tmp_path: Path) -> MakeExperiment:
        """Return a function that makes a small experiment; its keywords change the definition."""
        ramp = np.linspace(0, 1, 64)[None, :, None]
        for scene, hue in (("red", (1.0, 0.3, 0.2)), ("blue", (0.2, 0.4, 1.0))):
            for rendition, gain in (("low", 0.3), ("middle", 0.6), ("high", 1.0)):
                path = tmp_path / "images" / scene / f"{rendition}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                picture = 255 * (0.5 + gain * (ramp * np.array(hue) - 0.5)) * np.ones((64, 1, 1))
                path.write_bytes(encode_png(np.clip(picture, 0, 255).astype(np.uint8)))

        def make(**changes: object) -> Experiment:
            questions = {name: {"question": f"Which image has more {name}?"} for name in self.attributes}
            data = {"visavis": 1, "name": "contract", "seed": 11, "stimuli": {"folder": "images"}, "repetitions": 2}
            return Experiment.from_dict({**data, "attributes": questions, "sides": "both_orders", **changes}, tmp_path)

        return make

    def answers(self, observer: Observer, experiment: Experiment, trials: list[Trial] | None = None) -> list[Response]:
        """Prepare an observer and let it answer."""
        observer.prepare(experiment)
        return list(observer.respond(list(experiment.plan(observer.name)) if trials is None else trials))

    def test_it_has_a_name_and_a_kind(self, make_observer: MakeObserver) -> None:
        observer = make_observer()
        assert isinstance(observer.name, str)
        assert observer.name.strip()
        assert observer.kind in {"human", "vlm", "metric", "simulated"}

    def test_it_answers_every_trial_once(self, make_observer: MakeObserver, make_experiment: MakeExperiment) -> None:
        observer, experiment = make_observer(), make_experiment()
        responses = self.answers(observer, experiment)
        assert sorted(response.trial for response in responses) == sorted(t.id for t in experiment.plan(observer.name))
        observer.close()

    def test_it_answers_in_the_form_of_the_log(
        self, make_observer: MakeObserver, make_experiment: MakeExperiment
    ) -> None:
        for response in self.answers(make_observer(), make_experiment()):
            assert isinstance(response, Response)
            json.dumps(dict(response.provenance), allow_nan=False)
            for moment in (response.onset, response.answered_at):
                assert moment is None or datetime.fromisoformat(moment).tzinfo is not None

    def test_ties_and_probabilities_come_only_as_announced(
        self, make_observer: MakeObserver, make_experiment: MakeExperiment
    ) -> None:
        observer = make_observer()
        responses = self.answers(observer, make_experiment(ties=False))
        assert not [response for response in responses if response.outcome == "tie"]
        if not observer.capabilities.soft_choice:
            assert not [response for response in responses if response.p_left is not None]

    def test_what_it_cannot_do_it_refuses_before_the_run(
        self, make_observer: MakeObserver, make_experiment: MakeExperiment
    ) -> None:
        can = make_observer().capabilities
        for able, experiment in (
            (can.ties, make_experiment(ties=True)),
            (can.reference, make_experiment(reference="middle")),
        ):
            if able:
                assert len(self.answers(make_observer(), experiment)) > 0
            else:
                with pytest.raises(ObserverError):
                    make_observer().prepare(experiment)

    def test_no_trials_give_no_responses(self, make_observer: MakeObserver, make_experiment: MakeExperiment) -> None:
        assert self.answers(make_observer(), make_experiment(), []) == []

    def test_it_stops_when_the_run_is_interrupted(
        self, make_observer: MakeObserver, make_experiment: MakeExperiment
    ) -> None:
        observer, experiment = make_observer(), make_experiment()
        trials = list(experiment.plan(observer.name))
        observer.prepare(experiment)
        responses = observer.respond(trials)
        assert isinstance(responses, Generator), "respond must be a generator, so that a run can stop it"
        first = next(responses)
        responses.close()
        rest = [trial for trial in trials if trial.id != first.trial]
        again = list(observer.respond(rest))
        assert sorted(response.trial for response in again) == sorted(trial.id for trial in rest)
        observer.close()

    def test_a_deterministic_observer_answers_the_same_trial_alike(
        self, make_observer: MakeObserver, make_experiment: MakeExperiment
    ) -> None:
        if not make_observer().capabilities.deterministic:
            return  # its answers may vary
        experiment = make_experiment()
        trials = list(experiment.plan("anyone"))
        answers: dict[tuple[str, str, str, str], set[str | None]] = {}
        for order in (trials, trials[::-1]):
            by_id = {trial.id: trial for trial in order}
            for response in self.answers(make_observer(), experiment, order):
                trial = by_id[response.trial]
                same = trial.attribute, trial.scene, trial.left, trial.right
                answers.setdefault(same, set()).add(response.choice or response.outcome)
        assert all(len(given) == 1 for given in answers.values()), "it answers by what came before"

    def test_its_description_can_be_recorded(
        self, make_observer: MakeObserver, make_experiment: MakeExperiment
    ) -> None:
        observer = make_observer()
        observer.prepare(make_experiment())
        json.dumps(observer.describe(), allow_nan=False)

    def test_it_can_be_closed_at_any_time(self, make_observer: MakeObserver, make_experiment: MakeExperiment) -> None:
        make_observer().close()
        observer = make_observer()
        self.answers(observer, make_experiment())
        observer.close()
        observer.close()

    def test_a_run_broken_off_and_resumed_is_a_whole_table(
        self, make_observer: MakeObserver, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        experiment = make_experiment()

        def silent(_: str) -> None: ...

        run(experiment, make_observer(), tmp_path / "results", limit=7, warn=silent)
        result = run(experiment, make_observer(), tmp_path / "results", warn=silent)
        assert result.complete
        table = load_trials(tmp_path / "results")
        assert table["trial"].tolist() == [trial.id for trial in experiment.plan(make_observer().name)]
