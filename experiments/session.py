"""A session's folder and what is fixed in it from the beginning.

``manifest.json``
    The definition and its hash, the stimuli and their hashes, observer, session, versions.
``plan.csv``
    The resolved trials.

Both are written once, whole or not at all; what happens afterwards goes to the session log.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from visavis.base.files import atomic_write
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
        If the folder cannot be written, or holds answers whose manifest is gone.
    """
    if (folder / EVENTS).exists():
        raise SessionError(
            f"{folder / EVENTS}: answers without the {MANIFEST} that they belong to: restore it from a copy, or move "
            "this folder away to begin anew"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write(folder / PLAN, plan.to_csv(), durable=True)
        text = json.dumps(asdict(manifest), ensure_ascii=False, indent=1, sort_keys=True)
        atomic_write(folder / MANIFEST, text, durable=True)
    except OSError as error:
        raise SessionError(
            f"{folder}: cannot write a session here ({error.strerror}): choose another folder"
        ) from error


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
