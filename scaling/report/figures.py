"""The figures of a comparison, drawn as its analyses declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visavis.scaling.presentation.style import lay_out
from visavis.scaling.study.result import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figures(comparison: Comparison) -> dict[str, Figure]:
    """Return every figure for which there are data, by the name of its file and table."""
    drawn = {
        analysis.name: analysis.drawing.draw(comparison)
        for analysis in comparison.analyses
        if analysis.drawing is not None and analysis.drawing.has_data(comparison)
    }
    for figure in drawn.values():
        lay_out(figure)
    return drawn
