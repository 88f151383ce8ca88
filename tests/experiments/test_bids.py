"""The dataset for sharing, read by the official validator."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from extras import require_extra
from screens import ScriptedScreen, diligent

from visavis import Definition, Experiment, load_trials, run
from visavis.experiments import SessionError, import_choices, write_trials
from visavis.experiments.bids import write_bids
from visavis.experiments.experiment import load_stimuli
from visavis.observers import SimulatedObserver, SimulatedOptions
from visavis.observers.human import HumanObserver, HumanOptions
from visavis.stimuli import sample_stimuli


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    sample_stimuli(folder / "images")
    definition = Definition.from_dict(
        {
            "visavis": 1, "name": "tone-mapping", "seed": 3, "ties": True, "practice": {"trials": 2},
            "stimuli": {"folder": "images", "scenes": ["cat", "coffee"]},
            "attributes": {"contrast": {"question": "Which?"}},
            "presentation": {"form": [
                {"name": "age", "ask": {"de": "Wie alt?", "en": "How old?"}},
                {"name": "sex", "ask": "Sex?"},
                {"name": "vision", "ask": "Do you see well?"},
                {"name": "email", "ask": "Address?", "identifies": True},
            ]},
        }
    )  # fmt: skip
    experiment = Experiment(definition, load_stimuli(definition, folder))
    for name in ("P-01", "P01", "Qwen/Qwen3-VL"):
        options = SimulatedOptions(
            statistics={"contrast": "rms_contrast"}, refusal_rate=0.1, invalid_rate=0.1, tie_threshold=0.3
        )
        run(experiment, SimulatedObserver(name, options), folder / "results")
    run(experiment, SimulatedObserver("P01", options), folder / "results", session="1-1")
    run(experiment, SimulatedObserver("P01", options), folder / "results", session="11")
    for name, age, sex in (("P-01", "31", "f"), ("P01", "n/a\t!", "prefer not to say")):
        session = next(path.parent for path in (folder / "results").rglob("manifest.json")
                       if json.loads(path.read_text(encoding="utf-8"))["observer"] == name)  # fmt: skip
        answers = {"age": age, "sex": sex, "vision": "well"}
        (session / "participant.json").write_text(json.dumps({"answers": answers}), encoding="utf-8")
        (session / "notes.txt").write_text("private", encoding="utf-8")
    sit(experiment, folder / "results")
    (folder / "theirs.csv").write_text(
        "observer,session_id,scene,condition_A,condition_B,is_A_selected\nM01,1,cat,flat,vivid,0\n", encoding="utf-8"
    )
    imported = import_choices(folder / "theirs.csv", "pwcmp", experiment="theirs")
    write_trials(imported, folder / "results" / "elsewhere" / "theirs.trials.csv")
    return folder / "results"


def sit(experiment: Experiment, results: Path) -> None:
    """Let a person answer four trials at a screen that nobody sees."""
    options = HumanOptions(
        width_cm=60,
        distance_cm=70,
        white_point="D65",
        answers={"age": 40, "sex": "m", "vision": "well", "email": "a@b.c"},
    )
    screen = ScriptedScreen(diligent(), (1600, 1000))
    run(experiment, HumanObserver("person 7", options, lambda *_: screen), results, limit=4)


@pytest.fixture(scope="module")
def trials(results: Path) -> pd.DataFrame:
    return load_trials(results)


@pytest.fixture(scope="module")
def dataset(results: Path, trials: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shared") / "bids"
    other = trials[trials["observer"] == "P-01"].assign(experiment="other (imported)", session="elsewhere")
    together = pd.concat([trials, other], ignore_index=True)
    return write_bids(together, place, results=results, authors=["A. Author", "B. Author"], licence="CC0")


@pytest.mark.parametrize("sources", [True, False])
def test_the_official_validator_passes_it(trials: pd.DataFrame, dataset: Path, sources: bool, tmp_path: Path) -> None:
    require_extra("dev", "bids_validator_deno")
    folder = dataset if sources else write_bids(trials, tmp_path / "bids")
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
    assert participants["participant_id"].tolist() == [
        f"sub-{label}" for label in ("M01", "P01", "P01x2", "QwenQwen3VL", "person7")
    ]
    assert participants["observer"].tolist() == ["M01", "P-01", "P01", "Qwen/Qwen3-VL", "person 7"]
    tables = [pd.read_csv(path, sep="\t", na_values="n/a", quoting=3) for path in sorted(folder.rglob("*_beh.tsv"))]
    assert sum(map(len, tables)) == len(trials)
    first = trials[trials["observer"] == "P-01"].reset_index(drop=True)
    assert tables[1]["trial"].tolist() == first["trial"].tolist()
    assert tables[1]["chosen"].fillna("").tolist() == first["chosen"].fillna("").tolist()
    sidecar = json.loads(next(folder.rglob("*_beh.json")).read_text(encoding="utf-8"))
    assert set(tables[0].columns) <= set(sidecar)


def test_who_took_part_is_told_by_the_form_and_what_identifies_is_not(dataset: Path) -> None:
    people = pd.read_csv(dataset / "participants.tsv", sep="\t", dtype=str, keep_default_na=False)
    people = people.set_index("observer")
    assert people.columns.tolist() == ["participant_id", "observer_kind", "form_age", "form_sex", "vision"]
    assert people.loc["P-01", ["form_age", "form_sex", "vision"]].tolist() == ["31", "f", "well"]
    assert people.loc["P01", "form_age"] == "n/a !"
    assert people.loc["Qwen/Qwen3-VL", "vision"] == "n/a"
    described = json.loads((dataset / "participants.json").read_text(encoding="utf-8"))
    assert described["form_age"] == {"Description": "answer to: How old?"}
    assert not [path for path in dataset.rglob("*") if path.is_file() and b"private" in path.read_bytes()]


def test_sources_stimuli_and_head_are_there(dataset: Path, results: Path) -> None:
    copies = sorted(path.parent.relative_to(dataset).as_posix() for path in dataset.rglob("manifest.json"))
    assert copies == [
        f"sourcedata/{name}/task-tonemapping"
        for name in ("sub-P01/ses-1", "sub-P01x2/ses-1", "sub-P01x2/ses-11", "sub-P01x2/ses-11x2",
                     "sub-QwenQwen3VL/ses-1", "sub-person7/ses-1")
    ]  # fmt: skip
    assert len(load_trials(dataset / "sourcedata")) == len(load_trials(results))
    images = pd.read_csv(dataset / "stimuli" / "stimuli.tsv", sep="\t")
    assert sorted(set(images["scene"])) == ["cat", "coffee"]
    assert images["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    head = json.loads((dataset / "dataset_description.json").read_text(encoding="utf-8"))
    assert (head["License"], head["Authors"]) == ("CC0", ["A. Author", "B. Author"])


def test_sessions_whose_labels_would_be_the_same_keep_apart(dataset: Path, trials: pd.DataFrame) -> None:
    files = sorted(path.name for path in dataset.rglob("sub-P01x2*_beh.tsv"))
    assert len(files) == 3
    rows = sum(len(pd.read_csv(path, sep="\t", quoting=3)) for path in dataset.rglob("*_beh.tsv"))
    assert rows == len(trials) + (trials["observer"] == "P-01").sum()


def test_age_in_numbers_keeps_its_name(results: Path, trials: pd.DataFrame, tmp_path: Path) -> None:
    folder = write_bids(trials[trials["observer"] == "P-01"], tmp_path / "bids", results=results)
    assert pd.read_csv(folder / "participants.tsv", sep="\t")["age"].tolist() == [31]


def test_a_dataset_among_the_results_is_refused(results: Path, trials: pd.DataFrame) -> None:
    with pytest.raises(SessionError, match=r"lies within .*, where its copies would be read as data"):
        write_bids(trials, results / "bids", results=results)


def test_a_folder_with_something_in_it_is_refused(trials: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SessionError, match="not empty"):
        write_bids(trials, tmp_path)


def test_a_persons_sidecar_tells_how_the_screen_was_seen_by_the_standards_names_in_its_units(dataset: Path) -> None:
    (path,) = dataset.rglob("sub-person7_*_beh.json")
    told = json.loads(path.read_text(encoding="utf-8"))
    presentation = told["StimulusPresentation"]
    assert presentation["ScreenResolution"] == [1600, 1000]
    assert presentation["ScreenRefreshRate"] == 60
    assert presentation["ScreenDistance"] == pytest.approx(0.7)
    assert presentation["ScreenSize"] == pytest.approx([0.6, 0.375])
    assert presentation["SoftwareName"] == "visavis"
    viewing = told["ViewingConditions"]
    assert (viewing["white_point"], viewing["window_px"], viewing["images"]) == ("D65", [1600, 1000], "pixel for pixel")
    assert viewing["pixels_per_degree"] == pytest.approx(2 * 70 * math.tan(math.radians(0.5)) * 1600 / 60, abs=1e-4)
    of_models = json.loads(next(dataset.rglob("sub-Qwen*_beh.json")).read_text(encoding="utf-8"))
    assert "StimulusPresentation" not in of_models


def test_a_real_sessions_form_is_shared_and_what_identifies_is_nowhere(dataset: Path) -> None:
    people = pd.read_csv(dataset / "participants.tsv", sep="\t", dtype=str).set_index("observer")
    assert people.loc["person 7", ["form_age", "form_sex", "vision"]].tolist() == ["40", "m", "well"]
    assert not [path for path in dataset.rglob("*") if path.is_file() and b"a@b.c" in path.read_bytes()]


def test_choices_made_elsewhere_are_among_the_sources(dataset: Path, results: Path, tmp_path: Path) -> None:
    copy = dataset / "sourcedata" / "imported" / "elsewhere" / "theirs.trials.csv"
    assert copy.read_bytes() == (results / "elsewhere" / "theirs.trials.csv").read_bytes()
    trials = load_trials(results)
    folder = write_bids(trials[trials["experiment"] != "theirs"], tmp_path / "bids", results=results)
    assert not (folder / "sourcedata" / "imported").exists()


def test_names_with_marks_become_labels_that_can_be_told_apart(trials: pd.DataFrame, tmp_path: Path) -> None:
    names = ["Müller", "Mu\u0308ller 2", "Möller", "Weiß", "José", "李"]
    people = pd.concat([trials[trials["observer"] == "P-01"].assign(observer=name) for name in names])
    folder = write_bids(people, tmp_path / "bids")
    labels = {path.name for path in folder.glob("sub-*")}
    assert labels == {f"sub-{name}" for name in ("Mueller", "Mueller2", "Moeller", "Weiss", "Jose", "x")}
