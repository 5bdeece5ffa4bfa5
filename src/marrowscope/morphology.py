"""The 21 morphological classes of Matek et al. (Blood 2021) as data.

This is the only place where class codes are spelled. Everything else takes its class list from
``CLASSES`` (or from a model's card, or from a user's table).
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import yaml

from marrowscope.errors import InputError
from marrowscope.io.regular_file import read_regular

_LARGEST = 10_000_000  # bytes of a list of pairs


class Lineage(StrEnum):
    """Haematopoietic lineage of a class, in the order in which tables and figures list them."""

    MYELOID = "myeloid"
    ERYTHROID = "erythroid"
    LYMPHOID = "lymphoid"
    OTHER = "other"


# In figures, overlays and files for other tools: Okabe–Ito, told apart by people with any of the
# common colour visions.
LINEAGE_COLOURS: dict[Lineage, str] = {
    Lineage.MYELOID: "#0072B2",
    Lineage.ERYTHROID: "#D55E00",
    Lineage.LYMPHOID: "#009E73",
    Lineage.OTHER: "#666666",
}


class CountRole(StrEnum):
    """What a class does in a differential count (ICSH 2008; the mapping is ours)."""

    COUNTED = "counted"  # in the denominator
    NOT_CLASSIFIED = "not classified"  # reported as "k of N" with the bounds it puts on blasts
    EXCLUDED = "excluded"  # not a countable cell


@dataclass(frozen=True)
class Published:
    """Mean and standard deviation over five folds, Table 1 of Matek et al. (Blood 2021)."""

    strict_precision: tuple[float, float]
    strict_recall: tuple[float, float]
    tolerant_precision: tuple[float, float]
    tolerant_recall: tuple[float, float]


@dataclass(frozen=True)
class CellClass:
    """One morphological class.

    Attributes:
        code: the three letters that name the class in the public release.
        name: the English name of the study.
        lineage: the branch of haematopoiesis.
        series: name of the maturation series the class belongs to, or None.
        maturity: rank in that series, 0 = least mature; classes of one series with equal rank
            are variants of one stage. None outside a series.
        role: place in the differential count.
        published_images: number of images in the study (Table 1).
        published: precision and recall reported by the study.
    """

    code: str
    name: str
    lineage: Lineage
    series: str | None
    maturity: int | None
    role: CountRole
    published_images: int
    published: Published


def _published(row: str) -> Published:
    """Parse "P±sd/R±sd P±sd/R±sd" (strict, then tolerant) in hundredths."""
    strict, tolerant = row.split()
    values = [
        (int(mean) / 100, int(sd) / 100)
        for half in (strict, tolerant)
        for mean, sd in (cell.split("±") for cell in half.split("/"))
    ]
    return Published(*values)


def _class(
    code: str,
    name: str,
    lineage: Lineage,
    series: str | None,
    maturity: int | None,
    role: CountRole,
    images: int,
    row: str,
) -> CellClass:
    return CellClass(code, name, lineage, series, maturity, role, images, _published(row))


_M, _E, _L, _O = Lineage.MYELOID, Lineage.ERYTHROID, Lineage.LYMPHOID, Lineage.OTHER
_IN, _NC, _OUT = CountRole.COUNTED, CountRole.NOT_CLASSIFIED, CountRole.EXCLUDED

# Order: by lineage, inside a lineage by maturation; this is the order of every table and figure.
# Last column, hundredths: strict precision/recall, tolerant precision/recall, each mean±sd.
CLASSES: tuple[CellClass, ...] = (
    _class("BLA", "blast", _M, "granulocytic", 0, _IN, 11973, "75±3/65±3 79±3/69±3"),
    _class("PMO", "promyelocyte", _M, "granulocytic", 1, _IN, 11994, "76±5/72±8 91±2/89±3"),
    _class("FGC", "faggot cell", _M, "granulocytic", 1, _IN, 47, "17±5/63±27 17±5/63±27"),
    _class("MYB", "myelocyte", _M, "granulocytic", 2, _IN, 6557, "52±5/59±6 78±3/91±1"),
    _class("MMZ", "metamyelocyte", _M, "granulocytic", 3, _IN, 3055, "30±5/64±8 68±4/87±3"),
    _class("NGB", "band neutrophil", _M, "granulocytic", 4, _IN, 9968, "54±3/65±4 91±2/91±1"),
    _class("NGS", "segmented neutrophil", _M, "granulocytic", 5, _IN, 29424, "92±2/71±5 95±1/85±3"),
    _class("EOS", "eosinophil", _M, None, None, _IN, 5883, "85±5/91±3 85±5/91±3"),
    _class("ABE", "abnormal eosinophil", _M, None, None, _IN, 8, "2±3/20±40 2±3/20±40"),
    _class("BAS", "basophil", _M, None, None, _IN, 441, "14±5/64±7 14±5/64±7"),
    _class("MON", "monocyte", _M, None, None, _IN, 4040, "57±5/70±3 57±5/70±3"),
    _class("PEB", "proerythroblast", _E, "erythroid", 0, _IN, 2740, "57±9/63±13 69±9/85±4"),
    _class("EBO", "erythroblast", _E, "erythroid", 1, _IN, 27395, "88±1/82±1 90±1/83±2"),
    _class("LYI", "immature lymphocyte", _L, "lymphoid", 0, _IN, 65, "8±3/53±15 35±11/57±13"),
    _class("LYT", "lymphocyte", _L, "lymphoid", 1, _IN, 26242, "90±3/70±3 90±3/72±3"),
    _class("HAC", "hairy cell", _L, None, None, _IN, 409, "35±8/80±6 80±3/88±2"),
    _class("PLM", "plasma cell", _L, None, None, _IN, 7629, "81±6/84±4 81±6/84±4"),
    _class("KSC", "smudge cell", _O, None, None, _OUT, 42, "28±9/90±10 28±9/90±10"),
    _class("OTH", "other cell", _O, None, None, _NC, 294, "22±6/84±6 22±6/84±6"),
    _class("ART", "artefact", _O, None, None, _OUT, 19630, "82±5/74±6 82±5/74±6"),
    _class("NIF", "not identifiable", _O, None, None, _NC, 3538, "27±4/63±4 27±4/63±4"),
)

CODES: tuple[str, ...] = tuple(cell.code for cell in CLASSES)
BY_CODE: dict[str, CellClass] = {cell.code: cell for cell in CLASSES}

# Symmetric mix-ups that count as tolerable. Figure 3A of the study is not machine readable; these
# eight pairs explain every number of its Table 1 (computed). PMO–MYB, MMZ–NGB, NGB–NGS, PEB–EBO
# and LYT–HAC are forced by the numbers; the other three are the most plausible fit.
TOLERATED: frozenset[frozenset[str]] = frozenset(
    frozenset(pair.split("–"))
    for pair in (
        "BLA–PMO",
        "PMO–MYB",
        "MYB–MMZ",
        "MMZ–NGB",
        "NGB–NGS",
        "PEB–EBO",
        "LYT–HAC",
        "LYT–LYI",
    )
)

# The classes of what is no intact cell.
SMUDGE_CELL, ARTEFACT, NOT_IDENTIFIABLE = "KSC", "ART", "NIF"

# Answers by which a network says that it cannot tell: no-calls of the study's external validation.
NOT_CALLED: tuple[str, ...] = (ARTEFACT, NOT_IDENTIFIABLE)

# The study's networks have 22 outputs of which two are combined into one class. Which class is
# not said; the group's earlier network combined a pair of erythroblast outputs, so we do too.
COMBINED_CODE = "EBO"
OUTPUTS_22: tuple[str, ...] = tuple(
    code for cell in CLASSES for code in [cell.code] * (2 if cell.code == COMBINED_CODE else 1)
)


def load_tolerated(path: Path) -> frozenset[frozenset[str]]:
    """Read tolerated pairs from a YAML file: a list of two-element lists, e.g. ``[[BLA, PMO]]``.

    Codes need not be among the 21, so that a user's own scheme can have tolerated pairs too.

    Raises:
        InputError: the file is missing, is not YAML, or is not a list of pairs of codes.
    """
    try:
        content = yaml.safe_load(read_regular(Path(path), _LARGEST).decode("utf-8-sig"))
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as YAML: {_one_line(error)}") from error
    if not isinstance(content, list):
        raise InputError(f"{path}: expected a list of class pairs such as [[BLA, PMO]]")
    pairs = set()
    for number, pair in enumerate(content, 1):
        if not (
            isinstance(pair, list)
            and len(pair) == 2
            and all(isinstance(code, str) for code in pair)
            and pair[0] != pair[1]
        ):
            raise InputError(
                f"{path}: entry {number} is {pair!r}; expected two different class codes"
            )
        pairs.add(frozenset(pair))
    return frozenset(pairs)


def in_display_order(codes: set[str] | frozenset[str]) -> list[str]:
    """Sort class codes: the 21 in lineage order first, then unknown codes alphabetically."""
    return [code for code in CODES if code in codes] + sorted(codes - set(CODES))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
