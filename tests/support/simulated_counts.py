"""Counts to scale, for tests."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr


def random_wins(seed: int, k: int = 5, n: int = 12, spread: float = 0.7) -> np.ndarray:
    """Counts of a Thurstonian observer; every pair has choices both ways."""
    rng = np.random.default_rng(seed)
    values = spread * rng.standard_normal(k)
    p = ndtr(values[:, None] - values[None])
    wins = np.zeros((k, k))
    for i in range(k):
        for j in range(i):
            wins[i, j] = np.clip(rng.binomial(n, p[i, j]), 1, n - 1)
            wins[j, i] = n - wins[i, j]
    return wins
