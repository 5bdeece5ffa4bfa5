"""A synthetic data set in the layout of the public release, with masks and patients."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import SCHEMA, write_cells
from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing_folder
from marrowscope.io.folder_guards import require_earlier_output
from marrowscope.io.image_file import MASK_SUFFIX
from marrowscope.morphology import CODES
from marrowscope.phantom.camera import ImagingStyle, draw_style
from marrowscope.phantom.marked_images import (
    LIST,
    README,
    TABLE,
    jpeg_with_comment,
    png_with_comment,
)
from marrowscope.phantom.synthetic_cell import PhantomCell, draw_cell
from marrowscope.progress import Advance

SYNTHETIC = "synthetic"
CELL_VALUE, NUCLEUS_VALUE = 128, 255  # in mask files; 0 is background

_COMMENT = "synthetic: drawn by marrowscope, no patient, no microscope"
_FOLDER_SIZE = 1000  # the public release splits classes with more images into such folders
_TEXT = (
    "Synthetic cell images, drawn by marrowscope: no patient, no microscope.\n"
    "Nothing measured on them says anything about real cells.\n\n"
    "CODE/CODE_00001.jpg is an image, CODE/CODE_00001.mask.png (if written) its truth:\n"
    "0 outside, 128 cytoplasm, 255 nucleus. cells.parquet is the cell table with labels,\n"
    "synthetic patients and true stain vectors; cells.csv is the same with relative paths,\n"
    "for use after the folder was moved: marrowscope index cells.csv.\n"
)


def write_dataset(
    folder: Path,
    per_class: int | Mapping[str, int],
    seed: int = 0,
    patients: int = 20,
    masks: bool = True,
    advance: Advance | None = None,
) -> pl.DataFrame:
    """Write synthetic cells as JPEG of quality 95, all in one rename of the folder.

    Every synthetic patient has stain and light of its own, so a split by patient means
    something. The truth is exact: masks before compression, stain vectors as rendered.

    Args:
        folder: must not exist, or hold an earlier phantom set, which is replaced.
        per_class: images of every class, or a number for each code.
        seed: the same seed gives the same files.
        patients: number of synthetic patients.
        masks: whether to write masks of cell and nucleus beside the images.
        advance: called as ``advance(done, total=...)``.

    Returns:
        The cell table that is also written as ``cells.parquet``; paths are absolute.

    Raises:
        InputError: ``folder`` holds something else or cannot be written, a count is below 0
            or a code is unknown.
    """
    folder = Path(folder).absolute()
    counts = _counts(per_class)
    if patients < 1:
        raise InputError(f"{patients} synthetic patients; expected at least 1")
    if seed < 0:
        raise InputError(f"`seed` {seed}: must be 0 or more")
    require_earlier_output(folder, {LIST: None, README: _TEXT.encode()})
    styles = [patient_style(seed, patient) for patient in range(patients)]
    rows = []
    with replacing_folder(folder) as place:
        for code, number, name in _names(counts):
            # Classes start at different patients, so that small classes do not share a few.
            patient = (number + CODES.index(code)) % patients
            cell = draw_cell(code, cell_seed(seed, number), style=styles[patient])
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            data = jpeg_with_comment(cell.image, _COMMENT)
            target.write_bytes(data)
            if masks:
                (place / (name.removesuffix(".jpg") + MASK_SUFFIX)).write_bytes(
                    png_with_comment(mask_image(cell), _COMMENT)
                )
            rows.append(_row(folder / name, data, cell, f"synthetic-{seed}-{patient + 1:02d}"))
            if advance is not None:
                advance(1, total=sum(counts.values()))
        table = pl.DataFrame(rows, schema={name: SCHEMA[name] for name in rows[0]})
        write_cells(table, place / TABLE)
        relative = table.with_columns(pl.col("path").str.strip_prefix(f"{folder}/"))
        write_cells(relative, place / LIST)
        (place / README).write_text(_TEXT, encoding="utf-8")
    return table


def mask_image(cell: PhantomCell) -> NDArray[np.uint8]:
    """(H, W) uint8: 0 outside, 128 cytoplasm, 255 nucleus."""
    values = np.where(cell.cell_mask, CELL_VALUE, 0)
    return np.where(cell.nucleus_mask, NUCLEUS_VALUE, values).astype(np.uint8)


def cell_seed(seed: int, number: int) -> int:
    """Seed of the number-th cell of every class; sets of different seeds share no cell."""
    return seed * 10_000_019 + number


def patient_style(seed: int, patient: int) -> ImagingStyle:
    """Stain and light of one synthetic patient."""
    return draw_style(np.random.Generator(np.random.PCG64([seed, patient, 0x9A71E])))


def _counts(per_class: int | Mapping[str, int]) -> dict[str, int]:
    counts = dict.fromkeys(CODES, per_class) if isinstance(per_class, int) else dict(per_class)
    for code, count in counts.items():
        if code not in CODES:
            raise InputError(f"{code}: is not one of the 21 classes {' '.join(CODES)}")
        if count < 0:
            raise InputError(f"{code}: {count} images; expected 0 or more")
    if not any(counts.values()):
        raise InputError("no synthetic cells asked for; give at least 1 per class")
    return counts


def _names(counts: dict[str, int]) -> Iterator[tuple[str, int, str]]:
    """Code, number and relative path of every image, as the public release names them."""
    for code, count in counts.items():
        for number in range(1, count + 1):
            inner = ""
            if count > _FOLDER_SIZE:
                first = (number - 1) // _FOLDER_SIZE * _FOLDER_SIZE + 1
                inner = f"{first:04d}-{min(first + _FOLDER_SIZE - 1, count)}/"
            yield code, number, f"{code}/{inner}{code}_{number:05d}.jpg"


def _row(path: Path, data: bytes, cell: PhantomCell, patient: str) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    return {
        "cell_id": digest[:16],
        "path": str(path),
        "sha256": digest,
        "error": None,
        "note": None,
        "width": cell.image.shape[1],
        "height": cell.image.shape[0],
        "bytes": len(data),
        "patient_id": patient,
        "microns_per_pixel": cell.microns_per_pixel,
        "label": cell.code,
        "annotator": SYNTHETIC,
        "stain": cell.stain.tolist(),
    }
