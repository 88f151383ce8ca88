"""Where things may lie: linked and moved sessions, identities, exports."""

from __future__ import annotations

from pathlib import Path

import pytest
from answering import Scripted
from click.testing import CliRunner

from visavis.cli import main
from visavis.experiments import Experiment, ObserverError, SessionError, load_trials, run
from visavis.observers.human.participant import identities_folder


def test_sessions_behind_a_link_are_read(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path / "disk", limit=3)
    (tmp_path / "results").mkdir()
    try:
        (tmp_path / "results" / "linked").symlink_to(tmp_path / "disk", target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    assert len(load_trials(tmp_path / "results")) == 3


def test_a_session_that_was_moved_to_another_name_is_not_gone_on_with(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path, limit=3)
    (tmp_path / "P1" / "1").rename(tmp_path / "P1" / "2")
    with pytest.raises(SessionError, match="holds session '1', not '2': give the folder its own name back"):
        run(experiment, Scripted(), tmp_path, session="2")
    assert len(load_trials(tmp_path)) == 3


def test_what_identifies_people_lies_beside_the_results_however_they_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "study" / "inside"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    for results in ("..", ".", "../inside", "results", "../../study"):
        folder = identities_folder(Path(results) / "P1" / "1").resolve()
        assert not folder.is_relative_to(Path(results).resolve()), results
    with pytest.raises(ObserverError, match="has no place beside it"):
        identities_folder(Path(tmp_path.anchor) / "P1" / "1")


@pytest.mark.parametrize("kind", ["trials", "parquet", "bids", "psychopy"])
def test_nothing_is_exported_into_the_results(
    kind: str, experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(experiment, Scripted(), tmp_path / "results", limit=3)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["export", "results", "--format", kind, "-o", "results/copy"])
    assert done.exit_code == 1
    assert "lies within results, where copies would be read as data" in done.output
    assert len(load_trials(tmp_path / "results")) == 3
