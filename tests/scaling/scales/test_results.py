"""One interface over all models: what every result holds and shows, and what every model does with difficult data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from visavis.scaling import (
    Counts,
    Resampling,
    ScalingError,
    bootstrap_scale,
    choice_ceilings,
    count_by_order,
    count_choices,
    fit_latent_classes,
    fit_order_effect,
    fit_population,
    fit_scale,
    fit_sparse,
    fit_ties,
    has_maximum,
    is_connected,
    leave_one_out_likelihood,
    list_choices,
)

Fit = Callable[..., Any]


def table(seed: int = 0, people: int = 6, *, ties: bool = True) -> pd.DataFrame:
    """People who choose between three items in both orders, with other people's names of columns."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        for first, second, better in (("$a", "b", 0.7), ("b", "c", 0.6), ("$a", "c", 0.75)) * 4:
            to_first, swapped = rng.random() < better, rng.random() < 0.5
            answer = "tie" if ties and rng.random() < 0.15 else "left" if to_first != swapped else "right"
            rows.append((f"P{person}", *((second, first) if swapped else (first, second)), answer))
    return pd.DataFrame(rows, columns=["who", "image_1", "image_2", "answer"])


COLUMNS = {"observer": "who", "left": "image_1", "right": "image_2", "choice": "answer"}


def counted(trials: pd.DataFrame, by: str | tuple[str, ...] = (), **options: Any) -> Counts:
    return count_choices(trials, by, columns=COLUMNS, **options)


def sparse(trials: pd.DataFrame, **options: Any) -> Any:
    return fit_sparse(list_choices(trials, columns=COLUMNS), **options)


FITS: dict[str, Fit] = {
    "scale": lambda trials, **options: fit_scale(counted(trials), **options),
    "bootstrap": lambda trials, **options: bootstrap_scale(
        counted(trials, "observer"), "observer", resampling=Resampling(50), **options
    ),
    "ties": lambda trials, **options: fit_ties(counted(trials), **options),
    "order": lambda trials, **options: fit_order_effect(count_by_order(trials, columns=COLUMNS), **options),
    "population": lambda trials, **options: fit_population(counted(trials, "observer"), **options),
    "classes": lambda trials, **options: fit_latent_classes(counted(trials, "observer"), 2, starts=3, **options),
    "sparse": sparse,
}


@pytest.mark.parametrize("name", FITS)
def test_every_result_tells_the_same(name: str) -> None:
    result = FITS[name](table())
    assert result.items == ("$a", "b", "c")
    assert np.shape(result.values)[-1] == 3
    assert np.sum(result.values, axis=-1) == pytest.approx(0, abs=1e-9)
    k = np.shape(result.covariance)[-1]
    assert np.shape(result.covariance)[-2:] == (k, k)
    assert k >= 3
    assert result.standard_errors == pytest.approx(
        np.sqrt(np.diagonal(result.covariance, axis1=-2, axis2=-1))[..., :3], nan_ok=True
    )
    fitted = result.estimate if name == "bootstrap" else result
    assert fitted.constraint == fitted.options["constraint"] == "mean 0"
    assert fitted.options["model"] in ("thurstone", "bradley_terry", "davidson")
    assert np.all(fitted.converged)
    assert np.all(fitted.log_likelihood < 0)


@pytest.mark.parametrize("name", FITS)
def test_every_result_has_a_table_a_summary_and_a_figure(name: str) -> None:
    result = FITS[name](table())
    frame = result.to_frame()
    assert list(frame.columns[-5:]) == ["item", "value", "se", "low", "high"]
    assert len(frame) == np.size(result.values)
    assert (frame["low"] < frame["value"]).all()
    assert (frame["value"] < frame["high"]).all()
    narrow = result.to_frame(0.5)
    assert (narrow["high"] - narrow["low"] < frame["high"] - frame["low"]).all()
    text = result.summary()
    assert "constraint=mean 0" in text
    assert "converged: " in text
    axes = result.plot()
    assert {label.get_text() for label in axes.get_yticklabels()} == {"$a", "b", "c"}
    axes.figure.canvas.draw()
    with pytest.raises(ScalingError, match="level must be between 0 and 1"):
        result.to_frame(95)


def test_results_print_on_one_short_line() -> None:
    counts = counted(table(), "observer")
    scale = fit_scale(counts)
    assert (
        repr(counts)
        == f"<Counts: 3 items in 6 group(s), {counts.wins.sum():g} choices, {counts.ties.sum() / 2:g} ties>"
    )
    assert repr(scale) == "<Scale: 3 items in 6 group(s), by thurstone, map>"
    found = bootstrap_scale(counts, "observer", resampling=Resampling(20))
    assert repr(found) == "<Bootstrap: 20 resamples of observer, 3 items in 1 group(s)>"
    assert repr(fit_population(counts)) == "<PopulationScale: 3 items, by thurstone>"
    assert repr(fit_ties(counts.pool([]))) == "<TieScale: 3 items, by davidson>"
    assert repr(sparse(table())) == "<SparseScale: 3 items, by thurstone>"
    classes = fit_latent_classes(counts, 2, starts=1)
    assert repr(classes) == "<LatentClasses: 2 classes of 6 observers, 3 items, by thurstone>"


@pytest.mark.parametrize(
    "fit",
    [
        fit_scale,
        fit_ties,
        fit_population,
        fit_order_effect,
        fit_sparse,
        is_connected,
        has_maximum,
        choice_ceilings,
        leave_one_out_likelihood,
        lambda trials: fit_latent_classes(trials, 2),
        lambda trials: bootstrap_scale(trials, "observer"),
    ],
)
def test_a_table_in_place_of_counts_is_refused_with_the_remedy(fit: Fit) -> None:
    with pytest.raises(ScalingError, match=r"got DataFrame: make them of a trials table by count_choices\(trials\)"):
        fit(table())


def test_every_result_predicts_probabilities() -> None:
    trials = table()
    for name in ("scale", "classes"):
        p = FITS[name](trials).predict()
        assert p + p.swapaxes(1, 2) == pytest.approx(np.ones_like(p))
    found = sparse(trials)
    one, other = found.predict(["$a", "c"], ["b", "b"]), found.predict(["b", "b"], ["$a", "c"])
    assert one + other == pytest.approx([1, 1])
    assert one[0] == pytest.approx(ndtr(found.values[0] - found.values[1]))
    with pytest.raises(ScalingError, match="'d' is not among the items"):
        found.predict(["d"], ["b"])


@pytest.mark.parametrize("name", FITS)
def test_the_names_of_the_items_do_not_matter(name: str) -> None:
    """Relabelling, so that the items sort the other way round, relabels the values."""
    trials = table()
    other = trials.replace({"$a": "z", "b": "y", "c": "x"})
    # EM starts at random, but ends at the same maximum.
    one, renamed = FITS[name](trials), FITS[name](other)
    assert renamed.items == ("x", "y", "z")
    assert np.asarray(renamed.values)[..., ::-1] == pytest.approx(np.asarray(one.values), abs=2e-4)


@pytest.mark.parametrize("name", FITS)
def test_reversing_every_choice_reverses_the_scale(name: str) -> None:
    trials = table()
    reversed_ = trials.assign(answer=trials["answer"].replace({"left": "right", "right": "left"}))
    one, other = FITS[name](trials), FITS[name](reversed_)
    assert np.asarray(other.values) == pytest.approx(-np.asarray(one.values), abs=2e-4)


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("dtype", ["category", "string"])
def test_the_columns_may_be_categories(name: str, dtype: Any) -> None:
    trials = table()
    assert np.array_equal(FITS[name](trials).values, FITS[name](trials.astype(dtype)).values)


@pytest.mark.parametrize("name", FITS)
def test_without_a_finite_maximum_every_model_says_so_and_a_prior_helps(name: str) -> None:
    """The first item always wins: `fit_scale`, which has many groups, gives NaN and the reason; all others refuse."""
    trials = table(ties=False)
    wins = trials["image_1"].eq("$a").map({True: "left", False: "right"})
    trials["answer"] = trials["answer"].where(~trials[["image_1", "image_2"]].eq("$a").any(axis=1), wins)
    trials.loc[trials.index[-1], ["image_1", "image_2", "answer"]] = ["b", "c", "tie"]
    if name in ("scale", "bootstrap"):
        result = FITS[name](trials, method="ml")
        assert np.isnan(result.values).all()
        fitted = result if name == "scale" else result.estimate
        assert fitted.separation == ("$a never lost to the others",)
        assert np.isnan(result.to_frame()["low"]).all()
    elif name != "classes":  # which always has a prior
        with pytest.raises(
            ScalingError, match=r"no finite maximum of the likelihood: \$a never lost .* use method='map'"
        ):
            FITS[name](trials, method="ml")
    result = FITS[name](trials, prior_sd=2)
    values = np.atleast_2d(result.values)
    assert np.isfinite(values).all()
    assert (values[:, 0] > values[:, 1:].max(axis=1)).all()
    assert (result.estimate if name == "bootstrap" else result).options["prior_sd"] == 2


@pytest.mark.parametrize("name", FITS)
def test_items_that_nothing_joins_are_named(name: str) -> None:
    trials = pd.concat([table(), table(ties=False).replace({"$a": "x", "b": "y", "c": "z"})])
    if name in ("scale", "bootstrap"):
        fitted = FITS[name](trials, method="ml")
        fitted = fitted if name == "scale" else fitted.estimate
        assert fitted.separation == ("no comparison joins $a, b, c | x, y, z",)
    elif name != "classes":
        with pytest.raises(ScalingError, match=r"no comparison joins \$a, b, c"):
            FITS[name](trials, method="ml")
    assert np.isfinite(FITS[name](trials, prior_sd=2).values).all()


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("prior_sd", [0, -1, np.nan, np.inf])
def test_priors_that_are_none_are_refused(name: str, prior_sd: float) -> None:
    with pytest.raises(ScalingError, match="prior_sd must be between 1e-6 and 1e6"):
        FITS[name](table(), prior_sd=prior_sd)


@pytest.mark.parametrize("name", [name for name in FITS if name != "classes"])
def test_unknown_methods_are_named(name: str) -> None:
    with pytest.raises(ScalingError, match="unknown method 'bayes'; choose from map, ml"):
        FITS[name](table(), method="bayes")


@pytest.mark.parametrize("name", FITS)
def test_a_notebook_shows_the_table(name: str) -> None:
    page = FITS[name](table())._repr_html_()
    assert "<table" in page
    assert "$a" in page


@pytest.mark.parametrize("name", FITS)
def test_unknown_models_are_named(name: str) -> None:
    with pytest.raises(ScalingError, match="unknown model 'probit'"):
        FITS[name](table(), model="probit")


@pytest.mark.parametrize("name", ["scale", "bootstrap", "order", "population", "classes", "sparse"])
def test_huge_counts_change_only_the_certainty(name: str) -> None:
    """A billion identical observers are one, with a certainty √10⁹ times as high: nothing over- or underflows."""
    times = 1e9
    if name == "sparse":
        listed = list_choices(table(), columns=COLUMNS)
        more = replace(listed, weights=times * listed.weights)
        one, many = (fit_sparse(choices, method="ml") for choices in (listed, more))
    elif name == "order":
        by_side = count_by_order(table(), columns=COLUMNS)
        one, many = (fit_order_effect(replace(by_side, wins=n * by_side.wins), method="ml") for n in (1, times))
    else:
        counts = counted(table(), () if name == "scale" else "observer")
        larger = Counts(counts.items, counts.groups, times * counts.wins, times * counts.ties)
        fit: Fit = {
            "scale": lambda c: fit_scale(c, method="ml"),
            "bootstrap": lambda c: bootstrap_scale(c, "observer", method="ml", resampling=Resampling(20)),
            "population": lambda c: fit_population(c, method="ml"),
            "classes": lambda c: fit_latent_classes(c, 1, starts=1, prior_sd=1e6),
        }[name]
        one, many = fit(counts), fit(larger)
    if name == "population":  # people who are certain differ: their own values decide
        assert many.observer_sd > one.observer_sd
        assert np.isfinite(many.values).all()
        return
    assert np.asarray(many.values) == pytest.approx(np.asarray(one.values), abs=1e-6)
    if name != "bootstrap":
        assert np.sqrt(times) * np.asarray(many.standard_errors) == pytest.approx(
            np.asarray(one.standard_errors), rel=1e-4
        )


def test_more_than_sixty_items_are_drawn_without_names() -> None:
    wins = np.ones((61, 61)) - np.eye(61)
    axes = fit_scale(Counts.from_matrix(wins)).plot()
    assert axes.get_ylabel() == "items from the lowest"
    axes.figure.canvas.draw()  # type: ignore[union-attr]
