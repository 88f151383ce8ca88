"""The demo does what it promises: known scale values recovered, metrics ranked as they should be, a report to open."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from visavis.demo import MODEL_REPETITIONS, ask_everyone
from visavis.experiments import load_trials

Demo = tuple[Path, list[str]]
PEOPLE = 12


def test_the_simulated_peoples_scale_values_are_recovered(demo: Demo) -> None:
    said = [re.fullmatch(r"(\w+): recovered scale values correlate .*, r = (\d\.\d+)", line) for line in demo[1]]
    found = {each.group(1): float(each.group(2)) for each in said if each}
    assert set(found) == {"contrast", "colorfulness", "preference"}
    assert min(found.values()) > 0.9


def agreement(demo: Demo) -> pd.Series:
    return pd.read_csv(demo[0] / "report" / "alignment.csv").set_index(["attribute", "observer"])["rho"]


def test_each_metric_agrees_with_people_on_what_it_measures(demo: Demo) -> None:
    rho = agreement(demo)
    assert rho["contrast", "rms_contrast"] > 0.8
    assert rho["colorfulness", "colorfulness"] > 0.8
    assert rho["contrast", "rms_contrast"] > rho["contrast", "colorfulness"] + 0.5
    assert rho["colorfulness", "colorfulness"] > rho["colorfulness", "rms_contrast"] + 0.5


def test_a_metric_of_distance_from_the_original_measures_no_contrast(demo: Demo) -> None:
    rho = agreement(demo)
    assert abs(rho["contrast", "ssim"]) < rho["contrast", "rms_contrast"] - 0.3
    trials = load_trials(demo[0] / "results")
    original = trials[(trials["observer"] == "ssim") & ((trials["left"] == "neutral") | (trials["right"] == "neutral"))]
    assert set(original["chosen"]) == {"neutral"}


def test_every_trial_is_there(demo: Demo) -> None:
    trials = load_trials(demo[0] / "results")
    asked = 10 * 21 * 3
    assert set(trials.loc[trials["observer_kind"] == "metric", "observer"]) == {"rms_contrast", "colorfulness", "ssim"}
    assert trials.groupby("observer_kind").size().to_dict() == {
        "metric": 3 * asked,
        "simulated": (PEOPLE + 3 * MODEL_REPETITIONS) * asked,
    }
    refused = trials.groupby("observer")["outcome"].apply(lambda outcome: (outcome == "refusal").mean())
    assert refused["model-refusing"] == pytest.approx(0.05, abs=0.02)


def test_it_ends_with_the_path_of_a_report(demo: Demo) -> None:
    folder, said = demo
    assert said[-1] == f"report: {folder / 'report' / 'report.html'}"
    assert (folder / "report" / "report.html").is_file()


def test_run_again_it_asks_nothing_anew(demo: Demo, tmp_path: Path) -> None:
    folder = shutil.copytree(demo[0], tmp_path / "again")
    before, said = load_trials(folder / "results"), []
    ask_everyone(folder, PEOPLE, said.append)
    pd.testing.assert_frame_equal(load_trials(folder / "results"), before)
    assert said[1:] == demo[1][1:4]
