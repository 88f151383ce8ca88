"""Adaptive pairs: chosen block by block from the answers before, and the same after any interruption."""

from __future__ import annotations

import dataclasses
from collections import Counter
from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from answering import Scripted, by_hash
from definitions import definition_data

import visavis
from visavis.experiments import Definition, DefinitionError, Experiment, Response, SessionError, Trial, load_trials
from visavis.experiments import run as run_with
from visavis.experiments.session import EVENTS, session_folder
from visavis.experiments.session_log import read_events

ROUNDS = 5
TIMES = ["onset", "answered_at", "response_time_s"]


def adaptive(experiment: Experiment, **changes: object) -> Experiment:
    data = definition_data(pairs={"design": "adaptive"}, repetitions=ROUNDS, **changes)
    return dataclasses.replace(experiment, definition=Definition.from_dict(data))


@pytest.fixture
def study(experiment: Experiment) -> Experiment:
    return adaptive(experiment)


def closest_wins(trial: Trial) -> Response:
    """Choose c4 over c3 over c2 over c1, but by hash between c2 and c3."""
    if {trial.left, trial.right} == {"c2", "c3"}:
        return by_hash(trial)
    return Response(trial.id, "choice", "left" if trial.left > trial.right else "right", response_time_s=0.25)


def main_trials(folder: Path) -> pd.DataFrame:
    trials = load_trials(folder)
    return trials[trials["phase"] == "main"]


def test_the_first_round_connects_the_renditions_of_every_scene_and_no_pair_comes_twice_in_a_round(
    study: Experiment, tmp_path: Path
) -> None:
    result = visavis.run(study, Scripted(), tmp_path)
    assert result.complete
    assert result.planned == 2 * 3 * 3 * ROUNDS  # attributes, scenes, pairs of a round
    rounds = main_trials(tmp_path).groupby(["attribute", "scene", "repetition"])
    assert len(rounds) == 2 * 3 * ROUNDS
    for (*_, repetition), part in rounds:
        graph = nx.Graph(list(zip(part["left"], part["right"], strict=True)))
        assert graph.number_of_edges() == len(part) == 3
        if repetition == 1:
            assert nx.is_tree(graph)
            assert sorted(graph) == ["c1", "c2", "c3", "c4"]


def test_rounds_follow_each_other_within_the_blocks_of_the_definition(study: Experiment, tmp_path: Path) -> None:
    visavis.run(study, Scripted(), tmp_path)
    trials = main_trials(tmp_path)
    assert len(set(trials["block"])) == 2 * ROUNDS
    for _, part in trials.groupby("attribute"):
        assert part["repetition"].is_monotonic_increasing
        assert part["trial_index"].diff().dropna().eq(1).all()


def test_later_rounds_ask_what_is_not_known_yet(experiment: Experiment, tmp_path: Path) -> None:
    study = adaptive(experiment, attributes={"contrast": {"question": "Which?"}})
    study = study.with_repetitions(20)
    visavis.run(study, Scripted(closest_wins), tmp_path)
    trials = main_trials(tmp_path)
    late = trials[trials["repetition"] > 5]
    asked = Counter(frozenset(pair) for pair in zip(late["left"], late["right"], strict=True))
    assert asked[frozenset(("c2", "c3"))] > 1.5 * asked[frozenset(("c1", "c4"))]


def test_the_sampler_learns_the_answers_of_its_own_scale_alone(study: Experiment, tmp_path: Path) -> None:
    samplers: list[Noting] = []

    class Noting:
        def __init__(self, items: tuple[str, ...]) -> None:
            self.items, self.told = items, []
            samplers.append(self)

        def tell(self, chosen: str, other: str, *, tie: bool = False) -> None:
            self.told.append((chosen, other, tie))

        def ask(self) -> list[tuple[str, str]]:
            return list(pairwise(reversed(self.items)))

    run_with(study, Scripted(), tmp_path, make_sampler=Noting)
    trials = main_trials(tmp_path)
    assert len(samplers) == 2 * 3 * (ROUNDS - 1)  # the first round learns from nothing
    given = Counter(
        (row.chosen, row.left if row.chosen == row.right else row.right)
        for row in trials[trials["repetition"] < ROUNDS].itertuples()
    )
    last = [sampler for sampler in samplers if len(sampler.told) == 3 * (ROUNDS - 1)]
    assert len(last) == 6
    assert Counter((chosen, other) for sampler in last for chosen, other, _ in sampler.told) == given
    later = trials[trials["repetition"] > 1]
    assert {frozenset(pair) for pair in zip(later["left"], later["right"], strict=True)} == {
        frozenset(pair) for pair in pairwise(("c1", "c2", "c3", "c4"))
    }


@pytest.mark.parametrize("limits", [[1], [7, 1, 3], [10, 10, 10], [9, 9]])
def test_interrupted_anywhere_the_table_is_the_uninterrupted_one(
    study: Experiment, tmp_path: Path, limits: list[int]
) -> None:
    visavis.run(study, Scripted(), tmp_path / "whole")
    for limit in limits:
        assert not visavis.run(study, Scripted(), tmp_path / "parts", limit=limit).complete
    assert visavis.run(study, Scripted(), tmp_path / "parts").complete
    pd.testing.assert_frame_equal(
        *(load_trials(tmp_path / name).drop(columns=TIMES) for name in ("whole", "parts")), check_like=False
    )


def test_pairs_torn_off_with_the_last_line_are_chosen_again(study: Experiment, tmp_path: Path) -> None:
    visavis.run(study, Scripted(), tmp_path / "whole")
    visavis.run(study, Scripted(), tmp_path / "torn", limit=10)
    events = session_folder(tmp_path / "torn", "P1", "1") / EVENTS
    lines = events.read_bytes().splitlines(keepends=True)
    chosen = next(i for i, line in enumerate(lines) if line.startswith(b'{"event":"pairs"'))
    events.write_bytes(b"".join(lines[:chosen]) + lines[chosen][:80])
    assert visavis.run(study, Scripted(), tmp_path / "torn").complete
    pd.testing.assert_frame_equal(*(load_trials(tmp_path / name).drop(columns=TIMES) for name in ("whole", "torn")))


def test_a_block_that_has_begun_keeps_its_pairs_when_earlier_answers_come_later(
    study: Experiment, tmp_path: Path
) -> None:
    asked: list[str] = []

    def failing(trial: Trial) -> Response:
        asked.append(trial.id)
        return Response(trial.id, "error") if trial.repetition == 1 else by_hash(trial)

    visavis.run(study, Scripted(failing), tmp_path, limit=13)
    later = Scripted()
    assert visavis.run(study, later, tmp_path).complete
    assert set(asked[:9]) < set(later.asked)  # nobody had answered those
    assert not set(asked[9:]) & set(later.asked)


def test_a_pair_that_comes_again_changes_sides(study: Experiment, tmp_path: Path) -> None:
    visavis.run(study.with_repetitions(12), Scripted(), tmp_path)
    trials = main_trials(tmp_path)
    names = np.sort(trials[["left", "right"]].to_numpy(dtype=str), axis=1)
    signs = trials["presentation_order"].map({"AB": 1, "BA": -1}).astype(int)
    excess = signs.groupby([trials["attribute"], trials["scene"], names[:, 0], names[:, 1]]).sum()
    # Within the first round pairs stand on the side that was drawn; from then on the rarer side is taken.
    assert excess.abs().max() <= 1
    order = ["AB" if left < right else "BA" for left, right in zip(trials["left"], trials["right"], strict=True)]
    assert trials["presentation_order"].tolist() == order


def test_no_pair_is_asked_twice_running(experiment: Experiment, tmp_path: Path) -> None:
    study = adaptive(experiment, stimuli={"folder": "images", "scenes": ["coast"]}).with_repetitions(20)
    visavis.run(study, Scripted(closest_wins), tmp_path)
    trials = load_trials(tmp_path)
    asked = [(row.attribute, frozenset((row.left, row.right))) for row in trials.itertuples()]
    assert all(one != other for one, other in pairwise(asked))


def test_practice_and_catch_trials_stay_as_they_are_planned(experiment: Experiment, tmp_path: Path) -> None:
    catch = [{"attribute": "contrast", "scene": "coast", "expect": "c1", "over": "c4", "repetitions": 3}]
    study = adaptive(experiment, practice={"trials": 4}, catch=catch)
    visavis.run(study, Scripted(), tmp_path)
    trials = load_trials(tmp_path)
    planned = study.plan("P1").to_frame()
    for phase, count in (("practice", 4), ("catch", 3)):
        asked = trials.loc[trials["phase"] == phase, ["trial_index", "trial"]]
        assert len(asked) == count
        assert asked["trial"].tolist() == planned["trial"].loc[asked["trial_index"].to_numpy(dtype=int)].tolist()


def test_who_never_chooses_is_asked_the_pairs_of_the_plan(study: Experiment, tmp_path: Path) -> None:
    result = visavis.run(study, Scripted(lambda trial: Response(trial.id, "refusal")), tmp_path)
    assert result.outcomes == {"refusal": result.planned}
    assert not any(event["event"] == "pairs" for event in read_events(result.folder))
    assert load_trials(tmp_path)["trial"].tolist() == [trial.id for trial in study.plan("P1")]


def test_ties_are_told_as_ties(experiment: Experiment, tmp_path: Path) -> None:
    study = adaptive(experiment, ties=True)
    result = visavis.run(study, Scripted(lambda trial: Response(trial.id, "tie", "tie")), tmp_path)
    assert result.complete
    assert result.outcomes == {"tie": result.planned}


def test_an_observer_that_stops_early_is_asked_nothing_of_later_blocks(study: Experiment, tmp_path: Path) -> None:
    class Stopping(Scripted):
        def respond(self, trials):  # type: ignore[no-untyped-def]
            yield from super().respond(trials[:2])
            self.stop_reason = "enough"

    observer = Stopping()
    result = visavis.run(study, observer, tmp_path)
    assert (result.answered, result.stop_reason, len(observer.asked)) == (2, "enough", 2)


def test_without_a_sampler_the_remedy_is_named(study: Experiment, tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="make_sampler"):
        run_with(study, Scripted(), tmp_path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sides": "both_orders"}, "'sides: both_orders' goes with pairs that are known before"),
        ({"order": {"per_observer": False}}, "adaptive pairs do not"),
    ],
)
def test_what_adaptive_pairs_cannot_go_with_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        Definition.from_dict(definition_data(pairs={"design": "adaptive"}, **changes))
