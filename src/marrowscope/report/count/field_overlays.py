"""A field and its cells → boxes on the picture, each with the code of its class."""

from dataclasses import dataclass

import polars as pl

from marrowscope.counting.smear_count import CountedField
from marrowscope.detection.object_types import CELL
from marrowscope.differential.count_roles import BLASTS, CellRole, lineage, name
from marrowscope.differential.tally import UNLIKE_KNOWN
from marrowscope.morphology import LINEAGE_COLOURS, Lineage

_ALONE = "#000000"


@dataclass(frozen=True)
class BoxStyle:
    """How a kind of box is drawn: colour, dashes, relative width; ``words`` for the legend.

    Kinds differ in dashes or width where colours may not be told apart, and every box has the
    code of its class written beside it.
    """

    key: str
    words: str
    colour: str
    dashes: tuple[float, ...] = ()
    width: float = 1.0

    def dash(self, unit: float) -> str:
        """As SVG wants it, ``unit`` being the width of a line."""
        return " ".join(f"{part * unit:.1f}" for part in self.dashes) or "none"


STYLES: tuple[BoxStyle, ...] = (
    BoxStyle("blasts", "blasts: thick line", LINEAGE_COLOURS[Lineage.MYELOID], (), 2.0),
    BoxStyle(Lineage.MYELOID, "other myeloid", LINEAGE_COLOURS[Lineage.MYELOID]),
    BoxStyle(Lineage.ERYTHROID, "erythroid", LINEAGE_COLOURS[Lineage.ERYTHROID]),
    BoxStyle(Lineage.LYMPHOID, "lymphoid", LINEAGE_COLOURS[Lineage.LYMPHOID]),
    BoxStyle(Lineage.OTHER, "of another class", LINEAGE_COLOURS[Lineage.OTHER]),
    BoxStyle("not classified", "not classified: dashed", _ALONE, (4, 2)),
    BoxStyle(CellRole.NOVEL, f"{UNLIKE_KNOWN}: long dashes and ?", _ALONE, (8, 3), 1.5),
    BoxStyle("not counted", "not counted: dotted", _ALONE, (1.2, 1.8)),
    BoxStyle(
        "left out",
        "left out of the count: fine dots",
        "#595959",
        (1.6, 1.6),
        0.8,
    ),
    BoxStyle("no cell", "no intact cell by its look: dash and dot", "#595959", (4, 1.6, 1.2, 1.6)),
)
_BY_KEY = {style.key: style for style in STYLES}


@dataclass(frozen=True)
class CellBox:
    """One cell on its field; px of the field, ``label`` to be written, ``words`` to be read."""

    x: float
    y: float
    width: float
    height: float
    label: str
    words: str
    style: BoxStyle


def cell_boxes(field: CountedField, cells: pl.DataFrame) -> tuple[CellBox, ...]:
    """The boxes of a field's cells.

    Args:
        field: the field.
        cells: of this field, as in ``SmearCount.cells``.
    """
    found = []
    columns = ("x0", "y0", "x1", "y1", "predicted", "confidence", "role", "kind")
    for x0, y0, x1, y1, code, confidence, role, kind in cells.select(columns).iter_rows():
        if role == "left out" and kind != CELL:
            label, words, style = kind, f"{kind}, left out", _BY_KEY["no cell"]
        else:
            label = "" if code is None or role == "left out" else code
            label = "?" if role == CellRole.NOVEL else label
            words, style = _words(code, confidence, role), _style(code, role)
        found.append(CellBox(x0 - field.x, y0 - field.y, x1 - x0, y1 - y0, label, words, style))
    return tuple(found)


def legend(used: set[str]) -> tuple[BoxStyle, ...]:
    """The styles that occur, in their order."""
    return tuple(style for style in STYLES if style.key in used)


def _style(code: str | None, role: str | None) -> BoxStyle:
    if role in _BY_KEY:
        return _BY_KEY[role]
    if code is None:
        return _BY_KEY["left out"]
    return _BY_KEY["blasts" if code in BLASTS else lineage(code).value]


def _words(code: str | None, confidence: float | None, role: str | None) -> str:
    if code is None:
        return "no answer"
    sure = "" if confidence is None else f", p {confidence:.2f}"
    if role == CellRole.NOVEL:
        return f"{UNLIKE_KNOWN}; its answer was {name(code)}{sure}"
    return f"{name(code)}{sure}" + ("" if role == "counted" else f", {role}")
