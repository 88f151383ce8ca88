"""Plans: what the definition asks for, no more and no less, and the same every time."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from definitions import definition_data
from hypothesis import given
from hypothesis import strategies as st

from visavis.experiments import Definition, Plan, Trial, make_plan
from visavis.experiments.plan import read_plan_frame, trials_of

SCENES = ("coast", "market", "street")
RENDITIONS = ("c1", "c2", "c3", "c4", "c5")


def plan_of(observer: str = "P1", session: str = "1", **changes: Any) -> Plan:
    return make_plan(Definition.from_dict(definition_data(**changes)), SCENES, RENDITIONS, observer, session)


designs = st.fixed_dictionaries(
    {
        "repetitions": st.integers(1, 4),
        "sides": st.sampled_from(["random", "counterbalanced", "both_orders"]),
        "pairs": st.sampled_from(
            [
                {"design": "all"},
                {"design": "random", "per_scene": 6},
                {"design": "listed", "pairs": [["c2", "c1"], ["c2", "c5"]]},
            ]
        ),
        "order": st.fixed_dictionaries(
            {
                "blocks": st.lists(st.sampled_from(["attribute", "scene", "repetition"]), unique=True),
                "block_order": st.sampled_from(["random", "fixed"]),
                "trials": st.sampled_from(["random", "fixed"]),
            }
        ),
        "seed": st.integers(0, 2**53 - 1),
    }
)


def pair(trial: Trial) -> tuple[str, str]:
    first, second = sorted((trial.left, trial.right))
    return first, second


@given(changes=designs)
def test_every_pair_is_asked_as_often_as_the_definition_says(changes: dict[str, Any]) -> None:
    plan = plan_of(**changes)
    asked = Counter((trial.attribute, trial.scene, pair(trial)) for trial in plan)
    times = changes["repetitions"] * (2 if changes["sides"] == "both_orders" else 1)
    n_pairs = {"all": 10, "random": 6, "listed": 2}[changes["pairs"]["design"]]
    assert set(asked.values()) == {times}
    assert len(asked) == 2 * len(SCENES) * n_pairs
    if changes["pairs"]["design"] == "all":
        assert set(asked) == {
            (attribute, scene, two)
            for attribute in ("contrast", "preference")
            for scene in SCENES
            for two in combinations(RENDITIONS, 2)
        }


@given(changes=designs)
def test_both_orders_of_a_pair_are_balanced(changes: dict[str, Any]) -> None:
    balance: Counter[tuple[str, str, tuple[str, str]]] = Counter()
    for trial in plan_of(**changes):
        assert (trial.left, trial.right) == (pair(trial) if trial.presentation_order == "AB" else pair(trial)[::-1])
        balance[trial.attribute, trial.scene, pair(trial)] += 1 if trial.presentation_order == "AB" else -1
    if changes["sides"] == "both_orders":
        assert set(balance.values()) == {0}
    elif changes["sides"] == "counterbalanced":
        assert max(abs(difference) for difference in balance.values()) == changes["repetitions"] % 2


@given(repetitions=st.integers(1, 4), seed=st.integers(0, 2**53 - 1))
def test_counterbalanced_every_rendition_is_on_the_left_as_often_as_on_the_right(repetitions: int, seed: int) -> None:
    frame = plan_of(repetitions=repetitions, seed=seed).to_frame()
    lefts = frame.groupby(["attribute", "scene", "left"]).size()
    rights = frame.groupby(["attribute", "scene", "right"]).size()
    assert np.all(lefts.to_numpy() == rights.to_numpy())  # each of 5 renditions meets 4 others: an even number


@given(changes=designs)
def test_ids_are_unique_and_positions_and_blocks_ascend(changes: dict[str, Any]) -> None:
    plan = plan_of(**changes)
    assert len({trial.id for trial in plan}) == len(plan)
    assert [trial.index for trial in plan] == list(range(len(plan)))
    blocks = [trial.block for trial in plan]
    assert blocks == sorted(blocks)
    assert set(blocks) == set(range(max(blocks) + 1))


@given(changes=designs)
def test_a_block_holds_one_value_of_what_divides_the_blocks(changes: dict[str, Any]) -> None:
    by = changes["order"]["blocks"]
    frame = plan_of(**changes).to_frame()
    for name in by:
        assert frame.groupby("block")[name].nunique().max() == 1
    expected = 1
    for name in by:
        expected *= {"attribute": 2, "scene": 3, "repetition": changes["repetitions"]}[name]
    assert frame["block"].nunique() == expected


@given(changes=designs)
def test_no_pair_follows_itself(changes: dict[str, Any]) -> None:
    avoidable = changes["pairs"]["design"] != "listed" and "scene" not in changes["order"]["blocks"]
    if changes["order"]["trials"] == "random" and avoidable:
        shown = [(trial.scene, pair(trial)) for trial in plan_of(**changes)]
        assert all(now != before for before, now in pairwise(shown))


@given(changes=designs)
def test_the_same_definition_observer_and_session_give_the_same_plan(changes: dict[str, Any]) -> None:
    state = np.random.get_state()[1].tolist()  # noqa: NPY002 - the global state is what must not be touched
    assert list(plan_of(**changes)) == list(plan_of(**changes))
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_other_observers_sessions_and_seeds_give_other_plans() -> None:
    plans = [plan_of(), plan_of("P2"), plan_of(session="2"), plan_of(seed=8)]
    assert len({plan.sha256 for plan in plans}) == 4


def test_a_shared_order_is_the_same_for_all_observers() -> None:
    shared = {"order": {"per_observer": False}}
    assert plan_of("P1", **shared).sha256 == plan_of("P2", "3", **shared).sha256


BALANCED = {"per_observer": "balanced"}


@given(
    attributes=st.integers(2, 5), repetitions=st.integers(1, 3), seed=st.integers(0, 1000),
    sides=st.sampled_from(["random", "counterbalanced", "both_orders"]), half=st.integers(0, 20),
)  # fmt: skip
def test_two_numbered_observers_see_every_pair_with_sides_exchanged(
    attributes: int, repetitions: int, seed: int, sides: str, half: int
) -> None:
    asked = {f"a{number}": {"question": "Which?"} for number in range(attributes)}
    both = [
        trial
        for number in (2 * half + 1, 2 * half + 2)
        for trial in plan_of(
            f"P{number:02}", order=BALANCED, attributes=asked, repetitions=repetitions, seed=seed, sides=sides
        )
    ]
    times = Counter((trial.attribute, trial.scene, trial.left, trial.right) for trial in both)
    assert set(times.values()) == {repetitions * (2 if sides == "both_orders" else 1)}
    assert all(times[a, scene, right, left] == count for (a, scene, left, right), count in times.items())


@given(attributes=st.integers(2, 5), seed=st.integers(0, 1000), first=st.integers(0, 30), session=st.integers(1, 3))
def test_blocks_are_balanced_over_numbered_observers(attributes: int, seed: int, first: int, session: int) -> None:
    asked = {f"a{number}": {"question": "Which?"} for number in range(attributes)}
    rows = 2 * attributes if attributes % 2 else attributes
    orders = []
    for number in range(first, first + rows):
        plan = plan_of(f"P{number}", str(session), order=BALANCED, attributes=asked, seed=seed, repetitions=1)
        orders.append(list(dict.fromkeys(trial.attribute for trial in plan)))
    for place in range(attributes):
        assert set(Counter(order[place] for order in orders).values()) == {rows // attributes}
    following = Counter(pair for order in orders for pair in pairwise(order))
    assert len(following) == attributes * (attributes - 1)
    assert set(following.values()) == {rows // attributes}


def test_balanced_trials_come_in_an_order_of_the_observers_own_and_unnumbered_ones_draw_at_random() -> None:
    one, other = (plan_of(name, order={**BALANCED, "blocks": []}) for name in ("P1", "P3"))
    assert [(t.scene, pair(t)) for t in one] != [(t.scene, pair(t)) for t in other]
    assert plan_of("Ann", order=BALANCED) == plan_of("Ann")


def test_a_plan_is_the_same_on_every_machine() -> None:
    catch = [{"attribute": "contrast", "scene": "coast", "expect": "c5", "over": "c1", "repetitions": 2}]
    plan = plan_of(practice={"trials": 2}, catch=catch)
    assert [trial.id for trial in plan[:4]] == [
        "practice/preference/market/c5/c3/1",
        "practice/preference/coast/c2/c1/1",
        "contrast/coast/c1/c2/2",
        "contrast/street/c2/c3/3",
    ]
    assert plan.sha256 == "4a6cfa7deafd6d784ca69338166ab8972b26b4f1873ec2fd6d0bc1a2ccf1e7c3"


def test_everybody_is_asked_the_same_random_pairs() -> None:
    design = {"pairs": {"design": "random", "per_scene": 5}}
    first, second = ({(trial.scene, pair(trial)) for trial in plan_of(observer, **design)} for observer in ("P1", "P2"))
    assert first == second
    by_scene = [{two for scene, two in first if scene == name} for name in SCENES]
    assert by_scene[0] != by_scene[1] or by_scene[1] != by_scene[2]


@pytest.mark.parametrize("trials", ["random", "fixed"])
def test_catch_trials_are_mixed_in_and_know_their_answer(trials: str) -> None:
    catch = [{"attribute": "contrast", "scene": "coast", "expect": "c5", "over": "c1", "repetitions": 5}]
    plan = plan_of(catch=catch, repetitions=2, order={"blocks": ["attribute", "repetition"], "trials": trials})
    caught = [trial for trial in plan if trial.phase == "catch"]
    assert len(caught) == 5
    assert {(t.attribute, t.scene, t.expected, pair(t)) for t in caught} == {("contrast", "coast", "c5", ("c1", "c5"))}
    assert abs(Counter(t.presentation_order for t in caught)["AB"] - 2.5) == 0.5
    assert plan[-1].block == 3, "catch trials asked more often than there are repetitions need no block of their own"
    assert all(trial.id.startswith("catch/") for trial in caught)


def test_scenes_kept_for_practice_are_shown_in_practice_alone() -> None:
    plan = plan_of(practice={"trials": 70, "scenes": ["street"]})
    practice = [trial for trial in plan if trial.phase == "practice"]
    assert [trial.phase for trial in plan[:70]] == ["practice"] * 70
    assert {trial.scene for trial in practice} == {"street"}
    assert {trial.scene for trial in plan if trial.phase == "main"} == {"coast", "market"}
    counts = Counter((trial.attribute, pair(trial)) for trial in practice)
    assert set(counts.values()) == {3, 4}  # 70 trials go 3.5 times round 2 attributes x 10 pairs
    assert {trial.block for trial in practice} == {0}
    assert min(trial.block for trial in plan if trial.phase == "main") == 1


def test_the_reference_is_shown_and_not_compared() -> None:
    plan = plan_of(reference="c3")
    assert {trial.reference for trial in plan} == {"c3"}
    assert "c3" not in {name for trial in plan for name in (trial.left, trial.right)}


def test_only_listed_scenes_and_renditions_are_compared() -> None:
    stimuli = {"folder": "images", "scenes": ["market"], "renditions": ["c1", "c4"]}
    assert {(trial.scene, pair(trial)) for trial in plan_of(stimuli=stimuli)} == {("market", ("c1", "c4"))}


@given(changes=designs)
def test_table_csv_and_trials_say_the_same(changes: dict[str, Any]) -> None:
    plan = plan_of(practice={"trials": 2}, reference="c4" if changes["pairs"]["design"] == "all" else None, **changes)
    frame = plan.to_frame()
    pd.testing.assert_frame_equal(read_plan_frame(plan.to_csv()), frame)
    assert trials_of(frame) == list(plan) == plan[:]


def test_names_survive_the_csv() -> None:
    scenes, renditions = ("NA", 'say "cheese", please'), ("nan", "café", "null")
    plan = make_plan(Definition.from_dict(definition_data()), scenes, renditions, "P1")
    assert trials_of(read_plan_frame(plan.to_csv())) == list(plan)


def test_positions_count_as_in_any_sequence() -> None:
    plan = plan_of()
    assert plan[-1] == list(plan)[-1]
    with pytest.raises(IndexError):
        plan[len(plan)]


def test_plans_are_equal_if_their_trials_are_and_say_what_they_hold() -> None:
    plan = plan_of(practice={"trials": 2})
    assert plan == plan_of(practice={"trials": 2})
    assert plan != plan_of("P2", practice={"trials": 2})
    assert plan != list(plan)
    counted = Counter(trial.phase for trial in plan)
    assert f"{len(plan)} trials (2 practice, {counted['main']} main)" in repr(plan)
