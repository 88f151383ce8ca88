"""Power, active sampling, and very many items: against simulation, exact integrals and other packages."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path
from types import ModuleType
from typing import Any

import choix
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr, xlogy
from scipy.stats import norm, spearmanr

from visavis.scaling import (
    ActiveSampler,
    ChoiceList,
    Counts,
    Design,
    ScalingError,
    choices_for_power,
    count_choices,
    expected_information,
    expected_shrinkage,
    fit_scale,
    fit_sparse,
    list_choices,
    observers_needed,
    simulate_power,
)
from visavis.scaling.design.active import shrinking_batch


def benchmark_script(name: str) -> ModuleType:
    path = Path(__file__).parents[3] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


class TestPower:
    def test_of_one_pair_it_is_the_formulas(self) -> None:
        n = choices_for_power(0.75)
        found = simulate_power(Design(items=2, difference_jod=1, observers=n), studies=4000)
        assert found["extremes"] == pytest.approx(0.8, abs=0.06)

    def test_without_a_difference_it_is_the_error_rate(self) -> None:
        found = simulate_power(Design(items=4, difference_jod=0, observers=40), studies=2000)
        assert found["neighbours"] < 0.02

    def test_more_of_anything_finds_more(self) -> None:
        base = {"items": 5, "difference_jod": 0.4, "observers": 10}
        less = simulate_power(Design(**base))["neighbours"]  # type: ignore[arg-type]
        for more in ({"observers": 30}, {"repetitions": 3}, {"scenes": 3}, {"difference_jod": 0.8}):
            assert simulate_power(Design(**{**base, **more}))["neighbours"] > less  # type: ignore[arg-type]
        assert simulate_power(Design(**base, lapse=0.3))["neighbours"] < less  # type: ignore[arg-type]

    def test_designs_that_make_no_sense_are_refused(self) -> None:
        with pytest.raises(ScalingError, match="a design needs at least two items"):
            Design(items=1, difference_jod=1, observers=3)
        with pytest.raises(ScalingError, match=r"observers must be a whole number, not 2\.5"):
            Design(items=3, difference_jod=1, observers=2.5)  # type: ignore[arg-type]
        with pytest.raises(ScalingError, match="difference_jod must be a number from 0, not nan"):
            Design(items=3, difference_jod=np.nan, observers=3)
        with pytest.raises(ScalingError, match="studies must be at least 1"):
            simulate_power(Design(items=3, difference_jod=1, observers=3), studies=0)
        with pytest.raises(ScalingError, match="unknown finding 'trials'; choose from neighbours"):
            observers_needed(Design(items=3, difference_jod=1, observers=3), finding="trials")
        with pytest.raises(ScalingError, match="lapse must be in"):
            Design(items=2, difference_jod=1, observers=3, lapse=1)


def entropy(p: float) -> float:
    return float(-(xlogy(p, p) + xlogy(1 - p, 1 - p)) / np.log(2))


class TestActive:
    @pytest.mark.parametrize("mean", [0.0, 0.7, 2.0])
    @pytest.mark.parametrize("sd", [0.3, 1.0, 2.5])
    def test_expected_information_is_the_integral(self, mean: float, sd: float) -> None:
        covariance = np.diag([sd**2 / 2, sd**2 / 2])
        found = expected_information(np.array([mean, 0.0]), covariance)[0, 1]

        def conditional(d: float) -> float:
            return entropy(float(ndtr(d))) * float(norm.pdf(d, mean, sd))

        exact = entropy(float(ndtr(mean / np.sqrt(1 + sd**2)))) - quad(conditional, mean - 9 * sd, mean + 9 * sd)[0]
        assert found == pytest.approx(exact, abs=0.003)

    def test_expected_shrinkage_is_that_of_the_posterior(self) -> None:
        """One answer more, in expectation over what it would be, makes the summed variance smaller by about so much."""
        rng = np.random.default_rng(0)
        upper = np.triu(rng.integers(2, 9, (5, 5)), 1)
        wins = (upper + np.tril(10 - upper.T, -1)).astype(float)
        before = fit_scale(Counts.from_matrix(wins))
        found = expected_shrinkage(before.values[0], before.covariance[0])
        assert np.array_equal(found, found.T)
        for i, j in ((0, 1), (1, 4), (2, 3)):
            p = before.predict()[0, i, j]
            after = 0.0
            for chosen, share in (((i, j), p), ((j, i), 1 - p)):
                more = wins.copy()
                more[chosen] += 1
                after += share * np.trace(fit_scale(Counts.from_matrix(more)).covariance[0])
            assert found[i, j] == pytest.approx(np.trace(before.covariance[0]) - after, rel=0.25)

    def test_the_information_of_an_answer_is_close_to_its_approximation(self) -> None:
        for d in np.linspace(0, 4, 9):
            exact = norm.pdf(d) ** 2 / (ndtr(d) * ndtr(-d))
            covariance = 1e-8 * (np.eye(2) - 0.5)
            found = expected_shrinkage(np.array([d, 0.0]), covariance)[0, 1] / 2e-16
            assert found == pytest.approx(exact, abs=0.03)

    @pytest.mark.parametrize("criterion", ["variance", "information"])
    def test_a_batch_connects_all_items_with_those_before_it(self, criterion: str) -> None:
        import networkx as nx

        sampler = ActiveSampler(tuple("abcdefg"), criterion=criterion)  # type: ignore[arg-type]
        rng = np.random.default_rng(0)
        asked = nx.Graph()
        for _ in range(5):
            pairs = sampler.ask()
            assert len({frozenset(pair) for pair in pairs}) == 6
            asked.add_edges_from(pairs)
            assert nx.is_connected(asked)
            assert len(asked) == 7
            for first, second in pairs:
                winner, loser = (first, second) if rng.random() < 0.5 else (second, first)
                sampler.tell(winner, loser)
        assert sampler.counts.wins.sum() == 30

    def test_a_batch_joins_what_was_never_compared(self) -> None:
        sampler = ActiveSampler(tuple("abcd"))
        for _ in range(50):  # a and b, c and d, each pair as near as can be
            for pair in ("ab", "ba", "cd", "dc"):
                sampler.tell(*pair)
        assert any({*pair} & {*"ab"} and {*pair} & {*"cd"} for pair in sampler.ask(1))

    def test_the_first_batch_asks_no_item_much_more_than_others(self) -> None:
        """All pairs are worth the same before the first answer, and a tree of equal edges may be a star."""
        asked = [name for pair in ActiveSampler(tuple("abcdefghij")).ask() for name in pair]
        assert max(asked.count(name) for name in "abcdefghij") <= 3

    def test_each_pair_of_a_batch_shrinks_most_after_those_before_it(self) -> None:
        """By inverting the information anew for every candidate, where the weights are known."""
        rng = np.random.default_rng(4)
        values = rng.normal(size=6)
        root = rng.normal(size=(6, 6))
        covariance = 1e-4 * root @ root.T  # so small that a weight is that of the values
        precision = np.linalg.inv(covariance)
        contrasts = {pair: np.eye(6)[pair[0]] - np.eye(6)[pair[1]] for pair in itertools.combinations(range(6), 2)}
        batch = shrinking_batch(values, covariance, 8, np.zeros(6, dtype=int))
        assert len({(i, j) for i, j, _ in batch}) == 8
        for i, j, gain in batch:
            left = {}
            for pair, c in contrasts.items():
                weight = 2 / np.pi * np.exp(-0.4 * (c @ values) ** 2)
                after = np.linalg.inv(precision + weight * np.outer(c, c))
                left[pair] = np.trace(np.linalg.inv(precision)) - np.trace(after)
            assert max(left, key=left.__getitem__) == (i, j)
            assert gain == pytest.approx(left[i, j], rel=0.01)
            c = contrasts.pop((i, j))
            precision = precision + 2 / np.pi * np.exp(-0.4 * (c @ values) ** 2) * np.outer(c, c)

    def test_what_is_nearly_sure_is_not_asked_again(self) -> None:
        sampler = ActiveSampler(("a", "b", "c"), prior_sd=2)
        for _ in range(40):
            sampler.tell("a", "b")
            sampler.tell("c", "b")
        assert sampler.ask(1) == [("a", "c")]

    def test_the_default_needs_no_more_choices_than_simple_designs(self) -> None:
        """The script in benchmarks/ with few studies: where values are close and where they spread far."""
        script = benchmark_script("active_sampling")
        for spread, most in ((0.5, 1.3), (2.0, 0.9)):
            errors = script.compare(12, 10, spread, 10, (script.DEFAULT, "random pairs", "random trees"))
            assert script.choices_needed(errors, 8)[0] < most

    def test_ties_are_half_answers(self) -> None:
        sampler = ActiveSampler(("a", "b"))
        sampler.tell("a", "b", tie=True)
        assert sampler.counts.wins[0].tolist() == [[0, 0.5], [0.5, 0]]

    def test_soft_answers_are_shares_of_a_choice(self) -> None:
        sampler = ActiveSampler(("a", "b"))
        sampler.tell("a", "b", share=0.8)
        assert sampler.counts.wins[0] == pytest.approx(np.array([[0, 0.8], [0.2, 0]]))

    def test_who_was_told_the_same_asks_the_same(self) -> None:
        """What a session that was cut off needs: the pairs depend on the answers so far, in whatever way they came."""
        one, other = ActiveSampler(tuple("abcd")), ActiveSampler(tuple("abcd"))
        for winner, loser in ("ab", "cb", "dc", "ad"):
            one.tell(winner, loser)
        counts = one.counts
        order = [2, 0, 3, 1]
        other.tell_counts(Counts.from_matrix(counts.wins[0][np.ix_(order, order)], [counts.items[i] for i in order]))
        assert other.ask() == one.ask()
        assert other.ask(3) == one.ask(3)
        with pytest.raises(ScalingError, match="the counts are of x, y, not of a, b, c, d"):
            other.tell_counts(Counts.from_matrix([[0, 1], [1, 0]], ["x", "y"]))

    def test_strangers_are_refused(self) -> None:
        with pytest.raises(ScalingError, match="'c' is not among the items a, b"):
            ActiveSampler(("a", "b")).tell("a", "c")
        with pytest.raises(ScalingError, match="an answer is one of two items"):
            ActiveSampler(("a", "b")).tell("a", "a")
        with pytest.raises(ScalingError, match="must be at least 1"):
            ActiveSampler(("a", "b")).ask(0)
        with pytest.raises(ScalingError, match="prior_sd must be between"):
            ActiveSampler(("a", "b"), prior_sd=0)
        with pytest.raises(ScalingError, match="unknown criterion 'entropy'; choose from variance, information"):
            ActiveSampler(("a", "b"), criterion="entropy")  # type: ignore[arg-type]
        with pytest.raises(ScalingError, match="at least two different items"):
            ActiveSampler(("a", "a"))


class TestManyItems:
    @pytest.mark.parametrize("model", ["bradley_terry", "thurstone"])
    def test_the_values_are_those_of_the_dense_fit(self, model: str) -> None:
        rng = np.random.default_rng(2)
        first, second = rng.integers(0, 12, (2, 900))
        second = np.where(first == second, (second + 1) % 12, second)
        wins = np.zeros((12, 12))
        np.add.at(wins, (first, second), 1)
        for prior_sd, method in ((None, "ml"), (0.8, "map")):
            options: Any = {"prior_sd": prior_sd or 2.0, "method": method, "model": model}
            dense = fit_scale(Counts.from_matrix(wins), **options)
            sparse = fit_sparse(ChoiceList.of(first, second, 12), **options)
            assert sparse.converged
            assert fit_sparse(Counts.from_matrix(wins), **options).values == pytest.approx(sparse.values)
            assert sparse.values == pytest.approx(dense.values[0], abs=1e-6)
            assert sparse.log_likelihood == pytest.approx(dense.log_likelihood[0])

    def test_the_values_are_choixs(self) -> None:
        rng = np.random.default_rng(3)
        pairs = [tuple(rng.choice(40, 2, replace=False).tolist()) for _ in range(3000)]
        theirs = choix.opt_pairwise(40, pairs, tol=1e-12)
        i, j = np.array(pairs).T
        assert fit_sparse(ChoiceList.of(i, j, 40), model="bradley_terry", method="ml").values == pytest.approx(
            theirs - theirs.mean(), abs=1e-4
        )

    def test_thousands_of_items_recover_the_truth(self) -> None:
        rng = np.random.default_rng(4)
        truth = rng.normal(0, 1, 2000)
        first, second = rng.integers(0, 2000, (2, 200_000))
        second = np.where(first == second, (second + 1) % 2000, second)
        won = rng.random(200_000) < ndtr(truth[first] - truth[second])
        found = fit_sparse(ChoiceList.of(np.where(won, first, second), np.where(won, second, first), 2000))
        assert found.converged
        assert spearmanr(found.values, truth).statistic > 0.98
        assert np.sqrt(np.mean((found.values - truth + truth.mean()) ** 2)) < 0.2

    @pytest.mark.parametrize("prior_sd", [None, 0.8])
    def test_the_covariance_is_that_of_the_dense_fit(self, prior_sd: float | None) -> None:
        rng = np.random.default_rng(2)
        first, second = np.array([rng.choice(15, 2, replace=False) for _ in range(900)]).T
        wins = np.zeros((15, 15))
        np.add.at(wins, (first, second), 1)
        options: Any = {"prior_sd": prior_sd, "method": "map"} if prior_sd else {"method": "ml"}
        dense = fit_scale(Counts.from_matrix(wins), **options)
        found = fit_sparse(ChoiceList.of(first, second, 15), **options)
        assert found.covariance == pytest.approx(dense.covariance[0], abs=1e-8)
        some = [3, 0, 14]
        part = found.covariance_of([found.items[i] for i in some])
        assert part == pytest.approx(dense.covariance[0][np.ix_(some, some)], abs=1e-8)

    def test_of_too_many_items_the_covariance_is_asked_for_some(self) -> None:
        k = 2001
        around = np.arange(k)
        found = fit_sparse(ChoiceList.of(around, np.roll(around, 1), k))
        with pytest.raises(ScalingError, match="ask covariance_of for some of them"):
            _ = found.covariance
        assert found.covariance_of(["1", "1001"]).shape == (2, 2)
        assert np.isnan(found.to_frame()["se"]).all()

    def test_a_table_gives_the_scale_of_its_counts(self) -> None:
        import pandas as pd

        rows = [("x", "y", "left"), ("y", "x", "left"), ("z", "x", "right"), ("y", "z", "tie"), ("x", "z", "right")]
        trials = pd.DataFrame(rows, columns=["left", "right", "choice"])
        sparse = fit_sparse(list_choices(trials), method="ml")
        dense = fit_scale(count_choices(trials, ()), method="ml")
        assert sparse.items == dense.items == ("x", "y", "z")
        assert sparse.values == pytest.approx(dense.values[0], abs=1e-8)

    def test_what_spoils_the_maximum_is_named(self) -> None:
        names = [f"item {n}" for n in range(9)]
        ring, last = np.arange(8), np.full(8, 8)
        before = np.roll(ring, 1)
        for chosen, other, why in (
            (last, ring, "item 8 never lost to the others"),
            (ring, last, "item 8 never beat the others"),
            ([], [], "no comparison joins item 8 to the others"),
        ):
            lists = (np.append(ring, chosen).astype(int), np.append(before, other).astype(int))
            with pytest.raises(ScalingError, match=f"no finite maximum of the likelihood: {why}; use method='map'"):
                fit_sparse(ChoiceList.of(*lists, names), method="ml")

    def test_weights_are_repeated_comparisons(self) -> None:
        one = fit_sparse(ChoiceList.of([0, 1, 0, 0], [1, 0, 1, 1], 2))
        weighted = fit_sparse(ChoiceList.of([0, 1], [1, 0], 2, weights=[3.0, 1.0]))
        assert weighted.values == pytest.approx(one.values)

    @pytest.mark.parametrize(
        ("chosen", "other", "message"),
        [
            ([0, 1], [1, 2], "no finite maximum"),
            ([0, 5], [1, 2], "numbered from 0 to 2, not 5"),
            ([0, -1], [1, 2], "numbered from 0 to 2, not -1"),
            ([0, 1], [0, 2], "compared with itself"),
            ([0], [1, 2], "two lists of items of one length"),
            ([0.5, 1], [1, 0], "items are given by their numbers from 0, not 0.5"),
            (["a", "b"], ["b", "a"], "items are given by their numbers from 0, not a"),
        ],
    )
    def test_bad_lists_are_named(self, chosen: list[int], other: list[int], message: str) -> None:
        with pytest.raises(ScalingError, match=message):
            fit_sparse(ChoiceList.of(chosen, other, 3), method="ml")

    @pytest.mark.parametrize("weights", [[-1, 1], [np.nan, 1], [1, 1, 1], [0, 0]])
    def test_bad_weights_are_named(self, weights: list[float]) -> None:
        with pytest.raises(ScalingError, match="weights must be one number from 0 for each comparison"):
            ChoiceList.of([0, 1], [1, 0], 2, weights=weights)
