"""Whether steadier models agree better with people, and how little a handful of models can say about it."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import t as student

from visavis.scaling.agreement.alignment import has_rho
from visavis.scaling.agreement.rank_correlation import spearman
from visavis.scaling.counts import Floats
from visavis.scaling.presentation.panels import attributes_of, of_attribute, present
from visavis.scaling.presentation.style import look, panels
from visavis.scaling.study.analysis import ATTRIBUTE, Analysis, Column, Drawing
from visavis.scaling.study.result import Comparison

from .within import answered_again

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("attribute", "models", "rho", "p_value", "min_rho")
MOST_EXACT = 8
"""Up to so many models p is exact, from all orders; for more it is from Student's t."""
_FEWEST = 4  # of three, even a perfect order has p = 1/3


def trade_off(alignment: pd.DataFrame, within: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Correlate the models' variability with their agreement with people.

    Parameters
    ----------
    alignment, within : DataFrame
        As `Comparison.alignment` and `Comparison.vr_within`.
    level : float
        1 minus the size of the test that `min_rho` is about.

    Returns
    -------
    DataFrame
        ``attribute, models, rho, p_value, min_rho``: number of models, Spearman's ρ between VR% within and ρ with
        people, its two-sided p, and the smallest |ρ| that so many models could tell from none. NaN for fewer than
        four models.
    """
    joined = alignment.merge(within, on=["attribute", "observer"], suffixes=("", "_vr")).dropna(subset=["rho", "any"])
    rows = []
    for attribute in dict.fromkeys(alignment["attribute"]):
        part = joined[joined["attribute"] == attribute]
        first, second = (part[name].to_numpy(dtype=float) for name in ("any", "rho"))
        rows.append((attribute, len(part), *_tested(first, second, 1 - level)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _tested(first: Floats, second: Floats, size: float) -> tuple[float, float, float]:
    n = len(first)
    if n < _FEWEST:
        return (float("nan"),) * 3
    rho = float(spearman(first, second))
    if n > MOST_EXACT:
        beyond = student.ppf(1 - size / 2, n - 2)
        least = float(beyond / np.sqrt(n - 2 + beyond**2))
        if not np.isfinite(rho):
            return rho, float("nan"), least
        ratio = abs(rho) * np.sqrt((n - 2) / max(1 - rho**2, 1e-12))
        return rho, float(2 * student.sf(ratio, n - 2)), least
    orders = np.array(list(permutations(range(n))))
    untied = np.sort(np.abs(spearman(np.arange(n, dtype=float), orders.astype(float))))
    shares = 1 - np.searchsorted(untied, untied - 1e-9) / len(untied)  # of orders that are as far out, or further
    small = untied[shares <= size]
    least = float(small[0]) if len(small) else float("nan")
    if not np.isfinite(rho):
        return rho, float("nan"), least
    p = float((np.abs(spearman(first, second[orders])) >= abs(rho) - 1e-9).mean())
    return rho, p, least


def _draw(comparison: Comparison) -> Figure:
    """Draw each model's agreement with people against its own variability."""
    joined = comparison.alignment.merge(comparison.vr_within, on=["attribute", "observer"], suffixes=("", "_vr"))
    joined = joined.dropna(subset=["rho", "any"])
    models = present(comparison, joined)
    with panels(attributes_of(comparison), 2.2, legend=models, sharex=True, sharey=True) as (figure, drawn):
        for panel in drawn:
            axes, part = panel.axes, of_attribute(joined, panel.title)
            numbers = part[["any", "low_vr", "high_vr", "rho", "low", "high"]].to_numpy(dtype=float)
            for name, of_model in zip(part["observer"].astype(str), numbers, strict=True):
                (x, *of_x), (y, *of_y) = of_model[:3], of_model[3:]
                across, up = (
                    np.nan_to_num(np.clip([[value - low], [high - value]], 0, None))
                    for value, low, high in ((x, *of_x), (y, *of_y))
                )
                style = {"markersize": 4.5, "elinewidth": 0.5, **look(comparison, name)}
                axes.errorbar(x, y, xerr=across, yerr=up, linestyle="none", label=name, **style)
            axes.margins(0.08)
            ceiling = part["ceiling"].max() if len(part) else np.nan
            if np.isfinite(ceiling):
                axes.axhline(ceiling, color="black", alpha=0.25, linewidth=2.5, zorder=0)
            axes.set_xlabel("VR% within")
            if panel.leftmost:
                axes.set_ylabel("ρ with people")
    return figure


def caution(comparison: Comparison) -> str:
    """Say what the models' variability and agreement have to do with each other, and how little that says."""
    table = comparison.trade_off
    known = table.dropna(subset=["rho", "p_value"])
    counts = sorted(set(table["models"]))
    models = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1]))) if counts else "0"
    if not len(known):
        return f"With {models} model{'' if models == '1' else 's'} nothing can be said about how the two are related."
    found = ", ".join(f"ρ = {row.rho:.2f} (p = {row.p_value:.2f}) on {row.attribute}" for row in known.itertuples())
    least = known["min_rho"].max()
    limit = f"only |ρ| of {least:.2f} or more" if least < 1 else "only a perfect order"
    if known["min_rho"].isna().any():
        limit = "not even a perfect order"
    return (
        f"Over the models the two correlate with {found}. With {models} models {limit} could be told from no "
        f"relation at the {100 * (1 - comparison.options.level):.2g} % level, so this says little about models in "
        "general."
    )


def _has_data(comparison: Comparison) -> bool:
    return has_rho(comparison) and answered_again(comparison, comparison.models)


ANALYSIS = Analysis(
    name="trade_off",
    section="Consistency and agreement",
    title="Consistency against agreement",
    columns=(
        ATTRIBUTE,
        Column("models", "number of models"),
        Column("rho", "Spearman's ρ over models between VR% within and ρ with people", heading="ρ"),
        Column("p_value", "its two-sided p", heading="p"),
        Column("min_rho", "smallest |ρ| that so many models could tell from none", heading="least |ρ|"),
    ),
    shape=lambda comparison, table: table if _has_data(comparison) else table[:0],
    compute=lambda study: trade_off(study.table("alignment"), study.table("vr_within"), level=study.options.level),
    caption=lambda comparison: (  # noqa: ARG005
        "Spearman's ρ over models between VR% within and ρ with people; its p; and the smallest |ρ| that so many "
        "models could tell from none."
    ),
    drawing=Drawing(
        _draw,
        _has_data,
        lambda comparison: (
            "Each model's ρ with people against its own variability, with intervals over resampled scenes; grey: the "
            f"human ceiling. {caution(comparison)}"
        ),
    ),
)
