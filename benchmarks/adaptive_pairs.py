"""Adaptive pairs against random connected ones: error and order of the scale, with equally many comparisons.

python benchmarks/adaptive_pairs.py [STUDIES]
"""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import spearmanr

from visavis.scaling import ActiveSampler

ROUNDS = 10


def random_path(items: tuple[str, ...], rng: np.random.Generator) -> list[tuple[str, str]]:
    order = [items[i] for i in rng.permutation(len(items))]
    return list(pairwise(order))


def study(truth: np.ndarray, adaptive: bool, rng: np.random.Generator) -> tuple[float, float]:
    """Ask ten rounds, and return the RMS error of the scale values and their rank correlation with the truth."""
    items = tuple(f"c{i}" for i in range(len(truth)))
    sampler = ActiveSampler(items)
    for _ in range(ROUNDS):
        for first, second in sampler.ask() if adaptive else random_path(items, rng):
            p = ndtr(truth[items.index(first)] - truth[items.index(second)])
            sampler.tell(*((first, second) if rng.random() < p else (second, first)))
    found = sampler.scale().values[0]
    return float(np.sqrt(np.mean((found - truth + truth.mean()) ** 2))), float(spearmanr(found, truth)[0])


def main(studies: int) -> None:
    rows = []
    for k, sd in ((8, 0.5), (8, 1.0), (8, 2.0), (16, 1.0), (16, 2.0)):
        rng = np.random.default_rng(k)
        truths = rng.normal(0, sd, (studies, k))
        found = {
            adaptive: np.mean([study(truth, adaptive, rng) for truth in truths], axis=0) for adaptive in (True, False)
        }
        rows.append(
            {
                "renditions": k,
                "SD of the values": sd,
                "comparisons": ROUNDS * (k - 1),
                "error, adaptive": found[True][0],
                "error, random": found[False][0],
                "ratio": found[True][0] / found[False][0],
                "rank correlation, adaptive": found[True][1],
                "random": found[False][1],
            }
        )
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda value: f"{value:.3f}"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
