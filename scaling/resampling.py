"""Which units a resample holds: drawn with replacement, alike for everyone who gives the same seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .counts import Floats


def resample_weights(n_units: int, n: int, rng: np.random.Generator) -> Floats:
    """Return how often each unit occurs in each resample; shape (n, n_units), rows summing to n_units."""
    return rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=n).astype(np.float64)


def resampled_scenes(n_scenes: int, n: int, seed: int) -> NDArray[np.intp]:
    """Return the scenes of each resample; shape (n, n_scenes). The same seed gives everyone the same."""
    counts = resample_weights(n_scenes, n, np.random.default_rng(seed)).astype(np.intp)
    return np.repeat(np.tile(np.arange(n_scenes), (n, 1)).ravel(), counts.ravel()).reshape(n, n_scenes)
