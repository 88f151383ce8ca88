"""Which pair to ask next: where an answer is expected to tell most.

The posterior of the scale values is approximated by a Gaussian (Laplace). Two criteria of a pair's worth:

- ``variance``: by how much one answer is expected to shrink the summed variance of all values (A-optimality; Chaloner
  & Verdinelli 1995). An answer shrinks whatever it is correlated with, so that far pairs, which hold a scale together,
  are asked too. The default.
- ``information``: the mutual information between the answer and the pair's difference, an integral over one number
  (Houlsby et al. 2011, BALD, for a probit in closed form; ASAP, Mikhailiuk et al. 2020, approximates the same gain
  otherwise). It looks for near pairs, which settle the order of neighbours while errors add up along the scale: where
  values differ by little more than an SD, pairs at random gave smaller errors (benchmarks/active_sampling.py).

A batch by ``variance`` takes one pair after the other and reckons with what the pairs before it in the batch will tell,
whatever their answers: the best pairs of one posterior resemble each other and tell the same. A batch by
``information`` is a minimum spanning tree over the gain (as in Li et al. 2018, Hybrid-MST, and in ASAP).

The prior's SD is estimated from the answers by default. With one that is too wide, values come out too far apart
wherever pairs were chosen to be close, and the next ones are chosen by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.special import ndtr, xlogy

from visavis.scaling.counts import Counts, Floats
from visavis.scaling.errors import ScalingError
from visavis.scaling.scales.likelihood import precision_of
from visavis.scaling.scales.scale import PriorSD, Scale, fit_scale

Criterion = Literal["variance", "information"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)


def _entropy(p: Floats) -> Floats:
    """Return the entropy of a binary answer in bits."""
    return np.asarray(-(xlogy(p, p) + xlogy(1 - p, 1 - p)) / np.log(2))


def expected_information(values: Floats, covariance: Floats) -> Floats:
    """Return the expected information of asking each pair once, in bits.

    Parameters
    ----------
    values : float array, shape (k,)
    covariance : float array, shape (k, k)
        Of the posterior, in SD of a difference.

    Returns
    -------
    float array, shape (k, k)
        Symmetric, with zeros on the diagonal: entropy of the expected answer minus the expected entropy of the answer.
        The second term is Houlsby et al.'s (2011) approximation, within 0.002 bits of the integral.
    """
    mean = values[:, None] - values[None]
    spread = _of_differences(covariance)
    c = np.pi * np.log(2)  # the entropy of Φ(x) is close to exp(-x² / c)
    marginal = _entropy(ndtr(mean / np.sqrt(1 + spread)))
    conditional = np.sqrt(c / (c + 2 * spread)) * np.exp(-(mean**2) / (c + 2 * spread))
    gain = np.maximum(marginal - conditional, 0)
    np.fill_diagonal(gain, 0)
    return np.asarray(gain)


def expected_shrinkage(values: Floats, covariance: Floats) -> Floats:
    """Return by how much asking each pair once is expected to shrink the summed variance of all values.

    Parameters
    ----------
    values : float array, shape (k,)
    covariance : float array, shape (k, k)
        Of the posterior, in SD of a difference.

    Returns
    -------
    float array, shape (k, k)
        Symmetric, with zeros on the diagonal: ``w |Σc|² / (1 + w c'Σc)`` for the contrast c of the pair and the
        information w = φ²(d) / (Φ(d) Φ(-d)) of an answer at the difference d, expected under the posterior. w is taken
        as 2/π exp(-0.4 d²), within 0.03 of it.
    """
    spread, shared = _of_differences(covariance), _of_differences(covariance @ covariance)
    weight = _expected_weight(values[:, None] - values[None], spread)
    return np.asarray(weight * shared / (1 + weight * spread))


def _expected_weight(mean: Floats, spread: Floats) -> Floats:
    """Return the information of an answer, expected of differences of a mean and variance."""
    flatter = 1 + 0.8 * spread
    return np.asarray(2 / np.pi * np.exp(-0.4 * mean**2 / flatter) / np.sqrt(flatter))


def _of_differences(matrix: Floats) -> Floats:
    """Return c'Mc for the contrast of each pair, (e_i - e_j)'M(e_i - e_j); never below 0."""
    diagonal = np.diag(matrix)
    return np.maximum(diagonal[:, None] + diagonal[None] - (matrix + matrix.T), 0)  # symmetric to the last bit


def shrinking_batch(
    values: Floats, covariance: Floats, n: int, together: NDArray[np.intp]
) -> list[tuple[int, int, float]]:
    """Return different pairs, each the one expected to shrink the summed variance most after those before it.

    The information of an answer does not depend on the answer where the weight is an expected one, so that the
    covariance after it is known before it is asked: Σ - w Σcc'Σ / (1 + w c'Σc).

    Parameters
    ----------
    values : float array, shape (k,)
    covariance : float array, shape (k, k)
    n : int
        How many pairs; no more than there are.
    together : int array, shape (k,)
        A number for each item, the same of items that are connected already. The pairs connect all items where `n` is
        enough for it: what remains to be joined is joined last.

    Returns
    -------
    list of (int, int, float)
        The first of a pair the smaller, and its gain.
    """
    covariance, together = covariance.copy(), together.copy()
    first, second = np.triu_indices(len(values), 1)
    spread, shared = _of_differences(covariance)[first, second], _of_differences(covariance @ covariance)[first, second]
    weight = _expected_weight(values[first] - values[second], spread)
    free = np.ones(len(first), dtype=bool)
    batch: list[tuple[int, int, float]] = []
    while len(batch) < n:
        to_join = len(np.unique(together)) - 1
        allowed = free & (together[first] != together[second]) if to_join >= n - len(batch) else free
        gain = np.where(allowed, weight * shared / (1 + weight * spread), -1.0)
        best = int(np.argmax(gain))
        i, j = int(first[best]), int(second[best])
        batch.append((i, j, float(gain[best])))
        free[best] = False
        together[together == together[j]] = together[i]
        column = covariance[:, i] - covariance[:, j]
        size = weight[best] / (1 + weight[best] * spread[best])
        further = covariance @ column
        step, further_step = column[first] - column[second], further[first] - further[second]
        spread = np.maximum(spread - size * step**2, 0)
        shared = np.maximum(shared - 2 * size * step * further_step + size**2 * (column @ column) * step**2, 0)
        covariance -= size * np.outer(column, column)
    return batch


@dataclass
class ActiveSampler:
    """Asks the pairs that tell most, from what was answered so far: `ask`, show, `tell`, and again.

    What it asks depends on the answers given to it alone: a sampler given the same answers asks the same pairs, so that
    a session that was cut off goes on from its answers.

    Parameters
    ----------
    items : sequence of str
    prior_sd : float or 'estimated'
        Of the Gaussian prior on scale values, in SD of a difference; by default estimated from the answers
        (`estimate_prior_sd`).
    criterion : {'variance', 'information'}
        What makes a pair worth asking.

    Raises
    ------
    ScalingError
        For fewer than two items, one named twice, or an unknown criterion.
    """

    items: Sequence[str]
    prior_sd: PriorSD = "estimated"
    criterion: Criterion = "variance"

    def __post_init__(self) -> None:
        self.items = tuple(self.items)
        k = len(self.items)
        if k < 2 or len(set(self.items)) < k:
            raise ScalingError(f"at least two different items are needed, not {self.items}")
        if self.criterion not in CRITERIA:
            raise ScalingError(f"unknown criterion {self.criterion!r}; choose from {', '.join(CRITERIA)}")
        if self.prior_sd != "estimated":
            precision_of(self.prior_sd)
        self._wins = np.zeros((k, k))

    def ask(self, n: int | None = None) -> list[tuple[str, str]]:
        """Return the pairs to ask next, all different, the most telling first.

        Parameters
        ----------
        n : int, optional
            How many; by default one fewer than there are items, so that every batch, with what was asked before it,
            connects all. No more than there are pairs.

        Raises
        ------
        ScalingError
            For fewer than one.
        """
        if n is not None and n < 1:
            raise ScalingError(f"n, the number of pairs, must be at least 1, not {n}")
        k = len(self.items)
        values, covariance = self._posterior()
        if self.criterion == "variance":
            asked = self._wins + self._wins.T
            together = connected_components(asked, directed=False)[1].astype(np.intp)
            most = min(k - 1 if n is None else n, k * (k - 1) // 2)
            pairs = [(i, j) for i, j, _ in shrinking_batch(values, covariance, most, together)]
        else:
            pairs = _pairs_of(expected_information(values, covariance), n)
        return [(self.items[i], self.items[j]) for i, j in pairs]

    def tell(self, chosen: str, other: str, *, tie: bool = False, share: float = 1.0) -> None:
        """Take in an answer.

        Parameters
        ----------
        chosen, other : str
        tie : bool
            They were called equal, which is half a choice of either.
        share : float
            Probability of the choice where the answer is a soft one, in [0, 1]; the rest is a choice of the other.

        Raises
        ------
        ScalingError
            If either is not among the items, or both are the same.
        """
        if chosen == other or not 0 <= share <= 1:
            raise ScalingError(
                f"an answer is one of two items, with a share from 0 to 1, not {chosen!r}, {other!r}, {share}"
            )
        for name in (chosen, other):
            if name not in self.items:
                raise ScalingError(f"{name!r} is not among the items {', '.join(self.items)}")
        i, j = self.items.index(chosen), self.items.index(other)
        share = 0.5 if tie else share
        self._wins[i, j] += share
        self._wins[j, i] += 1 - share

    def tell_counts(self, counts: Counts) -> None:
        """Take in answers that are counted already, such as those of a session so far; groups are pooled.

        Raises
        ------
        ScalingError
            If the counts are of other items.
        """
        if set(counts.items) != set(self.items):
            raise ScalingError(f"the counts are of {', '.join(counts.items)}, not of {', '.join(self.items)}")
        place = [counts.items.index(name) for name in self.items]
        self._wins += counts.with_ties_as_half_wins().pool([]).wins[0][np.ix_(place, place)]

    @property
    def counts(self) -> Counts:
        """What has been answered so far."""
        return Counts.from_matrix(self._wins, self.items)

    def scale(self) -> Scale:
        """Return the scale of the answers so far.

        Raises
        ------
        ScalingError
            Before the first answer.
        """
        return fit_scale(self.counts, prior_sd=self.prior_sd)

    def _posterior(self) -> tuple[Floats, Floats]:
        if self._wins.any():
            scale = self.scale()
            return scale.values[0], scale.covariance[0]
        k = len(self.items)
        sd = 1.0 if self.prior_sd == "estimated" else self.prior_sd
        return np.zeros(k), sd**2 * (np.eye(k) - 1 / k)


def _pairs_of(gain: Floats, n: int | None) -> list[tuple[int, int]]:
    """Return the n pairs of the largest gain, or a spanning tree of large ones; the largest first."""
    if n is None:
        # Subtracting from a constant turns the largest gain into the shortest edge; every edge stays positive.
        size = gain / max(float(gain.max()), 1e-300)
        tree = minimum_spanning_tree(np.triu(2 - size, 1)).tocoo()
        pairs = list(zip(tree.row.tolist(), tree.col.tolist(), strict=True))
        return sorted(pairs, key=lambda pair: -gain[pair])
    first, second = np.triu_indices(len(gain), 1)
    best = np.argsort(-gain[first, second], kind="stable")[:n]
    return list(zip(first[best].tolist(), second[best].tolist(), strict=True))
