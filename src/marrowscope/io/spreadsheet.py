"""The first sheet of an Excel workbook (.xlsx, .xlsm) as rows of text.

A workbook is a ZIP archive of XML. Its parts are unpacked here under a limit, and only then handed
to the reader, which keeps a whole rectangle of cells in memory however few of them are filled.
"""

import datetime
import io
import re
import zipfile

from marrowscope.errors import InputError

MAX_UNPACKED = 256_000_000  # bytes
MAX_CELLS = 20_000_000  # of the rectangle around the filled ones
_BLOCK = 1 << 20
_CELL = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_TAIL = 32  # longer than such a reference


def is_workbook(data: bytes) -> bool:
    """Whether these bytes begin as a ZIP archive, which a workbook is."""
    return data[:4] == b"PK\x03\x04"


def first_sheet(data: bytes, name: str) -> list[list[str]]:
    """Rows of the first sheet that is shown; an empty cell is "".

    Whole numbers come without a decimal point, dates as in ISO 8601.

    Args:
        data: content of the file.
        name: of the file, for errors.

    Raises:
        InputError: not a workbook, damaged, protected, or unreasonably large.
    """
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    safe = _repacked(data, name)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(safe))
        shown = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.visible == SheetVisibleEnum.Visible
        ]
        if not shown:
            raise InputError(f"{name}: the workbook has no sheet that is shown")
        values = book.get_sheet_by_name(shown[0]).to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{name}: is not a readable Excel workbook; save it as CSV UTF-8"
        ) from None
    return [[_text(value) for value in row] for row in values]


def _repacked(data: bytes, name: str) -> bytes:
    """The same archive, unpacked under limits and stored anew without compression."""
    out = io.BytesIO()
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as copy:
            seen = set()
            for part in archive.infolist():
                if part.is_dir() or part.filename in seen or not part.filename.endswith(_PARTS):
                    continue
                seen.add(part.filename)
                with archive.open(part) as stream:
                    content = stream.read(MAX_UNPACKED - total + 1)
                total += len(content)
                if total > MAX_UNPACKED:
                    raise InputError(
                        f"{name}: unpacks to more than {MAX_UNPACKED // 10**6} MB; save the sheet "
                        "as CSV UTF-8"
                    )
                if part.filename.startswith("xl/worksheets/"):
                    _refuse_wide_sheet(content, name)
                copy.writestr(part.filename, content)
    except InputError:
        raise
    # zipfile raises RuntimeError of locked parts, NotImplementedError of unknown compression, and
    # lets errors of zlib and lzma through.
    except Exception as error:
        locked = "password" in str(error).lower() or "encrypted" in str(error).lower()
        reason = "is protected by a password" if locked else "is not a readable Excel workbook"
        raise InputError(f"{name}: {reason}; save it as CSV UTF-8") from None
    return out.getvalue()


# Pictures, macros and printer settings are of no use to a list.
_PARTS = (".xml", ".rels")


def _refuse_wide_sheet(content: bytes, name: str) -> None:
    rows = columns = 0
    for start in range(0, len(content), _BLOCK):
        for letters, digits in _CELL.findall(content, max(0, start - _TAIL), start + _BLOCK):
            rows, columns = max(rows, int(digits)), max(columns, _column(letters))
    if rows * columns > MAX_CELLS:
        raise InputError(
            f"{name}: the sheet reaches to row {rows} and column {columns}; remove what lies far "
            "outside of the list, or save it as CSV UTF-8"
        )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
