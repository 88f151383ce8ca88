"""What was fixed before the data: definition, images, plans, screening and options, with a time and a hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from visavis.base.files import atomic_write
from visavis.experiments import Experiment, SessionError, utc_now
from visavis.experiments.session import versions
from visavis.scaling import Comparison, Options

FORMAT = 1
_SHOWN = 60


def preregister(
    experiment: Experiment,
    path: Path | str,
    *,
    people: Sequence[str] = (),
    observers: Sequence[str] = (),
    options: Options | None = None,
    note: str = "",
) -> Path:
    """Write what is fixed before the data.

    Parameters
    ----------
    experiment : Experiment
    path : path
        Of a JSON file that is not there yet.
    people : sequence of str
        Names that will count as people, as for `compare`.
    observers : sequence of str
        Observers whose plans are fixed by their hashes.
    options : Options
        Of the analysis, screening among them.
    note : str
        Hypotheses and reasons, in words.

    Returns
    -------
    Path

    Raises
    ------
    SessionError
        If the file is there already: what was registered is not replaced.
    """
    path = Path(path)
    if path.exists():
        raise SessionError(f"{path}: is there already, and what was registered is not replaced: choose another name")
    definition = experiment.definition
    plan = experiment.plan("any")
    content: dict[str, Any] = {
        "format": FORMAT,
        "registered_at": utc_now(),
        "versions": versions(),
        "experiment": definition.name,
        "definition_sha256": definition.sha256,
        "definition": json.loads(definition.canonical_json()),
        "stimuli_sha256": experiment.stimuli.sha256,
        "trials_an_observer": len(plan),
        "plans": {name: experiment.plan(name).sha256 for name in observers},
        "people": list(people),
        "options": asdict(options or Options()),
        "note": note,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**content, "sha256": _hash(content)}, indent=1, ensure_ascii=False, sort_keys=True)
    atomic_write(path, text + "\n", durable=True)
    return path


def _hash(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_preregistration(path: Path | str) -> dict[str, Any]:
    """Read what was fixed before the data.

    Raises
    ------
    SessionError
        If it cannot be read, or was changed after it was written.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        stated = content.pop("sha256")
        if content["format"] != FORMAT:
            raise ValueError(f"it has format {content['format']!r}, this version of visavis reads {FORMAT}")
        if stated != _hash(content):
            raise ValueError("its hash is another: it was changed after it was registered")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SessionError(f"{path}: cannot be taken as a preregistration ({error}): restore it from a copy") from error
    return {**content, "sha256": stated}


def departures(registered: Mapping[str, Any], comparison: Comparison, began: Sequence[str] = ()) -> Iterator[str]:
    """Yield how what was run and analysed departs from what was registered, a sentence each.

    Parameters
    ----------
    registered : mapping
        From `read_preregistration`.
    comparison : Comparison
    began : sequence of str
        When each session began, in UTC.
    """
    at, sha256 = registered["registered_at"], registered["sha256"]
    found = list(_departures(registered, comparison, began))
    if not found:
        yield f"this is as preregistered at {at[:19]} UTC ({sha256[:12]})"
        return
    for text in found:
        yield f"not as preregistered at {at[:19]} UTC ({sha256[:12]}): {text}"


def _departures(registered: Mapping[str, Any], comparison: Comparison, began: Sequence[str]) -> Iterator[str]:
    early = [time for time in began if time < registered["registered_at"]]
    if early:
        yield f"{len(early)} of {len(began)} sessions began before it was registered (first at {min(early)[:19]} UTC)"
    if registered["experiment"] not in comparison.experiments:
        yield f"the experiment is {', '.join(comparison.experiments)}, not {registered['experiment']}"
    others = [one for one in comparison.definitions if one != registered["definition_sha256"]]
    if others:
        yield f"{len(others)} other definition(s) were run (first: {others[0][:12]})"
    if registered["definition_sha256"] not in comparison.definitions:
        yield "the definition that was registered was not run"
    yield from _changed("option ", registered["options"], asdict(comparison.options))
    if registered["people"]:
        from fnmatch import fnmatchcase

        strange = [
            name for name in comparison.people if not any(fnmatchcase(name, one) for one in registered["people"])
        ]
        if strange:
            yield f"{', '.join(strange[:5])} count as people and were not registered as such"


def _changed(prefix: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in {**then, **now}:
        before, after = then.get(name), now.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _changed(f"{prefix}{name}.", before, after)
        elif before != after:
            yield f"{prefix}{name} is {str(after)[:_SHOWN]}, not {str(before)[:_SHOWN]}"
