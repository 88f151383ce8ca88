"""Is a model as like people as people are? Two one-sided tests, since 'no difference found' is not agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import t as student

from visavis.scaling.counts import Floats
from visavis.scaling.presentation.panels import attributes_of, dot_figure, of_attribute
from visavis.scaling.presentation.style import FigurePanel
from visavis.scaling.presentation.words import percent
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, SCENES, Analysis, Column, Drawing, with_interval
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

from .majorities import Majorities, held_out, persons_held_out, votes_of_each

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("attribute", "observer", "gap", "low", "high", "p_value", "scenes")


def equivalence(
    votes: Majorities, people: Sequence[str], attribute: str, *, margin: float = 0.05, level: float = 0.95
) -> pd.DataFrame:
    """Test whether each model's accuracy is within a margin of one person's.

    Accuracy is agreement with the majority of all people but one, as in `pairwise_agreement`, for a model as for the
    person who is left out. The two one-sided tests (Schuirmann 1987) take scenes as their units: the gap's standard
    error is that of a difference of two ratios over them (Cochran 1977, sec. 6.4).

    Parameters
    ----------
    votes : Majorities
        On the attribute, of people and models.
    people : sequence of str
    attribute : str
    margin : float
        Gap from which on a model counts as different, in either direction.
    level : float
        Of the interval of the gap.

    Returns
    -------
    DataFrame
        ``attribute, observer, gap, low, high, p_value, scenes``: the model's accuracy less a person's, its interval by
        Student's t, and the larger p of the two tests: small where the gap is within the margin. NaN with fewer than
        two scenes in which both answered; no row with fewer than two people.
    """
    present = [name for name in people if name in votes.observers]
    if len(present) < 2:
        return pd.DataFrame(columns=list(COLUMNS))
    signs = votes.of(present)
    persons = _by_scene(votes, *persons_held_out(signs))
    rows: list[tuple[object, ...]] = []
    for name in votes.observers:
        if name not in people:
            of_model = _by_scene(votes, *held_out(votes.of([name])[0], signs))
            rows.append((attribute, name, *_tested(of_model, persons, margin, level)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _by_scene(votes: Majorities, right: Floats, counted: Floats) -> Floats:
    """Return how much was right, and of how many, by scene; shape (2, n scenes)."""
    return np.stack([votes.by_scene(part.sum(axis=0)) for part in (right, counted)])


def _tested(
    of_model: Floats, of_persons: Floats, margin: float, level: float
) -> tuple[float, float, float, float, int]:
    both = (of_model[1] > 0) & (of_persons[1] > 0)
    scenes = int(both.sum())
    nothing = float("nan")
    if not scenes:
        return nothing, nothing, nothing, nothing, 0
    shares, influences = [], []
    for right, counted in (of_model[:, both], of_persons[:, both]):
        share = right.sum() / counted.sum()
        shares.append(float(share))
        influences.append((right - share * counted) / counted.sum())
    gap = shares[0] - shares[1]
    if scenes < 2:
        return gap, nothing, nothing, nothing, scenes
    each = influences[0] - influences[1]
    error = float(np.sqrt(scenes / (scenes - 1) * (each @ each)))
    reach = float(student.ppf(0.5 + level / 2, scenes - 1)) * error
    if not error:
        return gap, gap, gap, nothing, scenes
    p_value = float(student.sf((margin - abs(gap)) / error, scenes - 1))
    return gap, gap - reach, gap + reach, p_value, scenes


def _compute(study: Study) -> pd.DataFrame:
    options = study.options
    return study.by_attribute(
        "equivalence",
        lambda attribute: equivalence(
            votes_of_each(study, attribute),
            study.people,
            attribute,
            margin=options.equivalence_margin,
            level=options.level,
        ),
    )


def _draw(comparison: Comparison) -> Figure:
    """Draw each model's gap to a person, with the margin."""
    table, margin = comparison.equivalence, comparison.options.equivalence_margin
    reach = float(np.nanmax([2 * margin, *table["low"].abs(), *table["high"].abs(), *table["gap"].abs()]))

    def within(panel: FigurePanel) -> None:
        panel.axes.axvspan(-margin, margin, color="black", alpha=0.12, linewidth=0)
        panel.axes.axvline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
        panel.axes.set_xlim(-1.05 * reach, 1.05 * reach)

    return dot_figure(
        comparison,
        {name: of_attribute(table, name) for name in attributes_of(comparison)},
        ("gap", "low", "high"),
        "accuracy less a person's",
        beside=within,
    )


def _caption(comparison: Comparison) -> str:
    return (
        "Accuracy of each model less that of one person, both against the majority of all people but one, with its "
        f"{percent(comparison.options)} interval from scenes; and the p of two one-sided tests: where it is small, the "
        f"gap is within {comparison.options.equivalence_margin:g} either way, so that the model is as like people as "
        "people are. "
        "Where it is not, that is not shown, which does not mean that they differ."
    )


def _sentences(comparison: Comparison) -> Sequence[str]:
    if not len(comparison.equivalence):
        return ()
    return (
        "That a model agrees with people as well as a person does was tested by two one-sided tests over scenes "
        f"(Schuirmann, 1987) of the gap in accuracy, with a margin of {comparison.options.equivalence_margin:g}.",
    )


ANALYSIS = Analysis(
    name="equivalence",
    section="Pair by pair",
    title="As like people as people are",
    columns=(
        ATTRIBUTE,
        OBSERVER,
        *with_interval("gap", "accuracy of the model less that of one person"),
        Column("p_value", "larger p of two one-sided tests that the gap is within the margin", heading="p"),
        SCENES,
    ),
    compute=_compute,
    caption=_caption,
    drawing=Drawing(
        _draw,
        lambda found: bool(len(found.equivalence)) and bool(found.equivalence["gap"].notna().any()),
        lambda comparison: (
            "Accuracy of each model less that of one person, both against the majority of all people but one, with "
            f"{percent(comparison.options)} intervals from scenes. Grey: the margin of "
            f"±{comparison.options.equivalence_margin:g} within which a model counts as being as like people as people "
            "are."
        ),
    ),
    sentences=_sentences,
)
