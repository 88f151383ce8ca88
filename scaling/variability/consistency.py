"""Is one observer consistent, do several agree: circular triads, Kendall's u and W, stochastic transitivity."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2, rankdata

from visavis.scaling.counts import Counts
from visavis.scaling.errors import ScalingError

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


def circular_triads(choices: Any) -> CircularTriads:
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
    won = Counts.from_matrix(choices).wins[0]
    k = len(won)
    if not np.array_equal(won + won.T, 1 - np.eye(k)) or not np.isin(won, [0, 1]).all():
        raise ScalingError("circular triads need every pair chosen exactly once, without ties")
    return triads_from_scores(won.sum(axis=1))


def triads_from_scores(scores: ArrayLike) -> CircularTriads:
    """As `circular_triads`, from the number of times that each item was chosen; shape (k,)."""
    wins = np.array(scores, dtype=np.float64)
    k = len(wins)
    if k < 3:
        raise ScalingError(f"{k} items have no triads: at least 3 are needed")
    if wins.sum() != k * (k - 1) / 2:
        raise ScalingError(f"{k} items compared once each give {k * (k - 1) // 2} choices, not {wins.sum():g}")
    # Any m items have m (m - 1) / 2 choices among themselves (Landau 1953).
    if (wins != np.rint(wins)).any() or (np.cumsum(np.sort(wins)) < np.cumsum(np.arange(k))).any():
        raise ScalingError(f"no choices between {k} items compared once each give the scores {wins.tolist()}")
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


def kendall_u(wins: Any, observers: int) -> Agreement:
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
    counts, m = Counts.from_matrix(wins).wins[0], observers
    k = len(counts)
    if m < 3:
        raise ScalingError(f"the test of u needs at least three observers, not {m}")
    if not np.array_equal(counts + counts.T, m * (1 - np.eye(k))) or (counts != np.rint(counts)).any():
        raise ScalingError(f"u needs every pair compared once by each of the {m} observers, without ties")
    sigma = float((counts * (counts - 1) / 2).sum())
    pairs = comb(k, 2)
    u = 2 * sigma / (comb(m, 2) * pairs) - 1
    statistic = 4 / (m - 2) * (sigma - 1 - 0.5 * pairs * comb(m, 2) * (m - 3) / (m - 2))
    df = pairs * m * (m - 1) / (m - 2) ** 2
    return Agreement(u, statistic, df, float(chi2.sf(statistic, df)))


def kendall_w(scores: ArrayLike) -> Agreement:
    """Return Kendall's coefficient of concordance W of m observers' rankings, corrected for ties.

    Parameters
    ----------
    scores : array_like, shape (m, k)
        Scale values, wins or ranks of k items by m observers.

    Raises
    ------
    ScalingError
        With fewer than two observers or items, a missing score, or rankings in which all is tied.
    """
    given = np.atleast_2d(np.array(scores, dtype=np.float64))
    if np.isnan(given).any():
        raise ScalingError("a score is missing: W needs every item ranked by every observer")
    ranks = rankdata(given, axis=-1)
    m, k = ranks.shape
    if m < 2 or k < 2:
        raise ScalingError(f"W needs at least two observers and two items, not {m} and {k}")
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


def transitivity(wins: Any) -> Transitivity:
    """Count violations of stochastic transitivity; proportions are compared exactly, as fractions.

    Parameters
    ----------
    wins : array_like, shape (k, k)
        Row chosen over column. Triples with a pair that was never compared are left out.
    """
    counts = Counts.from_matrix(wins).wins[0]
    n = counts + counts.T
    k = len(counts)
    half = (2 * counts >= n) & (n > 0)
    triples = weak = moderate = strong = 0
    for b in range(k):
        # All a and c with P(a,b) and P(b,c) of 1/2 at least; fractions are compared by cross-multiplication.
        a, c = np.nonzero(half[:, b, None] & half[None, b] & (n > 0) & ~np.eye(k, dtype=bool))
        ab, bc, ac = ((counts[i, j], n[i, j]) for i, j in ((a, b), (b, c), (a, c)))
        above_ab, above_bc = (ac[0] * other[1] >= other[0] * ac[1] for other in (ab, bc))
        triples += len(a)
        weak += int((2 * ac[0] < ac[1]).sum())
        moderate += int((~above_ab & ~above_bc).sum())
        strong += int((~above_ab | ~above_bc).sum())
    return Transitivity(triples, weak, moderate, strong)
