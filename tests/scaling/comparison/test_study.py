"""The study repeated in simulation: what the report shows recovers what the simulation knows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from simulated_study import study, truth_beside_estimate

LIMITS = {"ρ": 0.15, "VR%": 9.0, "weight": 0.12, "sensitivity": 0.35, "spread": 0.35, "share": 0.04, "refusals": 0.03}
"""The largest error allowed, by figure: a few standard errors of a study of this size."""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder: Path = tmp_path_factory.mktemp("study")
    return truth_beside_estimate(*study(folder, people=8, scenes=5))


def test_every_figure_is_near_its_truth(table: pd.DataFrame) -> None:
    limit = table["figure"].str.split().str[0].map(LIMITS)
    assert limit.notna().all()
    # Between scales that hardly agree, ρ of seven items has a standard error of about 0.2.
    limit = limit.mask(table["figure"].str.startswith("ρ") & (table["truth"] < 0.9), 0.45)
    far = table[(table["estimate"] - table["truth"]).abs() > limit]
    assert far.empty, far.to_string()


def test_intervals_hold_the_truth(table: pd.DataFrame) -> None:
    """Scales of three repetitions, and so spreads and the ρ of seven items, have a bias that intervals do not know."""
    told = table[table["low"].notna() & table["figure"].str.contains("VR%|weight|share")]
    inside = (told["low"] - 1e-9 <= told["truth"]) & (told["truth"] <= told["high"] + 1e-9)
    assert inside.mean() > 0.8


def test_models_are_told_apart_by_what_they_are(table: pd.DataFrame) -> None:
    wide = table.pivot_table(index="observer", columns="figure", values="estimate")
    assert wide["VR% contrast"].idxmax() == "noisy"
    assert wide["spread contrast"].idxmin() == "noisy"
    assert wide["share of left"].idxmax() == "leans left"
    assert wide["refusals"].idxmax() == "refuses"
    assert wide["weight of contrast"].idxmax() == "loves contrast"
    assert wide["ρ colorfulness"].idxmin() == "blind to color"
