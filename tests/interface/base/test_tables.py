"""The one reader of tables: every value in its own column, or the line where it is not."""

from __future__ import annotations

import contextlib
import csv
import io
import unicodedata

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavis.base.tables import TableError, read_numbers, read_table

PLAIN = "observer,left,right\nP1,a,b\nP2,b,a\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-32"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode("utf-16"),
        ("sep=;\r\n" + PLAIN.replace(",", ";").replace("\n", "\r\n")).encode(),
        PLAIN.replace("\n", ",\n").encode(),
        PLAIN.replace("a\n", "a,,\n").encode(),
        PLAIN.replace("P2", "\nP2").encode(),
        PLAIN.replace(",", " , ").encode(),
        PLAIN.rstrip("\n").encode(),
    ],
)
def test_one_table_in_many_forms(content: bytes) -> None:
    table = read_table(content)
    assert table.frame.to_dict("list") == {"observer": ["P1", "P2"], "left": ["a", "b"], "right": ["b", "a"]}


def test_lines_are_those_of_the_file() -> None:
    table = read_table(b'a,b\n"x\ny",1\n\nz,2\n')
    assert table.frame.index.tolist() == [2, 5]
    assert table.frame["a"].tolist() == ["x\ny", "z"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"a,b,c\n1,2,3\n1,2,3,4\n", "line 3 has 4 fields, the header in line 1 has 3: put text that holds a comma in"),
        (b"a,b,c\n1,2\n", "line 2 has 2 fields"),
        (b'a,b\n"x,1\ny,2\n', "line 2: .*quotation mark that is not closed"),
        (b"a,b\nM\xfcller,1\n", "line 2 is not in UTF-8: save the file as UTF-8"),
        (b"a,b\nx,1\n\0\0\0\0", "line 3 holds a zero byte"),
        (b"a;b,c\n1;2,3\n1;2,3\n", "line 1: columns could be divided by"),
        ("a,b\nx,1\n".encode("utf-16")[:-1], "is not whole utf-16"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused_with_the_line(content: bytes, message: str) -> None:
    with pytest.raises(TableError, match=message):
        read_table(content)


def test_known_names_tell_the_separator() -> None:
    table = read_table(b"left;right,choice\na;b,1\nc;d,2\n", expected=["right,choice", "left"])
    assert list(table.frame.columns) == ["left", "right,choice"]


def test_a_repeated_header_is_passed_over_and_noted() -> None:
    table = read_table(b"a,b\n1,2\na,b\n3,4\n")
    assert table.frame["a"].tolist() == ["1", "3"]
    assert table.notes == ("the header is repeated in line 3 and was passed over there",)


def test_columns_are_found_by_near_misses_unless_two_could_be_meant() -> None:
    table = read_table("SCENE, Left ,ri\u200bght,x,X\n1,2,3,4,5\n".encode())
    assert [table.find(name) for name in ("scene", "left", "right", "choice", "x")] == [
        "SCENE", "Left", "ri\u200bght", None, "x",
    ]  # fmt: skip
    with pytest.raises(TableError, match="the columns 'x', 'x' have one name"):
        read_table(b"x,x\n1,2\n").find("x")


@pytest.mark.parametrize(
    ("texts", "separator", "numbers"),
    [
        (["0.5", "1e3", "", "n/a"], ",", [0.5, 1000, None, None]),
        (["0,81", "1.234,5"], ";", [0.81, 1234.5]),
        (["1,234"], ";", [1.234]),
        (["1,234.5", "2"], ",", [1234.5, 2]),
        (["0,5", "1,234"], ",", [0.5, 1.234]),
    ],
)
def test_numbers_with_points_and_commas(texts: list[str], separator: str, numbers: list[float | None]) -> None:
    found, _ = read_numbers(pd.Series(texts, dtype="string"), "rt", separator)
    assert [None if pd.isna(one) else one for one in found] == numbers


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["0.5", "soon"], "line 3: rt must be a number, not 'soon'"),
        (["1,234"], "line 2: rt '1,234' could be 1234 or 1.234"),
        (["1.234,5", "1,234.5"], "mixes decimal points and commas"),
        (["0,5", "0.5"], "line 3: rt mixes decimal points and commas"),
        (["inf"], "line 2: rt must be a number"),
    ],
)
def test_what_is_no_number_or_two_is_refused(texts: list[str], message: str) -> None:
    with pytest.raises(TableError, match=message):
        read_numbers(pd.Series(texts, dtype="string", index=range(2, 2 + len(texts))), "rt", ",")


CELL = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8).map(str.strip)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=8), st.sampled_from([",", ";", "\t"]))
def test_what_a_csv_writer_wrote_is_read_back(rows: list[tuple[str, str, str]], separator: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([("one", "two", "three"), *rows])
    table = read_table(out.getvalue().encode(), expected=("one", "two", "three"))
    whole = [tuple(unicodedata.normalize("NFC", cell).strip() for cell in row) for row in rows]
    assert [tuple(row) for row in table.frame.itertuples(index=False)] == [row for row in whole if any(row)]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_an_error_of_tables(content: bytes) -> None:
    with contextlib.suppress(TableError):
        read_table(content)
