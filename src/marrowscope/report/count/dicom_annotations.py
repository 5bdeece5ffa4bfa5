"""Located cells of a DICOM slide → a DICOM Microscopy Bulk Simple Annotations file.

DICOM PS3.3 A.87 (supplement 222), written by highdicom. One group of rectangles per predicted
class and role in the count, in the pixel matrix of the finest level, so that any viewer can lay
them over the slide.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope._about import RESEARCH_USE_ONLY, __version__
from marrowscope.counting.smear_count import SmearCount
from marrowscope.differential.count_roles import CellRole
from marrowscope.extras import install_line, missing_modules
from marrowscope.io.atomic import replacing
from marrowscope.io.file_signatures import HEAD_BYTES, file_format
from marrowscope.morphology import BY_CODE, in_display_order

SCHEME = "99MARROW"  # our own class codes; there are none of SNOMED CT that we could vouch for
_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_MAX_FILES = 256
_LONGEST = 64  # characters of a DICOM long string
_EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
_UID_ROOT = "2.25."  # UIDs that are UUIDs need no registration (PS3.5 B.2)


def write_annotations(count: SmearCount, path: Path) -> bool:
    """Write the cells of a count over its DICOM slide.

    Coordinates are those of the total pixel matrix, where (0, 0) is the corner of the first pixel.
    Patient and study are copied from the slide; what it does not say stays empty.

    Args:
        count: of one smear; ``x0`` … ``y1`` of its cells are corners in px of level 0.
        path: of the file.

    Returns:
        Whether it was written: false for a source that is no DICOM slide, or a count without cells.

    Raises:
        InputError: the file cannot be written.
    """
    if missing_modules("dicom"):
        return False
    cells = count.cells.filter(pl.col("predicted").is_not_null())
    image = _finest_level(Path(count.sources[0])) if len(count.sources) == 1 else None
    if image is None or cells.is_empty():
        return False
    import highdicom

    identity = hashlib.sha256(
        "\n".join(
            [
                str(image.SOPInstanceUID),
                count.card.weights_sha256,
                *cells["cell_id"].cast(pl.String),
            ]
        ).encode("utf-8", "replace")
    ).digest()
    made: Any = highdicom.ann.MicroscopyBulkSimpleAnnotations(
        source_images=[image],
        annotation_coordinate_type="2D",
        annotation_groups=_groups(count, cells, identity),
        series_instance_uid=_uid(identity, "series"),
        series_number=1,
        sop_instance_uid=_uid(identity, "instance"),
        instance_number=1,
        manufacturer="marrowscope",
        manufacturer_model_name=_short(count.card.name),
        software_versions=__version__,
        device_serial_number="none",
        content_description=_short(RESEARCH_USE_ONLY),
        content_label="CELLS",
        series_description=_short("Nucleated cells by predicted class, research use only"),
    )
    with replacing(path) as temporary:
        made.save_as(temporary, enforce_file_format=True)
    return True


def annotations_missing(count: SmearCount) -> str | None:
    """What to say where a DICOM slide gets no annotations because the extra is missing; or None."""
    missing = missing_modules("dicom")
    if not missing or len(count.sources) != 1 or not _is_dicom(Path(count.sources[0])):
        return None
    return f"no annotations.dcm without {', '.join(missing)}: {install_line('dicom')}"


def _is_dicom(path: Path) -> bool:
    try:
        if not path.is_file():  # a pipe would be waited for without end
            return False
        with path.open("rb") as stream:
            return file_format(stream.read(HEAD_BYTES)) == "DICOM"
    except OSError:
        return False


def _groups(count: SmearCount, cells: pl.DataFrame, identity: bytes) -> list[Any]:
    """One annotation group per predicted class and role, in display order, numbered from 1.

    A group that is not part of the count says so in its label and its description. Cells unlike
    anything that the model knows are a group of no class.
    """
    import highdicom
    from pydicom.sr.codedict import codes

    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=_short(f"marrowscope, {count.card.name}"),
        version=_short(f"{__version__}, weights {count.card.weights_sha256[:16]}"),
        family=codes.DCM.ArtificialIntelligence,
    )
    novel = CellRole.NOVEL.value
    answer = pl.when(pl.col("role") == novel).then(pl.lit(novel)).otherwise(pl.col("predicted"))
    cells = cells.with_columns(answer.alias("predicted"))
    there = set(cells.select("predicted", "role").rows())
    shown = [
        (code, role)
        for code in in_display_order({code for code, _ in there})
        for role in CellRole
        if (code, role) in there
    ]
    return [
        highdicom.ann.AnnotationGroup(
            number=number,
            uid=_uid(identity, f"group {code} {role}"),
            label=_short(code if role in (CellRole.COUNTED, code) else f"{code}, {role}"),
            annotated_property_category=codes.SCT.AnatomicalStructure,
            annotated_property_type=highdicom.sr.CodedConcept(
                value=_short(code)[:16], scheme_designator=SCHEME, meaning=_short(_name(code))
            ),
            graphic_type="RECTANGLE",
            graphic_data=_rectangles(
                cells.filter(pl.col("predicted") == code, pl.col("role") == role)
            ),
            algorithm_type="AUTOMATIC",
            algorithm_identification=algorithm,
            description=f"{role}. {RESEARCH_USE_ONLY}",  # a text, of any length
        )
        for number, (code, role) in enumerate(shown, start=1)
    ]


def _rectangles(cells: pl.DataFrame) -> list[NDArray[np.float32]]:
    """(4, 2) corners x, y of each box, clockwise from the upper left, as float32."""
    return [
        np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=np.float32).clip(0)
        for x0, y0, x1, y1 in cells.select("x0", "y0", "x1", "y1").rows()
    ]


def _finest_level(source: Path) -> Any | None:
    """Header of the largest volume image of the slide, with what highdicom needs to be there."""
    folder = source if source.is_dir() else source.parent
    try:
        # A pipe among them would be waited for without end.
        files = [path for path in sorted(folder.iterdir())[:_MAX_FILES] if path.is_file()]
    except OSError:  # the source is gone by now, or its name is not a path
        return None
    headers = [found for path in files if (found := _header(path))]
    if source.is_file():
        own = _header(source)
        if own is None:
            return None
        headers = [one for one in headers if one.SeriesInstanceUID == own.SeriesInstanceUID]
    if not headers:
        return None
    finest = max(headers, key=lambda one: int(one.get("TotalPixelMatrixColumns", 0)))
    for name in _EMPTY:
        if name not in finest:
            setattr(finest, name, None)
    return finest


def _header(path: Path) -> Any | None:
    """Header of a whole-slide image; None for any other file."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    if not _is_dicom(path):
        return None
    try:
        found = pydicom.dcmread(path, stop_before_pixels=True)
        whole = found.get("SOPClassUID") == _WHOLE_SLIDE and "SeriesInstanceUID" in found
        volume = "VOLUME" in list(found.get("ImageType", []))
    except (OSError, InvalidDicomError, ValueError, AttributeError, NotImplementedError):
        return None  # damaged or of another kind: it only means that this file is not the slide
    return found if whole and volume and "StudyInstanceUID" in found else None


def _uid(identity: bytes, name: str) -> str:
    """A UID that follows from the content: the same report writes the same file."""
    digest = hashlib.sha256(identity + name.encode("utf-8", "replace")).digest()
    return _UID_ROOT + str(int.from_bytes(digest[:16], "big"))


def _name(code: str) -> str:
    return BY_CODE[code].name if code in BY_CODE else code


def _short(text: str) -> str:
    """As a DICOM long string: no backslash, at most 64 characters."""
    plain = text.encode("ascii", "replace").decode().replace("\\", "/")
    return plain[:_LONGEST]
