"""Trials tables of simulated observers, made without files."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtr


def trials_table(
    observers: dict[str, dict[str, np.ndarray]],
    *,
    kinds: dict[str, str] | None = None,
    repetitions: int = 3,
    scenes: int = 6,
    seed: int = 0,
) -> pd.DataFrame:
    """Let Thurstonian observers answer every pair.

    Parameters
    ----------
    observers : dict
        By observer and attribute, the scale values of the items, in SD of a difference.
    kinds : dict, optional
        The observers' kinds; by default ``human`` for names that begin with P, else ``vlm``.
    repetitions, scenes : int
    seed : int
    """
    rng = np.random.default_rng(seed)
    rows = []
    for observer, attributes in observers.items():
        kind = (kinds or {}).get(observer, "human" if observer.startswith("P") else "vlm")
        for attribute, values in attributes.items():
            for scene in range(scenes):
                for i, j in combinations(range(len(values)), 2):
                    for repetition in range(1, repetitions + 1):
                        swapped = bool(rng.integers(2))
                        left, right = (j, i) if swapped else (i, j)
                        to_left = rng.random() < ndtr(values[left] - values[right])
                        rows.append(
                            (observer, kind, attribute, f"s{scene}", f"c{left}", f"c{right}", repetition, to_left)
                        )
    table = pd.DataFrame(
        rows, columns=["observer", "observer_kind", "attribute", "scene", "left", "right", "repetition", "to_left"]
    )
    table["choice"] = np.where(table.pop("to_left"), "left", "right")
    table["outcome"] = "choice"
    table["phase"] = "main"
    table["session"] = "1"
    table["experiment"] = "simulated"
    table["definition_sha256"] = "0" * 64
    table["trial"] = [f"t{i}" for i in range(len(table))]
    return table
