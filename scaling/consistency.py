"""Is one observer consistent, do several agree: circular triads, Kendall's u and W, stochastic transitivity."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from math import comb

import numpy as np
from scipy.stats import chi2, rankdata

from .counts import Floats
from .errors import ScalingError

_EXACT_UP_TO = 11


@dataclass(frozen=True)
class CircularTriads:
    """Inconsistency of one observer's choices.

    Attributes
    ----------
    triads : float
        Number of circular triads: A over B, B over C, C over A.
    most, expected : float
        The largest number possible, and the mean of one who tosses coins.
    zeta : float
        Coefficient of consistence, 1 - triads / most.
    p_value : float
        Probability of so few triads or fewer from tossed coins: small where the observer is consistent.
    exact : bool
        Whether it is exact (up to 11 items) or from the χ² approximation, corrected so that it is of so few or fewer
        (Kendall's own correction is of fewer): off by 0.01 at most.
    """

    triads: float
    most: float
    expected: float
    zeta: float
    p_value: float
    exact: bool


def circular_triads(choices: Floats) -> CircularTriads:
    """Count the circular triads of one observer (Kendall & Babington Smith 1940).

    Parameters
    ----------
    choices : array_like, shape (k, k)
        1 where the row was chosen over the column, else 0; every pair once. Only its row sums matter.

    Raises
    ------
    ScalingError
        If a pair is missing or has been asked more than once.
    """
    won = np.array(choices, dtype=np.float64)
    k = len(won)
    if k < 3:
        raise ScalingError(f"{k} items have no triads: 3 are needed at least")
    if not np.array_equal(won + won.T, 1 - np.eye(k)) or not np.isin(won, [0, 1]).all():
        raise ScalingError("circular triads need every pair chosen exactly once, without ties")
    return triads_from_scores(won.sum(axis=1))


def triads_from_scores(scores: Floats) -> CircularTriads:
    """As `circular_triads`, from the number of times that each item was chosen; shape (k,)."""
    wins = np.array(scores, dtype=np.float64)
    k = len(wins)
    if wins.sum() != k * (k - 1) / 2:
        raise ScalingError(f"{k} items compared once each give {k * (k - 1) // 2} choices, not {wins.sum():g}")
    triads = k * (k - 1) * (2 * k - 1) / 12 - 0.5 * float((wins**2).sum())
    most = k * (k**2 - 1) / 24 if k % 2 else k * (k**2 - 4) / 24
    if k <= _EXACT_UP_TO:
        distribution = _triad_distribution(k)
        fewer = sum(count for number, count in distribution.items() if number <= triads)
        p_value = fewer / 2 ** comb(k, 2)
    else:
        df = k * (k - 1) * (k - 2) / (k - 4) ** 2
        statistic = 8 / (k - 4) * (comb(k, 3) / 4 - triads - 0.5) + df
        p_value = float(chi2.sf(statistic, df))
    return CircularTriads(triads, most, comb(k, 3) / 4, 1 - triads / most, p_value, k <= _EXACT_UP_TO)


@lru_cache
def _triad_distribution(k: int) -> dict[int, int]:
    """Return how many tournaments of k items have each number of circular triads."""
    scores: Counter[tuple[int, ...]] = Counter({(0,): 1})
    for size in range(1, k):
        larger: Counter[tuple[int, ...]] = Counter()
        for sequence, ways in scores.items():
            for gained, choices in _ways_to_lose_to(sequence):
                larger[tuple(sorted((*gained, size - sum(gained) + sum(sequence))))] += ways * choices
        scores = larger
    distribution: Counter[int] = Counter()
    for sequence, ways in scores.items():
        triads = k * (k - 1) * (2 * k - 1) // 6 - sum(score**2 for score in sequence)
        distribution[triads // 2] += ways
    return dict(distribution)


def _ways_to_lose_to(sequence: tuple[int, ...]) -> list[tuple[tuple[int, ...], int]]:
    """Return the scores after each item did or did not beat a newcomer, and in how many ways they come about."""
    results: list[tuple[tuple[int, ...], int]] = [((), 1)]
    for score, times in Counter(sequence).items():
        results = [
            ((*done, *([score + 1] * up), *([score] * (times - up))), ways * comb(times, up))
            for done, ways in results
            for up in range(times + 1)
        ]
    return results


@dataclass(frozen=True)
class Agreement:
    """Agreement of m observers, with a test of no agreement.

    Attributes
    ----------
    coefficient : float
    statistic, df, p_value : float
    """

    coefficient: float
    statistic: float
    df: float
    p_value: float


def kendall_u(wins: Floats, observers: int) -> Agreement:
    """Return Kendall's coefficient of agreement u of m observers who each compared every pair once.

    u = 2Σ / (C(m,2) C(k,2)) - 1 with Σ = Σ C(wins, 2); its χ², corrected for continuity, has C(k,2) m(m-1)/(m-2)²
    degrees of freedom (Kendall & Babington Smith 1940).

    Parameters
    ----------
    wins : array_like, shape (k, k)
        Observers who chose row over column.
    observers : int
        Three at least.

    Raises
    ------
    ScalingError
        If a pair was not compared by every observer, or there are fewer than three.
    """
    counts, m = np.array(wins, dtype=np.float64), observers
    k = len(counts)
    if m < 3:
        raise ScalingError(f"the test of u needs three observers at least, not {m}")
    if not np.array_equal(counts + counts.T, m * (1 - np.eye(k))):
        raise ScalingError(f"u needs every pair compared once by each of the {m} observers, without ties")
    sigma = float((counts * (counts - 1) / 2).sum())
    pairs = comb(k, 2)
    u = 2 * sigma / (comb(m, 2) * pairs) - 1
    statistic = 4 / (m - 2) * (sigma - 1 - 0.5 * pairs * comb(m, 2) * (m - 3) / (m - 2))
    df = pairs * m * (m - 1) / (m - 2) ** 2
    return Agreement(u, statistic, df, float(chi2.sf(statistic, df)))


def kendall_w(scores: Floats) -> Agreement:
    """Return Kendall's coefficient of concordance W of m observers' rankings, corrected for ties.

    Parameters
    ----------
    scores : array_like, shape (m, k)
        Scale values, wins or ranks of k items by m observers.

    Raises
    ------
    ScalingError
        With fewer than two observers or items, or rankings in which all is tied.
    """
    ranks = rankdata(np.array(scores, dtype=np.float64), axis=-1)
    m, k = ranks.shape
    if m < 2 or k < 2:
        raise ScalingError(f"W needs two observers and two items at least, not {m} and {k}")
    spread = float(((ranks.sum(axis=0) - m * (k + 1) / 2) ** 2).sum())
    ties = sum(float((t**3 - t).sum()) for t in (np.unique(row, return_counts=True)[1] for row in ranks))
    most = m**2 * (k**3 - k) - m * ties
    if not most:
        raise ScalingError("W is not defined where every observer ties all items")
    w = 12 * spread / most
    statistic = m * (k - 1) * w
    return Agreement(w, statistic, k - 1, float(chi2.sf(statistic, k - 1)))


@dataclass(frozen=True)
class Transitivity:
    """Violations of stochastic transitivity (Tversky 1969).

    For every triple with P(a,b) ≥ 1/2 and P(b,c) ≥ 1/2: weak P(a,c) ≥ 1/2; moderate P(a,c) ≥ the smaller of the two;
    strong P(a,c) ≥ the larger.

    Attributes
    ----------
    triples : int
        Ordered triples to which the condition applies.
    weak, moderate, strong : int
        Violations.
    """

    triples: int
    weak: int
    moderate: int
    strong: int


def transitivity(wins: Floats) -> Transitivity:
    """Count violations of stochastic transitivity; proportions are compared exactly, as fractions.

    Parameters
    ----------
    wins : array_like, shape (k, k)
        Row chosen over column. Triples with a pair that was never compared are left out.
    """
    counts = np.array(wins, dtype=np.float64)
    n = counts + counts.T

    def at_least(first: tuple[int, int], second: tuple[int, int]) -> bool:
        """Whether P(first) ≥ P(second), by cross-multiplication: a division would round."""
        return bool(counts[first] * n[second] >= counts[second] * n[first])

    triples = weak = moderate = strong = 0
    for a, b, c in permutations(range(len(counts)), 3):
        ab, bc, ac = (a, b), (b, c), (a, c)
        if not (n[ab] and n[bc] and n[ac]) or 2 * counts[ab] < n[ab] or 2 * counts[bc] < n[bc]:
            continue
        triples += 1
        larger, smaller = (ab, bc) if at_least(ab, bc) else (bc, ab)
        weak += bool(2 * counts[ac] < n[ac])
        moderate += not at_least(ac, smaller)
        strong += not at_least(ac, larger)
    return Transitivity(triples, weak, moderate, strong)
