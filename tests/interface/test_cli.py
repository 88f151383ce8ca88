"""The command line, from an empty folder to a report, and what it says when something is wrong."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from visavis.cli import main

Visavis = Callable[..., Result]
SIMULATED = json.dumps({name: {"low": -1, "high": 1} for name in ("contrast", "colorfulness", "preference")})


@pytest.fixture
def visavis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Visavis:
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def study(visavis: Visavis, tmp_path: Path) -> Path:
    """The starter definition with two scenes of two renditions."""
    assert visavis("new", "study.yaml").exit_code == 0
    rng = np.random.default_rng(0)
    for scene in ("harbour", "garden"):
        for rendition in ("low", "high"):
            path = tmp_path / "images" / scene / f"{rendition}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
    return tmp_path / "study.yaml"


def run_everyone(visavis: Visavis) -> None:
    for name in ("person-1", "person-2", "model"):
        result = visavis("run", "study.yaml", "--observer", f"simulated:{name}", "--option", f"values={SIMULATED}")
        assert result.exit_code == 0, result.output


@pytest.mark.usefixtures("study")
def test_from_an_empty_folder_to_a_report(visavis: Visavis, tmp_path: Path) -> None:
    checked = visavis("check", "study.yaml")
    assert checked.exit_code == 0
    assert "2 scenes × 2 renditions" in checked.output
    assert "18 an observer (18 main) in 3 blocks" in checked.output
    run_everyone(visavis)
    assert visavis("status").output.count("complete") == 3
    compared = visavis("compare", "--people", "person-*")
    assert "Agreement with people" in compared.output
    reported = visavis("report", "--people", "person-*", "-o", "out")
    assert reported.exit_code == 0
    notes = [line for line in compared.output.splitlines() if line.startswith("note: ")]
    assert notes == [line for line in reported.output.splitlines() if line.startswith("note: ")] != []
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000


@pytest.mark.usefixtures("study")
def test_scale_gives_a_table(visavis: Visavis, tmp_path: Path) -> None:
    run_everyone(visavis)
    assert visavis("scale", "--by", "attribute", "--method", "map", "-o", "scales.csv").exit_code == 0
    table = pd.read_csv(tmp_path / "scales.csv")
    assert list(table.columns) == ["attribute", "item", "value", "se", "low", "high"]
    assert (table.loc[table["item"] == "high", "value"] > 0).all()
    values = pd.read_csv(tmp_path / "scales.csv", dtype=str)["value"]
    assert values.str.strip("-0.").str.len().between(5, 7).all()  # six digits, and a point
    separated = visavis("scale", "--by", "observer,attribute,scene", "--method", "ml")
    assert "no finite maximum for observer" in separated.output


@pytest.mark.usefixtures("study")
def test_a_run_that_is_not_complete_says_so_by_its_exit_status(visavis: Visavis) -> None:
    words = ("run", "study.yaml", "--observer", "simulated:P", "--option", f"values={SIMULATED}")
    first = visavis(*words, "--limit", 5)
    assert first.exit_code == 3
    assert "5 of 18 trials answered" in first.output
    assert "The same command goes on from here." in first.output
    assert "is there already" not in first.output
    second = visavis(*words, "--sensitivity", 3)
    assert second.exit_code == 0
    assert "is there already: going on with it" in second.output
    assert "this session began with other settings (sensitivity was 1.0, is 3.0)" in second.output
    assert "nothing was asked" not in second.output
    assert "It was complete before: nothing was asked" in visavis(*words).output


@pytest.mark.usefixtures("study")
def test_plan_is_the_plan_of_that_observer(visavis: Visavis) -> None:
    from visavis import Experiment

    shown = visavis("plan", "study.yaml", "--observer", "P7", "--session", "2").output
    assert shown == Experiment.load("study.yaml").plan("P7", "2").to_csv()


@pytest.mark.usefixtures("study")
def test_options_from_a_file(visavis: Visavis, tmp_path: Path) -> None:
    (tmp_path / "sim.yaml").write_text(f"values: {SIMULATED}\nsensitivity: 3\n", encoding="utf-8")
    words = ("run", "study.yaml", "--observer", "simulated:P", "--options", "sim.yaml")
    assert visavis(*words).exit_code == 0
    (tmp_path / "sim.yaml").write_text("lapse: 010\n", encoding="utf-8")
    assert "010 is ambiguous" in visavis(*words, "--session", "2").output


def test_the_starter_is_a_good_definition_and_is_not_written_over(visavis: Visavis, tmp_path: Path) -> None:
    from visavis import Definition

    assert visavis("new", "my study.yaml", "--name", 'a "quoted": name').exit_code == 0
    definition = Definition.from_yaml(tmp_path / "my study.yaml")
    assert definition.name == 'a "quoted": name'
    assert list(definition.attributes) == ["contrast", "colorfulness", "preference"]
    again = visavis("new", "my study.yaml")
    assert again.exit_code == 1
    assert "exists already: choose another name" in again.output


def test_the_protocol_of_the_study_is_a_good_definition(visavis: Visavis, tmp_path: Path) -> None:
    from visavis import Definition

    assert visavis("new", "iqa.yaml", "--protocol", "iqa-three-scales").exit_code == 0
    definition = Definition.from_yaml(tmp_path / "iqa.yaml")
    assert definition.repetitions == 3
    assert list(definition.attributes) == ["contrast", "colorfulness", "preference"]
    assert definition.order.blocks == ("attribute", "repetition")


def test_what_the_starter_shows_as_comments_is_valid_and_the_default(visavis: Visavis, tmp_path: Path) -> None:
    """Every commented key may be uncommented; where it claims to be the default, it is."""
    import re

    from visavis import Definition

    visavis("new", "study.yaml", "--name", "x")
    text = (tmp_path / "study.yaml").read_text(encoding="utf-8")
    presentation = text[text.index("# presentation:") : text.index("# models:")]
    for block in ("# practice:", "# catch:", "# presentation:", "# models:"):
        at = text.index(block)
        part = text[at : text.index("\n\n", at)]
        text = text.replace(part, re.sub(r"^# ?", "", part, flags=re.MULTILINE))
    (tmp_path / "whole.yaml").write_text(text, encoding="utf-8")
    definition = Definition.from_yaml(tmp_path / "whole.yaml")
    assert definition.practice is not None
    assert definition.catch[0].repetitions == 2
    defaults = type(definition.presentation)()
    assert definition.presentation.background == defaults.background
    assert definition.presentation.seconds_per_trial == defaults.seconds_per_trial
    assert definition.models == type(definition.models)()
    shown = set(re.findall(r"^#   (\w+):", presentation, re.MULTILINE))
    assert shown <= set(type(defaults).model_fields)
    for name in shown - {"consent", "instructions", "break_every", "form"}:
        assert getattr(definition.presentation, name) == getattr(defaults, name), name


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("check", "gone.yaml"), 1, "gone.yaml: the definition cannot be used:\n  no such file"),
        (("run", "study.yaml"), 2, "say who answers: --observer NAME, or --panel FILE"),
        (("run", "study.yaml", "--observer", "metrik:x"), 1, "did you mean 'metric'?"),
        (("run", "study.yaml", "--observer", "metric:rms"), 1, "unknown metric 'rms'"),
        (("run", "study.yaml", "--observer", "simulated:x", "--option", "lapse"), 2, "expected KEY=VALUE, got 'lapse'"),
        (("run", "study.yaml", "--observer", "simulated:x"), 1, "attribute 'contrast' needs its scale values"),
        (("check", "study.yaml", "--observer", "metric:rms_contrast"), 0, "can do it"),
        (("status", "nowhere"), 1, "nowhere: no such folder"),
        (("compare", "images"), 1, "images: no sessions here"),
        (("observers", "human2"), 1, "unknown observer 'human2': did you mean 'human'?"),
    ],
)
@pytest.mark.usefixtures("study")
def test_mistakes_get_one_clear_message(visavis: Visavis, words: tuple[str, ...], status: int, message: str) -> None:
    result = visavis(*words)
    assert result.exit_code == status
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_place_that_cannot_be_written_gets_one_clear_message(
    visavis: Visavis, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = visavis("plan", "study.yaml", "--observer", "P1", "-o", "study.yaml/plan.csv")
    assert result.exit_code == 1
    assert "study.yaml: File exists: make room, or choose another place" in result.output

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    result = visavis("new", "other.yaml")
    assert result.exit_code == 1
    assert result.output == "Error: other.yaml: No space left on device: make room, or choose another place\n"


def test_broken_images_are_told_before_anything_runs(visavis: Visavis, study: Path) -> None:
    (study.parent / "images" / "garden" / "low.png").write_bytes(b"broken")
    (study.parent / "images" / "harbour" / "high.png").unlink()
    result = visavis("run", "study.yaml", "--observer", "metric:rms_contrast")
    assert result.exit_code == 1
    assert "low.png: cannot be read as BMP" in result.output
    assert "scene 'harbour' lacks rendition(s) high" in result.output
    assert not (study.parent / "results").exists()


def test_observers_are_listed_with_what_they_can_do(visavis: Visavis) -> None:
    listed = visavis("observers").output
    assert "metric" in listed
    assert "deterministic" in listed
    assert "--sensitivity …" in visavis("observers", "simulated").output


def test_schema_is_json(visavis: Visavis, tmp_path: Path) -> None:
    from visavis import definition_schema

    assert json.loads(visavis("schema").output) == definition_schema()
    assert visavis("schema", "-o", "s/schema.json").exit_code == 0
    assert json.loads((tmp_path / "s" / "schema.json").read_text(encoding="utf-8")) == definition_schema()


@pytest.mark.usefixtures("study")
def test_scale_fits_models_with_more_in_them(visavis: Visavis) -> None:
    run_everyone(visavis)
    sides = visavis("scale", "--fit", "sides", "--by", "attribute")
    assert sides.output.startswith("attribute,item,value,se,low,high,bias,bias_se,p_value\n")
    assert "class_1" in visavis("scale", "--fit", "classes", "--classes", 1, "--by", "attribute").output
    for words, message in (
        (("--classes", 2), "--classes goes with --fit classes"),
        (("--fit", "sides", "--tie-model", "davidson"), "--tie-model goes with --fit ties"),
        (("--fit", "sides", "--method", "least_squares"), "choose --method map or ml"),
        (("--fit", "classes", "--method", "ml"), "--fit classes needs a prior"),
        (("--fit", "ties", "--by", "attribute"), "a model of ties needs some ties and some choices"),
    ):
        found = visavis("scale", *words)
        assert found.exit_code != 0
        assert message in found.output


@pytest.mark.usefixtures("study")
def test_people_are_screened_by_limits_of_ones_own(visavis: Visavis) -> None:
    run_everyone(visavis)
    usual = visavis("compare", "--people", "person-*", "--resamples", 20, "--screen")
    assert re.search(r"Screening of people\n *observer", usual.output)
    careless = ("--observer", "simulated:careless", "--option", f"values={SIMULATED}", "--option", "sensitivity=0")
    assert visavis("run", "study.yaml", *careless).exit_code == 0
    strict = visavis("compare", "--people", "careless", "--resamples", 20, "--screen-by", "disagreement=0")
    assert "the screening rule leaves no one" in strict.output
    for wrong, message in (
        ("speed=1", "unknown measure 'speed': "),
        ("catch=a", "expected a number, got 'a'"),
        ("catch=80", "min_catch is 80, expected a share from 0 to 1: 80 % is 0.8"),
    ):
        found = visavis("compare", "--people", "person-*", "--screen-by", wrong)
        assert (found.exit_code, message in found.output) == (2, True)


def test_a_study_comes_in_and_goes_out_as_bids(visavis: Visavis, tmp_path: Path) -> None:
    (tmp_path / "theirs.csv").write_text(
        "observer;scene;condition_A;condition_B;is_A_selected\nP1;cat;a;b;1\nP1;cat;b;a;x\n", encoding="utf-8-sig"
    )
    found = visavis("import", "theirs.csv", "--layout", "pwcmp", "--kind", "vlm", "--experiment", "tmo")
    assert "2 trials of 1 observer(s) in 1 scene(s)" in found.output
    assert "1 are not choices (from line 3): 'x'" in found.output
    assert visavis("export", "--format", "bids", "--author", "A. B.", "--licence", "CC0").exit_code == 0
    head = json.loads((tmp_path / "bids" / "dataset_description.json").read_text(encoding="utf-8"))
    assert (head["Name"], head["Authors"], head["License"]) == ("tmo", ["A. B."], "CC0")


def test_an_unexpected_fault_is_not_hidden(visavis: Visavis, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("visavis.observers.available_observers", fail)
    assert isinstance(visavis("observers").exception, ZeroDivisionError)


def test_the_panel_of_the_protocol_is_written_beside_it_and_nothing_is_overwritten(
    visavis: Visavis, tmp_path: Path
) -> None:
    assert "panel.yaml written" in visavis("new", "study.yaml", "--protocol", "iqa-three-scales").output
    assert "claude-opus-4-6" in (tmp_path / "panel.yaml").read_text(encoding="utf-8")
    (tmp_path / "panel.yaml").write_text("mine", encoding="utf-8")
    assert visavis("new", "other.yaml", "--protocol", "iqa-three-scales").exit_code == 0
    assert (tmp_path / "panel.yaml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("presentation", "expected"),
    [
        ("{}", "about 1 min for a person: a trial takes 3 s to look and answer, and 0.7 s that the presentation fixes"),
        ("{layout: one_after_other, exposure_s: 2, interval_s: 1, fixation_s: 0.5, break_every: 8}",
         "about 2 min for a person, and 2 breaks: a trial takes 3 s to look and answer, and 4.2 s"),
    ],
)  # fmt: skip
def test_check_counts_what_the_presentation_takes(
    visavis: Visavis, study: Path, presentation: str, expected: str
) -> None:
    text = study.read_text(encoding="utf-8") + f"\npresentation: {presentation}\n"
    study.write_text(text, encoding="utf-8")
    assert expected in visavis("check", "study.yaml").output
