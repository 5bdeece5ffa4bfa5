"""Any list that a spreadsheet or a person saved → one table of text.

Read are CSV files with comma, semicolon, tab or bar between the fields, quoted fields among them,
in UTF-8, UTF-16 or Windows-1252, with or without byte-order mark, and the first sheet of Excel
workbooks. Every value stays the text that it was, so that an id 0012 keeps its zeros; ``numbers``
makes numbers of a column, with decimal point or comma.
"""

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marrowscope.errors import InputError
from marrowscope.io.regular_file import read_regular
from marrowscope.io.spreadsheet import first_sheet, is_workbook

MAX_BYTES = 512_000_000
LIST_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xlsm")
_SEPARATORS = (",", ";", "\t", "|")
_LOOKED_AT = 50  # lines, to find the separator
_DIRECTIVE = re.compile(r"\A(?:\"?sep=(.)\"?)\r?\n", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_DECIMAL_COMMA = r"^\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*$"
_NUMBER = r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"
_MAX_CONTROL = 0.05  # of a text; one in a file name is that row's fault, not the list's
# What people and programs write where nothing is known.
MISSING = frozenset({"", "na", "n/a", "n.a.", "nan", "null", "none", "-", "--", "–", "#n/a", "nil"})


@dataclass(frozen=True)
class ListFile:
    """A list as it was read.

    Attributes:
        table: every column is text, null where a field is empty; headings are trimmed.
        lines: 1-based line of the file (row of the sheet) of each row.
        notes: what had to be guessed, one sentence each.
        separator: between its fields; "" in a workbook.
    """

    table: pl.DataFrame
    lines: tuple[int, ...]
    notes: tuple[str, ...]
    separator: str


def read_list(path: Path) -> ListFile:
    """Read a list; see the module for what is understood.

    Raises:
        InputError: missing, not a regular file, over 512 MB, neither text nor a workbook, two
            headings of one name, or a line with more fields than headings.
    """
    return parse_list(read_regular(path, MAX_BYTES), str(path))


def parse_list(data: bytes, name: str) -> ListFile:
    """As ``read_list``, of the content of a file called ``name``."""
    if is_workbook(data):
        rows = list(enumerate(first_sheet(data, name), 1))
        return ListFile(*_tabulated(rows, name), (), "")
    text, encoding = decoded(data, name)
    notes = (
        (f"{name} is not UTF-8 and was read as Windows-1252; look at its umlauts",)
        if encoding == "cp1252"
        else ()
    )
    first = 1
    said = _DIRECTIVE.match(text)
    if said is not None:  # Excel's own first line
        text, first = text[said.end() :], 2
    if "\n" not in text:  # lines end as on an old Macintosh
        text = text.replace("\r", "\n")
    separator = said.group(1) if said is not None else _separator(text)
    read = _plain(text, separator, first, name)
    if read is None:
        read = _tabulated(_fields(text, separator, first, name), name)
    return ListFile(*read, notes, separator)


def decoded(data: bytes, name: str) -> tuple[str, str]:
    """Text of a list and the encoding: ``utf-8``, ``utf-16``, or ``cp1252`` where it was guessed.

    Raises:
        InputError: these bytes are no text.
    """
    refusal = InputError(
        f"{name}: is not text; save it as 'CSV UTF-8' or as an Excel workbook (.xlsx)"
    )
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if len(_CONTROL.findall(text)) > _MAX_CONTROL * len(text):
            raise refusal
        return text.removeprefix("\ufeff"), encoding.removesuffix("-sig")
    raise refusal


def _encodings(data: bytes) -> tuple[str, ...]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ("utf-16",)
    head = data[:4096]
    if len(data) % 2 == 0 and head.count(0) > len(head) // 5:  # without byte-order mark
        return ("utf-16-le",) if head[1::2].count(0) > head[0::2].count(0) else ("utf-16-be",)
    return ("utf-8-sig", "cp1252")


def numbers(values: pl.Series) -> pl.Series | None:
    """A column of text as Float64, with decimal point or comma; None where some value is none.

    Spaces around a number do not matter; missing values are null. A comma is a decimal one, and
    with a point as well (1.234,5 or 1,234.5) the last of the two.
    """
    text = blank_as_null(values).str.strip_chars().str.replace_all("[\u00a0\u202f ']", "")
    both = text.str.contains(",", literal=True) & text.str.contains(".", literal=True)
    comma_last = text.str.contains(r",[^.]*$") & text.str.contains(r"\..*,")
    table = pl.DataFrame({"t": text, "both": both, "comma": comma_last})
    plain = table.select(
        pl.when(pl.col("both") & pl.col("comma"))
        .then(
            pl.col("t").str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        )
        .when(pl.col("both"))
        .then(pl.col("t").str.replace_all(",", "", literal=True))
        .otherwise(pl.col("t").str.replace(",", ".", literal=True))
    ).to_series()
    if not plain.drop_nulls().str.contains(_NUMBER).all():
        return None
    return plain.cast(pl.Float64, strict=False)


def has_decimal_comma(values: pl.Series) -> bool:
    """Whether some value of a column of text is a number with a decimal comma."""
    return bool(values.drop_nulls().str.contains(_DECIMAL_COMMA).any())


def blank_as_null(values: pl.Series) -> pl.Series:
    """A column of text with null for whatever stands for nothing: NA, nan, null, "-" and others."""
    table = pl.DataFrame({"t": values})
    is_missing = pl.col("t").str.strip_chars().str.to_lowercase().is_in(sorted(MISSING))
    return table.select(pl.when(~is_missing).then(pl.col("t"))).to_series().alias(values.name)


def is_missing(text: str | None) -> bool:
    """Whether a field stands for nothing: empty, NA, N/A, nan, null, None, "-"."""
    return text is None or " ".join(text.split()).lower() in MISSING


def _plain(
    text: str, separator: str, first: int, name: str
) -> tuple[pl.DataFrame, tuple[int, ...]] | None:
    """The table of a text without quotation marks, in which all lines fit; None of any other."""
    if '"' in text or "\n" not in text.strip():
        return None
    headings = _headings(text.lstrip("\r\n").split("\n", 1)[0].split(separator), name)
    if text[0] in "\r\n" or not all(headings):
        return None
    try:
        table = pl.read_csv(
            text.encode(),
            has_header=False,
            skip_rows=1,
            separator=separator,
            quote_char=None,
            infer_schema=False,
            new_columns=headings,
        )
    except pl.exceptions.PolarsError:
        return None
    if table.columns != headings:  # the first line has not as many fields
        return None
    blank = pl.all().str.strip_chars() == ""
    table = table.with_columns(pl.when(~blank).then(pl.all()))
    filled = table.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    lines = (pl.int_range(table.height, eager=True) + first + 1).filter(filled)
    return table.filter(filled), tuple(lines.to_list())


def _fields(text: str, separator: str, first: int, name: str) -> list[tuple[int, list[str]]]:
    """Line and fields of every record."""
    for strict in (True, False):  # a mark inside a field is no error to a spreadsheet
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=strict)
        rows, line = [], first
        try:
            for row in reader:
                rows.append((line, row))
                line = first + reader.line_num
            return rows
        except csv.Error as error:
            open_mark = "end of data" in str(error) or "limit" in str(error)
            if not strict or open_mark:
                hint = "a quotation mark is not closed" if open_mark else str(error)
                raise InputError(f"{name}: line {line} cannot be read as a list ({hint})") from None
    return []


def _separator(text: str) -> str:
    """The character that divides most lines into the same number of fields."""
    head = text[:200_000].split("\n")[:_LOOKED_AT]
    sample = "\n".join(head)
    best, best_score = ",", (0.0, 0)
    for separator in _SEPARATORS:
        try:
            rows = [row for row in csv.reader(io.StringIO(sample), delimiter=separator) if row]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        score = (sum(len(row) == width for row in rows) / len(rows), width)
        if score > best_score:
            best, best_score = separator, score
    return best


def _headings(fields: list[str], name: str) -> list[str]:
    """Trimmed headings; InputError for two of one name."""
    headings = [unicodedata.normalize("NFC", " ".join(field.split())) for field in fields]
    while headings and not headings[-1]:  # a spreadsheet's empty columns on the right
        headings.pop()
    seen = set()
    for heading in headings:
        if heading and heading in seen:
            raise InputError(
                f"{name}: two columns are called {heading}; rename or remove one of them"
            )
        seen.add(heading)
    return headings


def _tabulated(
    rows: list[tuple[int, list[str]]], name: str
) -> tuple[pl.DataFrame, tuple[int, ...]]:
    """The records of a list, headings first, as a table, and the line of each; may be empty."""
    rows = [(line, row) for line, row in rows if any(field.strip() for field in row)]
    if not rows:
        return pl.DataFrame(), ()
    headings = _headings(rows.pop(0)[1], name)
    columns: list[list[str | None]] = [[] for _ in headings]
    for line, row in rows:
        if any(field.strip() for field in row[len(headings) :]):
            raise InputError(
                f"{name}: line {line} has {len(row)} fields and the headings are {len(headings)}; "
                "put fields that hold the separator into quotation marks"
            )
        for place, column in enumerate(columns):
            field = row[place] if place < len(row) else ""
            column.append(field if field.strip() else None)
    table = pl.DataFrame(
        {
            heading or f"column {place}": pl.Series(column, dtype=pl.String)
            for place, (heading, column) in enumerate(zip(headings, columns, strict=True), 1)
        }
    )
    return table, tuple(line for line, _ in rows)
