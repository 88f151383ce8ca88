"""Files as tables of texts: CSV and its kin, JSON, JSON lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from visavis.base.tables import TableError, TextTable, decode, read_table
from visavis.base.text import printable
from visavis.experiments.session import SessionError

_DEEPEST = 3
_LONGEST_LIST = 20


@dataclass(frozen=True)
class Source:
    """One file that was read.

    Attributes
    ----------
    path : Path
    sha256 : str
    table : TextTable
        The index of its frame holds line numbers, or those of records.
    place : {'line', 'record'}
        What the index counts.
    """

    path: Path
    sha256: str
    table: TextTable
    place: str

    def error(self, text: object) -> SessionError:
        """Return an error that names the file; a line of the message is a record where records are counted."""
        message = str(text)
        if self.place == "record" and message.startswith("line "):
            message = "record " + message.removeprefix("line ")
        return SessionError(f"{self.path}: {message}")


def read_source(path: Path, expected: Collection[str], *, index_column: bool = False) -> Source:
    """Read a file.

    Parameters
    ----------
    path : path
        CSV with commas, semicolons, tabs or bars, in UTF-8 or UTF-16; JSON, a list of objects; or JSON lines.
    expected : collection of str
        Names of columns, which help to tell what divides them.
    index_column : bool
        Whether the first column has no name, as in a matrix.

    Raises
    ------
    SessionError
        If it cannot be read without guessing; with the line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SessionError(f"{path}: cannot be read ({error.strerror})") from error
    place = "line"
    try:
        head = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if path.suffix.casefold() in (".json", ".jsonl", ".ndjson") or (head in (b"[", b"{") and not index_column):
            table, place = _read_json(decode(content))
        else:
            table = read_table(content, expected=expected)
    except TableError as error:
        raise SessionError(f"{path}: {error}") from error
    return Source(path, hashlib.sha256(content).hexdigest(), table, place)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


_decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse)


def _read_json(text: str) -> tuple[TextTable, str]:
    """Return records as a table, and what its index counts."""
    if not text.strip():
        raise TableError("the file is empty: expected a list of objects")
    try:
        whole = _decoder.decode(text)
    except RecursionError as error:
        raise TableError("too deeply nested") from error
    except ValueError as error:
        numbered = list(_json_lines(text))
        if not numbered:
            line = getattr(error, "lineno", 1)
            raise TableError(f"line {line}: is not JSON ({error})") from error
        return _as_table(numbered), "line"
    records = _records(whole)
    if len(text.strip().splitlines()) == 1 and isinstance(whole, dict) and records is None:
        return _as_table([(1, whole)]), "line"
    if records is None:
        raise TableError("expected a list of objects, an object that holds one, or an object a line")
    return _as_table(list(enumerate(records, start=1))), "record"


def _json_lines(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the object of each line; nothing where the first line is not one."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = _decoder.decode(line.strip())
        except (ValueError, RecursionError) as error:
            if number == 1:
                return
            reason = "too deeply nested" if isinstance(error, RecursionError) else printable(str(error))[:100]
            raise TableError(f"line {number}: is not JSON ({reason}): restore it, or remove the line") from error
        if not isinstance(record, dict):
            raise TableError(f"line {number}: expected an object, not {line.strip()[:40]!r}")
        yield number, record


def _records(whole: Any) -> list[dict[str, Any]] | None:
    """Return the list of objects in a document: itself, or the only one that an object holds."""
    lists = [whole] if isinstance(whole, list) else []
    if isinstance(whole, dict):
        lists = [value for value in whole.values() if isinstance(value, list) and value]
        lists = [value for value in lists if all(isinstance(one, dict) for one in value)]
    if len(lists) != 1:
        return None
    if not all(isinstance(one, dict) for one in lists[0]):
        raise TableError("expected a list of objects: one of its entries is another thing")
    return lists[0]


def _as_table(numbered: list[tuple[int, dict[str, Any]]]) -> TextTable:
    rows = []
    for _, record in numbered:
        row: dict[str, str] = {}
        _flatten("", record, row, 0)
        rows.append(row)
    if not rows:
        raise TableError("the file holds no records")
    names = list(dict.fromkeys(name for row in rows for name in row))
    index = pd.Index([number for number, _ in numbered], dtype="int64")
    frame = pd.DataFrame({name: [row.get(name, "") for row in rows] for name in names}, index=index)
    return TextTable(frame.astype("string"), "json", ())


def _flatten(prefix: str, value: Any, row: dict[str, str], depth: int) -> None:
    """Write what a record holds as texts: ``a.b`` for what is nested, ``a.0`` for the first of a list."""
    inside: Any = None
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list) and len(value) <= _LONGEST_LIST:
        inside = enumerate(value)
    if inside is not None and depth < _DEEPEST:
        for name, one in inside:
            _flatten(f"{prefix}.{name}" if prefix else str(name), one, row, depth + 1)
    elif value is None:
        row[prefix] = ""
    elif isinstance(value, bool):
        row[prefix] = str(value).lower()
    elif isinstance(value, dict | list):
        row[prefix] = json.dumps(value, ensure_ascii=False)
    else:
        row[prefix] = str(value).strip()
