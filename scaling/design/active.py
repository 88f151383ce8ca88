"""Which pair to ask next: where an answer is expected to tell most.

The posterior of the scale values is approximated by a Gaussian (Laplace). Two criteria of a pair's worth:

- ``variance``: by how much one answer is expected to shrink the summed variance of all values (A-optimality; Chaloner
  & Verdinelli 1995). An answer shrinks whatever it is correlated with, so that far pairs, which hold a scale together,
  are asked too. The default.
- ``information``: the mutual information between the answer and the pair's difference, an integral over one number
  (Houlsby et al. 2011, BALD, for a probit in closed form; ASAP, Mikhailiuk et al. 2020, approximates the same gain
  otherwise). It looks for near pairs, which settle the order of neighbours while errors add up along the scale: where
  values differ by little more than an SD, pairs at random gave smaller errors (benchmarks/active_sampling.py).

A minimum spanning tree over the gain makes a batch that connects all items (as in Li et al. 2018, Hybrid-MST, and in
ASAP).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.special import ndtr, xlogy

from visavis.scaling.counts import Counts, Floats
from visavis.scaling.errors import ScalingError
from visavis.scaling.scales.likelihood import precision_of
from visavis.scaling.scales.scale import DEFAULT_PRIOR_SD, Scale, fit_scale

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
    mean = values[:, None] - values[None]
    spread, shared = _of_differences(covariance), _of_differences(covariance @ covariance)
    flatter = 1 + 0.8 * spread
    weight = 2 / np.pi * np.exp(-0.4 * mean**2 / flatter) / np.sqrt(flatter)
    return np.asarray(weight * shared / (1 + weight * spread))


def _of_differences(matrix: Floats) -> Floats:
    """Return c'Mc for the contrast of each pair, (e_i - e_j)'M(e_i - e_j); never below 0."""
    diagonal = np.diag(matrix)
    return np.maximum(diagonal[:, None] + diagonal[None] - (matrix + matrix.T), 0)  # symmetric to the last bit


@dataclass
class ActiveSampler:
    """Asks the pairs that tell most, from what was answered so far: `ask`, show, `tell`, and again.

    What it asks depends on what it was told alone: a sampler told the same answers asks the same pairs, so that a
    session that was cut off goes on from its answers.

    Parameters
    ----------
    items : sequence of str
    prior_sd : float
        Of the Gaussian prior on scale values, in SD of a difference.
    criterion : {'variance', 'information'}
        What makes a pair worth asking.

    Raises
    ------
    ScalingError
        For fewer than two items, one named twice, or an unknown criterion.
    """

    items: Sequence[str]
    prior_sd: float = DEFAULT_PRIOR_SD
    criterion: Criterion = "variance"

    def __post_init__(self) -> None:
        self.items = tuple(self.items)
        k = len(self.items)
        if k < 2 or len(set(self.items)) < k:
            raise ScalingError(f"at least two different items are needed, not {self.items}")
        if self.criterion not in CRITERIA:
            raise ScalingError(f"unknown criterion {self.criterion!r}; choose from {', '.join(CRITERIA)}")
        precision_of(self.prior_sd)
        self._wins = np.zeros((k, k))

    def ask(self, n: int | None = None) -> list[tuple[str, str]]:
        """Return the pairs to ask next, the most telling first.

        Parameters
        ----------
        n : int, optional
            How many different ones; by default a spanning tree, one fewer than there are items, so that every batch
            connects all. No more than there are pairs.

        Raises
        ------
        ScalingError
            For fewer than one.
        """
        if n is not None and n < 1:
            raise ScalingError(f"n, the number of pairs, must be at least 1, not {n}")
        gain = self._gain()
        if n is None:
            # Subtracting from a constant turns the largest gain into the shortest edge; every edge stays positive.
            gain = gain / max(float(gain.max()), 1e-300)
            tree = minimum_spanning_tree(np.triu(2 - gain, 1)).tocoo()
            pairs = list(zip(tree.row.tolist(), tree.col.tolist(), strict=True))
        else:
            first, second = np.triu_indices(len(self.items), 1)
            best = np.argsort(-gain[first, second], kind="stable")[:n]
            pairs = list(zip(first[best].tolist(), second[best].tolist(), strict=True))
        pairs.sort(key=lambda pair: -gain[pair])
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

    def _gain(self) -> Floats:
        gain = expected_shrinkage if self.criterion == "variance" else expected_information
        k = len(self.items)
        if not self._wins.any():
            centring = np.eye(k) - 1 / k
            return gain(np.zeros(k), self.prior_sd**2 * centring)
        scale = self.scale()
        return gain(scale.values[0], scale.covariance[0])
