"""How many choices a scale needs when pairs are asked actively, at random, or all in turn; printed as a table.

Run: python benchmarks/active_sampling.py [STUDIES]. Errors are root mean squares over items and studies, in SD of a
difference; the last line tells how many choices random pairs need to be as good as active ones.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import cycle

import numpy as np
from scipy.special import ndtr

from visavis.scaling import ActiveSampler

BY_INFORMATION = "the same, by information"


def strategies(k: int) -> dict[str, ActiveSampler]:
    return {
        name: ActiveSampler([str(n) for n in range(k)], prior_sd=2.0)
        for name in ("active, spanning trees", "active, one by one", "random pairs", "all pairs in turn")
    } | {BY_INFORMATION: ActiveSampler([str(n) for n in range(k)], prior_sd=2.0, criterion="information")}


def one_study(k: int, choices: int, spread: float, seed: int, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the squared error of every strategy after each multiple of k - 1 choices; shape (choices // (k - 1),)."""
    rng = np.random.default_rng(seed)
    truth = spread * rng.standard_normal(k)
    truth -= truth.mean()
    all_pairs = cycle(rng.permutation(np.stack(np.triu_indices(k, 1), axis=1)).tolist())
    errors = {}
    samplers = strategies(k)
    for name in names:
        sampler = samplers[name]
        found = []
        for _ in range(choices // (k - 1)):
            asked = 0
            while asked < k - 1:
                if name in ("active, spanning trees", BY_INFORMATION):
                    batch = [(int(i), int(j)) for i, j in sampler.ask()]
                elif name == "active, one by one":
                    batch = [(int(i), int(j)) for i, j in sampler.ask(1)]
                elif name == "random pairs":
                    batch = [tuple(rng.choice(k, 2, replace=False).tolist())]
                else:
                    batch = [tuple(next(all_pairs))]
                for i, j in batch:
                    first = rng.random() < ndtr(truth[i] - truth[j])
                    sampler.tell(*((str(i), str(j)) if first else (str(j), str(i))))
                asked += len(batch)
            found.append(float(np.mean((sampler.scale().values[0] - truth) ** 2)))
        errors[name] = np.array(found)
    return errors


def compare(
    k: int, rounds: int, spread: float, studies: int, names: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Return the root mean squared error after each round of k - 1 choices."""
    names = list(strategies(k)) if names is None else names
    every = [one_study(k, rounds * (k - 1), spread, seed, names) for seed in range(studies)]
    return {name: np.sqrt(np.mean([study[name] for study in every], axis=0)) for name in every[0]}


def saved(errors: dict[str, np.ndarray], name: str = "active, spanning trees") -> float:
    """Return how many times as many random pairs reach the error that active ones reach half-way."""
    half = len(errors[name]) // 2
    wanted = errors[name][half - 1]
    random = errors["random pairs"]
    rounds = np.arange(1, len(random) + 1)
    return float(np.interp(-wanted, -random, rounds) / half)


def main(studies: int) -> None:
    for k, rounds, spread in ((8, 24, 0.5), (8, 24, 1.0), (20, 16, 1.0), (20, 16, 2.0)):
        errors = compare(k, rounds, spread, studies)
        print(f"{k} items of SD {spread}, {studies} studies: error after so many choices")
        shown = [rounds // 4, rounds // 2, rounds]
        print(f"  {'':24}" + "".join(f"{n * (k - 1):8}" for n in shown))
        for name, error in errors.items():
            print(f"  {name:24}" + "".join(f"{error[n - 1]:8.3f}" for n in shown))
        print(f"  random pairs need {saved(errors):.2f} times as many choices as spanning trees", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
