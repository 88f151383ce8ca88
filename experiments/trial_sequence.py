"""From a definition to a plan: which trials there are, on which sides, in which order.

Everything random comes from streams named by the definition's seed, the observer, the session and the purpose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .definition import Definition, ListedPairs, RandomPairs
from .designs import IntArray, all_pairs, balanced_orientation, counterbalanced_sides, random_pairs
from .ordering import Shuffler, Williams, block_order, separate_repeats
from .plan import CATCH, PRACTICE, Plan, TrialColumns, concatenate, trial_columns
from .random_stream import RandomStream


class _Streams(Protocol):
    """Gives an independent stream of random numbers for each purpose."""

    def __call__(self, purpose: str, *more: int | str) -> RandomStream: ...


def make_plan(
    definition: Definition, scenes: Sequence[str], renditions: Sequence[str], observer: str, session: str = "1"
) -> Plan:
    """Decide every trial of one session.

    Parameters
    ----------
    definition : Definition
    scenes, renditions : sequence of str
        The stimulus set's, in its order.
    observer, session : str
        With the definition's seed they decide order and sides, unless its order says ``per_observer: false``.

    Returns
    -------
    Plan
        Practice first, then the blocks of main trials with the catch trials among them.

    Raises
    ------
    ValueError
        If the definition names a scene or rendition that is not there, or asks for a number of pairs that cannot be.
    """
    who = (observer, session) if definition.order.per_observer else ()
    seed = definition.seed

    def stream(purpose: str, *more: int | str) -> RandomStream:
        return RandomStream(seed, purpose, *who, *more)

    number = trailing_number(observer) if definition.order.per_observer == "balanced" else None

    def sides(purpose: str, *more: int | str) -> RandomStream:
        # Two observers of following numbers draw the same sides, which one of them is shown exchanged.
        return (
            stream(purpose, *more) if number is None else RandomStream(seed, purpose, (number + 1) // 2, session, *more)
        )

    scenes, renditions = tuple(scenes), tuple(renditions)
    compared = [renditions.index(name) for name in definition.compared(renditions)]
    main_scenes = [scenes.index(name) for name in definition.main_scenes(scenes)]
    pairs = {
        i: _pairs(definition, renditions, compared, RandomStream(seed, "pairs", name)) for i, name in enumerate(scenes)
    }

    main = _main_trials(definition, main_scenes, pairs, sides, exchanged=number is not None and number % 2 == 0)
    catch = _catch_trials(definition, scenes, renditions, stream("catch"))
    outermost: Shuffler = stream("blocks")
    if number is not None:
        outermost = Williams(number + (trailing_number(session) or 0), RandomStream(seed, "blocks"))
    blocks = _in_order(definition, concatenate([main, *catch]), stream, outermost)
    parts = [blocks]
    if definition.practice:
        kept = definition.practice.scenes
        practice_scenes = [scenes.index(name) for name in kept] if kept else main_scenes
        practice = _practice_trials(
            definition.practice.trials, len(definition.attributes), practice_scenes, pairs, stream("practice")
        )
        parts.insert(0, practice)
    return Plan(tuple(definition.attributes), scenes, renditions, definition.reference, concatenate(parts))


def trailing_number(name: str) -> int | None:
    """Return the number at the end of a name, by which observers are balanced: 7 of P07; None where there is none."""
    found = re.search(r"[0-9]+$", name)
    return int(found.group()) if found else None


def _pairs(definition: Definition, renditions: Sequence[str], compared: list[int], stream: RandomStream) -> IntArray:
    if isinstance(definition.pairs, ListedPairs):
        position = {name: i for i, name in enumerate(renditions)}
        return np.array([sorted((position[a], position[b])) for a, b in definition.pairs.pairs], dtype=np.int32)
    if definition.adaptive:
        local = random_pairs(len(compared), len(compared) - 1, stream)  # of the first round, and in the place of others
    elif isinstance(definition.pairs, RandomPairs):
        local = random_pairs(len(compared), definition.pairs.per_scene, stream)
    else:
        local = all_pairs(len(compared))
    return np.array(compared, dtype=np.int32)[local]


def _main_trials(
    definition: Definition, scenes: list[int], pairs: dict[int, IntArray], stream: _Streams, *, exchanged: bool
) -> TrialColumns:
    """Ask every pair of every scene on every attribute, in every repetition; sorted by attribute, scene, pair."""
    n_attributes = len(definition.attributes)
    cell_scene = np.concatenate([np.full(len(pairs[i]), i) for i in scenes])
    cell_pair = np.concatenate([pairs[i] for i in scenes])
    n_cells = n_attributes * len(cell_scene)
    repetitions = definition.repetitions
    numbers = np.arange(1, repetitions + 1)
    if definition.sides == "both_orders":
        order = np.tile(np.array([0, 1], dtype=np.int8), (n_cells, repetitions))
        numbers = np.repeat(numbers, 2)
    elif definition.sides == "counterbalanced":
        by_scene = [balanced_orientation(pairs[i], stream("orientation", i)) for i in scenes]
        flips = stream("flips").coins(n_attributes * len(scenes)).reshape(n_attributes, len(scenes))
        flipped = [by_scene[s] ^ flips[a, s] for a in range(n_attributes) for s in range(len(scenes))]
        order = counterbalanced_sides(np.concatenate(flipped), repetitions, stream("sides"))
    else:
        order = stream("sides").coins(n_cells * repetitions).reshape(n_cells, repetitions)
    times = order.shape[1]
    return trial_columns(
        n_cells * times,
        attribute=np.repeat(np.arange(n_attributes), len(cell_scene) * times),
        scene=np.repeat(np.tile(cell_scene, n_attributes), times),
        first=np.repeat(np.tile(cell_pair[:, 0], n_attributes), times),
        second=np.repeat(np.tile(cell_pair[:, 1], n_attributes), times),
        order=order.ravel() ^ np.int8(exchanged),
        repetition=np.tile(numbers, n_cells),
    )


def _catch_trials(
    definition: Definition, scenes: Sequence[str], renditions: Sequence[str], stream: RandomStream
) -> list[TrialColumns]:
    attributes = list(definition.attributes)
    parts = []
    for catch in definition.catch:
        expected = renditions.index(catch.expect)
        first, second = sorted((expected, renditions.index(catch.over)))
        alternating = (np.arange(catch.repetitions) + stream.below(2)) % 2
        parts.append(
            trial_columns(
                catch.repetitions,
                phase=CATCH,
                attribute=attributes.index(catch.attribute),
                scene=scenes.index(catch.scene),
                first=first,
                second=second,
                order=alternating,
                repetition=np.arange(1, catch.repetitions + 1),
                expected=expected,
            )
        )
    return parts


def _practice_trials(
    n: int, n_attributes: int, scenes: list[int], pairs: dict[int, IntArray], stream: RandomStream
) -> TrialColumns:
    """Draw practice without replacement, going round again only when everything has been drawn."""
    scene = np.concatenate([np.full(len(pairs[i]), i) for i in scenes])
    pair = np.concatenate([pairs[i] for i in scenes])
    available = n_attributes * len(scene)
    rounds = -(-n // available)
    drawn = np.concatenate([stream.permutation(available) for _ in range(rounds)])[:n]
    attribute, cell = np.divmod(drawn, len(scene))
    by_attribute = np.argsort(attribute, kind="stable")  # one question at a time, as in the blocks to come
    attribute, cell = attribute[by_attribute], cell[by_attribute]
    return trial_columns(
        n,
        phase=PRACTICE,
        attribute=attribute,
        scene=scene[cell],
        first=pair[cell, 0],
        second=pair[cell, 1],
        order=stream.coins(n),
        repetition=np.repeat(np.arange(1, rounds + 1), available)[:n][by_attribute],
    )


def _in_order(definition: Definition, trials: TrialColumns, stream: _Streams, outermost: Shuffler) -> TrialColumns:
    """Divide the trials into blocks and order them."""
    order = definition.order
    # A catch trial may be asked more often than there are repetitions, and needs no block of its own for that.
    repetition = (trials.repetition - 1) % definition.repetitions
    levels: dict[str, NDArray[np.integer[Any]]] = {
        "attribute": trials.attribute,
        "scene": trials.scene,
        "repetition": repetition,
    }
    n = len(trials)
    if order.trials == "random":
        within = stream("trials").permutation(n).astype(np.float64)
    else:
        # Listed order, one repetition after the other; catch trials, listed nowhere, fall anywhere.
        within = np.lexsort((np.arange(n), repetition)).argsort().astype(np.float64)
        catch = trials.phase == CATCH
        within[catch] = stream("trials").uniforms(int(catch.sum())) * n
    blocks = [*order.blocks]
    if definition.adaptive and "repetition" not in blocks:
        blocks.append("repetition")  # a round's pairs are chosen when it is reached
    inner = outermost if isinstance(outermost, RandomStream) else stream("blocks")
    shuffles = [
        None
        if order.block_order == "fixed" or (definition.adaptive and name == "repetition")
        else (outermost if level == 0 else inner)
        for level, name in enumerate(blocks)
    ]
    positions, block = block_order([levels[name] for name in blocks], within, shuffles)
    ordered = trials.take(positions)
    if order.trials == "random":
        n_items = int(ordered.second.max()) + 1
        pair = (ordered.scene.astype(np.int64) * n_items + ordered.first) * n_items + ordered.second
        ordered = ordered.take(separate_repeats(pair, block, stream("repeats")))
    offset = 1 if definition.practice else 0
    return replace(ordered, block=block + np.int32(offset))
