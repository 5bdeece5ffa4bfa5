"""What the count of one smear consists of: plain data, from which every report is written."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from marrowscope.differential.differential_result import Differential
from marrowscope.models.card import Card
from marrowscope.slides.slide import CorruptTile
from marrowscope.smear.contour import Contour
from marrowscope.smear.field_plan import FieldPlan
from marrowscope.smear.quality_map import QualityMap


@dataclass(frozen=True)
class CountedField:
    """One field that was looked at.

    Attributes:
        order: place in the order of counting, from 0.
        name: of the field; ``field_id`` of its cells.
        x, y, width, height: rectangle in px of level 0; field images start at (0, 0).
        cells: nucleated cells located in it.
        countable: of these, cells of classes that are counted.
        picture: JPEG, at most 1,200 px on the longer side.
    """

    order: int
    name: str
    x: int
    y: int
    width: int
    height: int
    cells: int
    countable: int
    picture: bytes


@dataclass(frozen=True)
class SlideOverview:
    """A whole slide at low power: contour, verdicts and plan; field images have none."""

    contour: Contour
    quality_map: QualityMap
    plan: FieldPlan


@dataclass(frozen=True)
class SmearCount:
    """The count of one smear.

    Attributes:
        name: of the smear, as shown in reports; the stem of the first source.
        sources: paths as given.
        microns_per_pixel: of level 0.
        cells: cell table, one row per located cell in the order of counting: ``cell_id``,
            ``slide_id``, ``field_id``, ``x``, ``y``, ``x0``, ``y0``, ``x1``, ``y1`` (px of level 0;
            of field images px of the field), ``nuclear_area`` (µm²), ``score``,
            ``touches_border``, ``kind`` and ``intact`` (as of ``smear.detect``), ``judgeable``
            (false in a particle or clot, and in a square of a slide in which cells cannot be
            judged), ``p_<CODE>``, ``predicted``, ``confidence``,
            ``novelty`` and ``novel`` where the calibration of the model tells cells unlike anything
            that it knows, and ``role``: ``counted``, ``not classified``, ``novel``,
            ``not counted`` or ``left out``.
        thumbnails: JPEG of 250×250 px by ``cell_id``, for the cells shown in the gallery: the most
            and the least certain of each class.
        differential: the count.
        fields: that were counted, in their order.
        planned: how many there were to look at; more than ``fields`` when enough cells were found.
        overview: of a whole slide.
        corrupt: pieces that could not be read and were left out.
        card: of the classifier.
        engine: that computed it.
        held_out_source: where the answers for the correction come from; None without a correction.
        remarks: sentences a reader must see, most important first: exhausted before enough cells,
            pixel size stated by the user, resampled crops, classes that are not known, and so on.
        seconds: of the whole count.
        not_counted: field images that were looked at and are not among ``fields``: name and why.
    """

    name: str
    sources: tuple[str, ...]
    microns_per_pixel: float
    cells: pl.DataFrame
    thumbnails: Mapping[str, bytes]
    differential: Differential
    fields: tuple[CountedField, ...]
    planned: int
    overview: SlideOverview | None
    corrupt: tuple[CorruptTile, ...]
    card: Card
    engine: str
    held_out_source: str | None
    remarks: tuple[str, ...]
    seconds: float
    not_counted: tuple[tuple[str, str], ...] = ()
