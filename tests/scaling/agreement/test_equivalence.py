"""As like people as people are: against a paired t test, and in simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.weightstats import DescrStatsW
from trial_tables import trials_table

from visavis.scaling import Options, Resampling, ScalingError, compare, pairwise_agreement
from visavis.scaling.agreement.equivalence import equivalence
from visavis.scaling.agreement.majorities import majorities

PEOPLE = [f"P{i}" for i in range(5)]
VALUES = np.linspace(-0.9, 0.9, 6)


def simulated(model: np.ndarray, scenes: int, seed: int) -> pd.DataFrame:
    law = {name: {"contrast": VALUES} for name in PEOPLE}
    return trials_table({**law, "M": {"contrast": model}}, scenes=scenes, repetitions=1, seed=seed)


def test_it_is_two_one_sided_t_tests_of_the_scenes_gaps_where_all_scenes_have_as_many_pairs() -> None:
    trials = simulated(VALUES, 12, 0)
    found = equivalence(majorities(trials, "contrast"), PEOPLE, "contrast", margin=0.08).iloc[0]
    gaps = []
    for _, part in trials.groupby("scene"):
        one = pairwise_agreement(part, PEOPLE, Resampling(2)).set_index("measure").loc["accuracy"]
        gaps.append(one["estimate"] - one["ceiling"])
    independent = DescrStatsW(gaps)
    assert found["gap"] == pytest.approx(np.mean(gaps))
    assert (found["low"], found["high"]) == pytest.approx(independent.tconfint_mean())
    p_value = max(independent.ttest_mean(-0.08, "larger")[1], independent.ttest_mean(0.08, "smaller")[1])
    assert found["p_value"] == pytest.approx(p_value)


def test_a_person_is_found_to_be_one_with_scenes_enough_and_a_coin_never() -> None:
    found = {name: [] for name in ("person", "coin")}
    for seed in range(6):
        for name, values in (("person", VALUES), ("coin", 0 * VALUES)):
            votes = majorities(simulated(values, 40, seed), "contrast")
            found[name].append(equivalence(votes, PEOPLE, "contrast", margin=0.08)["p_value"].item())
    assert np.mean(np.array(found["person"]) < 0.05) > 0.6
    assert min(found["coin"]) > 0.5


def test_few_scenes_show_nothing_rather_than_agreement() -> None:
    found = equivalence(majorities(simulated(VALUES, 2, 0), "contrast"), PEOPLE, "contrast").iloc[0]
    assert found["p_value"] > 0.05
    one = equivalence(majorities(simulated(VALUES, 1, 0), "contrast"), PEOPLE, "contrast").iloc[0]
    assert np.isfinite(one["gap"])
    assert np.isnan(one["p_value"])


def test_a_comparison_has_it_with_its_margin() -> None:
    options = Options(resampling=Resampling(20), equivalence_margin=0.1)
    compared = compare(simulated(VALUES, 6, 1), options=options)
    assert compared.equivalence["observer"].tolist() == ["M"]
    alone = simulated(VALUES, 4, 1)
    assert not len(compare(alone[alone["observer"].isin(["P0", "M"])], options=options).equivalence)
    with pytest.raises(ScalingError, match="equivalence_margin must be between 0 and 1, not 0"):
        Options(equivalence_margin=0)
