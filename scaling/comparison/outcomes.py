"""How many trials of each observer ended how."""

from __future__ import annotations

import pandas as pd

from visavis.scaling.study.analysis import OBSERVER, Analysis, Column, never
from visavis.scaling.study.study import Study

_OUTCOMES = ("choice", "tie", "refusal", "filtered", "invalid", "truncated", "error", "aborted")


def _compute(study: Study) -> pd.DataFrame:
    by = ["observer", "observer_kind"]
    counts = study.main.groupby([*by, "outcome"]).size().unstack(fill_value=0)
    totals = study.main.groupby(by).agg(sessions=("session", "nunique"), trials=("trial", "size"))
    return totals.join(counts).reset_index()


ANALYSIS = Analysis(
    name="outcomes",
    section="Trials by outcome",
    printed=never,
    columns=(
        OBSERVER,
        Column("observer_kind", "human, vlm, metric or simulated", heading="kind"),
        Column("sessions", "number of sessions"),
        Column("trials", "number of main trials"),
        *(Column(name, f"main trials that ended as {name}", always=False) for name in _OUTCOMES),
    ),
    compute=_compute,
    caption=lambda comparison: (  # noqa: ARG005
        "Main trials by outcome. What is not a choice is counted here, and never made into one."
    ),
)
