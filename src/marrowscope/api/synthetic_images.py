"""Numbers of synthetic cells, fields or a slide come in; their images go out, with the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marrowscope.api.arguments import AnyPath, begin
from marrowscope.phantom.field_settings import FIELD_HEIGHT, FIELD_WIDTH, FieldSettings
from marrowscope.phantom.marked_images import TABLE
from marrowscope.phantom.synthetic_dataset import write_dataset
from marrowscope.phantom.synthetic_fields import summary, write_fields
from marrowscope.phantom.synthetic_slide import SlideSettings, write_slide
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.progress import Stage

Composition = str | Mapping[str, float]


@dataclass(frozen=True)
class SyntheticCells:
    """A data set of synthetic cells.

    Attributes:
        folder: of the images, laid out as the public release.
        table: one row per image, with label, synthetic patient and true stain vectors.
    """

    folder: Path
    table: pl.DataFrame

    @property
    def table_path(self) -> Path:
        """Where the cell table lies."""
        return self.folder / TABLE


@dataclass(frozen=True)
class SyntheticFields:
    """Synthetic microscope fields.

    Attributes:
        folder: of the images and masks.
        table: one row per object that has a truth: class, place, box, whether it can be judged.
        microns_per_pixel: pixel size.
    """

    folder: Path
    table: pl.DataFrame
    microns_per_pixel: float

    @property
    def table_path(self) -> Path:
        """Where the cell table lies."""
        return self.folder / TABLE

    @property
    def counts(self) -> Mapping[str, int]:
        """Numbers of ``fields``, ``cells``, those ``touching`` another, and ``other`` objects."""
        return summary(self.table)


@dataclass(frozen=True)
class SyntheticSlide:
    """A synthetic slide.

    Attributes:
        path: of the pyramidal TIFF.
        table: one row per object that has a truth, in px of level 0.
        width, height: px of level 0.
        microns_per_pixel: pixel size of level 0.
    """

    path: Path
    table: pl.DataFrame
    width: int
    height: int
    microns_per_pixel: float

    @property
    def table_path(self) -> Path:
        """Where the cell table lies."""
        return self.path.with_suffix(".cells.parquet")

    @property
    def truth_path(self) -> Path:
        """JSON with the contour of the smear and its zones."""
        return self.path.with_suffix(".truth.json")

    @property
    def cells(self) -> pl.DataFrame:
        """The rows that are cells: no smudges, no artefacts."""
        return self.table.filter("is_cell")

    @property
    def judgeable_cells(self) -> pl.DataFrame:
        """Those of the cells that lie in the judgeable zone, in focus and not covered."""
        return self.cells.filter("judgeable")


def draw_cells(
    output: AnyPath,
    per_class: int | Mapping[str, int] = 50,
    *,
    patients: int = 20,
    masks: bool = True,
    seed: int = 0,
    progress: Stage | None = None,
) -> SyntheticCells:
    """Draw synthetic cells of all 21 classes, 250 × 250 px, as JPEG.

    Args:
        output: new folder, or one of an earlier call, which is replaced.
        per_class: images of every class, or a number for each code.
        patients: synthetic patients, each with stain and light of its own.
        masks: write the true masks of cell and nucleus as well.
        seed: the same seed gives the same files.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: the folder holds something else or cannot be written, a number is too small, or
            a code is unknown.
    """
    folder = Path(output)
    advance = begin(progress, "drawing cells")
    return SyntheticCells(folder, write_dataset(folder, per_class, seed, patients, masks, advance))


def draw_fields(
    output: AnyPath,
    number: int = 10,
    *,
    width: int = FIELD_WIDTH,
    height: int = FIELD_HEIGHT,
    composition: Composition = "normal",
    cells_per_mm2: float = 2500.0,
    touching: float = 0.3,
    microns_per_pixel: float | None = None,
    seed: int = 0,
    progress: Stage | None = None,
) -> SyntheticFields:
    """Draw synthetic microscope fields that differ as those of many smears do, as JPEG with masks.

    Args:
        output: new folder, or one of an earlier call, which is replaced.
        number: of fields.
        width: px.
        height: px.
        composition: mix of classes: normal, acute-leukaemia, promyelocytic, lymphocytic, myeloma,
            blood; or a weight for each code.
        cells_per_mm2: nucleated cells per mm², about which the fields vary.
        touching: share of the cells that touch another one, 0 to 0.9.
        microns_per_pixel: pixel size; None: 0.08625.
        seed: the same seed gives the same files.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: the folder holds something else or cannot be written, or a value is out of
            range.
    """
    settings = FieldSettings(
        width=width,
        height=height,
        microns_per_pixel=_pixel_size(microns_per_pixel),
        composition=composition,
        cells_per_mm2=cells_per_mm2,
        touching=touching,
    )
    folder = Path(output)
    advance = begin(progress, "drawing fields")
    table = write_fields(folder, number, settings, seed, advance=advance)
    return SyntheticFields(folder, table, settings.microns_per_pixel)


def draw_slide(
    output: AnyPath,
    width: int = 20000,
    height: int = 20000,
    *,
    composition: Composition = "normal",
    cells_per_mm2: float = 2500.0,
    touching: float = 0.3,
    microns_per_pixel: float | None = None,
    seed: int = 0,
    progress: Stage | None = None,
) -> SyntheticSlide:
    """Draw one synthetic smear as a pyramidal TIFF.

    Args:
        output: folder, in which ``slide.tif`` and its truth are written or replaced.
        width: px.
        height: px.
        composition: mix of classes in the single-layer zone, as in ``draw_fields``.
        cells_per_mm2: nucleated cells per mm² there.
        touching: share of the cells that touch another one, 0 to 0.9.
        microns_per_pixel: pixel size; None: 0.08625.
        seed: the same seed gives the same files.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: the folder cannot be written, or a value is out of range.
    """
    settings = SlideSettings(
        width=width,
        height=height,
        microns_per_pixel=_pixel_size(microns_per_pixel),
        composition=composition,
        cells_per_mm2=cells_per_mm2,
        touching=touching,
    )
    path = Path(output) / "slide.tif"
    table = write_slide(path, settings, seed, begin(progress, "drawing the slide"))
    return SyntheticSlide(path, table, width, height, settings.microns_per_pixel)


def _pixel_size(given: float | None) -> float:
    return MICRONS_PER_PIXEL if given is None else given
