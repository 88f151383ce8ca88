"""``publish``: a folder that is whole, valid and names no one; ``preregister``: how a study departs from it."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from answering import Scripted
from click.testing import CliRunner
from extras import require_extra
from PIL import Image

from visavis.cli import main
from visavis.experiments import COLUMNS, Experiment, SessionError, load_trials, run
from visavis.preregistering import departures, preregister, read_preregistration
from visavis.publishing import publish
from visavis.scaling import Options, Resampling, ScreeningRule, compare, write_report
from visavis.verifying import verify


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    draw = np.random.default_rng(1)
    for scene in ("coast", "lake"):
        (tmp_path / "images" / scene).mkdir(parents=True)
        for name in ("c1", "c2", "c3"):
            pixels = draw.integers(0, 256, (4, 6, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / scene / f"{name}.png")
    return Experiment.from_dict(
        {
            "visavis": 1,
            "name": "small",
            "stimuli": {"folder": "images"},
            "attributes": {"contrast": {"question": "Which?"}},
            "seed": 1,
        },
        tmp_path,
    )


@pytest.fixture(scope="module")
def study(demo: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people and a model of the demo, its images and a small report."""
    place = tmp_path_factory.mktemp("published") / "study"
    for name in ("person-01", "person-02", "model-refusing"):
        shutil.copytree(demo[0] / "results" / name, place / "results" / name)
    shutil.copytree(demo[0] / "images", place / "images")
    shutil.copyfile(demo[0] / "study.yaml", place / "study.yaml")
    trials = load_trials(place / "results")
    write_report(compare(trials, people=["person-*"], options=Options(resampling=Resampling(10))), place / "report")
    return place


@pytest.fixture(scope="module")
def published(study: Path) -> Path:
    words = ["publish", str(study / "results"), "-o", str(study.parent / "out"), "--author", "A. Author", "--licence",
             "CC-BY-4.0", "--report", str(study / "report"), "--images", str(study / "study.yaml")]  # fmt: skip
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return study.parent / "out"


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_what_is_published_is_whole(published: Path) -> None:
    checks = list(verify(published))
    assert {check.state for check in checks} == {"ok"}
    for what in ("checksums.sha256", "images against", "_data.csv: against the sessions", "report against the data"):
        assert any(what in check.what for check in checks), what


def test_a_changed_file_of_a_publication_is_found(published: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(published, tmp_path / "copy"))
    (data,) = (folder / "data").iterdir()
    data.write_text(data.read_text(encoding="utf-8").replace(",left,", ",right,", 1), encoding="utf-8")
    failed = [check.what for check in verify(folder) if check.state == "FAILED"]
    assert failed == [f"data/{data.name}", f"data/{data.name}: against the sessions"]


def test_the_official_validator_of_bids_passes_it(published: Path) -> None:
    require_extra("dev", "bids_validator_deno")
    validator = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent)) or "bids-validator-deno"
    done = subprocess.run(
        [validator, "--max-rows", "-1", "--json", str(published)], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue.get("severity") == "error"] == []


def test_it_keeps_to_psych_ds(published: Path) -> None:
    """Names of data files are pairs of keyword and value, and every column is a variable that is described."""
    described = read(published, "dataset_description.json")
    assert described["@context"] == "https://schema.org/"
    assert described["@type"] == "Dataset"
    assert described["name"]
    assert described["description"]
    variables = {one["name"] for one in described["variableMeasured"]}
    for path in (published / "data").rglob("*.csv"):
        assert re.fullmatch(r"([a-z]+-[A-Za-z0-9]+_)+data\.csv", path.name), path
        with path.open(encoding="utf-8", newline="") as file:
            assert set(next(csv.reader(file))) <= variables


def test_the_crate_lists_every_file_with_its_hash_and_where_figures_come_from(published: Path) -> None:
    graph = {one["@id"]: one for one in read(published, "ro-crate-metadata.json")["@graph"]}
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    root = graph["./"]
    assert {"name", "description", "datePublished", "license", "author"} <= root.keys()
    parts = {part["@id"] for part in root["hasPart"]}
    there = {file.relative_to(published).as_posix() for file in published.rglob("*") if file.is_file()}
    assert parts == there - {"ro-crate-metadata.json", "checksums.sha256"}
    references = [value["@id"] for one in graph.values() for value in one.values() if isinstance(value, dict)]
    assert {one for one in references if one not in graph} <= {"https://w3id.org/ro/crate/1.1"}
    figures = [name for name in parts if name.startswith("derivatives/report/") and name.endswith(".svg")]
    assert figures
    made = {one["@id"] for one in graph["#analysis"]["result"]}
    assert set(figures) <= made
    assert all(graph[name]["isBasedOn"]["@id"].startswith("data/") for name in figures)


def test_croissant_describes_the_table_that_is_there(published: Path) -> None:
    from visavis.verifying import sha256_of

    described = read(published, "croissant.json")
    (file,) = described["distribution"]
    assert sha256_of(published / file["contentUrl"]) == file["sha256"]
    (records,) = described["recordSet"]
    columns = [field["source"]["extract"]["column"] for field in records["field"]]
    assert columns == list(pd.read_csv(published / file["contentUrl"], nrows=0).columns) == list(COLUMNS)


def test_every_column_is_in_the_codebook(published: Path) -> None:
    book = pd.read_csv(published / "codebook.csv")
    assert book["column"].tolist() == list(COLUMNS)
    assert book["meaning"].notna().all()


def test_the_readme_holds_the_methods(published: Path) -> None:
    text = (published / "README.md").read_text(encoding="utf-8")
    assert read(published, "derivatives/report/comparison.json")["methods"] in text
    assert "visavis verify ." in text
    (definition,) = (published / "definitions").iterdir()
    assert definition.stem.rpartition("-")[2] in {one[:12] for one in load_trials(published)["definition_sha256"]}


class Person(Scripted):
    kind = "human"


@pytest.mark.parametrize(
    ("name", "answers", "expected"),
    [
        ("Anna Muster", {}, "the observer 'Anna Muster' looks like a person's name: give people codes"),
        ("Anna", {}, "the observer 'Anna' looks like a person's name"),
        ("anna@example.org", {}, "holds the e-mail address anna@example.org"),
        ("P01", {"remark": "write to anna@example.org"}, "holds the e-mail address anna@example.org"),
        ("P01", {"remark": "I was there with my brother"}, "the answer to 'remark' is free text"),
        ("P01", {"remark": "+49 171 1234567"}, "the answer to 'remark' looks like a telephone number"),
        ("P01", {"remark": "by Muster"}, "holds an answer to 'name', which the definition says identifies people"),
    ],
)
def test_what_may_identify_people_stops_a_publication(
    name: str, answers: dict[str, str], expected: str, experiment: Experiment, tmp_path: Path
) -> None:
    session = run(experiment, Person(name=name), tmp_path / "results", limit=3).folder
    (session / "participant.json").write_text(json.dumps({"answers": answers}), encoding="utf-8")
    apart = tmp_path / "results-identities" / "P01"
    apart.mkdir(parents=True)
    (apart / "1.json").write_text(json.dumps({"name": "Muster"}), encoding="utf-8")
    with pytest.raises(SessionError) as caught:
        publish(tmp_path / "results", tmp_path / "out", authors=["A"], licence="CC0")
    assert expected in str(caught.value)
    assert not (tmp_path / "out").exists()
    publish(tmp_path / "results", tmp_path / "out", authors=["A"], licence="CC0", identities_checked=True)
    assert not any("results-identities" in str(path) for path in (tmp_path / "out").rglob("*"))


def test_codes_and_ages_pass(experiment: Experiment, tmp_path: Path) -> None:
    session = run(experiment, Person(name="P01"), tmp_path / "results", limit=3).folder
    (session / "participant.json").write_text(json.dumps({"answers": {"age": "23", "sex": "f"}}), encoding="utf-8")
    folder = publish(tmp_path / "results", tmp_path / "out", authors=["A"], licence="CC0")
    assert {check.state for check in verify(folder)} == {"ok", "not checked"}  # no image is in it


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"authors": []}, "names its authors and its licence"),
        ({"licence": " "}, "names its authors and its licence"),
        ({"folder": "results/out"}, "would be read as data"),
        ({"folder": "."}, "is not empty"),
        ({"report": "none"}, "holds no report"),
    ],
)
def test_a_publication_that_cannot_be_is_refused(
    change: dict[str, Any], message: str, experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(experiment, Scripted(), "results", limit=3)
    what = {"folder": "out", "authors": ["A"], "licence": "CC0", **change}
    with pytest.raises(SessionError, match=message):
        publish("results", **what)
    assert not Path("out").exists()


def test_a_study_as_registered_says_so_and_another_says_how_it_departs(experiment: Experiment, tmp_path: Path) -> None:
    options = Options(resampling=Resampling(10))
    path = preregister(experiment, tmp_path / "pre.json", people=["P*"], observers=["P1"], options=options)
    registered = read_preregistration(path)
    assert registered["plans"]["P1"] == experiment.plan("P1").sha256
    for name in ("P1", "P2"):
        run(experiment, Person(name=name), tmp_path / "results")
    trials = load_trials(tmp_path / "results")
    (sentence,) = departures(registered, compare(trials, options=options), [registered["registered_at"]])
    assert sentence.startswith("this is as preregistered at ")
    changed = Options(resampling=Resampling(20), method="ml", screening=ScreeningRule())
    other = compare(trials.assign(observer=trials["observer"].replace("P2", "Q2")), options=changed)
    text = "\n".join(departures(registered | {"definition_sha256": "0" * 64}, other, ["2001-01-01T00:00:00+00:00"]))
    for expected in (
        "1 of 1 sessions began before it was registered (first at 2001-01-01T00:00:00 UTC)",
        "1 other definition(s) were run",
        "the definition that was registered was not run",
        "option method is ml, not map",
        "option resampling.n is 20, not 10",
        "option screening is {",
        "Q2 count as people and were not registered as such",
    ):
        assert expected in text, text


def test_what_was_registered_is_neither_replaced_nor_changed(experiment: Experiment, tmp_path: Path) -> None:
    path = preregister(experiment, tmp_path / "pre.json")
    with pytest.raises(SessionError, match="is there already"):
        preregister(experiment, path)
    path.write_text(path.read_text(encoding="utf-8").replace('"note": ""', '"note": "later"'), encoding="utf-8")
    with pytest.raises(SessionError, match="it was changed after it was registered"):
        read_preregistration(path)


def test_the_commands_register_and_report(study: Path, tmp_path: Path) -> None:
    path = tmp_path / "pre.json"
    done = CliRunner().invoke(main, ["preregister", str(study / "study.yaml"), "-o", str(path), "--people", "person-*"])
    assert done.exit_code == 0, done.output
    words = ["report", str(study / "results"), "-o", str(tmp_path / "report"), "--people", "person-*",
             "--resamples", "10", "--preregistration", str(path)]  # fmt: skip
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    notes = read(tmp_path / "report", "comparison.json")["notes"]
    assert any("3 of 3 sessions began before it was registered" in note for note in notes)
    assert any("option resampling.n is 10, not 2000" in note for note in notes)
