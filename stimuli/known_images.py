"""What earlier commands found out about image files, so that a study's images are decoded once, not at each command.

An image is known by the SHA-256 of its file, together with the rules and the libraries that read it. A file is not even
opened where its path, size, identity and times are those of a file that was read before, unless it was read so soon
after it was written that a later change could have the same time. What is remembered serves the check alone: what is
shown is read from the file, whose hash is compared.

The memory is one file in the user's cache folder, or in the folder that the environment variable ``VISAVIS_CACHE``
names (``off``: none). It may be deleted at any time; where it cannot be read or written, everything works without it.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
import zlib
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path
from typing import Any, Self

from PIL import __version__ as pillow_version
from PIL import features

from .pixels import READING_RULES, Examined

_LARGEST = 256 * 2**20
_SETTLED_NS = 2_000_000_000
"""A file that was changed less than this before it was read may change again within the resolution of its times."""

_TABLES = """
CREATE TABLE IF NOT EXISTS images (
    sha256 TEXT, decoder TEXT, pixels_sha256 TEXT, width INTEGER, height INTEGER, media_type TEXT, verbatim INTEGER,
    checksum INTEGER, PRIMARY KEY (sha256, decoder)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, modified INTEGER, changed INTEGER, inode TEXT, sha256 TEXT
) WITHOUT ROWID;
"""


def cache_folder() -> Path | None:
    """Return the folder of caches of this user, as the operating system wants it; None where caching is off."""
    named = os.environ.get("VISAVIS_CACHE", "")
    if named:
        return None if named.lower() == "off" else Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "visavis"


class KnownImages:
    """The memory of examined files; every method may be called from any thread.

    Parameters
    ----------
    folder : Path or None
        Where it is kept; None for a memory that remembers nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._lock = threading.Lock()
        self._decoder = _decoder()
        self._connection = _connect(folder / "images-1.sqlite") if folder is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def sha256_of(self, path: Path) -> str | None:
        """Return the hash of a file that has not changed since it was read; None where that is not certain."""
        stamp = _stamp(path)
        rows = self._select("SELECT * FROM files WHERE path = ?", (os.fsencode(path.absolute()),)) if stamp else []
        return str(rows[0][5]) if rows and rows[0][1:5] == stamp else None

    def find(self, sha256: str) -> Examined | None:
        """Return what is known of a file of this content."""
        rows = self._select("SELECT * FROM images WHERE sha256 = ? AND decoder = ?", (sha256, self._decoder))
        if not rows or _checksum(rows[0][:-1]) != rows[0][-1]:
            return None
        _, _, pixels_sha256, width, height, media_type, verbatim, _ = rows[0]
        return Examined(sha256, pixels_sha256, width, height, media_type, bool(verbatim))

    def remember(self, examined: Iterable[tuple[Path, Examined]]) -> None:
        """Keep what was found out of files that were just read."""
        now, images, files = time.time_ns(), [], []
        for path, image in examined:
            sha256, *rest = astuple(image)
            row = (sha256, self._decoder, *rest[:-1], int(image.verbatim))
            images.append((*row, _checksum(row)))
            stamp = _stamp(path)
            if stamp is not None and now - max(stamp[1], stamp[2]) > _SETTLED_NS:
                files.append((os.fsencode(path.absolute()), *stamp, sha256))
        if self._connection is None or not images:
            return
        try:
            with self._lock, self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?)", images)
                self._connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", files)
        except sqlite3.Error:  # another process writes for long, or the disk is full: the next command tries again
            return

    def _select(self, query: str, values: tuple[object, ...]) -> list[Any]:
        if self._connection is None:
            return []
        try:
            with self._lock:
                return self._connection.execute(query, values).fetchall()
        except sqlite3.Error:
            return []


def _checksum(row: tuple[object, ...]) -> int:
    return zlib.crc32(repr(row).encode())


def _connect(path: Path) -> sqlite3.Connection | None:
    """Open the memory, made anew where it is damaged or too large; None where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LARGEST:
            path.unlink()
        try:
            return _opened(path)
        except sqlite3.OperationalError:  # locked, or not to be written
            return None
        except sqlite3.DatabaseError:
            path.unlink()
            return _opened(path)
    except (OSError, sqlite3.Error):
        return None


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5, check_same_thread=False)
    try:
        connection.executescript(_TABLES)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _stamp(path: Path) -> tuple[int, int, int, str] | None:
    """Return a file's size, times and identity; None where there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, f"{found.st_dev}:{found.st_ino}"


def _decoder() -> str:
    """Name everything that decides which pixels a file is read to."""
    libraries = ("jpg", "libjpeg_turbo", "zlib", "zlib_ng", "libtiff", "webp", "littlecms2")
    versions = (f"{name} {features.version(name)}" for name in libraries)
    return "; ".join((f"rules {READING_RULES}", f"Pillow {pillow_version}", *versions))
