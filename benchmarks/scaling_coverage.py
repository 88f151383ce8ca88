"""How often 95 % intervals cover the truth, over simulated studies; printed as a table.

Run: python benchmarks/scaling_coverage.py [STUDIES]. The tests run a reduced form.

The truth is what a method estimates: the population's values for the mixed model; for pooled choices of people who
differ, the limit of the pooled scale with ever more people; for one observer, its own values; over scenes, the mean of
the scenes that could have been drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy.special import ndtr

from visavis.scaling import Counts, Resampling, bootstrap_scale, fit_population, fit_scale
from visavis.scaling.intervals import INTERVALS

VALUES = np.array([-0.9, -0.6, -0.35, -0.1, 0.1, 0.35, 0.6, 0.9])
FIRST, SECOND = np.triu_indices(len(VALUES), 1)
Interval = tuple[np.ndarray, np.ndarray]


def draw(values: np.ndarray, times: int, rng: np.random.Generator) -> np.ndarray:
    """Return wins of shape (..., k, k) of observers or scenes with `values` of shape (..., k)."""
    won = rng.binomial(times, ndtr(values[..., FIRST] - values[..., SECOND]))
    wins = np.zeros((*values.shape, values.shape[-1]))
    wins[..., FIRST, SECOND], wins[..., SECOND, FIRST] = won, times - won
    return wins


def counts_of(wins: np.ndarray, column: str) -> Counts:
    names = tuple(f"c{i}" for i in range(wins.shape[-1]))
    return Counts(names, pd.DataFrame({column: range(len(wins))}), wins, np.zeros_like(wins))


def wald(counts: Counts, method: str = "map") -> Interval:
    scale = fit_scale(counts.pool([]), method=method)  # type: ignore[arg-type]
    frame = scale.to_frame()
    return frame["low"].to_numpy(), frame["high"].to_numpy()


def over_observers(counts: Counts, seed: int) -> dict[str, Interval]:
    found = bootstrap_scale(counts, "observer", [], resampling=Resampling(1000, seed=seed))
    return {
        f"bootstrap over people, {method}": tuple(limit[0] for limit in found.interval(method=method))  # type: ignore[misc]
        for method in INTERVALS
    }


def people(n: int, sd: float, studies: int, *, population: bool) -> Iterator[tuple[str, np.ndarray, Interval]]:
    rng = np.random.default_rng(n)
    limit = pooled_limit(sd)
    for study in range(studies):
        counts = counts_of(draw(VALUES + rng.normal(0, sd, (n, len(VALUES))), 1, rng), "observer")
        yield "pooled, observed information", limit, wald(counts)
        for name, interval in over_observers(counts, study).items():
            yield name, limit, interval
        if population:
            frame = fit_population(counts, method="ml").to_frame()
            yield "mixed model", VALUES, (frame["low"].to_numpy(), frame["high"].to_numpy())


def pooled_limit(sd: float) -> np.ndarray:
    """Return what the pooled scale tends to with ever more people: Φ of differences with their spread averaged in."""
    if not sd:
        return VALUES
    p = ndtr((VALUES[:, None] - VALUES) / np.sqrt(1 + 2 * sd**2))
    np.fill_diagonal(p, 0)
    return fit_scale(Counts.from_matrix(1e6 * p), method="ml").values[0]


def one_model(studies: int) -> Iterator[tuple[str, np.ndarray, Interval]]:
    rng = np.random.default_rng(3)
    for _ in range(studies):
        counts = counts_of(draw(VALUES[None], 3, rng), "observer")
        yield "observed information", VALUES, wald(counts)


def over_scenes(n: int, studies: int) -> Iterator[tuple[str, np.ndarray, Interval]]:
    """One model, three repetitions, scenes that differ: the interval of its mean scale value over scenes."""
    rng = np.random.default_rng(n)
    sd = 0.4
    many = draw(VALUES + rng.normal(0, sd, (4000, len(VALUES))), 3, rng)
    truth = fit_scale(counts_of(many, "scene")).values.mean(axis=0)  # the prior's pull is part of the estimate
    for study in range(studies):
        wins = draw(VALUES + rng.normal(0, sd, (n, len(VALUES))), 3, rng)
        values = fit_scale(counts_of(wins, "scene")).values
        for method in ("expanded", "percentile"):
            resampling = Resampling(1000, study, method=method)
            limits = resampling.limits(resampling.weights(n) @ values / n, n)
            yield f"bootstrap over scenes, {method}", truth, limits


def coverage(study: Callable[[], Iterator[tuple[str, np.ndarray, Interval]]]) -> pd.Series:
    """Return the share of intervals that hold the truth, by method."""
    rows = [
        (name, float(np.mean((low <= truth) & (truth <= high))), float(np.mean(high - low)))
        for name, truth, (low, high) in study()
    ]
    table = pd.DataFrame(rows, columns=["method", "covered", "width"])
    return table.groupby("method", sort=False)["covered"].mean()


def main(studies: int) -> None:
    designs: dict[str, Callable[[], Iterator[tuple[str, np.ndarray, Interval]]]] = {
        "8 stimuli, 15 people alike": lambda: people(15, 0.0, studies, population=False),
        "8 stimuli, 25 people alike": lambda: people(25, 0.0, studies, population=False),
        "8 stimuli, 15 people who differ (SD 0.5)": lambda: people(15, 0.5, studies, population=True),
        "8 stimuli, 25 people who differ (SD 0.5)": lambda: people(25, 0.5, studies, population=True),
        "8 stimuli, one model, 3 repetitions": lambda: one_model(studies),
        "one model, 3 repetitions, 10 scenes": lambda: over_scenes(10, studies),
        "one model, 3 repetitions, 20 scenes": lambda: over_scenes(20, studies),
    }
    print(f"coverage of 95 % intervals in {studies} studies (aim: 93 to 97 %)")
    for title, study in designs.items():
        print(title)
        for name, share in coverage(study).items():
            print(f"  {name:36} {100 * share:5.1f} %{'' if 0.93 <= share <= 0.97 else '   outside'}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
