"""Run simulated studies and hold what they find against the truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from visavis.scaling import Options, Resampling
from visavis.scaling.comparison.analyses import ANALYSES
from visavis.scaling.study.study import prepare

from .quantity import TEXTS, Quantity
from .registry import QUANTITIES
from .world import DESIGNS, Design, draw_trials

MANY_SCENES = 400
SIZE = 0.05
COVERED, SIZED = (0.93, 0.97), (0.03, 0.07)
"""What a 95 % interval should cover, and how often a test at 5 % may reject what is true."""


def tables_of(trials: pd.DataFrame, names: Iterable[str], resamples: int) -> Mapping[str, pd.DataFrame]:
    """Return some tables of a comparison, computing no others but what they need."""
    people = sorted(set(trials.loc[trials["observer_kind"] == "human", "observer"]))
    study = prepare(trials, people, Options(resampling=Resampling(resamples)), ANALYSES)
    return {name: study.table(name) for name in dict.fromkeys(names)}


def interval_and_test_columns() -> set[str]:
    """Return what must be calibrated: every declared column that has an interval, or is a p-value."""
    return {
        f"{analysis.name}.{column.name}"
        for analysis in ANALYSES
        for column in analysis.columns
        if column.limits or column.name.startswith("p_")
    }


@dataclass(frozen=True)
class Calibration:
    """Of one quantity in one design.

    Attributes
    ----------
    quantity : Quantity
    design : str
    studies : int
    truth, bias, error : float
        Means over rows: of the truth, of the estimate less the truth, and of the SD of the estimate.
    coverage : float
        Share of intervals that hold the truth; NaN without an interval.
    size : float
        Share of p below 5 % where nothing is there to be found.
    without : float
        Share of rows that have no estimate, interval or p.
    """

    quantity: Quantity
    design: str
    studies: int
    truth: float
    bias: float
    error: float
    coverage: float
    size: float
    without: float

    @property
    def holds(self) -> bool:
        """Whether coverage, or size, is within what is aimed at."""
        share, (low, high) = (self.size, SIZED) if self.quantity.truth is None else (self.coverage, COVERED)
        if self.quantity.column == "p_adjusted":  # of several tests together it is the error, of each alone it is less
            low = 0.0
        return bool(np.isnan(share) or low <= share <= high)


def calibrate(
    design: str, studies: int, quantities: Sequence[Quantity] = QUANTITIES, *, resamples: int = 400, seed: int = 0
) -> list[Calibration]:
    """Simulate studies of one design, and return how each quantity does."""
    return calibrate_design(design, DESIGNS[design], studies, quantities, resamples=resamples, seed=seed)


def calibrate_design(
    name: str,
    design: Design,
    studies: int,
    quantities: Sequence[Quantity],
    *,
    resamples: int,
    seed: int,
    many: int = MANY_SCENES,
) -> list[Calibration]:
    """As `calibrate`, of a design that need not be among `DESIGNS`, with the truth from `many` scenes."""
    rng = np.random.default_rng([seed, *name.encode()])
    wanted = [quantity.table for quantity in quantities]
    found: dict[str, list[pd.DataFrame]] = {quantity.name: [] for quantity in quantities}
    for _ in range(studies):
        tables = tables_of(draw_trials(design, rng), wanted, resamples)
        for quantity in quantities:
            found[quantity.name].append(quantity.of(tables[quantity.table]))
    limit: Mapping[str, pd.DataFrame] = {}
    if any(quantity.truth == "limit" for quantity in quantities):
        limit = tables_of(draw_trials(design, rng, scenes=many), wanted, 2)
    return [_summary(quantity, name, design, found[quantity.name], limit) for quantity in quantities]


def _summary(
    quantity: Quantity, name: str, design: Design, found: list[pd.DataFrame], limit: Mapping[str, pd.DataFrame]
) -> Calibration:
    rows = pd.concat(found)
    numbers = np.isfinite(rows["value"])
    nan = float("nan")
    if quantity.truth is None:
        size = float((rows["value"][numbers] < SIZE).mean()) if numbers.any() else nan
        return Calibration(quantity, name, len(found), nan, nan, nan, nan, size, 1 - float(numbers.mean()))
    rows["truth"] = _truth(quantity, design, rows, limit)
    rows = rows[numbers & rows["truth"].notna()]
    levels = list(range(rows.index.nlevels))
    error = float(rows["value"].groupby(level=levels).std().mean())
    bias = float((rows["value"] - rows["truth"]).mean())
    coverage, without = nan, 1 - float(numbers.mean())
    if quantity.limits:
        told = rows["low"].notna() & rows["high"].notna()
        inside = (rows["low"] - 1e-9 <= rows["truth"]) & (rows["truth"] <= rows["high"] + 1e-9)
        coverage = float(inside[told].mean()) if told.any() else nan
        without = 1 - float(told.sum()) / len(numbers)
    return Calibration(quantity, name, len(found), float(rows["truth"].mean()), bias, error, coverage, nan, without)


def _truth(quantity: Quantity, design: Design, rows: pd.DataFrame, limit: Mapping[str, pd.DataFrame]) -> np.ndarray:
    if quantity.truth == "mean":
        levels = list(range(rows.index.nlevels))
        return rows["value"].groupby(level=levels).transform("mean").to_numpy()
    if quantity.truth == "limit":
        known = quantity.of(limit[quantity.table])["value"]
        return known[~known.index.duplicated()].reindex(rows.index).to_numpy()
    assert callable(quantity.truth)
    law = quantity.truth(design)
    return np.array([law.get(key if isinstance(key, tuple) else (key,), np.nan) for key in rows.index], dtype=float)


def in_markdown(calibrations: Sequence[Calibration]) -> str:
    """Return the table for the documentation: quantities by designs, what falls outside in bold."""
    designs = list(dict.fromkeys(found.design for found in calibrations))
    lines = [
        f"| quantity | estimand, or what is true | {' | '.join(designs)} |",
        f"|---|---|{'---|' * len(designs)}",
    ]
    by_name: dict[str, dict[str, Calibration]] = {}
    for found in calibrations:
        by_name.setdefault(found.quantity.name, {})[found.design] = found
    for name, each in by_name.items():
        cells = [_cell(each[design]) if design in each else "" for design in designs]
        estimand = next(iter(each.values())).quantity.estimand
        lines.append(f"| `{name}` | {estimand} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(found: Calibration) -> str:
    share = found.size if found.quantity.truth is None else found.coverage
    shown = "–" if np.isnan(share) else f"{100 * share:.1f} %"
    shown = shown if found.holds else f"**{shown}**"
    return shown if np.isnan(found.bias) else f"{shown} ({found.bias:+.3f} ± {found.error:.3f})"


__all__ = ["TEXTS", "Calibration", "calibrate", "calibrate_design", "in_markdown", "interval_and_test_columns"]
