"""The session log: what one observer was asked and answered, on disk the moment it is answered.

A session is a folder:

``manifest.json``
    Written once: the definition and its hash, the stimuli and their hashes, observer, session, versions.
``plan.csv``
    Written once: the resolved trials.
``events.jsonl``
    Appended to, one JSON object a line: ``start``, ``response``, ``stop`` and ``finish``.

Rules: a line is written by one call, so a crash can tear only the last one; a torn line is cut off before anything is
appended; a trial is known by its id, never by when it arrived; a session is resumed from plan and events alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd
from filelock import FileLock, Timeout

from visavis.stimuli import StimulusSet

from .definition import Definition
from .plan import Plan, read_plan_frame
from .seam import UNSETTLED, Observer, ObserverKind, Response, utc_now

MANIFEST, PLAN, EVENTS, LOCK = "manifest.json", "plan.csv", "events.jsonl", ".lock"
FORMAT = 1

SYNC_INTERVAL_S = 0.05
"""Answers that come faster than this share one flush to the disk itself. Each line reaches the operating system at
once, so a killed program loses nothing; a power cut costs at most the answers of this interval."""


class SessionError(RuntimeError):
    """A session that cannot be written, read or resumed; the message names the file and the remedy."""


@dataclass(frozen=True)
class Manifest:
    """What is fixed for a whole session.

    Attributes
    ----------
    experiment, definition_sha256, stimuli_sha256, plan_sha256 : str
    definition : dict
        The definition with all defaults filled in.
    stimuli : list of dict
        ``scene, rendition, sha256, pixels_sha256, width, height`` of every image.
    observer, observer_kind, session : str
    repetitions : int
        How often each pair is asked in this session.
    created_at : str
        UTC, ISO 8601.
    versions : dict
        Of visavis, Python and the platform.
    format : int
        Version of this layout.
    """

    experiment: str
    definition_sha256: str
    stimuli_sha256: str
    plan_sha256: str
    definition: dict[str, Any]
    stimuli: list[dict[str, Any]]
    observer: str
    observer_kind: ObserverKind
    session: str
    repetitions: int
    created_at: str
    versions: dict[str, str]
    format: int = FORMAT

    def read_definition(self) -> Definition:
        """Return the definition that the session began with."""
        return Definition.from_json(json.dumps(self.definition))


def session_folder(folder: Path | str, observer: str, session: str) -> Path:
    """Return where the session of an observer lies below the data folder, by names that every system allows."""
    return Path(folder) / _slug(observer) / _slug(session)


def _slug(text: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip(".-")
    if slug == text and len(slug) <= 60 and not re.match(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", slug):
        return slug
    return f"{slug[:60]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".lstrip("-")


def versions() -> dict[str, str]:
    """Return the versions that a log records."""
    return {"visavis": version("visavis"), "python": platform.python_version(), "platform": platform.platform()}


def is_session(folder: Path) -> bool:
    """Whether `folder` holds a session."""
    return (folder / MANIFEST).is_file()


def create_session(folder: Path, manifest: Manifest, plan: Plan) -> None:
    """Write a new session's manifest and plan; the manifest comes last, so that it never stands without its plan.

    Raises
    ------
    SessionError
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_whole(folder / PLAN, plan.to_csv())
        _write_whole(folder / MANIFEST, json.dumps(asdict(manifest), ensure_ascii=False, indent=1, sort_keys=True))
    except OSError as error:
        raise SessionError(
            f"{folder}: cannot write a session here ({error.strerror}): choose another folder"
        ) from error


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_manifest(folder: Path) -> Manifest:
    """Read a session's manifest.

    Raises
    ------
    SessionError
        If it is damaged or of another format.
    """
    path = folder / MANIFEST
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields.get("format") != FORMAT:
            raise SessionError(
                f"{path}: written in format {fields.get('format')!r}, this version of visavis reads {FORMAT}: "
                "use the version that wrote it"
            )
        return Manifest(**fields)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise SessionError(f"{path}: damaged manifest ({error}): restore it from a copy") from error


def read_plan(folder: Path, manifest: Manifest) -> pd.DataFrame:
    """Read a session's plan and check it against the manifest.

    Raises
    ------
    SessionError
        If the plan is not the one the session began with.
    """
    path = folder / PLAN
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SessionError(f"{path}: cannot be read ({error}): restore it from a copy") from error
    if hashlib.sha256(text.encode()).hexdigest() != manifest.plan_sha256:
        raise SessionError(f"{path}: changed since the session began: restore it from a copy")
    return read_plan_frame(text)


def read_events(folder: Path) -> list[dict[str, Any]]:
    """Read a session's events; a last line that is torn, or being written right now, is left out.

    Raises
    ------
    SessionError
        If a line in the middle is damaged.
    """
    path = folder / EVENTS
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SessionError(f"{path}: cannot be read ({error.strerror})") from error
    return [event for event, _ in _parse(path, content)]


def _parse(path: Path, content: bytes) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each event and where its line ends, the newline aside."""
    end = -1
    for number, line in enumerate(content.split(b"\n"), start=1):
        end += len(line) + 1
        if not line:
            continue
        try:
            event = json.loads(line)
            if not isinstance(event, dict):
                raise ValueError("no JSON object")
        except ValueError as error:
            if end == len(content):
                return  # torn: the crash came before the newline
            raise SessionError(
                f"{path}: line {number} is damaged ({error}): restore the file from a copy, or remove the line "
                "to have its trial asked again"
            ) from error
        yield event, end


class SessionLog:
    """A session opened for appending, by one process at a time.

    Use it as a context manager.

    Parameters
    ----------
    folder : path
        A session's folder, made by `create_session`.

    Attributes
    ----------
    responses : dict
        The last response event of each trial that has one, by the trial's id; settled ones are never replaced.

    Raises
    ------
    SessionError
        If another process is writing here, or a file is damaged or cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.responses: dict[str, dict[str, Any]] = {}
        self._lock = FileLock(folder / LOCK)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise SessionError(f"{folder}: another process is running this session: wait for it, or end it") from None
        except OSError as error:
            raise SessionError(f"{folder}: cannot write a session here ({error.strerror})") from error
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise

    def _open(self) -> None:
        path = self.folder / EVENTS
        content = path.read_bytes() if path.exists() else b""
        whole = 0
        for event, end in _parse(path, content):
            settle(self.responses, event)
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
        line = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(0, "the disk is full")
            if time.monotonic() - self._synced > SYNC_INTERVAL_S:
                self._sync()
        except OSError as error:
            raise SessionError(
                f"{self.folder / EVENTS}: cannot be written ({error.strerror}); every answer before this one is saved: "
                "make room, then run the same command again to go on"
            ) from error
        settle(self.responses, record)

    def record(self, response: Response) -> None:
        """Write one response."""
        self.append("response", _as_json(response))

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def close(self) -> None:
        """Flush everything to the disk itself and let others write."""
        try:
            if not self._file.closed:
                self._sync()
                self._file.close()
        finally:
            self._lock.release()


def _as_json(response: Response) -> dict[str, Any]:
    fields = {name: getattr(response, name) for name in Response.__slots__}
    fields["provenance"] = dict(response.provenance)
    return {name: value for name, value in fields.items() if value is not None}


def settle(responses: dict[str, dict[str, Any]], event: Mapping[str, Any]) -> None:
    """Take one event into the responses by trial: what an observer answered stands; a failure gives way."""
    if event.get("event") != "response":
        return
    standing = responses.get(event["trial"])
    if standing is None or standing["outcome"] in UNSETTLED:
        responses[event["trial"]] = dict(event)


def new_manifest(
    definition: Definition,
    stimuli: StimulusSet,
    plan: Plan,
    observer: Observer,
    session: str,
    repetitions: int,
) -> Manifest:
    """Describe a session that is about to begin."""
    return Manifest(
        experiment=definition.name,
        definition_sha256=definition.sha256,
        stimuli_sha256=stimuli.sha256,
        plan_sha256=plan.sha256,
        definition=json.loads(definition.canonical_json()),
        stimuli=[
            {
                "scene": s.scene,
                "rendition": s.rendition,
                "sha256": s.sha256,
                "pixels_sha256": s.pixels_sha256,
                "width": s.width,
                "height": s.height,
            }
            for s in stimuli.values()
        ],
        observer=observer.name,
        observer_kind=observer.kind,
        session=session,
        repetitions=repetitions,
        created_at=utc_now(),
        versions=versions(),
    )
