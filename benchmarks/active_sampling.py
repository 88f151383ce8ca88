"""How many choices the default way of choosing pairs needs beside the simple ones; printed as a table.

Run: python benchmarks/active_sampling.py [ITEMS …]. For each number of items (8, 20, 50, 200) and SD of their values
(0.5, 1, 2): the error of every design after a quarter, a half and all of the choices (root mean square over items and
studies, in SD of a difference), every design's answers scaled in the same way, and how many times as many choices as
the best of the others the default needs for the error that this one has reached, with its standard error over
studies.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Generator, Sequence

import numpy as np
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.special import ndtr

from visavis.scaling import ActiveSampler, Counts, fit_scale

DEFAULT = "default"
PEERS = ("random pairs", "random trees", "quicksort", "information")
OTHERS = ("all pairs in turn",)
ROUNDS = 20
SHOWN = (4, 8, 16)
STUDIES = {8: 400, 20: 200, 50: 60, 200: 16}
SPREADS = (0.5, 1.0, 2.0)

Pair = tuple[int, int]


def sort_again_and_again(k: int, rng: np.random.Generator) -> Generator[Pair, int, None]:
    """Yield the pairs that quicksort compares, and take the winner; as often as asked (Maystre & Grossglauser 2017)."""

    def sort(items: list[int]) -> Generator[Pair, int, list[int]]:
        if len(items) < 2:
            return items
        pivot, *rest = items
        low, high = [], []
        for item in rest:
            winner = yield pivot, item
            (high if winner == item else low).append(item)
        low, high = (yield from sort(low)), (yield from sort(high))
        return [*low, pivot, *high]

    while True:
        yield from sort(rng.permutation(k).tolist())


def random_tree(k: int, rng: np.random.Generator) -> list[Pair]:
    tree = minimum_spanning_tree(np.triu(rng.random((k, k)), 1)).tocoo()
    return list(zip(tree.row.tolist(), tree.col.tolist(), strict=True))


def one_study(k: int, rounds: int, spread: float, seed: int, name: str) -> np.ndarray:
    """Return the squared error of a design after each round of k - 1 choices; shape (rounds,).

    Of the others than the default only in the rounds that are shown, NaN in the rest.
    """
    rng = np.random.default_rng(seed)
    truth = spread * rng.standard_normal(k)
    truth -= truth.mean()
    in_turn = itertools.cycle(rng.permutation(np.stack(np.triu_indices(k, 1), axis=1)).tolist())
    names = [str(n) for n in range(k)]
    sampler = ActiveSampler(names, criterion="information" if name == "information" else "variance")
    sorting = sort_again_and_again(k, rng)
    sorted_next = next(sorting)
    wins, errors = np.zeros((k, k)), []

    def answer(i: int, j: int) -> int:
        winner, loser = (i, j) if rng.random() < ndtr(truth[i] - truth[j]) else (j, i)
        wins[winner, loser] += 1
        if name in (DEFAULT, "information"):
            sampler.tell(names[winner], names[loser])
        return winner

    for number in range(rounds):
        if name == "quicksort":
            for _ in range(k - 1):
                sorted_next = sorting.send(answer(*sorted_next))
        else:
            if name in (DEFAULT, "information") and number:
                batch = [(int(i), int(j)) for i, j in sampler.ask()]
            elif name == "random pairs":
                batch = [tuple(rng.choice(k, 2, replace=False).tolist()) for _ in range(k - 1)]
            elif name == "all pairs in turn":
                batch = [tuple(next(in_turn)) for _ in range(k - 1)]
            elif name == "random trees":
                batch = random_tree(k, rng)
            else:  # the first round of an adaptive plan is a random path
                batch = list(itertools.pairwise(rng.permutation(k).tolist()))
            for i, j in batch:
                answer(i, j)
        if name != DEFAULT and number + 1 not in SHOWN:
            errors.append(np.nan)
            continue
        scale = fit_scale(Counts.from_matrix(wins), prior_sd="estimated")
        errors.append(float(np.mean((scale.values[0] - truth) ** 2)))
    return np.array(errors)


def compare(k: int, rounds: int, spread: float, studies: int, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the squared errors of each design; shape (studies, rounds)."""
    return {name: np.array([one_study(k, rounds, spread, seed, name) for seed in range(studies)]) for name in names}


def choices_needed(errors: dict[str, np.ndarray], rounds: int, name: str = DEFAULT) -> tuple[float, float]:
    """Return how many times as many choices a design needs for what the best of the others reaches in some rounds.

    Returns
    -------
    ratio, standard_error : float
        The second by the jackknife over studies.
    """

    def ratio(kept: np.ndarray) -> float:
        curve = {other: np.sqrt(squares[kept].mean(axis=0)) for other, squares in errors.items()}
        wanted = min(curve[other][rounds - 1] for other in PEERS if other in curve)
        reached = np.minimum.accumulate(curve[name])
        return float(np.interp(-wanted, -reached, np.arange(1, len(reached) + 1)) / rounds)

    studies = len(errors[name])
    every = np.arange(studies)
    without = np.array([ratio(every[every != n]) for n in every])
    return ratio(every), float(np.sqrt((studies - 1) / studies * ((without - without.mean()) ** 2).sum()))


def main(sizes: Sequence[int]) -> None:
    names = (DEFAULT, *PEERS, *OTHERS)
    print("items  SD   choices  " + "".join(f"{name:>18}" for name in names) + "   default needs")
    for k in sizes:
        for spread in SPREADS:
            errors = compare(k, ROUNDS, spread, STUDIES.get(k, 20), names)
            for rounds in SHOWN:
                shown = "".join(f"{np.sqrt(errors[name][:, rounds - 1].mean()):18.3f}" for name in names)
                ratio, error = choices_needed(errors, rounds)
                print(f"{k:5}  {spread:<4} {rounds * (k - 1):6}  {shown}   {ratio:.2f} ± {error:.2f}", flush=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or list(STUDIES))
