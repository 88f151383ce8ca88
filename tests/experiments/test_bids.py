"""The dataset for sharing, read by the official validator."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from extras import require_extra

from visavis import Definition, Experiment, load_trials, run
from visavis.experiments import SessionError
from visavis.experiments.bids import write_bids
from visavis.experiments.experiment import load_stimuli
from visavis.observers import SimulatedObserver, SimulatedOptions
from visavis.stimuli import sample_stimuli


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("study")
    sample_stimuli(folder / "images")
    definition = Definition.from_dict(
        {
            "visavis": 1, "name": "tone-mapping", "seed": 3, "ties": True, "practice": {"trials": 2},
            "stimuli": {"folder": "images", "scenes": ["cat", "coffee"]},
            "attributes": {"contrast": {"question": "Which?"}},
        }
    )  # fmt: skip
    experiment = Experiment(definition, load_stimuli(definition, folder))
    for name in ("P-01", "P01", "Qwen/Qwen3-VL"):
        options = SimulatedOptions(
            statistics={"contrast": "rms_contrast"}, refusal_rate=0.1, invalid_rate=0.1, tie_threshold=0.3
        )
        run(experiment, SimulatedObserver(name, options), folder / "results")
    return load_trials(folder / "results")


def test_the_official_validator_passes_it(trials: pd.DataFrame, tmp_path: Path) -> None:
    require_extra("dev", "bids_validator_deno")
    folder = write_bids(trials, tmp_path / "bids")
    validator = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent)) or "bids-validator-deno"
    done = subprocess.run(
        [validator, "--max-rows", "-1", "--json", str(folder)], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    errors = [issue for issue in issues if issue.get("severity") == "error"]
    assert errors == []
    assert done.returncode == 0, done.stderr


def test_nothing_is_lost_and_observers_keep_apart(trials: pd.DataFrame, tmp_path: Path) -> None:
    folder = write_bids(trials, tmp_path / "bids")
    participants = pd.read_csv(folder / "participants.tsv", sep="\t")
    assert participants["participant_id"].tolist() == ["sub-P01", "sub-P01x2", "sub-QwenQwen3VL"]
    assert participants["observer"].tolist() == ["P-01", "P01", "Qwen/Qwen3-VL"]
    tables = [pd.read_csv(path, sep="\t", na_values="n/a", quoting=3) for path in sorted(folder.rglob("*_beh.tsv"))]
    assert sum(map(len, tables)) == len(trials)
    first = trials[trials["observer"] == "P-01"].reset_index(drop=True)
    assert tables[0]["trial"].tolist() == first["trial"].tolist()
    assert tables[0]["chosen"].fillna("").tolist() == first["chosen"].fillna("").tolist()
    sidecar = json.loads(next(folder.rglob("*_beh.json")).read_text(encoding="utf-8"))
    assert set(tables[0].columns) <= set(sidecar)


def test_a_folder_with_something_in_it_is_refused(trials: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SessionError, match="not empty"):
        write_bids(trials, tmp_path)
