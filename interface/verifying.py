"""Whether a folder of data is whole: everything that can be computed again is, and compared with what stands there.

Every check gives one line; a check that cannot be made says why, and is not counted as passed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import islice, permutations
from pathlib import Path
from typing import Any, Literal

from visavis.base.files import find_files
from visavis.experiments import Definition, SessionError, load_trials, make_plan
from visavis.experiments.session import MANIFEST, Manifest, read_manifest, read_plan_text, versions
from visavis.experiments.session_columns import read_columns
from visavis.experiments.table import TRIALS_SUFFIX
from visavis.scaling import SENSITIVITY, Options, Resampling, ScreeningRule, compare, comparison_json

CHECKSUMS = "checksums.sha256"
"""Lists the SHA-256 of every file of a published folder, as ``sha256sum`` writes it."""

NUMBERS = "comparison.json"
IMAGES = "stimuli/stimuli.tsv"
_CLOSE = 1e-6
_CHUNK = 2**20
_MOST_ORDERS = 24

State = Literal["ok", "FAILED", "not checked"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    state : {'ok', 'FAILED', 'not checked'}
    what : str
        The file or folder, and what was held against what.
    reason : str
        Why it failed or could not be checked, and the remedy.
    """

    state: State
    what: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.state:11} {self.what}{f': {self.reason}' if self.reason else ''}"


def verify(folder: Path | str) -> Iterator[Check]:
    """Check a folder with sessions: a published one, a study's, or its results.

    Parameters
    ----------
    folder : path

    Yields
    ------
    Check
        Of the files' hashes, each session's manifest, plan and log, the images, the tables, and the reports.

    Raises
    ------
    SessionError
        If there is no such folder, or nothing in it that can be checked.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SessionError(f"{folder}: no such folder: name one that was published, or that holds sessions")
    manifests = find_files(folder, MANIFEST)
    tables = find_files(folder, f"*{TRIALS_SUFFIX}")
    reports = find_files(folder, NUMBERS)
    if not (manifests or tables or (folder / CHECKSUMS).exists()):
        raise SessionError(f"{folder}: holds no session, no table of trials and no {CHECKSUMS}: nothing to check")
    yield from _files(folder)
    known: dict[Path, Manifest] = {}
    for path in manifests:
        yield from _session(folder, path.parent, known)
    yield from _images(folder, list(known.values()))
    for path in tables:
        yield _table(folder, path)
    yield from _shared_table(folder)
    for path in reports:
        yield _report(folder, path)


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix() if path != folder else str(folder)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Check]:
    """Hold every file against the list of checksums."""
    listed = folder / CHECKSUMS
    if not listed.exists():
        return
    stated: dict[str, str] = {}
    for number, line in enumerate(listed.read_text(encoding="utf-8").splitlines(), start=1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or Path(name).is_absolute() or ".." in Path(name).parts:
            yield Check("FAILED", CHECKSUMS, f"line {number} is not a hash and a file: restore it from a copy")
            continue
        stated[name] = digest
    wrong = 0
    for name, digest in stated.items():
        path = folder / name
        if not path.is_file():
            wrong += 1
            yield Check("FAILED", name, f"is listed in {CHECKSUMS} and not there: restore it from a copy")
        elif sha256_of(path) != digest:
            wrong += 1
            yield Check("FAILED", name, "was changed after it was published: restore it from a copy")
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()} - {CHECKSUMS}
    for name in sorted(there - stated.keys()):
        wrong += 1
        yield Check("FAILED", name, f"is not listed in {CHECKSUMS}: it was added after the folder was published")
    if not wrong:
        yield Check("ok", f"{len(stated)} files against {CHECKSUMS}")


def _session(folder: Path, session: Path, known: dict[Path, Manifest]) -> Iterator[Check]:
    name = _name(folder, session)
    try:
        manifest = read_manifest(session)
        definition = manifest.read_definition()
    except (SessionError, ValueError) as error:
        yield Check("FAILED", f"{name}: manifest", str(error))
        return
    known[session] = manifest
    if definition.sha256 == manifest.definition_sha256:
        yield Check("ok", f"{name}: definition against its hash")
    else:
        yield Check("FAILED", f"{name}: definition against its hash", "its hash is another")
    yield _plan(name, session, manifest, definition)
    try:
        columns = read_columns(session)
    except SessionError as error:
        yield Check("FAILED", f"{name}: log against plan", str(error))
        return
    answered = sum(outcome is not None for outcome in columns.columns["outcome"])
    yield Check("ok", f"{name}: log against plan ({answered} of {len(columns)} trials answered)")


def _plan(name: str, session: Path, manifest: Manifest, definition: Definition) -> Check:
    what = f"{name}: plan against definition and seed"
    try:
        text = read_plan_text(session, manifest)
    except SessionError as error:
        return Check("FAILED", what, str(error))
    scenes = list(dict.fromkeys(image["scene"] for image in manifest.stimuli))
    renditions = list(dict.fromkeys(image["rendition"] for image in manifest.stimuli))
    asked = {**definition.model_dump(mode="json"), "repetitions": manifest.repetitions}
    names = list(definition.attributes)
    # Canonical JSON does not keep the order of the attributes, which older sessions do not record.
    orders = [manifest.attributes] if manifest.attributes else islice(permutations(names), _MOST_ORDERS)
    try:
        for order in orders:
            asked["attributes"] = {name: asked["attributes"][name] for name in order}
            one = Definition.from_dict(asked)
            if make_plan(one, scenes, renditions, manifest.observer, manifest.session).to_csv() == text:
                return Check("ok", what)
    except (ValueError, KeyError) as error:
        return Check("FAILED", what, f"cannot be planned again ({error})")
    then, now = manifest.versions.get("visavis", "?"), versions()["visavis"]
    if then != now:
        return Check("not checked", what, f"it was planned by visavis {then}, this is {now}, which plans otherwise")
    return Check("FAILED", what, "planned again it is another: the definition or the plan was changed")


def _images(folder: Path, manifests: list[Manifest]) -> Iterator[Check]:
    """Hold the images in the folder, published or of a definition, against the hashes of the sessions."""
    recorded = {
        (image["scene"], image["rendition"], image["sha256"]) for manifest in manifests for image in manifest.stimuli
    }
    if not recorded:
        return
    for manifest in {manifest.stimuli_sha256: manifest for manifest in manifests}.values():
        parts = sorted("\0".join((one["scene"], one["rendition"], one["pixels_sha256"])) for one in manifest.stimuli)
        if hashlib.sha256("\n".join(parts).encode()).hexdigest() != manifest.stimuli_sha256:
            yield Check("FAILED", f"images of {manifest.experiment}", "their hashes do not make up the set's")
    hashes = {sha256 for _, _, sha256 in recorded}
    there = {sha256_of(path) for path in folder.rglob("*") if path.suffix.casefold() in _ENDS and path.is_file()}
    missing = sorted((scene, rendition) for scene, rendition, sha256 in recorded if sha256 not in there)
    what = f"{len(hashes)} images against the sessions' hashes"
    if not missing:
        yield Check("ok", what)
    elif len(missing) == len(recorded):
        yield Check("not checked", what, "it holds no image of theirs; the hashes are in the sessions' manifests")
    else:
        scene, rendition = missing[0]
        yield Check("FAILED", what, f"{len(missing)} are changed or missing (first: {scene}, {rendition})")


_ENDS = {
    ".png",
    ".jpg",
    ".jpeg",
    ".jfif",
    ".jpe",
    ".tif",
    ".tiff",
    ".bmp",
    ".dib",
    ".webp",
    ".gif",
    ".ppm",
    ".pgm",
    ".pnm",
}


def _table(folder: Path, path: Path) -> Check:
    what = f"{_name(folder, path)}: against the schema of the trials table"
    try:
        trials = load_trials(path, strict=True)
    except SessionError as error:
        return Check("FAILED", what, str(error))
    return Check("ok", f"{what} ({len(trials)} trials)")


def _shared_table(folder: Path) -> Iterator[Check]:
    """Hold a published table against the sessions and files that it was made from."""
    for path in sorted((folder / "data").glob("*_data.csv")) if (folder / "data").is_dir() else []:
        what = f"{_name(folder, path)}: against the sessions"
        try:
            trials = load_trials(folder, strict=True)
            made = trials.to_csv(index=False, lineterminator="\n")
        except SessionError as error:
            yield Check("FAILED", what, str(error))
            continue
        if path.read_bytes().decode("utf-8") == made:
            yield Check("ok", f"{what} ({len(trials)} trials)")
        else:
            yield Check("FAILED", what, "made again it is another: one of the two was changed")


def options_of(stated: Mapping[str, Any]) -> Options:
    """Return the options that a report states.

    Raises
    ------
    ValueError, TypeError
        If they are not those of this version.
    """
    values = dict(stated)
    values["resampling"] = Resampling(**values.get("resampling", {}))
    if values.get("screening") is not None:
        values["screening"] = ScreeningRule(**values["screening"])
    known = {one.name for one in fields(Options)}
    unknown = values.keys() - known
    if unknown:
        raise ValueError(f"unknown options {', '.join(sorted(unknown))}")
    return Options(**values)


def _report(folder: Path, path: Path) -> Check:
    """Compute a report again from the data, by the options that it states."""
    what = f"{_name(folder, path)}: report against the data"
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
        options = options_of(stated["options"])
        people, models = stated["people"], stated["models"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        return Check("FAILED", what, f"cannot be read ({type(error).__name__}: {error})")
    try:
        trials = load_trials(folder, strict=True)
        used = trials[trials["experiment"].isin(stated["experiments"])]
        literal = [name.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]") for name in _screened_too(stated)]
        compared = compare(
            used, people=literal or None, options=options, extra=[SENSITIVITY] if "sensitivity" in stated else []
        )
        found = json.loads(json.dumps(comparison_json(compared), allow_nan=False))
    except ValueError as error:
        return Check("FAILED", what, f"cannot be computed again ({error})")
    except SessionError as error:
        return Check("FAILED", what, str(error))
    apart = sorted(_differences("", _numbers(stated), _numbers(found)))
    if not apart:
        return Check("ok", f"{what} ({len(people)} people, {len(models)} others, computed again)")
    return Check("FAILED", what, f"computed again {len(apart)} values differ (first: {apart[0]})")


def _screened_too(stated: Mapping[str, Any]) -> list[str]:
    """Return who counted as people, those who were screened out among them."""
    screened = [row["observer"] for row in stated.get("screening", []) if isinstance(row, dict) and "observer" in row]
    return list(dict.fromkeys([*stated["people"], *screened]))


def _numbers(stated: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in stated.items() if name not in ("versions", "notes", "methods", "preregistration")
    }


def _differences(place: str, stated: Any, found: Any) -> Iterator[str]:
    if isinstance(stated, dict) and isinstance(found, dict):
        for name in {**stated, **found}:
            yield from _differences(f"{place}.{name}".lstrip("."), stated.get(name), found.get(name))
    elif isinstance(stated, list) and isinstance(found, list) and len(stated) == len(found):
        for number, (one, other) in enumerate(zip(stated, found, strict=True)):
            yield from _differences(f"{place}[{number}]", one, other)
    elif not _same(stated, found):
        yield f"{place} is {str(stated)[:40]}, not {str(found)[:40]}"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float | int) and isinstance(other, float | int) and not isinstance(one, bool):
        return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return bool(one == other)
