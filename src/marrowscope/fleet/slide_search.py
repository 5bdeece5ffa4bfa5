"""Folders, patterns and lists go in, the slides that they name come out, each once, in order.

A folder of slides is told from one of field images by its content: some of its files are whole
slides, and the rest cannot be opened. A folder of DICOM files is one slide.
"""

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.io.image_file import SUFFIXES
from marrowscope.io.list_file import read_list
from marrowscope.slides.open_slide import open_source
from marrowscope.slides.source_kind import Source, SourceKind, View, identify_source, is_whole_slide

LISTS = (".txt", ".csv", ".tsv")
_COLUMNS = ("slide", "path", "file", "source")
# Names that only slides have; TIFF may be either.
_SLIDES = (".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".svslide")
_MAYBE = (".tif", ".tiff")
_DICOM = (".dcm", ".dicom")


@dataclass(frozen=True)
class FoundSlides:
    """What was named.

    Attributes:
        paths: of slides, and of what was named and may be none; absolute, or an address.
        passed_over: one line for each folder with files that are no slides.
    """

    paths: tuple[str, ...]
    passed_over: tuple[str, ...] = ()


def is_address(name: str) -> bool:
    """Whether a name leads to another machine (``s3://…``) and is no path."""
    scheme, mark, _ = name.partition("://")
    return bool(mark) and scheme.isalnum()


def find_slides(
    names: list[str],
    alone: bool = False,
    microns_per_pixel: float | None = None,
    view: View | None = None,
) -> FoundSlides | None:
    """The slides that names lead to; None where they are the fields of one smear.

    A single slide is none either: it is counted by itself, unless ``alone``.

    Args:
        names: paths of slides and folders, patterns with ``*``, lists (.txt with one path per line,
            .csv or .tsv with a column slide or path), addresses.
        alone: whether one slide is enough.
        microns_per_pixel, view: by which pictures in tiles are told to be fields or slides.

    Raises:
        InputError: a pattern or folder without a slide, a list that cannot be read, a folder that
            mixes slides and fields.
    """
    paths: list[str] = []
    passed: list[str] = []
    several = False
    for name in names:
        found, line, many = _named(name, microns_per_pixel, view)
        paths += found
        several = several or many
        if line is not None:
            passed.append(line)
    paths = list(dict.fromkeys(paths))
    few = len(paths) < 2 and not alone
    if not several and (few or _are_fields(paths, microns_per_pixel, view)):
        return None
    return FoundSlides(tuple(paths), tuple(passed))


def _named(
    name: str, microns_per_pixel: float | None, view: View | None
) -> tuple[list[str], str | None, bool]:
    """What one name leads to, what was passed over, and whether it stands for several slides."""
    if is_address(name):
        return [name], None, False
    path = Path(os.path.abspath(name))
    if not path.exists() and glob.has_magic(name):
        matches = sorted(glob.glob(name, recursive=True))
        if not matches:
            raise InputError(f"{name}: no file fits this pattern")
        return [os.path.abspath(one) for one in matches], None, False
    if path.is_file() and path.suffix.lower() in LISTS:
        return _listed(path), None, True
    slides, line = None, None
    if path.is_dir() and view is not View.FIELD:
        slides, line = _in_folder(path, microns_per_pixel, view)
    if slides is None:
        return [str(path)], None, False
    return [str(one) for one in slides], line, True


def _listed(path: Path) -> list[str]:
    """Paths in a list; relative ones lie beside the list."""
    if path.suffix.lower() == ".txt":
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read as text ({error})") from None
        names = [line.strip() for line in lines]
    else:
        table = read_list(path).table
        column = next((one for one in table.columns if one.lower() in _COLUMNS), None)
        if column is None:
            raise InputError(
                f"{path}: has no column {', '.join(_COLUMNS[:-1])} or {_COLUMNS[-1]}; its columns "
                f"are {', '.join(table.columns)}"
            )
        names = [value.strip() for value in table[column].to_list() if value]
    kept = [name for name in names if name and not name.startswith("#")]
    if not kept:
        raise InputError(f"{path}: names no slide")
    return [
        name if is_address(name) else os.path.abspath(path.parent / Path(name)) for name in kept
    ]


def _in_folder(
    folder: Path, microns_per_pixel: float | None, view: View | None
) -> tuple[list[Path] | None, str | None]:
    """Slides of a folder, and what of it was passed over; None where it holds something else."""
    entries = _entries(folder)
    if any(one.suffix.lower() in _DICOM for one in entries):
        return None, None  # of one slide
    sure = [one for one in entries if one.suffix.lower() in _SLIDES]
    maybe = [one for one in entries if one.suffix.lower() in _MAYBE]
    folders = [one for one in entries if one.is_dir() and any(map(_is_dicom, _entries(one)))]
    whole = maybe
    if view is None:
        whole = [one for one in maybe if is_whole_slide(one, microns_per_pixel)]
    if not sure and not whole and not folders:
        return None, None
    pictures = [one for one in entries if one.suffix.lower() in SUFFIXES and one not in maybe]
    pictures = [one for one in pictures if one not in sure]
    fields = pictures + [one for one in maybe if one not in whole and _is_sound(one)]
    if fields:
        slide = (sure + whole + folders)[0]
        raise InputError(
            f"{slide}: a whole slide among field images such as {fields[0].name}; name the slide "
            "itself, or move it"
        )
    slides = sorted({*sure, *maybe, *folders}, key=lambda one: one.name)
    if len(slides) == 1:
        return None, None  # it is counted by itself
    data = {one.with_suffix("") for one in sure if one.suffix.lower() == ".mrxs"}
    others = [one.name for one in entries if one not in slides and one not in data]
    if not others:
        return slides, None
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return slides, f"{folder}: no slides, passed over: {', '.join(others[:3])}{more}"


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror or error}") from None


def _is_dicom(path: Path) -> bool:
    return path.suffix.lower() in _DICOM


def _is_sound(path: Path) -> bool:
    """Whether a TIFF can be read; a damaged one in a folder of slides is a damaged slide."""
    try:
        identify_source(path)
    except InputError:
        return False
    return True


def _are_fields(paths: list[str], microns_per_pixel: float | None, view: View | None) -> bool:
    """Whether several paths are the fields of one smear: field images or folders of them."""
    sources: list[Source] = []
    for path in paths:
        if is_address(path):
            return False
        try:
            sources.append(identify_source(Path(path)))
        except InputError:
            continue  # a row with its reason, among slides
    if not sources or any(one.kind is SourceKind.FIELD_IMAGES for one in sources):
        return True
    try:
        # In tiles, and as small as a field.
        return bool(open_source(sources[0], microns_per_pixel, view).fields)
    except InputError:
        return False
