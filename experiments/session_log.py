"""The session log: what one observer answered, on disk the moment it is answered.

``events.jsonl`` in the session's folder is appended to, one JSON object a line: ``start``, ``response``, ``stop``, and
in adaptive designs ``pairs``.

Rules: a line is written by one call, so a crash can tear only the last one; a torn line is cut off before anything is
appended; every line ends with a checksum of the rest (``crc``, CRC-32) and is checked when it is read; a trial is known
by its id, never by when it arrived; a session is resumed from plan and events alone.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import platform
import re
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from visavis.base.files import atomic_write, sync
from visavis.base.text import printable, without_surrogates

from .seam import UNSETTLED, ObserverError, Response, utc_now
from .session import EVENTS, SessionError

LOCK = ".lock"
HOLDER = ".running.json"
"""Says which process runs the session."""

_CHECKSUM = re.compile(rb',"crc":"([0-9a-f]{8})"}$')
_CHECKSUM_LENGTH = len(b',"crc":"01234567"}')
_RESPONSE, _PROVENANCE = b'{"event":"response",', b',"provenance":{'
_TAIL = 2**16
"""Bytes at a log's end that are read for its last line."""
_PAIR_FIELDS = {"trial_index", "trial", "left", "right", "presentation_order"}

SYNC_INTERVAL_S = 0.05
"""Answers that come faster than this share one flush to the disk itself. Each line reaches the operating system at
once, so a killed program loses nothing; a power cut costs at most the answers of this interval."""


def read_events(folder: Path) -> list[dict[str, Any]]:
    """Read a session's events; a last line that is torn, or being written right now, is left out.

    Raises
    ------
    SessionError
        If a line in the middle is damaged.
    """
    return list(read_lines(folder))


def read_lines(folder: Path, *, texts: bool = False) -> Iterator[dict[str, Any]]:
    """Yield a session's events one after the other; otherwise as `read_events`.

    Parameters
    ----------
    folder : path
    texts : bool
        Whether the ``provenance`` of a response is given as JSON text: most of a line, which then is not parsed where
        its checksum says that it is what was written.
    """
    path = folder / EVENTS
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise SessionError(f"{path}: cannot be read ({error.strerror})") from error
    for event, _ in _parse(path, content, texts=texts):
        yield event


def read_new(folder: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Read the events that were appended to a session's log since it was read last.

    Parameters
    ----------
    folder : path
    offset : int
        In bytes: what this function returned before, 0 at first.

    Returns
    -------
    events : list of dict
        Of whole lines; one that is being written is read the next time.
    offset : int

    Raises
    ------
    SessionError
        If a line is damaged.
    """
    path = folder / EVENTS
    try:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        return [], offset
    except OSError as error:
        raise SessionError(f"{path}: cannot be read ({error.strerror})") from error
    whole = content[: content.rfind(b"\n") + 1]
    return [event for event, _ in _parse(path, whole)], offset + len(whole)


def last_event(folder: Path) -> dict[str, Any] | None:
    """Return the event in the last line of a session's log; None where it is torn, damaged or not there."""
    try:
        with (folder / EVENTS).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            before, _, line = file.read().removesuffix(b"\n").rpartition(b"\n")
        whole = bool(before) or size < _TAIL
        event, has_checksum = _read_line(line)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return event if whole and has_checksum else None


def _parse(path: Path, content: bytes, *, texts: bool = False) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each event and where its line ends, the newline aside."""
    end = -1
    checked = False
    for number, ended in enumerate(io.BytesIO(content), start=1):
        line = ended.removesuffix(b"\n")
        end += len(line) + 1
        if not line:
            continue
        try:
            event, has_checksum = _read_line(line, texts=texts)
            if checked and not has_checksum:
                raise ValueError("its checksum is missing")
            checked = has_checksum
        except (ValueError, TypeError, RecursionError) as error:
            if end == len(content):
                return  # torn: the crash came before the newline
            reason = "too deeply nested" if isinstance(error, RecursionError) else str(error)
            raise SessionError(
                f"{path}: line {number} is damaged ({printable(reason)[:200]}): restore the file from a copy, or "
                "remove the line to have its trial asked again"
            ) from error
        yield event, end


def _read_line(line: bytes, *, texts: bool = False) -> tuple[dict[str, Any], bool]:
    """Return an event and whether its line has a checksum; logs of older versions have none.

    Raises
    ------
    ValueError, TypeError
        If the line is not what `SessionLog.append` wrote.
    """
    end = len(line) - _CHECKSUM_LENGTH
    found = _CHECKSUM.match(line, max(end, 0))
    if found and int(found[1], 16) != zlib.crc32(line[:end] + b"}"):
        raise ValueError("its checksum is another: it was changed after it was written")
    escaped = b"\\ud" in line  # half a character, which no text may hold
    text = None
    if texts and found and not escaped and line.startswith(_RESPONSE):
        # This is in no text, where its quotes would be escaped, and no field before it is an object.
        begin = line.find(_PROVENANCE)
        if begin > 0:
            text = line[begin + len(_PROVENANCE) - 1 : end].decode()
            line = line[:begin] + b"}"
    event = _decode(line.decode())
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        raise ValueError("expected a JSON object with an event")
    event.pop("crc", None)
    if escaped:
        event = without_surrogates(event)
    if event["event"] == "response":
        fields = {name: value for name, value in event.items() if name != "event"}
        Response(**fields).check_types()
        if text is None and texts and "provenance" in event:
            text = json.dumps(event["provenance"], ensure_ascii=False, separators=(",", ":"))
        if text is not None:
            event["provenance"] = text
    elif event["event"] == "pairs":
        for record in event.get("trials", [None]):
            if not (isinstance(record, dict) and record.keys() >= _PAIR_FIELDS):
                raise ValueError("expected pairs with their trials")
    return event, found is not None


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _lock(folder: Path) -> BaseFileLock:
    """Lock a session for this process; where a network disk knows no locks, by a file that is there or not."""
    lock: BaseFileLock = FileLock(folder / LOCK)
    soft = folder / f"{LOCK}-soft"
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
                raise
            lock = SoftFileLock(soft)
            lock.acquire(timeout=0)
    except Timeout:
        stale = f", or remove {soft} if none does" if isinstance(lock, SoftFileLock) else ""
        raise SessionError(
            f"{folder}: another process is running this session{_holder(folder)}: wait for it, or end it{stale}"
        ) from None
    except OSError as error:
        raise SessionError(f"{folder}: cannot write a session here ({error.strerror}): choose another place") from error
    return lock


_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EINVAL, getattr(errno, "EOPNOTSUPP", errno.ENOSYS)}


def _holder(folder: Path) -> str:
    """Say which process runs a session, where that is known."""
    try:
        held = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        return f" (process {held['process']} on {held['machine']}, since {held['since'][:19]} UTC)"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


class SessionLog:
    """A session opened for appending, by one process at a time.

    Use it as a context manager.

    Parameters
    ----------
    folder : path
        A session's folder, made by `create_session`.
    sync_interval_s : float
        Events that come faster than this share one flush to the disk itself; with 0 each is flushed before `append`
        returns.

    Attributes
    ----------
    responses : dict
        The last response event of each trial that has one, by the trial's id; settled ones are never replaced.
    pairs : dict
        In an adaptive design the pairs chosen so far, by trial index: ``trial, left, right, presentation_order``.

    Raises
    ------
    SessionError
        If another process is writing here, or a file is damaged or cannot be written.
    """

    def __init__(self, folder: Path, sync_interval_s: float = SYNC_INTERVAL_S) -> None:
        self.folder = folder
        self._sync_interval_s = sync_interval_s
        self.responses: dict[str, dict[str, Any]] = {}
        self.pairs: dict[int, dict[str, Any]] = {}
        self._lock = _lock(folder)
        try:
            holder = {"process": os.getpid(), "machine": platform.node(), "since": utc_now()}
            with contextlib.suppress(OSError):
                atomic_write(folder / HOLDER, json.dumps(holder))
            self._open()
        except BaseException:
            self._lock.release()
            raise

    def _open(self) -> None:
        path = self.folder / EVENTS
        content = path.read_bytes() if path.exists() else b""
        whole = 0
        for event, end in _parse(path, content):
            self._take(event)
            whole = end
        try:
            self._file = path.open("ab", buffering=0)
            if len(content) > whole:
                self._file.truncate(whole)
            if whole:
                self._file.write(b"\n")
        except OSError as error:
            raise SessionError(f"{path}: cannot be written ({error.strerror})") from error
        self._synced = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def append(self, event: str, fields: Mapping[str, Any]) -> None:
        """Write one event; when this returns it survives the death of the program.

        Raises
        ------
        SessionError
            If it could not be written; everything before it is on disk.
        """
        record = {"event": event, **fields}
        line = _line(record)
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(0, "the disk is full")
            if time.monotonic() - self._synced >= self._sync_interval_s:
                self._sync()
        except OSError as error:
            raise SessionError(
                f"{self.folder / EVENTS}: cannot be written ({error.strerror}); every answer before this one is saved: "
                "make room, then run the same command again to go on"
            ) from error
        self._take(record)

    def _take(self, event: Mapping[str, Any]) -> None:
        """Take one event into what is known; `_parse` has checked it."""
        settle(self.responses, event)
        take_pairs(self.pairs, event)

    def record(self, response: Response) -> None:
        """Write one response.

        Raises
        ------
        ObserverError
            If the observer put something into it that JSON cannot hold.
        SessionError
            As `append`.
        """
        try:
            self.append("response", _as_json(response))
        except (TypeError, ValueError) as error:
            raise ObserverError(
                f"the response to {response.trial!r} cannot be written as JSON ({error}): report this to "
                "the observer's author; every answer before it is saved"
            ) from error

    def _sync(self) -> None:
        sync(self._file.fileno())
        self._synced = time.monotonic()

    def close(self) -> None:
        """Flush everything to the disk itself and let others write."""
        try:
            if not self._file.closed:
                self._sync()
                self._file.close()
        finally:
            with contextlib.suppress(OSError):
                (self.folder / HOLDER).unlink(missing_ok=True)
            self._lock.release()


def _line(record: dict[str, Any]) -> bytes:
    """Return an event as it is written, with its checksum; halves of characters are written out."""
    try:
        text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        text = json.dumps(
            without_surrogates(record), ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()
    return text[:-1] + b',"crc":"%08x"}\n' % zlib.crc32(text)


def _as_json(response: Response) -> dict[str, Any]:
    fields = {name: getattr(response, name) for name in Response.__slots__}
    fields["provenance"] = dict(response.provenance)
    return {name: value for name, value in fields.items() if value is not None}


def take_pairs(pairs: dict[int, dict[str, Any]], event: Mapping[str, Any]) -> None:
    """Take one event into the pairs that were chosen while the session ran, by trial index."""
    if event.get("event") == "pairs":
        pairs.update((record["trial_index"], record) for record in event["trials"])


def settle(responses: dict[str, dict[str, Any]], event: Mapping[str, Any]) -> None:
    """Take one event into the responses by trial: what an observer answered stands; a failure gives way."""
    if event.get("event") != "response":
        return
    standing = responses.get(event["trial"])
    if standing is None or standing["outcome"] in UNSETTLED:
        responses[event["trial"]] = dict(event)
