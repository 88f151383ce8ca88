"""The whole comparison of models with people, as tables: everything the report shows, and every choice behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import pandas as pd

from visavis.scaling.counts import CHOICE_COLUMNS, require_columns
from visavis.scaling.errors import ScalingError
from visavis.scaling.study.analysis import Analysis, joined
from visavis.scaling.study.options import Options, ScreeningRule
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study, checked, completed, people_named, prepare

from .analyses import arranged
from .notes import data_notes
from .screening import no_one_left, screen

_READ = (
    *("experiment", "definition_sha256", "session", "observer", "observer_kind", "phase", "attribute", "scene"),
    *("left", "right", "repetition", "outcome", "choice"),
)
"""Columns that a comparison reads."""


def compare(
    trials: pd.DataFrame,
    *,
    people: Sequence[str] | None = None,
    options: Options | None = None,
    extra: Sequence[Analysis] = (),
) -> Comparison:
    """Compare models with people.

    Parameters
    ----------
    trials : DataFrame
        The trials table of any number of observers; ``observer, attribute, scene, left, right, choice`` are enough.
    people : sequence of str, optional
        Names of the observers that count as people, with ``*`` and ``?`` as in file names; by default everyone whose
        ``observer_kind`` is ``human``.
    options : Options, optional
    extra : sequence of Analysis
        Analyses beside `ANALYSES`, such as `SENSITIVITY` or some of your own.

    Returns
    -------
    Comparison
        What cannot be computed is missing, and said in its notes.

    Raises
    ------
    ScalingError
        If a column is missing or a row breaks the schema of the trials table, there are no choices at all, `people`
        names no one, the screening leaves no one, or an extra analysis has a name that is taken.
    """
    options, analyses = options or Options(), arranged(extra)
    _check_names(analyses)
    require_columns(trials, CHOICE_COLUMNS)
    trials = completed(checked(trials))
    study, notes = _screened(trials, people_named(trials[trials["phase"] == "main"], people), options, analyses)
    tables = {analysis.name: study.table(analysis.name) for analysis in analyses}
    found = joined([note for analysis in analyses for note in analysis.notes(study, tables[analysis.name])])
    return Comparison(
        experiments=tuple(sorted(set(study.trials["experiment"]))),
        definitions=tuple(sorted(set(study.trials["definition_sha256"]))),
        attributes=study.attributes,
        scenes=study.scenes,
        renditions=study.items,
        people=study.people,
        models=study.models,
        options=options,
        analyses=analyses,
        notes=(*notes, *data_notes(study), *found),
        _tables=tables,
    )


def _screened(
    trials: pd.DataFrame, people: list[str], options: Options, analyses: Sequence[Analysis]
) -> tuple[Study, list[str]]:
    """Prepare the study without those whom the rule leaves out, and say who they are."""
    screened = screen(trials, people, options.screening or ScreeningRule())
    if options.screening is None:
        screened["excluded"] = False
    out = screened[screened["excluded"]]
    if not len(out):
        return prepare(trials, people, options, analyses, screened=screened), []
    kept = [name for name in people if name not in set(out["observer"])]
    if not kept:
        raise ScalingError(no_one_left(screened, options.screening or ScreeningRule()))
    everyone = prepare(trials, people, options, analyses)
    left = trials[~trials["observer"].isin(out["observer"])]
    study = prepare(left, kept, options, analyses, screened=screened, unscreened=everyone)
    reasons = "; ".join(f"{row.observer} ({row.reason})" for row in out.itertuples())
    return study, [f"{len(out)} of {len(people)} people are left out by the screening rule: {reasons}"]


def _check_names(analyses: Sequence[Analysis]) -> None:
    taken = {field.name for field in fields(Comparison)} | set(dir(Comparison))
    for analysis in analyses:
        if analysis.name in taken or not analysis.name.isidentifier():
            raise ScalingError(
                f"analysis {analysis.name!r}: its name is taken by another analysis or attribute of a comparison, or "
                "is not a Python identifier; choose another"
            )
        taken.add(analysis.name)
