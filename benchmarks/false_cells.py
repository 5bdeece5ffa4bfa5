"""What is found on synthetic slides and is no cell, by its distance to the nearest marrow particle.

    python benchmarks/false_cells.py [--seeds 1 2 3] [--size 7000x6000] [--pictures FOLDER]

All fields of the plan are searched. A located object is right when the middle of a true cell lies
within 4 µm. Cells that are packed in a particle have no truth, for nobody could count them: they
are false here, and so is every other thing. Printed are recall of the true cells in the planned
fields, precision, and the false ones per mm², near a particle (within 20 µm of its border, or in
it) and elsewhere: of all that ``detect`` gives, and of what is left for a count (``judgeable``, and
an intact cell by its look). ``--pictures`` writes the false ones, one sheet for each slide.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from marrowscope.detection.field_detection import (
    SeamDeduplicator,
    detect_in_field,
    mark_rejected_regions,
)
from marrowscope.detection.object_types import CELL
from marrowscope.phantom.background import PARTICLE
from marrowscope.phantom.occupancy import PACKED_RANK
from marrowscope.phantom.synthetic_slide import PhantomSlide, SlideSettings, write_slide
from marrowscope.slides.open_slide import open_slide
from marrowscope.smear.contour import smear_contour
from marrowscope.smear.field_plan import PlannedField, plan_fields
from marrowscope.smear.quality_map import QualityMap
from marrowscope.smear.suitability import map_smear_quality

NEAR_CELL = 4.0  # µm
NEAR_PARTICLE = 20.0
_TILE, _PER_ROW = 160, 10  # px of a picture of one false cell, and how many stand side by side


@dataclass(frozen=True)
class SlideFinds:
    """What was found in the planned fields of one slide.

    Attributes:
        found: located objects with ``x``, ``y`` (px), ``counted``, ``right``, ``to_particle`` (µm,
            below 0 in it), ``lies_on``.
        there, met, met_counted: true cells in the fields that can be judged; those located; those
            left for a count.
        area_near, area_elsewhere: mm² of the fields within ``NEAR_PARTICLE`` of one, and beyond.
    """

    found: pl.DataFrame
    there: int
    met: int
    met_counted: int
    area_near: float
    area_elsewhere: float


def distance_to_particle(phantom: PhantomSlide) -> NDArray[np.float32]:
    """µm from each point of the background's grid to the nearest particle, below 0 in it."""
    background = phantom.smear.background
    inside = (background.particle > PARTICLE).astype(np.uint8)
    if not inside.any():
        return np.full(inside.shape, np.inf, np.float32)
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    deep = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    return np.asarray((away - deep) * background.step, np.float32)


def look_at(path: Path, phantom: PhantomSlide, cells: pl.DataFrame) -> SlideFinds:
    """Search all planned fields of a slide and compare with the truth."""
    slide = open_slide(path)
    quality_map = map_smear_quality(slide, smear_contour(slide))
    fields = plan_fields(slide, quality_map).fields
    mpp = slide.microns_per_pixel
    found = _located(slide, fields, quality_map)
    places = found.select("x", "y").to_numpy() * mpp
    truth = cells.select("x", "y").to_numpy() * mpp
    pairs = cKDTree(truth).query(places, distance_upper_bound=NEAR_CELL)
    background, away = phantom.smear.background, distance_to_particle(phantom)
    to_particle = [float(away[background.at(x, y)]) for x, y in places.tolist()]
    found = found.with_columns(
        right=pl.Series(np.isfinite(pairs[0])),
        to_particle=pl.Series(to_particle, dtype=pl.Float64),
        lies_on=pl.Series(_what_lies_there(phantom, places), dtype=pl.String),
    )
    asked = cells.filter(pl.col("is_cell") & pl.col("judgeable"), in_any(fields, "x", "y"))
    spots = asked.select("x", "y").to_numpy() * mpp
    met, met_counted = (
        _met(spots, places[keep]) for keep in (slice(None), found["counted"].to_numpy())
    )
    near = total = 0.0
    for field in fields:
        corners = [background.at(field.x * mpp, field.y * mpp)]
        corners.append(background.at((field.x + field.width) * mpp,
                                     (field.y + field.height) * mpp))  # fmt: skip
        part = away[corners[0][0] : corners[1][0], corners[0][1] : corners[1][1]]
        near += float((part < NEAR_PARTICLE).sum()) * background.step**2 / 1e6
        total += part.size * background.step**2 / 1e6
    return SlideFinds(found, asked.height, met, met_counted, near, total - near)


def _located(slide, fields, quality_map: QualityMap) -> pl.DataFrame:  # type: ignore[no-untyped-def]
    seams, frames = SeamDeduplicator(slide.microns_per_pixel), []
    for field in fields:
        looked = seams.drop_known(detect_in_field(slide, field))
        frames.append(mark_rejected_regions(looked.cells, quality_map))
    return pl.concat(frames).with_columns(
        counted=pl.col("judgeable") & (pl.col("kind") == CELL) & ~pl.col("touches_border")
    )


def in_any(fields: Sequence[PlannedField], x: str, y: str) -> pl.Expr:
    """Whether a place lies in one of the fields."""
    return pl.any_horizontal(
        *(
            pl.col(x).is_between(one.x, one.x + one.width, closed="left")
            & pl.col(y).is_between(one.y, one.y + one.height, closed="left")
            for one in fields
        )
    )


def _met(spots: NDArray[np.float64], places: NDArray[np.float64]) -> int:
    if not len(spots) or not len(places):
        return 0
    return int(np.isfinite(cKDTree(places).query(spots, distance_upper_bound=NEAR_CELL)[0]).sum())


def _what_lies_there(phantom: PhantomSlide, places: NDArray[np.float64]) -> list[str]:
    """Name of the topmost drawn thing at each place (µm)."""
    source, names = phantom._renderer.source, []
    for x, y in places.tolist():
        hits = [
            one for one in source.near((x - 25, y - 25, x + 25, y + 25))
            if np.hypot(one.x - x, one.y - y) <= one.reach
        ]  # fmt: skip
        top = max(hits, key=lambda one: (one.rank, one.order), default=None)
        packed = top is not None and top.rank == PACKED_RANK
        names.append("nothing" if top is None else "packed" if packed else top.name)
    return names


def write_pictures(path: Path, slide_path: Path, found: pl.DataFrame) -> None:
    """The false cells with their surroundings; the number is the distance to a particle in µm."""
    slide, sheets = open_slide(slide_path), []
    rows = found.filter(~pl.col("right")).sort("to_particle")
    for row in rows.iter_rows(named=True):
        x, y = (round(row[axis]) - 200 for axis in "xy")
        tile = cv2.resize(slide.read_region(x, y, 400, 400), (_TILE, _TILE), cv2.INTER_AREA)
        colour = (0, 120, 0) if row["counted"] else (200, 0, 0)
        cv2.circle(tile, (_TILE // 2, _TILE // 2), 22, colour, 1)
        text = f"{row['to_particle']:.0f} {row['lies_on']} {row['kind'][:4]}"
        cv2.putText(tile, text, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1)
        sheets.append(tile)
    sheets += [np.full((_TILE, _TILE, 3), 255, np.uint8)] * (-len(sheets) % _PER_ROW)
    if sheets:
        lines = [np.hstack(sheets[n : n + _PER_ROW]) for n in range(0, len(sheets), _PER_ROW)]
        cv2.imwrite(str(path), cv2.cvtColor(np.vstack(lines), cv2.COLOR_RGB2BGR))


def report(title: str, finds: Sequence[SlideFinds]) -> None:
    """Print the figures of one slide or of several together."""
    found = pl.concat([one.found for one in finds])
    there = sum(one.there for one in finds)
    near, elsewhere = (
        sum(getattr(one, name) for one in finds) for name in ("area_near", "area_elsewhere")
    )
    print(f"{title}: {there} true cells that can be judged")
    for name, rows, met in (
        ("located", found, sum(one.met for one in finds)),
        ("counted", found.filter("counted"), sum(one.met_counted for one in finds)),
    ):
        false = rows.filter(~pl.col("right"))
        beside = false.filter(pl.col("to_particle") < NEAR_PARTICLE).height
        print(
            f"  {name}: {rows.height}, recall {met / max(there, 1):.3f}, "
            f"precision {1 - false.height / max(rows.height, 1):.3f}, false per mm² "
            f"{beside / max(near, 1e-9):.0f} near a particle ({beside}), "
            f"{(false.height - beside) / max(elsewhere, 1e-9):.0f} elsewhere "
            f"({false.height - beside}): "
            + ", ".join(f"{k} {n}" for k, n in Counter(false["lies_on"]).most_common())
        )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--size", default="7000x6000", help="width and height in px")
    parser.add_argument("--pictures", type=Path, help="folder for pictures of the false cells")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    width, height = (int(side) for side in options.size.split("x"))
    settings = SlideSettings(width=width, height=height)
    finds = []
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "slide.tif"
            cells = write_slide(path, settings, seed)
            finds.append(look_at(path, PhantomSlide(settings, seed), cells))
            report(f"slide {seed}", finds[-1:])
            if options.pictures:
                options.pictures.mkdir(parents=True, exist_ok=True)
                write_pictures(options.pictures / f"slide-{seed}.png", path, finds[-1].found)
    report("all", finds)


if __name__ == "__main__":
    main()
