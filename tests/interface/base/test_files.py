"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from visavis.base.files import atomic_files, atomic_folder, atomic_path, atomic_write, find_files


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced_whole(tmp_path: Path, durable: bool) -> None:
    file = tmp_path / "a.txt"
    atomic_write(file, "old", durable=durable)
    atomic_write(file, "grün\n", durable=durable)
    assert file.read_bytes() == "grün\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_what_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old", encoding="utf-8")

    def half() -> None:
        with atomic_path(file) as aside:
            aside.write_text("ne", encoding="utf-8")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        half()
    assert file.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_disk_that_cannot_sync_is_written_to_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fsync)
    atomic_write(tmp_path / "a", "x", durable=True)
    assert (tmp_path / "a").read_text(encoding="utf-8") == "x"


def test_a_rename_that_is_refused_for_a_moment_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, refused = Path.replace, []

    def busy(self: Path, target: Path) -> Path:
        if len(refused) < 2:
            refused.append(target)
            raise PermissionError(errno.EACCES, "in use")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", busy)
    atomic_write(tmp_path / "a", "x")
    assert len(refused) == 2
    assert (tmp_path / "a").read_text(encoding="utf-8") == "x"


def test_of_two_who_make_a_folder_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "session"

    def slow() -> None:
        with atomic_folder(folder) as aside:
            (aside / "who").write_text("second", encoding="utf-8")
            with atomic_folder(folder) as fast:
                (fast / "who").write_text("first", encoding="utf-8")

    with pytest.raises(FileExistsError):
        slow()
    assert (folder / "who").read_text(encoding="utf-8") == "first"
    assert [path.name for path in folder.parent.iterdir()] == ["session"]


def test_an_empty_folder_is_filled_at_once(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with atomic_folder(tmp_path / "new", durable=True) as aside:
        (aside / "sub").mkdir()
        (aside / "sub" / "a").write_text("x", encoding="utf-8")
    assert (tmp_path / "new" / "sub" / "a").exists()


WRITER = """
import sys
from pathlib import Path
from visavis.base.files import atomic_write
file, text = Path(sys.argv[1]), "x" * 3_000_000
print("ready", flush=True)
while True:
    for letter in "abc":
        atomic_write(file, letter * 3_000_000)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as POSIX does")
def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "big"
    for delay in (0.0, 0.01, 0.03, 0.05):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.05 + delay)
            process.kill()
        content = file.read_bytes()
        assert len(content) == 3_000_000
        assert len(set(content)) == 1


def test_files_take_their_places_when_all_are_whole(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    for name in ("a", "gone", "own"):
        (folder / name).write_text("old", encoding="utf-8")

    def fail() -> None:
        with atomic_files(folder, earlier={"a", "gone"}) as aside:
            (aside / "a").write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == dict.fromkeys(
        ("a", "gone", "own"), "old"
    )
    with atomic_files(folder, earlier={"a", "gone"}, last=("a",)) as aside:
        (aside / "a").write_text("new", encoding="utf-8")
        (aside / "b").write_text("new", encoding="utf-8")
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {
        "a": "new",
        "b": "new",
        "own": "old",
    }


def test_files_behind_links_are_found_once(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "x.csv").touch()
    (tmp_path / "results").mkdir()
    try:
        (tmp_path / "results" / "link").symlink_to(tmp_path / "there", target_is_directory=True)
        (tmp_path / "there" / "back").symlink_to(tmp_path / "results", target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    assert find_files(tmp_path / "results", "*.csv") == [tmp_path / "results" / "link" / "x.csv"]
    assert find_files(tmp_path / "none", "*.csv") == []
