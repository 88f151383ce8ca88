"""Models in which "equal" is an answer of its own.

Each has one parameter for ties beside the scale values. With d = si - sj:

- Davidson (1970): P(i) ∝ exp(d/2), P(j) ∝ exp(-d/2), P(tie) ∝ ν.
- Rao & Kupper (1967): P(i) = 1 / (1 + θ exp(-d)), θ ≥ 1, and likewise for j.
- Glenn & David (1960): P(i) = Φ(d - τ), P(j) = Φ(-d - τ), τ ≥ 0.

The latter two are ordinal regressions, logistic and probit, on -∞ < -t < t < ∞; Davidson's is a multinomial one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_ndtr
from scipy.stats import chi2, norm

from visavis.scaling.counts import Counts, Floats, require_counts
from visavis.scaling.errors import ScalingError

from .likelihood import LikelihoodMethod, centred_covariance, prior_precision
from .one_scale import SingleScale, settings
from .scale import DEFAULT_PRIOR_SD
from .separation import describe_separation, require_maximum

TieModel = Literal["davidson", "rao_kupper", "glenn_david"]

_FARTHEST = 50.0
"""No data hold a value so far out: beyond it there is no maximum."""

_MOST_ITERATIONS = 200

# log P(i), log P(tie) and the derivatives of both by d and by the tie parameter t; P(j) follows by d -> -d.
_Terms = tuple[Floats, Floats, Floats, Floats, Floats, Floats]


@dataclass(frozen=True, repr=False)
class TieScale(SingleScale):
    """A scale with a tie parameter.

    Attributes
    ----------
    items, model, options, values, covariance, log_likelihood, converged
        As for `SingleScale`, in logits, or SD of a difference for Glenn & David; the covariance's last row is that of
        the tie parameter's logarithm (of τ itself for Glenn & David).
    tie_parameter : float
        ν, θ or τ.
    deviance : float
        G² against the saturated model; `df` its degrees of freedom.
    df : int
    """

    tie_parameter: float
    deviance: float
    df: int

    def further(self) -> dict[str, float]:
        """Return the tie parameter and the deviance."""
        return {"tie parameter": self.tie_parameter, "deviance": self.deviance, "df": self.df}

    @property
    def p_value(self) -> float:
        """Of the deviance."""
        return float(chi2.sf(self.deviance, self.df)) if self.df > 0 else float("nan")

    def predict(self) -> tuple[Floats, Floats]:
        """Return the probability of row over column, and of a tie; two arrays of shape (k, k)."""
        d = self.values[:, None] - self.values[None]
        t = self.tie_parameter if self.model == "glenn_david" else np.log(self.tie_parameter)
        log_win, log_tie, *_ = _TERMS[cast("TieModel", self.model)](d, t)
        return np.exp(log_win), np.exp(log_tie)


def _davidson(d: Floats, t: float) -> _Terms:
    """With t = log ν."""
    log_sum = np.logaddexp(np.logaddexp(d / 2, -d / 2), t)
    p_i, p_j, p_tie = np.exp(d / 2 - log_sum), np.exp(-d / 2 - log_sum), np.exp(t - log_sum)
    slope = (p_i - p_j) / 2
    return d / 2 - log_sum, t - log_sum, 0.5 - slope, -slope, -p_tie, 1 - p_tie


def _rao_kupper(d: Floats, t: float) -> _Terms:
    """With t = log θ: P(tie) = (θ² - 1) P(i) P(j)."""
    log_i, log_j = log_expit(d - t), log_expit(-d - t)
    not_i, not_j = expit(t - d), expit(t + d)
    grow = 2 * np.exp(2 * t) / np.expm1(2 * t)
    return log_i, np.log(np.expm1(2 * t)) + log_i + log_j, not_i, not_i - not_j, -not_i, grow - not_i - not_j


def _glenn_david(d: Floats, t: float) -> _Terms:
    """With t = τ; P(tie) by the tail that both its ends lie in, where their difference does not round."""
    log_i, far = log_ndtr(d - t), -np.abs(d)
    log_near = log_ndtr(far + t)
    log_tie = log_near + np.log1p(-np.exp(log_ndtr(far - t) - log_near))
    mills = np.exp(norm.logpdf(d - t) - log_i)
    upper, lower = np.exp(norm.logpdf(d + t) - log_tie), np.exp(norm.logpdf(d - t) - log_tie)
    return log_i, log_tie, mills, upper - lower, -mills, upper + lower


_TERMS: dict[TieModel, Callable[[Floats, float], _Terms]] = {
    "davidson": _davidson,
    "rao_kupper": _rao_kupper,
    "glenn_david": _glenn_david,
}


def fit_ties(
    counts: Counts,
    model: TieModel = "davidson",
    *,
    method: LikelihoodMethod = "map",
    prior_sd: float = DEFAULT_PRIOR_SD,
    group: int | None = None,
) -> TieScale:
    """Fit a model of ties to one group.

    Parameters
    ----------
    counts : Counts
        With some ties, and some choices.
    model : {'davidson', 'rao_kupper', 'glenn_david'}
        The first by default, since it alone keeps the odds of two items as Bradley-Terry has them.
    method : {'map', 'ml'}
        With a Gaussian prior on the scale values, which keeps them finite for any data, or by maximum likelihood.
    prior_sd : float
        For ``map``, the SD of the prior in units of the scale.
    group : int, optional
        Row of ``counts.groups``; needed where there are several.

    Raises
    ------
    ScalingError
        For an unknown model or group, no ties, nothing but ties, or with ``ml`` data that leave no finite maximum.
    """
    require_counts(counts)
    if model not in _TERMS:
        raise ScalingError(f"unknown model {model!r} of ties; choose from {', '.join(_TERMS)}")
    if group is None and len(counts.groups) > 1:
        raise ScalingError(f"the counts have {len(counts.groups)} groups: name one by group=, or counts.pool([]) them")
    group = group or 0
    if not 0 <= group < len(counts.groups):
        raise ScalingError(f"there is no group {group}: the counts have {len(counts.groups)}, numbered from 0")
    precision = prior_precision(method, prior_sd)
    wins, ties = counts.wins[group], counts.ties[group]
    k = len(counts.items)
    i, j = np.triu_indices(k, 1)
    won, lost, tied = wins[i, j], wins[j, i], ties[i, j]
    if not tied.sum() or not (won + lost).sum():
        raise ScalingError("a model of ties needs some ties and some choices: without ties use fit_scale")
    require_maximum(counts, group, precision)
    likelihood = _Likelihood(won, lost, tied, _TERMS[model], positive=model != "davidson")
    found = _newton(likelihood, i, j, k, precision)
    if found is None:
        reason = describe_separation(Counts(counts.items, counts.groups, counts.wins, 0 * counts.ties), group)
        raise ScalingError(
            f"no finite maximum of the likelihood of {model}: ties aside, {reason or 'there are too few of them'}; "
            "use method='map', or pool more choices"
        )
    x, information = found
    log_likelihood = likelihood.value(x[i] - x[j], x[k])
    n = won + lost + tied
    with np.errstate(divide="ignore", invalid="ignore"):
        saturated = float(sum(np.nansum(c * np.log(c / n)) for c in (won, lost, tied)))
    covariance = centred_covariance(np.linalg.inv(information), k)
    parameter = float(x[k]) if model == "glenn_david" else float(np.exp(x[k]))
    df = 2 * int((n > 0).sum()) - k
    deviance = 2 * (saturated - log_likelihood)
    return TieScale(
        items=counts.items,
        model=model,
        options=settings(model, method, prior_sd),
        values=x[:k] - x[:k].mean(),
        covariance=covariance,
        log_likelihood=log_likelihood,
        converged=True,
        tie_parameter=parameter,
        deviance=deviance,
        df=df,
    )


@dataclass(frozen=True)
class _Likelihood:
    """Counts over the pairs i < j, and a model of them with log-likelihood concave in d and t."""

    won: Floats
    lost: Floats
    tied: Floats
    terms: Callable[[Floats, float], _Terms]
    positive: bool

    def value(self, d: Floats, t: float) -> float:
        log_i, log_tie, *_ = self.terms(d, t)
        log_j = self.terms(-d, t)[0]
        tie_part = np.where(self.tied > 0, self.tied * log_tie, 0.0)
        return float((self.won * log_i + self.lost * log_j + tie_part).sum())

    def slopes(self, d: Floats, t: float) -> tuple[Floats, Floats]:
        """Return the derivatives by d and by t of each pair's log-likelihood."""
        _, _, i_d, tie_d, i_t, tie_t = self.terms(d, t)
        _, _, j_d, _, j_t, _ = self.terms(-d, t)
        tie_d, tie_t = (np.where(self.tied > 0, self.tied * slope, 0.0) for slope in (tie_d, tie_t))
        return self.won * i_d - self.lost * j_d + tie_d, self.won * i_t + self.lost * j_t + tie_t

    def curvatures(self, d: Floats, t: float) -> tuple[Floats, Floats, Floats]:
        """Return minus the second derivatives by d, by d and t, and by t, by central differences of the slopes."""
        width = 1e-5
        up, down = self.slopes(d + width, t), self.slopes(d - width, t)
        step = width * t if self.positive else width
        more, less = self.slopes(d, t + step), self.slopes(d, t - step)
        return (down[0] - up[0]) / (2 * width), (down[1] - up[1]) / (2 * width), (less[1] - more[1]) / (2 * step)


def _newton(
    likelihood: _Likelihood, i: NDArray[np.intp], j: NDArray[np.intp], k: int, precision: float
) -> tuple[Floats, Floats] | None:
    """Return the values and the tie parameter at the maximum, and the information; None where there is none."""
    x = np.append(np.zeros(k), 0.2)

    def objective(x: Floats) -> float:
        return likelihood.value(x[i] - x[j], x[k]) - 0.5 * precision * float(x[:k] @ x[:k])

    reached = objective(x)
    for _ in range(_MOST_ITERATIONS):
        d, t = x[i] - x[j], float(x[k])
        by_d, by_t = likelihood.slopes(d, t)
        gradient = np.asarray(np.bincount(i, by_d, k + 1) - np.bincount(j, by_d, k + 1), dtype=np.float64)
        gradient[:k] -= precision * x[:k]
        gradient[k] = by_t.sum()
        dd, dt, tt = likelihood.curvatures(d, t)
        information = np.zeros((k + 1, k + 1))
        information[i, j] = information[j, i] = -dd
        information[:k, k] = information[k, :k] = np.bincount(i, dt, k) - np.bincount(j, dt, k)
        information[k, k] = tt.sum()
        information[range(k), range(k)] = np.bincount(i, dd, k) + np.bincount(j, dd, k) + precision
        information[:k, :k] += 2 * dd.sum() / k**2  # fixes the mean, which the data cannot tell
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            return None
        size = min(1.0, 2.0 / np.abs(step).max()) if step.any() else 1.0
        if likelihood.positive and t + size * step[k] <= 0:
            size = -0.9 * t / step[k]
        while (proposed := objective(x + size * step)) < reached - 1e-12 * abs(reached) and size > 1e-12:
            size /= 2
        x, reached = x + size * step, proposed
        if not np.isfinite(reached) or np.abs(x).max() > _FARTHEST:
            return None
        if np.abs(step[:k]).max() < 1e-9 and abs(step[k]) < 1e-9 * (t if likelihood.positive else 1):
            return x, information
    return None
