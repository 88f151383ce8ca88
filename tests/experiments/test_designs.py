"""Pairs and sides: every law holds for every size."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.experiments.designs import (
    all_pairs,
    balanced_orientation,
    counterbalanced_sides,
    random_pairs,
    williams_row,
)
from visavis.experiments.random_stream import RandomStream

seeds = st.integers(0, 2**32)


@given(n=st.integers(2, 30))
def test_all_pairs_are_the_combinations(n: int) -> None:
    assert [tuple(pair) for pair in all_pairs(n).tolist()] == list(combinations(range(n), 2))


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(2, 14))
    return n, draw(st.integers(n - 1, n * (n - 1) // 2))


@given(size=sizes(), seed=seeds)
def test_random_pairs_are_distinct_and_connect_all_items(size: tuple[int, int], seed: int) -> None:
    n, m = size
    pairs = random_pairs(n, m, RandomStream(seed))
    graph = nx.Graph(pairs.tolist())
    assert len({frozenset(pair) for pair in pairs.tolist()}) == m
    assert set(graph) == set(range(n))
    assert nx.is_connected(graph)


@given(seed=seeds)
def test_random_pairs_compare_all_items_about_equally_often(seed: int) -> None:
    degrees = np.bincount(random_pairs(12, 30, RandomStream(seed)).ravel())
    assert degrees.max() - degrees.min() <= 2


@pytest.mark.parametrize("m", [3, 11])
def test_a_number_of_pairs_that_cannot_be_is_refused(m: int) -> None:
    with pytest.raises(ValueError, match=rf"5 renditions need at least 4 pairs .* have 10, so {m} cannot"):
        random_pairs(5, m, RandomStream(1))


@given(size=sizes(), seed=seeds)
def test_orientation_balances_every_item(size: tuple[int, int], seed: int) -> None:
    pairs = random_pairs(*size, RandomStream(seed))
    swapped = balanced_orientation(pairs, RandomStream(seed, "sides")).astype(bool)
    left = np.bincount(np.where(swapped, pairs[:, 1], pairs[:, 0]), minlength=size[0])
    right = np.bincount(np.where(swapped, pairs[:, 0], pairs[:, 1]), minlength=size[0])
    assert np.abs(left - right).max() <= 1


def test_orientation_is_a_fair_coin_for_each_pair() -> None:
    pairs = all_pairs(5)
    drawn = np.array([balanced_orientation(pairs, RandomStream(seed)) for seed in range(600)])
    share = drawn.mean(axis=0)  # standard error .02
    assert np.all(np.abs(share - 0.5) < 0.09)


@given(repetitions=st.integers(1, 9), seed=seeds)
def test_both_orders_come_equally_often_over_repetitions(repetitions: int, seed: int) -> None:
    orientation = RandomStream(seed).coins(40)
    swapped = counterbalanced_sides(orientation, repetitions, RandomStream(seed, 1)).sum(axis=1)
    if repetitions % 2:
        assert np.array_equal(swapped, repetitions // 2 + orientation)
    else:
        assert np.all(swapped == repetitions // 2)


def test_a_stream_gives_the_same_numbers_on_every_machine() -> None:
    stream = RandomStream(2026, "P07", "1", "trials")
    assert stream.permutation(8).tolist() == [7, 2, 3, 1, 0, 5, 6, 4]
    assert stream.coins(12).tolist() == [0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0, 0]
    assert stream.below(1000) == 447
    assert stream.uniforms(2).tolist() == [0.5078084197695996, 0.45259877140265226]


@given(n=st.integers(2, 12), start=st.integers(0, 100))
def test_williams_balances_places_and_what_follows_what(n: int, start: int) -> None:
    rows = [williams_row(n, number).tolist() for number in range(start, start + (2 * n if n % 2 else n))]
    times = len(rows) // n
    for place in range(n):
        assert Counter(row[place] for row in rows) == dict.fromkeys(range(n), times)
    following = Counter(pair for row in rows for pair in pairwise(row))
    assert following == dict.fromkeys(((a, b) for a in range(n) for b in range(n) if a != b), times)
