"""What machines read beside the data: Psych-DS, RO-Crate 1.1, Croissant 1.0."""

from __future__ import annotations

import csv
import io
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavis.base.trials import COLUMNS, INTEGER, NUMBER, TIME, VOCABULARIES
from visavis.verifying import sha256_of

_LICENCES = {
    "CC0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC-BY-NC-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
}
_FORMATS = {".tsv": "text/tab-separated-values", ".jsonl": "application/jsonl", ".md": "text/markdown",
            ".tex": "application/x-tex", ".csv": "text/csv", ".json": "application/json", "": "text/plain"}  # fmt: skip
_FIGURES = {".png", ".svg", ".pdf"}
_UNITS = {"response_time_s": "seconds"}
_TYPES = {TIME: "sc:DateTime", INTEGER: "sc:Integer", NUMBER: "sc:Float"}


@dataclass(frozen=True)
class About:
    """What a publication says of itself.

    Attributes
    ----------
    name, description, licence : str
    authors : sequence of str
    date : str
        Of publication, ISO 8601.
    version : str
        Of visavis.
    url : str
        Where it will be found; empty while that is not known.
    """

    name: str
    description: str
    licence: str
    authors: Sequence[str]
    date: str
    version: str
    url: str = ""

    @property
    def licence_url(self) -> str:
        """Where the licence stands."""
        if "://" in self.licence:
            return self.licence
        return _LICENCES.get(self.licence, f"https://spdx.org/licenses/{self.licence}")


def psych_ds(about: About) -> dict[str, Any]:
    """Return the fields of Psych-DS for ``dataset_description.json``."""
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": about.name,
        "description": about.description,
        "license": about.licence_url,
        "author": [{"@type": "Person", "name": author} for author in about.authors],
        "datePublished": about.date,
        "variableMeasured": [
            {"@type": "PropertyValue", "name": name, "description": meaning}
            | ({"unitText": _UNITS[name]} if name in _UNITS else {})
            | ({"valuePattern": "|".join(VOCABULARIES[name])} if name in VOCABULARIES else {})
            for name, (_, meaning) in COLUMNS.items()
        ],
    }


def codebook() -> str:
    """Return a CSV with a row for each column of the data."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["column", "type", "values", "unit", "meaning"])
    for name, (dtype, meaning) in COLUMNS.items():
        values = " | ".join(VOCABULARIES.get(name, ()))
        writer.writerow([name, dtype, values, _UNITS.get(name, ""), meaning])
    return text.getvalue()


def ro_crate(about: About, folder: Path, data: str, report: str | None) -> dict[str, Any]:
    """Return ``ro-crate-metadata.json``.

    Parameters
    ----------
    about : About
    folder : path
        With all files of the publication.
    data : str
        Path of the table of trials.
    report : str or None
        Folder of the report, whose files get the provenance of its figures and numbers.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    names = [file.relative_to(folder).as_posix() for file in files]
    people = [
        {"@id": f"#author-{number}", "@type": "Person", "name": name} for number, name in enumerate(about.authors, 1)
    ]
    software = {
        "@id": "#visavis",
        "@type": "SoftwareApplication",
        "name": "visavis",
        "version": about.version,
        "url": "https://pypi.org/project/visavis/",
    }
    made = [name for name in names if report is not None and name.startswith(f"{report}/")]
    graph: list[dict[str, Any]] = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": about.name,
            "description": about.description,
            "datePublished": about.date,
            "license": {"@id": about.licence_url},
            "author": [{"@id": person["@id"]} for person in people],
            "hasPart": [{"@id": name} for name in names],
            **({"mentions": [{"@id": "#analysis"}]} if made else {}),
        },
        {
            "@id": about.licence_url,
            "@type": "CreativeWork",
            "name": about.licence,
            "description": f"The licence {about.licence}.",
            "identifier": about.licence_url,
        },
        *people,
        software,
    ]
    for file, name in zip(files, names, strict=True):
        entity: dict[str, Any] = {
            "@id": name,
            "@type": "File",
            "name": file.name,
            "encodingFormat": _format(file),
            "contentSize": str(file.stat().st_size),
            "sha256": sha256_of(file),
        }
        if name in made and file.suffix in _FIGURES:
            entity["@type"] = ["File", "ImageObject"] if file.suffix != ".pdf" else "File"
        if name in made:
            entity["isBasedOn"] = {"@id": data}
        graph.append(entity)
    if made:
        graph.append(
            {
                "@id": "#analysis",
                "@type": "CreateAction",
                "name": "visavis report",
                "endTime": about.date,
                "instrument": {"@id": "#visavis"},
                "agent": [{"@id": person["@id"]} for person in people],
                "object": {"@id": data},
                "result": [{"@id": name} for name in made],
            }
        )
    context = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://schema.org/sha256"}]
    return {"@context": context, "@graph": graph}


def _format(file: Path) -> str:
    return _FORMATS.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"


_CROISSANT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(about: About, folder: Path, data: str) -> dict[str, Any]:
    """Return ``croissant.json``: the table of trials, a field a column; parameters as of `ro_crate`."""
    cited = f"{' and '.join(about.authors)} ({about.date[:4]}). {about.name}."
    return {
        "@context": dict(_CROISSANT),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": about.name,
        "description": about.description,
        "license": about.licence_url,
        **({"url": about.url} if about.url else {}),
        "creator": [{"@type": "sc:Person", "name": author} for author in about.authors],
        "datePublished": about.date,
        "version": "1.0.0",
        "citeAs": cited,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "trials",
                "name": "trials",
                "description": "The trials table, a row a trial.",
                "contentUrl": data,
                "encodingFormat": "text/csv",
                "sha256": sha256_of(folder / data),
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "trial",
                "name": "trial",
                "description": "A row a trial, alike for people and models.",
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": f"trial/{name}",
                        "name": name,
                        "description": meaning,
                        "dataType": _TYPES.get(dtype, "sc:Text"),
                        "source": {"fileObject": {"@id": "trials"}, "extract": {"column": name}},
                    }
                    for name, (dtype, meaning) in COLUMNS.items()
                ],
            }
        ],
    }
