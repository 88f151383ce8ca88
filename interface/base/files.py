"""Files and folders that are there whole or not at all.

Rule of this file: whatever is written is written aside, in the same folder, and renamed when it is whole. A program
that is killed leaves the old file, or none, and at most a file whose name ends in ``.part``.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

PART = ".part"
"""End of the name of what is being written."""

_RENAME_TRIES = 20
_RENAME_WAIT_S = 0.05
_CANNOT_SYNC = {errno.EINVAL, errno.ENOSYS, getattr(errno, "ENOTSUP", errno.ENOSYS)}


def atomic_write(path: Path | str, content: str | bytes, *, durable: bool = False) -> None:
    """Write a file so that it is there whole or not at all.

    Parameters
    ----------
    path : path
        In a folder that exists.
    content : str or bytes
        Text is written as UTF-8 with its line ends as they are.
    durable : bool
        Whether the content reaches the disk itself before it takes the name, so that a power cut cannot lose it.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is there still.
    """
    with atomic_path(path, durable=durable) as aside:
        aside.write_bytes(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def atomic_path(path: Path | str, *, durable: bool = False) -> Iterator[Path]:
    """Give a path to write a file to; it takes the name `path` when the block ends well, and is removed otherwise.

    Parameters are those of `atomic_write`. The path given has the same suffixes as `path`, ``.part`` aside.
    """
    path = Path(path)
    aside = _aside(path)
    try:
        yield aside
        if durable:
            _sync(aside)
        _rename(aside, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(aside)):
            raise OSError(error.errno, error.strerror, str(path)) from error  # the name that was asked for
        raise
    if durable:
        _sync_folder(path.parent)


@contextlib.contextmanager
def atomic_folder(path: Path | str, *, durable: bool = False) -> Iterator[Path]:
    """Give a new folder to write to; it takes the name `path` when the block ends well, and is removed otherwise.

    Parameters
    ----------
    path : path
        Of a folder that does not exist, or is empty; its parents are made.
    durable : bool
        As for `atomic_write`, for every file in it.

    Raises
    ------
    FileExistsError
        If there is something at `path`, perhaps because another process was first; nothing is changed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _aside(path)
    aside.mkdir()
    try:
        yield aside
        if durable:
            for file in sorted(aside.rglob("*")):
                _sync_folder(file) if file.is_dir() else _sync(file)
            _sync_folder(aside)
        with contextlib.suppress(OSError):
            path.rmdir()  # Windows renames to no name that is taken, if only by an empty folder
        try:
            aside.rename(path)
        except OSError as error:
            if path.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
            raise
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    if durable:
        _sync_folder(path.parent)


@contextlib.contextmanager
def atomic_files(folder: Path | str, *, earlier: Collection[str] = (), last: Sequence[str] = ()) -> Iterator[Path]:
    """Give a folder to write files to; they take their places in `folder` when the block ends well.

    What was there stays until every file is whole and on the disk; then each takes its name at once.

    Parameters
    ----------
    folder : path
        Made if need be; other files in it are left alone.
    earlier : collection of str
        Names that an earlier writer may have left, removed where they are not written now.
    last : sequence of str
        Names that are put in place after all others, in this order.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    aside = _aside(folder / "new")
    aside.mkdir()
    try:
        yield aside
        written = sorted(file.name for file in aside.iterdir())
        for name in written:
            _sync(aside / name)
        for name in [*(name for name in written if name not in last), *(name for name in last if name in written)]:
            _rename(aside / name, folder / name)
        for name in set(earlier).difference(written):
            (folder / name).unlink(missing_ok=True)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _sync_folder(folder)


def find_files(folder: Path | str, pattern: str) -> list[Path]:
    """Return the files in or below a folder whose names fit a pattern, in order; links to folders are followed, once.

    Parameters
    ----------
    folder : path
    pattern : str
        Such as ``*.csv``.
    """
    found: list[Path] = []
    seen: set[Path] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = Path(place).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        found += [Path(place, name) for name in names if fnmatch.fnmatchcase(name, pattern)]
    return sorted(found)


def _aside(path: Path) -> Path:
    """Return a name beside `path` that no other process or thread takes."""
    return path.with_name(f".{path.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}{PART}")


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        sync(file.fileno())


def sync(descriptor: int) -> None:
    """Flush a file to the disk itself, where its file system can."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable; systems that open no folders, such as Windows, do it by themselves."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _rename(aside: Path, path: Path) -> None:
    """Rename, waiting a second for what holds the old file open, as virus scanners and network disks do."""
    for attempt in range(_RENAME_TRIES):
        try:
            aside.replace(path)
        except PermissionError:
            if attempt == _RENAME_TRIES - 1:
                raise
            time.sleep(_RENAME_WAIT_S)
        else:
            return
