"""The ledger: what each value rests on, by counts small enough to be read."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from visavis.scaling import Counts
from visavis.scaling.scales.basis import BASES, MEANINGS, basis_of


@pytest.mark.parametrize(
    ("wins", "expected"),
    [
        ([[0, 2, 1], [1, 0, 2], [2, 1, 0]], ["data", "data", "data"]),
        ([[0, 3, 3], [0, 0, 2], [0, 1, 0]], ["edge", "data", "data"]),  # the first never lost
        ([[0, 3, 3], [0, 0, 3], [0, 0, 0]], ["edge", "prior", "edge"]),  # always alike: all hangs on the prior
        ([[0, 2, 0], [1, 0, 0], [0, 0, 0]], ["data", "data", "never"]),
        ([[0, 3], [0, 0]], ["edge", "edge"]),
    ],
)
def test_smallest_cases(wins: list[list[int]], expected: list[str]) -> None:
    assert basis_of(Counts.from_matrix(wins))[0].tolist() == expected


def test_a_tie_settles_as_a_win_each_way_does() -> None:
    tied = Counts.from_matrix(np.zeros((2, 2)), ties=[[0, 1], [1, 0]])
    assert basis_of(tied)[0].tolist() == ["data", "data"]


def test_islands_are_settled_within_but_not_against_each_other() -> None:
    wins = np.zeros((5, 5))
    wins[0, 1] = wins[1, 2] = wins[2, 0] = 1  # three that beat each other, and two that never met them
    wins[3, 4] = wins[4, 3] = 1
    assert basis_of(Counts.from_matrix(wins))[0].tolist() == ["data", "data", "data", "prior", "prior"]


def test_it_is_what_strongly_connected_components_say() -> None:
    rng = np.random.default_rng(0)
    wins = rng.binomial(2, 0.12, (200, 6, 6)).astype(float)
    wins[:, np.arange(6), np.arange(6)] = 0
    for matrix, found in zip(wins, basis_of(Counts.from_matrix(wins)), strict=True):
        graph = nx.from_numpy_array(matrix, create_using=nx.DiGraph)
        parts = list(nx.strongly_connected_components(graph))
        most = max(map(len, parts))
        for item in range(6):
            part = next(part for part in parts if item in part)
            if not matrix[item].any() and not matrix[:, item].any():
                assert found[item] == "never"
            elif len(part) == 1:
                alone = not matrix[item].any() or not matrix[:, item].any()
                assert found[item] == ("edge" if alone else "prior")
            else:
                assert found[item] == "data" if len(part) == most and found[item] != "prior" else found[item] == "prior"
        assert (found == "data").sum() == (most if most > 1 else 0)
    assert set(MEANINGS) == set(BASES)
