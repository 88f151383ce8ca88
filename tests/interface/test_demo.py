"""The demo does what it promises: known scale values recovered, metrics ranked as they should be, a report to open."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavis.demo import MODEL_REPETITIONS, recovery, run_demo
from visavis.experiments import Experiment, load_trials
from visavis.scaling import Comparison


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Comparison, list[str]]:
    folder = tmp_path_factory.mktemp("demo") / "new"
    said: list[str] = []
    return folder, run_demo(folder, 6, said.append), said


def test_the_simulated_peoples_scale_values_are_recovered(demo: tuple[Path, Comparison, list[str]]) -> None:
    folder, comparison, _ = demo
    found = recovery(Experiment.load(folder / "study.yaml"), comparison)
    assert set(found) == {"contrast", "colorfulness", "preference"}
    assert min(found.values()) > 0.9


def test_each_metric_agrees_with_people_on_what_it_measures(demo: tuple[Path, Comparison, list[str]]) -> None:
    rho = demo[1].alignment.set_index(["attribute", "observer"])["rho"]
    assert rho["contrast", "rms_contrast"] > 0.8
    assert rho["colorfulness", "colorfulness"] > 0.8
    assert rho["contrast", "rms_contrast"] > rho["contrast", "colorfulness"] + 0.5
    assert rho["colorfulness", "colorfulness"] > rho["colorfulness", "rms_contrast"] + 0.5


def test_a_metric_of_distance_from_the_original_measures_no_contrast(demo: tuple[Path, Comparison, list[str]]) -> None:
    rho = demo[1].alignment.set_index(["attribute", "observer"])["rho"]
    assert abs(rho["contrast", "ssim"]) < rho["contrast", "rms_contrast"] - 0.3
    trials = load_trials(demo[0] / "results")
    original = trials[(trials["observer"] == "ssim") & ((trials["left"] == "neutral") | (trials["right"] == "neutral"))]
    assert set(original["chosen"]) == {"neutral"}


def test_every_trial_is_there(demo: tuple[Path, Comparison, list[str]]) -> None:
    trials = load_trials(demo[0] / "results")
    asked = 10 * 21 * 3
    assert set(trials.loc[trials["observer_kind"] == "metric", "observer"]) == {"rms_contrast", "colorfulness", "ssim"}
    assert trials.groupby("observer_kind").size().to_dict() == {
        "metric": 3 * asked,
        "simulated": (6 + 3 * MODEL_REPETITIONS) * asked,
    }
    refused = trials.groupby("observer")["outcome"].apply(lambda outcome: (outcome == "refusal").mean())
    assert refused["model-refusing"] == pytest.approx(0.05, abs=0.02)


def test_it_ends_with_the_path_of_a_report(demo: tuple[Path, Comparison, list[str]]) -> None:
    folder, _, said = demo
    assert said[-1] == f"report: {folder / 'report' / 'report.html'}"
    assert (folder / "report" / "report.html").is_file()


def test_it_can_be_run_again(demo: tuple[Path, Comparison, list[str]]) -> None:
    folder, comparison, _ = demo
    again = run_demo(folder, 6, lambda _: None)
    assert again.scales.equals(comparison.scales)
