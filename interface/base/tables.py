"""The one reader of tables that people and programs write: comma, semicolon, tab; UTF-8 or Excel's UTF-16.

Rule of this file: what is guessed is noted, and what is ambiguous or ragged is refused with the line; a value never
slips into another column.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pandas as pd

from .near import fold
from .text import nfc

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_MISSING = {"", "na", "n/a", "nan", "none", "null"}
_GROUPED = re.compile(r"[+-]?\d{1,3}([.,])\d{3}(\1\d{3})*")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LONGEST_CELL = 2**31 - 1


class TableError(ValueError):
    """A table that cannot be read without guessing; the message names the line and the remedy."""


@dataclass(frozen=True)
class TextTable:
    """A table of texts.

    Attributes
    ----------
    frame : DataFrame
        Every cell as text in NFC without blanks at its ends, missing ones empty; the index holds line numbers.
    separator : str
    notes : tuple of str
        What was guessed or passed over.
    """

    frame: pd.DataFrame
    separator: str
    notes: tuple[str, ...]

    def find(self, name: str) -> str | None:
        """Return how a column is spelt in the table, capitals and blanks aside; None if it is not there.

        Raises
        ------
        TableError
            If two columns could be meant.
        """
        names = list(self.frame.columns)
        same = [one for one in names if one == nfc(name)] or [one for one in names if fold(one) == fold(name)]
        if len(same) > 1:
            raise TableError(f"line 1: the columns {', '.join(map(repr, same))} have one name: rename or remove one")
        return same[0] if same else None


def decode(content: bytes) -> str:
    """Return the text of a file: UTF-8, with or without a byte order mark, or UTF-16 or UTF-32 with one.

    Raises
    ------
    TableError
        Naming the line that is in no such encoding.
    """
    encoding = next((name for mark, name in _BOMS if content.startswith(mark)), None)
    if encoding is None and content[1:2] == b"\0":
        encoding = "utf-16-le"
    try:
        text = content.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        if encoding is None:
            raise TableError(f"line {line} is not in UTF-8: save the file as UTF-8 (in Excel: 'CSV UTF-8')") from error
        raise TableError(f"line {line}: is not whole {encoding}: copy the file again, or save it as UTF-8") from error
    text = nfc(text.removeprefix("\ufeff"))
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise TableError(f"line {line} holds a zero byte: the file is damaged, or not a table: restore it from a copy")
    return text


def read_table(content: bytes, *, expected: Collection[str] = ()) -> TextTable:
    """Read a table.

    Parameters
    ----------
    content : bytes
        Of the file.
    expected : collection of str
        Names of columns that help to tell the separator.

    Raises
    ------
    TableError
        If it cannot be read, or a row has more or fewer fields than the header; with the line.
    """
    text = decode(content)
    notes: list[str] = []
    first, separator = 1, None
    if re.match(r"(?i)sep=.[\r\n]", text):  # Excel's own line
        separator, first = text[4], 2
        text = text.partition("\n")[2]
    if not text.strip():
        raise TableError("the file is empty: expected a first line with the names of the columns")
    if separator is None:
        separator = _separator(text, expected)
        if separator not in (",", "|"):
            notes.append(f"columns are divided by {SEPARATORS[separator]}s")
    rows = _rows(text, separator, first)
    header_line, header = next(rows)
    header = [cell.strip() for cell in header]
    body: list[list[str]] = []
    lines: list[int] = []
    repeated: list[int] = []
    for line, cells in rows:
        row = [cell.strip() for cell in cells]
        if not any(row):
            continue
        if len(row) > len(header) and not any(row[len(header) :]):
            row = row[: len(header)]
        if len(row) != len(header):
            raise TableError(
                f"line {line} has {len(row)} fields, the header in line {header_line} has {len(header)}: put text that "
                f"holds a {SEPARATORS.get(separator, 'separator')} in quotes, or add what is missing"
            )
        if row == header:
            repeated.append(line)
            continue
        body.append(row)
        lines.append(line)
    if repeated:
        notes.append(f"the header is repeated in line {', '.join(map(str, repeated[:5]))} and was passed over there")
    while header and not header[-1] and all(not row[len(header) - 1] for row in body):
        header = header[:-1]
        body = [row[: len(header)] for row in body]
    frame = pd.DataFrame(body, columns=pd.Index(header, dtype=object), index=pd.Index(lines, dtype="int64"))
    return TextTable(frame.astype("string"), separator, tuple(notes))


def _rows(text: str, separator: str, first: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the line on which it begins."""
    if csv.field_size_limit() < _LONGEST_CELL:
        csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begins = first
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TableError(
                f"line {begins}: {error}: look for a quotation mark that is not closed, or stands within a text "
                "(write it twice)"
            ) from error
        yield begins, row
        begins = first + reader.line_num


def _separator(text: str, expected: Collection[str]) -> str:
    """Return what divides columns: by the names that are expected, or else by rows as long as the header."""
    names = {fold(name) for name in expected}
    scores: dict[str, tuple[int, int, int]] = {}
    for separator in SEPARATORS:
        try:
            rows = [row for _, row in zip(range(60), _rows(text, separator, 1), strict=False)]
        except TableError:
            continue
        lengths = [len(row) for _, row in rows if any(row)]
        width = lengths[0] if lengths else 0
        if width > 1:
            found = len(names & {fold(cell) for cell in rows[0][1]})
            scores[separator] = found, sum(length == width for length in lengths) * 100 // len(lengths), width
    if not scores:
        return ","
    best = max(scores, key=lambda separator: scores[separator])
    rivals = [one for one in scores if one != best and scores[one][:2] == scores[best][:2] and scores[one][1] == 100]
    if rivals:
        raise TableError(
            f"line 1: columns could be divided by {SEPARATORS[best]}s or {SEPARATORS[rivals[0]]}s: put a first line "
            f"'sep={best}' or 'sep={rivals[0]}' before the header"
        )
    return best


def read_numbers(texts: pd.Series, name: str, separator: str) -> tuple[pd.Series, list[str]]:
    """Read a column of numbers, with a decimal point or comma.

    Parameters
    ----------
    texts : Series of str
        Its index holds line numbers.
    name : str
    separator : str
        Of the table's columns: between semicolons and tabs a comma is a decimal comma.

    Returns
    -------
    numbers : Series of float
        NaN where nothing is given.
    notes : list of str

    Raises
    ------
    TableError
        Naming the line of what is not a number, or could be two.
    """
    given = texts[~texts.str.casefold().isin(_MISSING)]
    comma = given.str.contains(",", regex=False)
    point = given.str.contains(".", regex=False)
    both = given[comma & point]
    notes: list[str] = []
    decimal = "."
    if len(both):
        marks = {max(text.rfind(","), text.rfind(".")) == text.rfind(",") for text in both}
        if len(marks) > 1:
            raise TableError(f"line {both.index[0]}: {name} mixes decimal points and commas: use one")
        decimal = "," if marks.pop() else "."
    elif comma.any():
        unclear = given[comma][[bool(_GROUPED.fullmatch(text)) for text in given[comma]]]
        if separator == "," and len(unclear) == int(comma.sum()):
            raise TableError(
                f"line {unclear.index[0]}: {name} {unclear.iloc[0]!r} could be {unclear.iloc[0].replace(',', '')} or "
                f"{unclear.iloc[0].replace(',', '.')}: write it with a decimal point and without thousands"
            )
        decimal = ","
    if decimal == ",":
        if (point & ~comma).any():
            line = given.index[(point & ~comma).to_numpy(dtype=bool)][0]
            raise TableError(f"line {line}: {name} mixes decimal points and commas: use one")
        given = given.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
        notes.append(f"{name}: commas are read as decimal commas")
    else:
        given = given.str.replace(",", "", regex=False)
    plain = given.str.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*").fillna(False).astype(bool)
    if not plain.all():
        line = given.index[~plain.to_numpy()][0]
        raise TableError(f"line {line}: {name} must be a number, not {texts[line][:60]!r}")
    return given.astype("float64").reindex(texts.index), notes
