"""Models in which "equal" is an answer of its own.

Each has one parameter for ties beside the scale values. With d = si - sj:

- Davidson (1970): P(i) ∝ exp(d/2), P(j) ∝ exp(-d/2), P(tie) ∝ ν.
- Rao & Kupper (1967): P(i) = 1 / (1 + θ exp(-d)), θ ≥ 1, and likewise for j.
- Glenn & David (1960): P(i) = Φ(d - τ), P(j) = Φ(-d - τ), τ ≥ 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_ndtr, ndtr
from scipy.stats import chi2, norm

from .counts import Counts, Floats
from .errors import ScalingError
from .single import SingleScale

TieModel = Literal["davidson", "rao_kupper", "glenn_david"]

_FARTHEST = 50.0
"""No data hold a value so far out: beyond it there is no maximum."""

# log P(i), log P(tie) and the derivatives of both by d and by the tie parameter t; P(j) follows by d -> -d.
_Terms = tuple[Floats, Floats, Floats, Floats, Floats, Floats]


@dataclass(frozen=True)
class TieScale(SingleScale):
    """A scale with a tie parameter.

    Attributes
    ----------
    items, model, values, covariance, log_likelihood
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
    """With t = τ."""
    log_i, p_tie = log_ndtr(d - t), ndtr(d + t) - ndtr(d - t)
    mills = np.exp(norm.logpdf(d - t) - log_i)
    upper, lower = norm.pdf(d + t), norm.pdf(d - t)
    with np.errstate(divide="ignore", invalid="ignore"):
        return log_i, np.log(p_tie), mills, (upper - lower) / p_tie, -mills, (upper + lower) / p_tie


_TERMS: dict[TieModel, Callable[[Floats, float], _Terms]] = {
    "davidson": _davidson,
    "rao_kupper": _rao_kupper,
    "glenn_david": _glenn_david,
}


def fit_ties(counts: Counts, model: TieModel = "davidson", *, group: int = 0) -> TieScale:
    """Fit a model of ties to one group by maximum likelihood.

    Parameters
    ----------
    counts : Counts
        With some ties, and some choices.
    model : {'davidson', 'rao_kupper', 'glenn_david'}
    group : int
        Row of ``counts.groups``.

    Raises
    ------
    ScalingError
        For an unknown model, no ties, nothing but ties, or data without a finite maximum.
    """
    if model not in _TERMS:
        raise ScalingError(f"there is no model {model!r} of ties: known are {', '.join(_TERMS)}")
    wins, ties = counts.wins[group], counts.ties[group]
    k = len(counts.items)
    i, j = np.triu_indices(k, 1)
    won, lost, tied = wins[i, j], wins[j, i], ties[i, j]
    if not tied.sum() or not (won + lost).sum():
        raise ScalingError("a model of ties needs some ties and some choices: without ties use fit_scale")
    terms = _TERMS[model]
    lowest = None if model == "davidson" else 1e-9

    def objective(x: Floats) -> tuple[float, Floats]:
        """Return minus the log-likelihood and its gradient; the mean of the values is held at 0 by a small penalty."""
        d = x[i] - x[j]
        log_i, log_tie, i_d, tie_d, i_t, tie_t = terms(d, x[k])
        log_j, _, j_d, _, j_t, _ = terms(-d, x[k])
        with np.errstate(invalid="ignore"):
            tie_part, tie_d, tie_t = (np.where(tied > 0, tied * part, 0) for part in (log_tie, tie_d, tie_t))
        value = (won * log_i + lost * log_j + tie_part).sum() - 0.5 * x[:k].sum() ** 2 / k
        slope = won * i_d - lost * j_d + tie_d
        gradient = np.zeros(k + 1)
        np.add.at(gradient, i, slope)
        np.add.at(gradient, j, -slope)
        gradient[:k] -= x[:k].sum() / k
        gradient[k] = (won * i_t + lost * j_t + tie_t).sum()
        return -float(value), -gradient

    start = np.append(np.zeros(k), 0.2)
    bounds = [(None, None)] * k + [(lowest, None)]
    rough = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, tol=1e-15)
    x = _polished(objective, np.asarray(rough.x, dtype=np.float64))
    log_likelihood = -objective(x)[0]
    n = won + lost + tied
    with np.errstate(divide="ignore", invalid="ignore"):
        saturated = float(sum(np.nansum(c * np.log(c / n)) for c in (won, lost, tied)))
    centre = np.zeros((k + 1, k + 1))
    centre[:k, :k] = 1 / k
    covariance = np.linalg.inv(_hessian(objective, x)) - centre
    parameter = float(x[k]) if model == "glenn_david" else float(np.exp(x[k]))
    df = 2 * int((n > 0).sum()) - k
    deviance = 2 * (saturated - log_likelihood)
    return TieScale(counts.items, model, x[:k], covariance, log_likelihood, parameter, deviance, df)


def _polished(objective: Callable[[Floats], tuple[float, Floats]], x: Floats) -> Floats:
    """Take the last steps to the maximum by Newton's method: L-BFGS stops a little short of it."""
    for _ in range(20):
        try:
            step = np.linalg.solve(_hessian(objective, x), objective(x)[1])
        except np.linalg.LinAlgError:
            break
        x = x - step
        if np.abs(x).max() > _FARTHEST or not np.isfinite(x).all():
            break
        if np.abs(step).max() < 1e-10:
            return x
    raise ScalingError("no finite maximum: some items never lost to the others (see describe_separation); pool more")


def _hessian(objective: Callable[[Floats], tuple[float, Floats]], x: Floats) -> Floats:
    """Return the Hessian by central differences of the exact gradient."""
    width = 1e-5
    rows = [(objective(x + width * unit)[1] - objective(x - width * unit)[1]) / (2 * width) for unit in np.eye(len(x))]
    hessian = np.array(rows)
    return np.asarray((hessian + hessian.T) / 2)
