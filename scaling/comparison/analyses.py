"""Every analysis of the comparison, one a line, in the order of the report."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from visavis.scaling.agreement import (
    alignment,
    ceilings,
    correlations,
    differences,
    equivalence,
    mean_scales,
    pair_by_pair,
    separability,
)
from visavis.scaling.study.analysis import Analysis
from visavis.scaling.variability import between, side_bias, spread, trade_off, vr_differences, within

from . import attribute_weights, outcomes, screening, weight_differences
from .sensitivity import SENSITIVITY

RESULTS = (
    mean_scales.ANALYSIS,
    mean_scales.SCENES,
    spread.ANALYSIS,
    alignment.ANALYSIS,
    correlations.ANALYSIS,
    differences.ANALYSIS,
    pair_by_pair.ANALYSIS,
    equivalence.ANALYSIS,
    ceilings.ANALYSIS,
    separability.ANALYSIS,
    separability.POINTS,
    trade_off.ANALYSIS,
    within.ANALYSIS,
    between.MATRIX,
    between.REST,
    vr_differences.ANALYSIS,
    attribute_weights.ANALYSIS,
    weight_differences.ANALYSIS,
    side_bias.ANALYSIS,
)
"""What observers answered."""

DATA = (screening.ANALYSIS, outcomes.ANALYSIS)
"""What the results were made from; the report ends with it."""

ANALYSES: tuple[Analysis, ...] = (*RESULTS, *DATA)
"""Every analysis of a comparison, in the order of the report."""


def arranged(extra: Sequence[Analysis]) -> tuple[Analysis, ...]:
    """Return all analyses with extra ones last in their sections; sections of their own stand before `DATA`."""
    found = (*RESULTS, *extra, *DATA)
    sections = list(dict.fromkeys(analysis.section for analysis in found))
    return tuple(sorted(found, key=lambda analysis: sections.index(analysis.section)))


def describe_tables() -> pd.DataFrame:
    """Describe every column of every table that a comparison can have.

    Returns
    -------
    DataFrame
        ``table, column, unit, meaning``, in the order of the report.
    """
    rows = [
        (analysis.name, column.name, column.unit, column.meaning)
        for analysis in arranged([SENSITIVITY])
        for column in analysis.columns
        if column.meaning
    ]
    return pd.DataFrame(rows, columns=["table", "column", "unit", "meaning"])
