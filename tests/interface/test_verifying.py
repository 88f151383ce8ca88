"""``verify``: a whole folder passes, and each thing that was changed is named by its own line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from visavis.cli import main
from visavis.experiments import SessionError
from visavis.verifying import CHECKSUMS, Check, sha256_of, verify


@pytest.fixture(scope="module")
def whole(demo: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with five sessions of people and two of models, and its images; no report."""
    place = tmp_path_factory.mktemp("whole") / "study"
    results = demo[0] / "results"
    names = sorted(path.name for path in results.iterdir() if path.is_dir())
    for name in (*names[:2], *names[-3:]):
        shutil.copytree(results / name, place / "results" / name)
    shutil.copytree(demo[0] / "images", place / "images")
    return place


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "study"))


def failed(folder: Path) -> list[str]:
    return [str(check) for check in verify(folder) if check.state == "FAILED"]


def test_a_whole_folder_passes_every_check(whole: Path) -> None:
    checks = list(verify(whole))
    assert {check.state for check in checks} == {"ok"}
    assert sum("plan against definition and seed" in check.what for check in checks) == 5
    assert CliRunner().invoke(main, ["verify", str(whole)]).exit_code == 0


def change_manifest(folder: Path) -> None:
    path = next(folder.rglob("manifest.json"))
    path.write_text(path.read_text(encoding="utf-8").replace('"seed": ', '"seed": 1'), encoding="utf-8")


def change_plan(folder: Path) -> None:
    path = next(folder.rglob("plan.csv"))
    path.write_text(path.read_text(encoding="utf-8").replace(",AB,", ",BA,", 1), encoding="utf-8")


def change_log(folder: Path) -> None:
    path = next(folder.rglob("events.jsonl"))
    path.write_text(
        path.read_text(encoding="utf-8").replace('"choice":"left"', '"choice":"right"', 1), encoding="utf-8"
    )


def change_image(folder: Path) -> None:
    path = next(folder.rglob("*.png"))
    path.write_bytes(path.read_bytes() + b"\0")


def remove_image(folder: Path) -> None:
    next(folder.rglob("*.png")).unlink()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (change_manifest, "manifest: "),
        (change_plan, "plan against definition and seed: "),
        (change_log, "log against plan: "),
        (change_image, "images against the sessions' hashes: 1 are changed or missing"),
        (remove_image, "images against the sessions' hashes: 1 are changed or missing"),
    ],
)
def test_what_was_changed_is_named(change: Callable[[Path], None], expected: str, copy: Path) -> None:
    change(copy)
    lines = failed(copy)
    assert expected in lines[0]
    done = CliRunner().invoke(main, ["verify", str(copy)])
    assert done.exit_code == 1
    assert f"{len(lines)} check(s) failed" in done.output


def test_files_are_held_against_their_list(copy: Path) -> None:
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    lines = [f"{sha256_of(path)}  {path.relative_to(copy).as_posix()}" for path in files]
    (copy / CHECKSUMS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert failed(copy) == []
    (copy / "more.txt").touch()
    first = next(copy.rglob("plan.csv"))
    first.unlink()
    names = failed(copy)
    assert any("more.txt: is not listed" in name for name in names)
    assert any(f"{first.relative_to(copy).as_posix()}: is listed in" in name for name in names)
    (copy / CHECKSUMS).write_text("00  ../x\n", encoding="utf-8")
    assert any("line 1 is not a hash and a file" in name for name in failed(copy))


def test_a_report_is_computed_again(demo: tuple[Path, list[str]]) -> None:
    (check,) = [check for check in verify(demo[0]) if "report against the data" in check.what]
    assert check.state == "ok"


def test_a_number_of_a_report_that_was_changed_is_found(demo: tuple[Path, list[str]], copy: Path) -> None:
    from visavis.experiments import load_trials
    from visavis.scaling import Options, Resampling, compare, write_report

    compared = compare(load_trials(copy), people=["person-*"], options=Options(resampling=Resampling(10)))
    write_report(compared, copy / "report")
    assert failed(copy) == []
    numbers = copy / "report" / "comparison.json"
    stated = json.loads(numbers.read_text(encoding="utf-8"))
    stated["scene_scales"][0]["value"] += 0.5
    numbers.write_text(json.dumps(stated), encoding="utf-8")
    (line,) = failed(copy)
    assert "computed again 1 values differ (first: scene_scales[0].value" in line
    numbers.write_text("{}", encoding="utf-8")
    assert "report against the data: cannot be read (KeyError" in failed(copy)[0]


def test_a_folder_with_nothing_to_check_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="holds no session, no table of trials"):
        list(verify(tmp_path))
    with pytest.raises(SessionError, match="no such folder"):
        list(verify(tmp_path / "none"))


def test_a_check_is_one_line() -> None:
    assert str(Check("not checked", "x", "why")) == "not checked x: why"
