"""The cell table: one Parquet file that every step reads and returns with more columns.

One row is one cell. A reader tolerates missing optional columns; a writer never drops a column
that it does not know.

============== =========================================================================
group          columns
============== =========================================================================
identity       ``cell_id`` stable id; ``path`` image file; ``sha256`` hex digest of the file, of a
               cell in a field of file and place
state          ``error`` why the image cannot be used, null when it can; ``note`` how it was
               converted on reading and what else is odd, null when there is nothing to say;
               ``width``, ``height`` px; ``bytes``, ``modified_ns`` of the file
place          ``laboratory`` that made the image; ``patient_id``, ``slide_id``, ``field_id``;
               ``x``, ``y`` centre in px at level 0; ``microns_per_pixel``; ``in_field`` whether
               ``path`` is a field in which the cell lies at x, y (else it is an image of this
               cell)
truth          ``label`` class code or null; ``annotator``
measurement    ``stain`` two unit vectors of optical density, 6 float32: haematoxylin-like
               R, G, B, then eosin-like R, G, B
split          ``split`` (``train``/``test``) or ``fold`` (0-based)
prediction     ``p_<CODE>`` probability in [0, 1] per class; ``predicted``; ``confidence``
============== =========================================================================

A user's own column may begin with ``p_`` as well; ``probability_codes`` says which are
probabilities, and all others stay as they are.
"""

import os
from collections import Counter
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

import numpy as np
import polars as pl

from marrowscope.errors import InputError
from marrowscope.identifiers import clean_column
from marrowscope.io.atomic import replacing
from marrowscope.io.list_file import LIST_SUFFIXES, blank_as_null, numbers, read_list
from marrowscope.io.regular_file import unusable_kind
from marrowscope.morphology import CODES

SCHEMA: dict[str, pl.DataType] = {
    "cell_id": pl.String(),
    "path": pl.String(),
    "sha256": pl.String(),
    "error": pl.String(),
    "note": pl.String(),
    "width": pl.Int32(),
    "height": pl.Int32(),
    "bytes": pl.Int64(),
    "modified_ns": pl.Int64(),
    "laboratory": pl.String(),
    "patient_id": pl.String(),
    "slide_id": pl.String(),
    "field_id": pl.String(),
    "x": pl.Float64(),
    "y": pl.Float64(),
    "microns_per_pixel": pl.Float64(),
    "in_field": pl.Boolean(),
    "label": pl.String(),
    "annotator": pl.String(),
    "stain": pl.Array(pl.Float32(), 6),
    "split": pl.String(),
    "fold": pl.Int32(),
    "predicted": pl.String(),
    "confidence": pl.Float32(),
}
REQUIRED: tuple[str, ...] = ("cell_id", "path")
PROBABILITY = "p_"
IN_FIELD = "in_field"
LABORATORY = "laboratory"
# In a spreadsheet people add blanks to these, or write NA.
_TIDIED = (
    "laboratory",
    "patient_id",
    "slide_id",
    "field_id",
    "annotator",
    "label",
    "split",
    "predicted",
)
_TRUTH = {"true": True, "false": False, "wahr": True, "falsch": False, "vrai": True, "faux": False}
_PREDICTED_BY = "predicted_by"  # in the metadata of a Parquet file
_SUM_TOLERANCE = 0.01  # half precision, or a CSV with three decimals

# Ids by which cells belong together, most telling first.
GROUPS: tuple[str, ...] = ("patient_id", "slide_id")


def read_cells(
    path: str | os.PathLike[str], needs: Iterable[str] = (), required: Iterable[str] = REQUIRED
) -> pl.DataFrame:
    """Read a cell table from Parquet, or from CSV or an Excel workbook by the suffix.

    Args:
        path: the file.
        needs: columns that the caller cannot do without, beside those that are required.
        required: of every table; less for the cells of a count, which have no ``path``.

    Returns:
        The table, known columns cast to the types of ``SCHEMA``, unknown ones untouched. Rows
        without a path have an ``error``.

    Raises:
        InputError: the file cannot be read, a needed column is missing, or a type is wrong.
    """
    path = Path(path)
    is_list = path.suffix.lower() in LIST_SUFFIXES
    table = read_text_table(path) if is_list else _read_parquet(path)
    missing = [name for name in (*required, *needs) if name not in table.columns]
    if missing:
        raise InputError(
            f"{path}: has no column {', '.join(missing)}; "
            "make a cell table with 'marrowscope index' and the steps after it"
        )
    table = _cast(table, path)
    return _without_path_as_error(table) if "path" in required else table


def _without_path_as_error(table: pl.DataFrame) -> pl.DataFrame:
    """Give rows that name no file an ``error``, as every file has that cannot be used."""
    if not table["path"].null_count():
        return table
    own = pl.col("error") if "error" in table.columns else pl.lit(None, pl.String)
    unnamed = pl.when(pl.col("path").is_null()).then(pl.lit("no path in the table"))
    return table.with_columns(pl.coalesce(own, unnamed).alias("error"))


def read_text_table(path: Path) -> pl.DataFrame:
    """Read a table that was saved as CSV or Excel workbook, by whatever spreadsheet.

    Columns that ``SCHEMA`` knows get its types, ids and labels are trimmed, and of the others those
    become numbers that hold nothing else. An id such as 0012 keeps its zeros.

    Raises:
        InputError: the file is no list (see ``read_list``), or a known column has the wrong type.
    """
    read = read_list(path)
    names = {heading: _known_name(heading) for heading in read.table.columns}
    table = read.table if len(set(names.values())) < len(names) else read.table.rename(names)
    columns = []
    for name in table.columns:
        kind = SCHEMA.get(name)
        if kind is None:
            columns.append(_typed_column(table[name]))
        elif name in _TIDIED:
            columns.append(clean_column(table[name]))
        elif kind == pl.String():
            columns.append(table[name].str.strip_chars())
        else:
            columns.append(_typed_column(table[name]))
    return _cast(pl.DataFrame(columns), path)


def typed(table: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """Make numbers, or true and false, of columns of text that hold nothing else.

    A column in which some number begins with 0, as ids do, stays text.
    """
    return table.with_columns(_typed_column(table[name]) for name in names)


def _typed_column(values: pl.Series) -> pl.Series:
    known = blank_as_null(values).str.strip_chars()
    there = known.drop_nulls()
    if not len(there):
        return known.alias(values.name)
    lower = there.str.to_lowercase()
    if lower.is_in(list(_TRUTH)).all():
        truth = [None if text is None else _TRUTH[text.lower()] for text in known.to_list()]
        return pl.Series(values.name, truth, dtype=pl.Boolean)
    if there.str.contains(r"^[-+]?0\d").any():
        return values
    if there.str.contains(r"^[-+]?\d{1,18}$").all():
        return known.cast(pl.Int64).alias(values.name)
    made = numbers(values)
    return values if made is None else made.alias(values.name)


def _known_name(heading: str) -> str:
    """A column of ours whose case or blanks a spreadsheet or a person changed."""
    plain = "_".join(heading.lower().split())
    return plain if plain in SCHEMA else heading


def _read_parquet(path: Path) -> pl.DataFrame:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    kind = unusable_kind(status.st_mode)
    if kind is not None or not status.st_size:
        raise InputError(f"{path}: is {kind or 'an empty file'}, not a cell table")
    try:
        return pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{path}: is not a readable cell table (no Parquet file, or damaged)"
        ) from error


def require_table_name(path: Path, argument: str = "output") -> None:
    """Refuse a name that does not say which kind of table is wanted, before the work.

    Raises:
        InputError: the suffix is neither ``.parquet`` nor ``.csv``.
    """
    if path.suffix.lower() not in (".parquet", ".csv"):
        raise InputError(f"`{argument}` {path}: give it the suffix .parquet or .csv")


def write_cells(
    table: pl.DataFrame, path: str | os.PathLike[str], predicted_by: str | None = None
) -> None:
    """Write a cell table as Parquet, or as CSV when the suffix is ``.csv``, in one rename.

    In CSV the ``stain`` array is left out, for a CSV cell holds one value.

    Args:
        table: the cells.
        path: of the file.
        predicted_by: kind of the model whose answers it holds; kept in Parquet only.

    Raises:
        InputError: ``path`` cannot be written.
    """
    path = Path(path)
    with replacing(path) as temporary:
        if path.suffix.lower() == ".csv":
            flat = [name for name, kind in table.schema.items() if not kind.is_nested()]
            table.select(flat).write_csv(temporary)
        else:
            kept = None if predicted_by is None else {_PREDICTED_BY: predicted_by}
            table.write_parquet(temporary, compression="zstd", metadata=kept)


def predicted_by(path: Path) -> str | None:
    """Kind of the model whose answers a cell table holds; None where it does not say."""
    try:
        if unusable_kind(os.stat(path).st_mode) is not None:
            return None
        return pl.read_parquet_metadata(path).get(_PREDICTED_BY)
    except (OSError, pl.exceptions.PolarsError):  # a CSV, for instance
        return None


def usable(table: pl.DataFrame) -> pl.DataFrame:
    """Rows whose image can be used: those without an ``error``."""
    return table.filter(pl.col("error").is_null()) if "error" in table.columns else table


def note_counts(
    notes: Iterable[str | None], before: Iterable[str | None] = ()
) -> tuple[tuple[str, int], ...]:
    """How often each kind of note was made, most frequent first.

    Args:
        notes: of the column ``note``: parts between semicolons; what is in brackets is the case's.
        before: notes of the same rows that were there already and are not counted.
    """
    found: Counter[str] = Counter()
    for note, old in zip_longest(notes, before):
        known = set((old or "").split("; "))
        parts = [part for part in (note or "").split("; ") if part and part not in known]
        found.update({part.split(" (")[0] for part in parts})
    return tuple(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def group_column(table: pl.DataFrame) -> str | None:
    """Name of the id column by which cells must stay together in a split, or None.

    The first of ``GROUPS`` that has a value in every usable row.
    """
    rows = usable(table)
    for name in GROUPS:
        if name in rows.columns and rows.height and rows[name].null_count() == 0:
            return name
    return None


def probability_codes(table: pl.DataFrame, classes: Iterable[str] = ()) -> list[str]:
    """Class codes that have a probability column, in the order of the columns.

    A column ``p_<CODE>`` holds probabilities when the code is one of the 21 classes, or occurs as
    ``label`` or ``predicted``. The others of a user's own scheme are known by their values: with
    them the probabilities of every predicted row sum to 1, and rows without prediction have none.

    Args:
        table: any table.
        classes: of the user's own scheme, as far as they are known.
    """
    named = [name[len(PROBABILITY) :] for name in table.columns if name.startswith(PROBABILITY)]
    if set(named) <= set(CODES):
        return named
    numbers = {code for code in named if _holds_numbers(table[PROBABILITY + code])}
    occurring = {
        value
        for column in ("label", "predicted")
        if column in table.columns
        for value in table[column].cast(pl.String).unique().to_list()
    }
    sure = {code for code in named if code in CODES or (code in numbers and code in occurring)}
    floats = {code for code in numbers if table[PROBABILITY + code].dtype.is_float()}
    for wider in (sure | floats, sure | (floats & set(classes))):
        codes = [code for code in named if code in wider]
        if wider > sure and _sum_to_one(table, codes):
            return codes
    return [code for code in named if code in sure]


def probabilities(table: pl.DataFrame) -> np.ndarray:
    """Probabilities of all rows, (N, classes) float32; NaN where a row has none."""
    names = [PROBABILITY + code for code in probability_codes(table)]
    return table.select(pl.col(names).cast(pl.Float32)).to_numpy()


def _holds_numbers(column: pl.Series) -> bool:
    return column.dtype.is_numeric() or column.null_count() == len(column)


def _sum_to_one(table: pl.DataFrame, codes: list[str]) -> bool:
    """Whether these are probabilities where there is a prediction, and nothing elsewhere."""
    if "predicted" not in table.columns:
        return False
    answered = table["predicted"].is_not_null().to_numpy()
    try:
        values = table.select(
            pl.col(PROBABILITY + code).cast(pl.Float64) for code in codes
        ).to_numpy()
    except pl.exceptions.PolarsError:
        return False
    inside = ((values >= 0) & (values <= 1.001)).all(axis=1)  # false for nan
    right = inside & (np.abs(values.sum(axis=1) - 1) < _SUM_TOLERANCE)
    return bool(answered.any() and right[answered].all() and np.isnan(values[~answered]).all())


def _cast(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    wanted = {name: kind for name, kind in SCHEMA.items() if name in table.columns}
    wanted |= {PROBABILITY + code: pl.Float32() for code in probability_codes(table)}
    made = []
    for name, kind in wanted.items():
        try:
            made.append(table[name].cast(kind))
        except pl.exceptions.PolarsError as error:
            raise InputError(
                f"{path}: column {name} has the wrong type: {table[name].dtype} where {kind} "
                f"belongs{_odd_value(table[name])}"
            ) from error
    return table.with_columns(made)


def _odd_value(values: pl.Series) -> str:
    """The first value of a column of text that is no number, for a message."""
    if values.dtype != pl.String():
        return ""
    for row, text in enumerate(values.to_list(), 1):
        if numbers(pl.Series([text], dtype=pl.String)) is None:
            return f" (row {row}: {text!r})"
    return ""
