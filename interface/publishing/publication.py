"""Assembling what is published: the folder is there whole or not at all, and what may identify people stops it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from visavis.base.files import atomic_folder, find_files
from visavis.experiments import Experiment, SessionError, load_trials, write_bids
from visavis.experiments.session import MANIFEST, read_manifest
from visavis.verifying import CHECKSUMS, NUMBERS, sha256_of

from .identities import identity_findings
from .metadata import About, codebook, croissant, psych_ds, ro_crate

REPORT = "derivatives/report"
_IGNORED = ("data", "definitions", "codebook.csv", "croissant.json", "ro-crate-metadata.json", CHECKSUMS)


def publish(
    results: Path | str,
    folder: Path | str,
    *,
    authors: Sequence[str],
    licence: str,
    name: str = "",
    description: str = "",
    url: str = "",
    report: Path | str | None = None,
    images: Path | str | None = None,
    identities_checked: bool = False,
) -> Path:
    """Write one folder that can be deposited as it is.

    Parameters
    ----------
    results : path
        The data folder.
    folder : path
        New or empty, outside `results`.
    authors : sequence of str
        At least one.
    licence : str
        An identifier of SPDX such as ``CC-BY-4.0``, or a URL.
    name, description : str
        By default from the experiments' names and the counts.
    url : str
        Where it will be found, such as its DOI, where that is known before.
    report : path, optional
        Folder of a report, which is copied; its methods paragraph goes into the README.
    images : path, optional
        A definition file whose images are copied; without it their hashes alone are published.
    identities_checked : bool
        Publish although something looks as if it identified a person, because somebody has looked at it.

    Returns
    -------
    Path
        With BIDS and Psych-DS in one tree, ``ro-crate-metadata.json``, ``croissant.json``, ``codebook.csv``,
        ``definitions/``, ``README.md`` and ``checksums.sha256``.

    Raises
    ------
    SessionError
        If a session cannot be read, `folder` holds something, or something looks as if it identified a person.
    """
    results, folder = Path(results), Path(folder)
    if not authors or not licence.strip():
        raise SessionError("a publication names its authors and its licence: say --author NAME --licence CC-BY-4.0")
    if folder.resolve().is_relative_to(results.resolve()):
        raise SessionError(f"{folder}: lies within {results}, where its copies would be read as data: name another")
    if folder.exists() and any(folder.iterdir()):
        raise SessionError(f"{folder}: is not empty: name a new folder")
    trials = load_trials(results, strict=True)
    names = ", ".join(sorted(set(trials["experiment"])))
    about = About(
        name=name or names,
        description=description or _describe(trials, names),
        licence=licence,
        authors=tuple(authors),
        date=datetime.now(UTC).date().isoformat(),
        version=version("visavis"),
        url=url,
    )
    try:
        with atomic_folder(folder, durable=True) as aside:
            _write(aside, trials, about, results, report, images, identities_checked)
    except OSError as error:
        raise SessionError(
            f"{folder}: cannot be written ({error.strerror}): make room, or name another place"
        ) from error
    return folder


def _describe(trials: pd.DataFrame, names: str) -> str:
    kinds = trials.drop_duplicates("observer")["observer_kind"].value_counts()
    words = {
        "human": "people",
        "vlm": "vision-language models",
        "metric": "image statistics",
        "simulated": "simulations",
    }
    who = " and ".join(f"{count} {words[str(kind)]}" for kind, count in kinds.items())
    return (
        f"Paired comparisons of images ({names}): {len(trials)} trials of {who}, on "
        f"{', '.join(sorted(set(trials['attribute'])))} in {trials['scene'].nunique()} scenes."
    )


def _write(
    folder: Path,
    trials: pd.DataFrame,
    about: About,
    results: Path,
    report: Path | str | None,
    images: Path | str | None,
    identities_checked: bool,
) -> None:
    write_bids(trials, folder, results=results, authors=about.authors, licence=about.licence)
    (folder / "README").unlink()
    data = f"data/study-{_keyword(about.name)}_data.csv"
    (folder / "data").mkdir()
    trials.to_csv(folder / data, index=False, lineterminator="\n", encoding="utf-8")
    described = json.loads((folder / "dataset_description.json").read_text(encoding="utf-8"))
    _json(folder / "dataset_description.json", psych_ds(about) | described | {"Name": about.name})
    _text(folder / ".bidsignore", "\n".join(_IGNORED) + "\n")
    _text(folder / "codebook.csv", codebook())
    _definitions(folder / "definitions", results)
    if images is not None:
        _images(folder / "stimuli" / "images", images, results)
    findings = [] if identities_checked else list(identity_findings(folder, results, trials))
    if findings:
        shown = "\n  ".join((*findings[:20], *(["…"] if len(findings) > 20 else [])))
        raise SessionError(
            f"{results}: something may identify people:\n  {shown}\n  Where it does not, say --identities-checked"
        )
    methods = _report(folder / REPORT, Path(report)) if report is not None else ""
    _text(folder / "README.md", _readme(about, data, methods, images is not None))
    _json(folder / "croissant.json", croissant(about, folder, data))
    _json(folder / "ro-crate-metadata.json", ro_crate(about, folder, data, REPORT if methods else None))
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    lines = [f"{sha256_of(file)}  {file.relative_to(folder).as_posix()}" for file in files]
    _text(folder / CHECKSUMS, "\n".join(lines) + "\n")


def _keyword(name: str) -> str:
    """Return a name of letters and digits alone, as Psych-DS takes in the names of files."""
    return re.sub(r"[^A-Za-z0-9]", "", name) or "visavis"


def _definitions(folder: Path, results: Path) -> None:
    """Write each definition that was run as canonical JSON, named by experiment and hash."""
    folder.mkdir()
    for path in find_files(results, MANIFEST):
        manifest = read_manifest(path.parent)
        file = folder / f"{_keyword(manifest.experiment)}-{manifest.definition_sha256[:12]}.json"
        if not file.exists():
            _text(file, manifest.read_definition().canonical_json())
    if not any(folder.iterdir()):
        folder.rmdir()  # imported choices have none


def _images(folder: Path, definition: Path | str, results: Path) -> None:
    """Copy the images that the sessions showed.

    Raises
    ------
    SessionError
        If the definition's images are others.
    """
    stimuli = Experiment.load(definition).stimuli
    shown = {
        (image["scene"], image["rendition"]): image["sha256"]
        for path in find_files(results, MANIFEST)
        for image in read_manifest(path.parent).stimuli
    }
    for key, sha256 in shown.items():
        if key not in stimuli or stimuli[key].sha256 != sha256:
            raise SessionError(
                f"{definition}: its image of scene {key[0]!r}, rendition {key[1]!r} is not the one that was "
                "shown: restore it, or leave --images out"
            )
        stimulus = stimuli[key]
        target = folder / stimulus.scene / f"{stimulus.rendition}{stimulus.path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(stimulus.path, target)


def _report(folder: Path, report: Path) -> str:
    """Copy a report, and return its methods paragraph.

    Raises
    ------
    SessionError
        If the folder holds none.
    """
    try:
        methods = str(json.loads((report / NUMBERS).read_text(encoding="utf-8"))["methods"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SessionError(f"{report}: holds no report ({error}): write one with visavis report -o {report}") from error
    shutil.copytree(report, folder)
    return methods


def _readme(about: About, data: str, methods: str, has_images: bool) -> str:
    parts = [
        f"# {about.name}",
        about.description,
        f"By {', '.join(about.authors)}. Licence: {about.licence} ({about.licence_url}). Published {about.date}.",
        "## What is where",
        "\n".join(
            (
                f"- `{data}`: every trial, a row each; `codebook.csv` says what each column holds",
                "- `sub-*`, `participants.tsv`: the same as a BIDS dataset of behaviour, a subject an observer",
                "- `sourcedata`: the sessions as they were written: definition, images' hashes, plan, answers",
                "- `definitions`: each definition that was run as canonical JSON, named by its SHA-256",
                "- `stimuli/stimuli.tsv`: the images that were shown, by their hashes"
                + ("; `stimuli/images`: the images" if has_images else ""),
                *([f"- `{REPORT}`: the report, its tables and figures"] if methods else []),
                "- `ro-crate-metadata.json`, `croissant.json`, `dataset_description.json`: descriptions for machines",
            )
        ),
        *(["## Methods", methods] if methods else []),
        "## Is it whole?",
        f"`pip install visavis=={about.version}`, then `visavis verify .` in this folder: files against "
        f"`{CHECKSUMS}`, plans against definition and seed, answers against plans, and the report computed again.",
    ]
    return "\n\n".join(parts) + "\n"


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _json(path: Path, content: dict[str, Any]) -> None:
    _text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
