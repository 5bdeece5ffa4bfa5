"""A synthetic data set in the layout of the public release, with masks and patients."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from marrowscope.dataset.discover import MASK_SUFFIX
from marrowscope.errors import InputError
from marrowscope.files import replacing_folder
from marrowscope.geometry import MICRONS_PER_PIXEL
from marrowscope.morphology import CODES
from marrowscope.phantom.canvas import Optics, draw_optics
from marrowscope.phantom.cells import PhantomCell, draw_cell

SYNTHETIC = "synthetic"
CELL_VALUE, NUCLEUS_VALUE = 128, 255  # in mask files; 0 is background
LIST = "cells.csv"

_README = (
    "Synthetic cell images, drawn by marrowscope. No patient, no microscope.\n"
    "CODE/CODE_00001.png is an image, CODE/CODE_00001.mask.png its truth:\n"
    "0 outside, 128 cytoplasm, 255 nucleus. cells.csv lists labels and synthetic patients.\n"
)


def write_dataset(
    folder: Path,
    per_class: int,
    seed: int = 0,
    patients: int = 20,
    masks: bool = True,
    advance: Callable[..., None] | None = None,
) -> pl.DataFrame:
    """Write ``per_class`` cells of every class as PNG, in one rename of the folder.

    Every synthetic patient has stain and light of its own, so a split by patient means something.

    Args:
        folder: must not exist, or hold an earlier phantom set, which is replaced.
        per_class: images per class.
        seed: the same seed gives the same files.
        patients: number of synthetic patients.
        masks: whether to write the masks as well.
        advance: called as ``advance(done, total=...)``.

    Returns:
        The list that is also written as ``cells.csv``: path (relative), label, patient_id,
        annotator, microns_per_pixel.

    Raises:
        InputError: ``folder`` holds something else, or cannot be written.
    """
    if per_class < 1:
        raise InputError(f"phantom: {per_class} images per class; expected at least 1")
    if folder.exists() and not (folder / LIST).exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: holds something else; choose another folder")
    optics = [_patient_optics(seed, patient) for patient in range(patients)]
    rows = []
    with replacing_folder(folder) as place:
        for code in CODES:
            for number in range(1, per_class + 1):
                patient = (number + CODES.index(code)) % patients
                cell = draw_cell(code, cell_seed(seed, number), optics=optics[patient])
                name = f"{code}/{code}_{number:05d}"
                (place / code).mkdir(exist_ok=True)
                cv2.imwrite(f"{place / name}.png", cell.image[..., ::-1])
                if masks:
                    cv2.imwrite(f"{place / name}{MASK_SUFFIX}", mask_image(cell))
                rows.append((f"{name}.png", code, f"synthetic-{patient + 1:02d}"))
                if advance is not None:
                    advance(1, total=len(CODES) * per_class)
        table = pl.DataFrame(rows, schema=["path", "label", "patient_id"], orient="row")
        table = table.with_columns(
            pl.lit(SYNTHETIC).alias("annotator"),
            pl.lit(MICRONS_PER_PIXEL).alias("microns_per_pixel"),
        )
        table.write_csv(place / LIST)
        (place / "README.txt").write_text(_README, encoding="utf-8")
    return table


def mask_image(cell: PhantomCell) -> np.ndarray:
    """(H, W) uint8: 0 outside, 128 cytoplasm, 255 nucleus."""
    values = np.where(cell.cell_mask, CELL_VALUE, 0)
    return np.where(cell.nucleus_mask, NUCLEUS_VALUE, values).astype(np.uint8)


def cell_seed(seed: int, number: int) -> int:
    """Seed of the number-th cell of every class; sets of different seeds share no cell."""
    return seed * 1_000_003 + number


def _patient_optics(seed: int, patient: int) -> Optics:
    return draw_optics(np.random.Generator(np.random.PCG64([seed, 1_000_000 + patient])))
