"""The participant's file: what may be shared stands in the session's folder, what identifies the person beside it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from visavis.base.files import atomic_write
from visavis.experiments import Definition, ObserverError

FILE = "participant.json"


def identities_folder(session_folder: Path) -> Path:
    """Return the folder of what identifies people: beside the results, so that the results can be shared.

    Raises
    ------
    ObserverError
        If there is no place beside the results.
    """
    results = session_folder.absolute().parent.parent
    if ".." in results.parts:
        results = results.resolve()  # else the name would be that of a folder within
    if not results.name:
        raise ObserverError(f"{results}: has no place beside it for what identifies people: choose another --results")
    return results.with_name(f"{results.name}-identities")


def is_known(session_folder: Path | None) -> bool:
    """Whether this session's participant has consented and answered the form."""
    return session_folder is not None and (session_folder / FILE).exists()


def write(session_folder: Path | None, definition: Definition, answers: Mapping[str, Any], **known: Any) -> None:
    """Write a participant's answers; those that identify go to a separate file.

    Parameters
    ----------
    session_folder : Path or None
        None outside a run; then nothing is written.
    definition : Definition
    answers : mapping
        By the form's names.
    **known
        More that may be shared, such as the time of consent.

    Raises
    ------
    ObserverError
        If a file cannot be written.
    """
    if session_folder is None:
        return
    identifying = {field.name for field in definition.presentation.form if field.identifies}
    shared = {name: value for name, value in answers.items() if name not in identifying}
    apart = {name: value for name, value in answers.items() if name in identifying}
    try:
        if apart:
            folder = identities_folder(session_folder) / session_folder.parent.name
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder / f"{session_folder.name}.json", apart)
        _write(session_folder / FILE, {"answers": shared, **known})
    except OSError as error:
        raise ObserverError(
            f"{session_folder}: cannot write the participant's answers ({error.strerror}): make room, or "
            "choose another folder with --results"
        ) from error


def check_writable(session_folder: Path | None, definition: Definition) -> None:
    """Refuse folders that are not writable, before the session; nothing is left behind.

    Raises
    ------
    ObserverError
    """
    if session_folder is None:
        return
    folders = [session_folder]
    if any(field.identifies for field in definition.presentation.form):
        folders.append(identities_folder(session_folder))
    for folder in folders:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as error:
            raise ObserverError(
                f"{folder}: not writable ({error.strerror}): choose another folder with --results"
            ) from error


def _write(path: Path, content: Mapping[str, Any]) -> None:
    atomic_write(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n", durable=True)


def check_answers(definition: Definition, given: Mapping[str, Any]) -> None:
    """Refuse answers from the command line that the form does not ask for or allow.

    Raises
    ------
    ObserverError
        Naming each.
    """
    fields = {field.name: field for field in definition.presentation.form}
    problems = []
    for name, value in given.items():
        if name not in fields:
            problems.append(
                f"{name}: not asked by the form; choose from {', '.join(fields) or 'nothing (there is no form)'}"
            )
        elif fields[name].choices and str(value) not in fields[name].recorded:
            problems.append(f"{name}: must be one of {', '.join(fields[name].recorded)}, not {value!r}")
    problems += [f"{name}: the answer is missing" for name in fields if given and name not in given]
    if problems:
        raise ObserverError("option answers:\n  " + "\n  ".join(problems))
