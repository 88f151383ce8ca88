"""A session's folder and what is fixed in it from the beginning.

``manifest.json``
    The definition and its hash, the stimuli and their hashes, observer, session, versions.
``plan.csv``
    The resolved trials.

Both are written once, whole or not at all; what happens afterwards goes to the session log.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import re
import uuid
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from visavis.base.files import atomic_folder
from visavis.stimuli import StimulusSet

from .definition import Definition
from .plan import Plan, read_plan_frame
from .seam import Observer, ObserverKind, utc_now

MANIFEST, PLAN, EVENTS = "manifest.json", "plan.csv", "events.jsonl"
FORMAT = 1


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
    id : str
        Drawn at random, so that a copy is not taken for another session; empty in older sessions.
    attributes : list of str
        In the order of the definition file, which a plan follows and canonical JSON does not keep; empty in older ones.
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
    id: str = ""
    attributes: list[str] = field(default_factory=list)

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
    """Begin a session: its folder is made aside, with manifest and plan, and gets its name when it is whole.

    Where another process was first, its session is left as it is: read the manifest to see what began.

    Raises
    ------
    SessionError
        If the folder cannot be written, or holds answers whose manifest is gone.
    """
    if (folder / EVENTS).exists() and not is_session(folder):
        raise SessionError(
            f"{folder / EVENTS}: answers without the {MANIFEST} that they belong to: restore it from a copy, or move "
            "this folder away to begin anew"
        )
    try:
        if folder.is_dir() and not is_session(folder):
            (folder / PLAN).unlink(missing_ok=True)  # older versions wrote it before the manifest
        with contextlib.suppress(FileExistsError), atomic_folder(folder, durable=True) as aside:
            (aside / PLAN).write_bytes(plan.to_csv().encode())
            (aside / MANIFEST).write_bytes(_manifest_text(manifest).encode())
    except OSError as error:
        raise SessionError(
            f"{folder}: cannot write a session here ({error.strerror}): choose another folder"
        ) from error
    if not is_session(folder):
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:5])
        raise SessionError(f"{folder}: holds {there}, and no session: move this folder away to begin one")


def _manifest_text(manifest: Manifest) -> str:
    fields = asdict(manifest)
    return json.dumps({**fields, "checksum": _checksum(fields)}, ensure_ascii=False, indent=1, sort_keys=True)


def _checksum(fields: dict[str, Any]) -> str:
    """Return the SHA-256 of a manifest's fields, however the file is laid out."""
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


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
        checksum = fields.pop("checksum", None)
        if checksum is not None and checksum != _checksum(fields):
            raise ValueError("its checksum is another: it was changed after it was written")
        if checksum is None and "id" in fields:
            raise ValueError("its checksum is missing")
        return Manifest(**fields)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise SessionError(f"{path}: damaged manifest ({error}): restore it from a copy") from error


def read_plan(folder: Path, manifest: Manifest) -> pd.DataFrame:
    """Read a session's plan as a table; otherwise as `read_plan_text`."""
    return read_plan_frame(read_plan_text(folder, manifest))


def read_plan_text(folder: Path, manifest: Manifest) -> str:
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
    return text


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
        id=uuid.uuid4().hex,
        attributes=list(definition.attributes),
    )
