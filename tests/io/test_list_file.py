"""Lists as spreadsheets and people save them."""

import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.io.list_file import (
    blank_as_null,
    has_decimal_comma,
    is_missing,
    numbers,
    parse_list,
)
from support.workbooks import workbook

ROWS = [("img/ä.jpg", "0012"), ("b, c.jpg", "P 1")]


def column(*values: str | None) -> pl.Series:
    return pl.Series("v", values, dtype=pl.String)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separator_encoding_and_line_ends_do_not_matter(
    separator: str, encoding: str, end: str
) -> None:
    lines = [f'"{path}"{separator}{patient}' for path, patient in ROWS]
    text = end.join([f"path{separator}patient_id", *lines, ""])
    read = parse_list(text.encode(encoding), "list.csv")
    assert read.table.columns == ["path", "patient_id"]
    assert read.table.rows() == ROWS
    assert read.lines == (2, 3)
    assert read.notes == ()


def test_windows_1252_is_guessed_and_said() -> None:
    read = parse_list("Präparat;Pfad\nMüller;a.jpg\n".encode("cp1252"), "list.csv")
    assert read.table.rows() == [("Müller", "a.jpg")]
    assert read.notes == (
        "list.csv is not UTF-8 and was read as Windows-1252; look at its umlauts",
    )


@pytest.mark.parametrize(
    ("text", "rows", "lines"),
    [
        ("a,b\n\n1,2\n,\n3,4", [("1", "2"), ("3", "4")], (3, 5)),
        ("sep=;\na;b\n1;2\n", [("1", "2")], (3,)),
        ('a,b\n"x\ny",2\n3,4\n', [("x\ny", "2"), ("3", "4")], (2, 4)),
        ("a,b,,\n1,2,,\n", [("1", "2")], (2,)),
        ("a,b\n1\n", [("1", None)], (2,)),
        ('a,b\n5" x,6\n', [('5" x', "6")], (2,)),
        ("a;b\n1,5;2\n3,25;4\n", [("1,5", "2"), ("3,25", "4")], (2, 3)),
    ],
)
def test_blank_lines_directives_and_quotes(
    text: str, rows: list[tuple[str, ...]], lines: tuple[int, ...]
) -> None:
    read = parse_list(text.encode(), "list.csv")
    assert (read.table.rows(), read.lines) == (rows, lines)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a,b\n1,2\n1,2,3\n", "line 3 has 3 fields and the headings are 2"),
        (b"a,a\n1,2\n", "two columns are called a"),
        (b'a,b\n"x,1\n2,3\n', "line 2 cannot be read as a list .a quotation mark is not closed"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "is not text; save it as 'CSV UTF-8'"),
        (b"PK\x03\x04 and nothing more", "is not a readable Excel workbook"),
    ],
)
def test_what_is_no_list_is_said_in_a_line_without_the_words_of_a_library(
    data: bytes, reason: str
) -> None:
    with pytest.raises(InputError, match=rf"list\.csv: {reason}") as caught:
        parse_list(data, "list.csv")
    assert "\n" not in str(caught.value)
    assert "ragged" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,5", 1.5), ("1.5", 1.5), (" 3 ", 3.0), ("1.234,5", 1234.5), ("1,234.5", 1234.5),
        ("-2,5E-3", -0.0025), ("NA", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_numbers_with_point_or_comma(text: str | None, value: float | None) -> None:
    made = numbers(column(text))
    assert made is not None
    assert made.to_list() == [value]


def test_a_column_with_a_word_is_no_column_of_numbers() -> None:
    assert numbers(column("1", "left")) is None
    assert has_decimal_comma(column("1", "2,5"))
    assert not has_decimal_comma(column("1,2,3", "a,5"))


@pytest.mark.parametrize("text", ["", " ", "NA", "N/A", "n/a", "nan", "NULL", "None", "-", None])
def test_what_stands_for_nothing(text: str | None) -> None:
    assert is_missing(text)
    assert blank_as_null(column(text, "0")).to_list() == [None, "0"]


def test_the_first_sheet_of_a_workbook_keeps_zeros_of_text_and_whole_numbers() -> None:
    read = parse_list(workbook([["path", "id", "x"], ["ä.jpg", "0012", 3], ["b", None, 2.5]]), "l")
    assert read.table.rows() == [("ä.jpg", "0012", "3"), ("b", None, "2.5")]
    assert read.lines == (2, 3)
