"""Fit and resample scales beside other packages on the same data in the same run; print times as ratios.

Set OMP_NUM_THREADS=1: with more threads the medians of small problems are noise. Run: python benchmarks/scaling.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import choix
import evalica
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import cg

from visavis.scaling import ChoiceList, Counts, Resampling, bootstrap_scale, fit_scale, fit_sparse
from visavis.scaling.scales.links import LINKS


def median_seconds(work: Callable[[], object], runs: int) -> float:
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def show(title: str, work: dict[str, tuple[Callable[[], object], int]]) -> None:
    print(title)
    seconds = {name: median_seconds(job, runs) for name, (job, runs) in work.items()}
    ours = next(iter(seconds.values()))
    for name, taken in seconds.items():
        print(f"  {name:52} {1e3 * taken:10.2f} ms  {taken / ours:8.2f}×")


def lab_counts(rng: np.random.Generator, k: int = 8, observers: int = 20, scenes: int = 20) -> Counts:
    import pandas as pd

    values = rng.normal(0, 0.6, (1, scenes, k)) + rng.normal(0, 0.3, (observers, scenes, k))
    i, j = np.triu_indices(k, 1)
    p = LINKS["thurstone"].probability(values[..., i] - values[..., j])
    won = rng.binomial(1, p)
    wins = np.zeros((observers, scenes, k, k))
    wins[..., i, j], wins[..., j, i] = won, 1 - won
    groups = pd.DataFrame(
        [(f"P{o}", f"s{s}") for o in range(observers) for s in range(scenes)], columns=["observer", "scene"]
    )
    flat = wins.reshape(-1, k, k)
    return Counts(tuple(f"c{n}" for n in range(k)), groups, flat, np.zeros_like(flat))


def bare_newton_cg(i: np.ndarray, j: np.ndarray, k: int, tolerance: float) -> np.ndarray:
    """Newton's method with plain conjugate gradients, as one would write it in ten lines."""
    values = np.zeros(k)
    link = LINKS["bradley_terry"]
    for _ in range(100):
        slope, curvature = link.derivatives(values[i] - values[j])
        gradient = np.bincount(i, slope, k) - np.bincount(j, slope, k)
        if np.abs(gradient).max() < tolerance:
            break
        off = coo_array((curvature, (i, j)), shape=(k, k)).tocsr()
        information = -(off + off.T)
        information.setdiag(np.bincount(i, curvature, k) + np.bincount(j, curvature, k))
        step, _ = cg(information, gradient, rtol=1e-6)
        values = values + step - step.mean()
    return values


def main() -> None:
    rng = np.random.default_rng(0)
    counts = lab_counts(rng)
    pooled = counts.pool([])
    matrix = pooled.wins[0]
    show(
        "8 stimuli, 20 observers, 20 scenes, pooled: Bradley-Terry by maximum likelihood",
        {
            "visavis fit_scale": (lambda: fit_scale(pooled, model="bradley_terry", method="ml"), 50),
            "choix ilsr_pairwise_dense": (lambda: choix.ilsr_pairwise_dense(matrix), 50),
        },
    )
    by_scene = counts.pool(["scene"])
    show(
        "the same, each of 20 scenes",
        {
            "visavis fit_scale": (lambda: fit_scale(by_scene, model="bradley_terry", method="ml"), 30),
            "choix ilsr_pairwise_dense, in a loop": (
                lambda: [choix.ilsr_pairwise_dense(wins, alpha=0.01) for wins in by_scene.wins],
                10,
            ),
        },
    )
    weights = rng.multinomial(20, [1 / 20] * 20, size=1000)
    by_observer = counts.pool(["observer"]).wins
    resampled = np.tensordot(weights, by_observer, axes=1)
    show(
        "1,000 resamples of observers, pooled",
        {
            "visavis bootstrap_scale": (
                lambda: bootstrap_scale(counts, "observer", [], Resampling(1000)),
                5,
            ),
            "choix ilsr_pairwise_dense, in a loop": (lambda: [choix.ilsr_pairwise_dense(w) for w in resampled], 1),
        },
    )
    show(
        "1,000 resamples of observers, each of 20 scenes (20,000 scales)",
        {
            "visavis bootstrap_scale": (
                lambda: bootstrap_scale(counts, "observer", ["scene"], Resampling(1000)),
                3,
            ),
            "choix ilsr_pairwise_dense, 20,000 in a loop": (
                lambda: [choix.ilsr_pairwise_dense(w, alpha=0.01) for w in resampled for _ in range(20)],
                1,
            ),
        },
    )
    large(rng)


def large(rng: np.random.Generator, k: int = 10_000, n: int = 1_000_000) -> None:
    truth = rng.normal(0, 1, k)
    first, second = rng.integers(0, k, (2, n))
    second = np.where(first == second, (second + 1) % k, second)
    won = rng.random(n) < LINKS["bradley_terry"].probability(truth[first] - truth[second])
    i, j = np.where(won, first, second), np.where(won, second, first)
    choices = ChoiceList.of(i, j, k)
    ours = fit_sparse(choices, model="bradley_terry", method="ml")
    bare = bare_newton_cg(i, j, k, 1e-5)
    result = evalica.bradley_terry(i.tolist(), j.tolist(), [evalica.Winner.X] * n)
    theirs = np.log(np.asarray([result.scores[item] for item in range(k)]))
    print(
        "\nlargest difference from our values: bare Newton-CG", np.abs(bare - bare.mean() - ours.values).max(), end=""
    )
    print(", evalica", np.abs(theirs - theirs.mean() - ours.values).max(), "; our largest gradient", ours.gradient)
    lists = i.tolist(), j.tolist(), [evalica.Winner.X] * n
    show(
        f"{k:,} items, {n:,} comparisons: Bradley-Terry by maximum likelihood",
        {
            "visavis fit_sparse": (lambda: fit_sparse(choices, model="bradley_terry", method="ml"), 3),
            "bare sparse Newton-CG": (lambda: bare_newton_cg(i, j, k, 1e-5), 3),
            "evalica bradley_terry": (lambda: evalica.bradley_terry(*lists), 1),
        },
    )


if __name__ == "__main__":
    main()
