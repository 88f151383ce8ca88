"""Order of asking: blocks nest, and a pair follows itself only where nothing else can be done."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from visavis.experiments.ordering import block_order, separate_repeats
from visavis.experiments.random_stream import RandomStream

seeds = st.integers(0, 2**32)


def repeats(keys: np.ndarray) -> int:
    return int((keys[1:] == keys[:-1]).sum())


@given(keys=st.lists(st.integers(0, 6), min_size=1, max_size=40), seed=seeds)
def test_as_few_repeats_in_a_block_as_can_be(keys: list[int], seed: int) -> None:
    array = np.array(keys)
    order = separate_repeats(array, np.zeros(len(keys), dtype=int), RandomStream(seed))
    assert sorted(order.tolist()) == list(range(len(keys)))
    most = max(Counter(keys).values())
    unavoidable = max(0, most - 1 - (len(keys) - most))
    assert repeats(array[order]) == (unavoidable if repeats(array) else 0)


@given(keys=st.lists(st.integers(0, 6), min_size=2, max_size=40), cut=st.integers(1, 39), seed=seeds)
def test_trials_stay_in_their_block(keys: list[int], cut: int, seed: int) -> None:
    block = (np.arange(len(keys)) >= cut).astype(int)
    order = separate_repeats(np.array(keys), block, RandomStream(seed))
    assert np.array_equal(block[order], block)


def test_an_order_without_repeats_is_left_alone() -> None:
    keys = np.array([1, 2, 1, 3, 2])
    assert separate_repeats(keys, np.zeros(5, dtype=int), RandomStream(1)).tolist() == [0, 1, 2, 3, 4]


def test_no_repeat_across_blocks_where_it_can_be_avoided() -> None:
    keys, block = np.array([1, 2, 2, 3]), np.array([0, 0, 1, 1])
    order = separate_repeats(keys, block, RandomStream(5))
    assert keys[order].tolist() == [1, 2, 3, 2]


@given(blocks=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=8), min_size=2, max_size=6), seed=seeds)
def test_a_block_begins_with_what_was_asked_last_only_where_it_must(blocks: list[list[int]], seed: int) -> None:
    keys, block = np.concatenate(blocks), np.repeat(np.arange(len(blocks)), [len(one) for one in blocks])
    asked = keys[separate_repeats(keys, block, RandomStream(seed))]
    for start in np.flatnonzero(np.diff(block)) + 1:
        if asked[start - 1] == asked[start]:
            inside = asked[block == block[start]]
            assert 2 * (inside == asked[start]).sum() > len(inside)


@given(n=st.integers(1, 60), seed=seeds, shuffled=st.booleans())
def test_blocks_nest_and_are_contiguous(n: int, seed: int, shuffled: bool) -> None:
    stream = RandomStream(seed, "levels")
    outer, inner = stream.raw(n).astype(np.int64) % 3, stream.raw(n).astype(np.int64) % 4
    order, block = block_order([outer, inner], stream.permutation(n), [RandomStream(seed) if shuffled else None] * 2)
    assert sorted(order.tolist()) == list(range(n))
    assert np.all(np.diff(block) >= 0)
    assert len(set(zip(outer[order], inner[order], strict=True))) == block[-1] + 1
    assert repeats(outer[order]) == n - len(set(outer.tolist()))
    if not shuffled:
        assert np.all(np.diff(outer[order] * 4 + inner[order]) >= 0)


def test_without_levels_there_is_one_block_in_the_order_within() -> None:
    order, block = block_order([], np.array([2, 0, 1]), [])
    assert order.tolist() == [1, 2, 0]
    assert block.tolist() == [0, 0, 0]
