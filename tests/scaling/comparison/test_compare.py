"""The comparison: what was simulated is found, and what cannot be computed is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from trial_tables import trials_table

from visavis.scaling import PEOPLE, Comparison, Options, Resampling, ScalingError, compare

ATTRIBUTES = {"contrast": np.array([-1.2, -0.4, 0.1, 0.5, 1.0]), "preference": np.array([0.2, 0.9, 0.4, -0.5, -1.0])}
OPPOSITE = {name: -values for name, values in ATTRIBUTES.items()}
QUICK = Options(resampling=Resampling(200))


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    people = {f"P{i}": ATTRIBUTES for i in range(6)}
    return trials_table({**people, "like": ATTRIBUTES, "unlike": OPPOSITE}, scenes=8)


@pytest.fixture(scope="module")
def comparison(trials: pd.DataFrame) -> Comparison:
    return compare(trials, options=QUICK)


def test_people_are_the_humans_by_default(comparison: Comparison) -> None:
    assert comparison.people == tuple(f"P{i}" for i in range(6))
    assert comparison.models == ("like", "unlike")
    assert comparison.attributes == ("contrast", "preference")
    assert comparison.renditions == ("c0", "c1", "c2", "c3", "c4")
    assert comparison.notes == ()
    sizes = "6 people, 2 model(s), 8 scene(s), 5 renditions"
    assert repr(comparison) == f"<Comparison: {sizes}, on contrast, preference; 0 note(s)>"


def test_what_was_simulated_is_found(comparison: Comparison) -> None:
    by = comparison.alignment.set_index(["attribute", "observer"])
    for attribute, values in ATTRIBUTES.items():
        assert by.loc[(attribute, "like"), "rho"] > 0.85
        assert by.loc[(attribute, "unlike"), "rho"] < -0.85
        found = comparison.scales.query(
            "attribute == @attribute and observer == @PEOPLE", local_dict={"attribute": attribute, "PEOPLE": PEOPLE}
        )
        assert found["value"].to_numpy() == pytest.approx(values - values.mean(), abs=0.25)
        assert (found["low"] <= found["value"]).all()
        assert (found["value"] <= found["high"]).all()


def test_the_ceiling_stands_beside_every_rho(comparison: Comparison) -> None:
    table = comparison.alignment
    assert (table["ceiling"] > 0.8).all()
    assert (table["ceiling_upper"] >= table["ceiling"]).all()
    assert table["share_of_ceiling"].to_numpy() == pytest.approx((table["rho"] / table["ceiling"]).to_numpy())


def test_variability_is_reported_in_every_reading(comparison: Comparison) -> None:
    table = comparison.vr_within
    assert len(table) == 8 * 2
    assert (table["pairs"] == 8 * 10).all()
    assert table["minority"].to_numpy() == pytest.approx((table["any"] / 3).to_numpy())
    between = comparison.vr_between.set_index(["attribute", "observer", "other"])["vr_percent"]
    assert between["contrast", "like", PEOPLE] < 30 < 70 < between["contrast", "unlike", PEOPLE]
    assert between["contrast", "like", "unlike"] == between["contrast", "unlike", "like"]


def test_people_can_be_named_by_patterns(trials: pd.DataFrame) -> None:
    found = compare(trials, people=["P[0-2]", "like"], options=QUICK)
    assert found.people == ("P0", "P1", "P2", "like")
    assert found.models == ("P3", "P4", "P5", "unlike")
    assert "1 of the 4 people are not human (vlm): they were named as people" in found.notes
    unnamed = "P3, P4, P5: human, but counted as models: to count as people they must be named by --people too"
    assert f"{unnamed} (in Python: people=)" in found.notes


def test_a_name_of_nobody_is_an_error(trials: pd.DataFrame) -> None:
    with pytest.raises(ScalingError, match=r"unknown observer 'Q\*'; choose from P0, P1"):
        compare(trials, people=["P1", "Q*"])


def without(trials: pd.DataFrame, query: str) -> pd.DataFrame:
    return trials[~trials.eval(query)]


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("observer_kind == 'human'", "there are no people among the observers, so nothing is compared with people"),
        ("observer_kind == 'vlm'", None),
        ("observer.str.startswith('P') and observer != 'P1'", "there is one person only, so there is no ceiling"),
        ("scene != 's0'", "there is one scene only, so there are no intervals over scenes"),
        ("observer == 'like' and attribute == 'contrast'", "contrast: no choice of like, so no scale"),
        ("repetition > 1", "8 of 8 observers answered no pair twice, so VR% within is unknown there"),
        ("observer == 'P2' and scene == 's3'", None),
        ("observer == 'like' and repetition == 3", "observers answered pairs 2 to 3 times: the more often, the larger"),
        (
            "observer == 'like' and scene in ['s0', 's4']",
            "contrast, preference: only 6 of 8 scenes have a scale of like",
        ),
        (
            "(observer_kind == 'human') == (scene in ['s0', 's1'])",
            "contrast, preference: no scene has a scale both of people and of like, unlike, so nothing is compared",
        ),
        (
            "scene == 's1' and (left == 'c4' or right == 'c4')",
            "in 1 of 8 scenes (s1) some renditions were compared by no one, so they have no value there",
        ),
        ("attribute == 'preference'", None),
        ("observer != 'P0' and scene == 's0'", "contrast, preference: only 7 of 8 scenes have a scale of like, unlike"),
        ("scene > 's5'", None),
        ("scene > 's4'", "with 5 scenes no difference between models can be shown at the 5 % level: p is 0.0625 at"),
    ],
)
def test_less_data_give_what_can_be_given_and_say_what_cannot(
    trials: pd.DataFrame, query: str, note: str | None
) -> None:
    found = compare(without(trials, query), options=QUICK)
    assert [known for known in found.notes if note and known.startswith(note)] or note is None
    assert np.isfinite(found.scales["value"]).all()


@pytest.mark.parametrize("answer", ["tie", "left"])
def test_only_ties_or_only_one_side_are_compared_too(trials: pd.DataFrame, answer: str) -> None:
    always = trials.assign(choice=answer, outcome="tie" if answer == "tie" else "choice")
    found = compare(always, options=QUICK)
    assert found.scales["value"].abs().max() < (1e-6 if answer == "tie" else 2)
    assert len(found.separability) == 2 * 3


def test_without_people_there_is_no_alignment(trials: pd.DataFrame) -> None:
    found = compare(without(trials, "observer_kind == 'human'"), options=QUICK)
    assert found.alignment.empty
    assert list(found.alignment.columns[:3]) == ["attribute", "observer", "rho"]
    assert not found.scales.empty


def test_outcomes_that_are_no_choice_are_counted_and_noted(trials: pd.DataFrame) -> None:
    some = trials.copy()
    refused = (some["observer"] == "like") & (some["repetition"] == 2)
    some.loc[refused, ["outcome", "choice"]] = ["refusal", None]
    found = compare(some, options=QUICK)
    row = found.outcomes.set_index("observer").loc["like"]
    assert (row["trials"], row["choice"], row["refusal"]) == (480, 320, 160)
    assert "like: 160 of 480 trials gave no choice and are not scaled" in found.notes
    some.loc[(some["observer"] == "P0") & (some["scene"] == "s0"), ["outcome", "choice"]] = ["refusal", None]
    told = "trials that gave no choice and are not scaled: P0 60 of 480, like 160 of 480"
    assert told in compare(some, options=QUICK).notes


def test_a_model_that_only_refuses_is_said_and_spoils_nothing(trials: pd.DataFrame) -> None:
    some = trials.copy()
    some.loc[some["observer"] == "like", ["outcome", "choice"]] = ["refusal", None]
    found = compare(some, options=QUICK)
    assert "contrast, preference: no choice of like, so no scale" in found.notes
    assert set(found.alignment["observer"]) == {"unlike"}


def test_practice_and_catch_trials_are_not_compared(trials: pd.DataFrame) -> None:
    others = trials.assign(phase=["practice", "catch"] * (len(trials) // 2), choice="left")
    others = others.assign(trial="more " + others["trial"], expected=others["left"].where(others["phase"] == "catch"))
    found = compare(pd.concat([trials, others], ignore_index=True), options=QUICK)
    pd.testing.assert_frame_equal(found.scales, compare(trials, options=QUICK).scales)


def test_different_definitions_are_noted(trials: pd.DataFrame) -> None:
    some = trials.copy()
    some.loc[some["observer"] == "like", "definition_sha256"] = "1" * 64
    assert "the sessions ran 2 different definitions" in compare(some, options=QUICK).notes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rho_mode": "mean"}, "unknown mode 'mean' of ρ"),
        ({"resampling": Resampling(method="bca")}, "a comparison has no BCa intervals"),
    ],
)
def test_unknown_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ScalingError, match=message):
        Options(**options)


def test_every_choice_of_method_changes_something_and_is_recorded(trials: pd.DataFrame, comparison: Comparison) -> None:
    for changed in (
        {"method": "ml"},
        {"method": "least_squares"},
        {"model": "bradley_terry"},
        {"prior_sd": 0.5},
    ):
        options = Options(**changed, resampling=Resampling(200))  # type: ignore[arg-type]
        found = compare(trials, options=options)
        assert found.options == options
        assert not np.allclose(found.scales["value"], comparison.scales["value"], equal_nan=True)
