"""Which of the named files are one smear: all fields together, and every slide by itself."""

from dataclasses import dataclass
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.slides.field_reader import MAX_FIELDS, FieldReader, list_field_images
from marrowscope.slides.open_slide import open_slide
from marrowscope.slides.slide import Slide


@dataclass(frozen=True)
class SmearSource:
    """One smear to count.

    Attributes:
        name: stem of the first source, made unique by a number where several have it.
        sources: paths as given.
        slide: to read it.
    """

    name: str
    sources: tuple[str, ...]
    slide: Slide


def open_smears(
    paths: list[Path], microns_per_pixel: float | None = None
) -> tuple[tuple[SmearSource, ...], tuple[str, ...]]:
    """Open what is to be counted: field images and folders of them are one smear, slides many.

    A slide that cannot be opened does not stop the others.

    Args:
        paths: field images, folders of them, or whole slides.
        microns_per_pixel: takes the place of what the files say.

    Returns:
        The smears, and one line for every slide that could not be opened.

    Raises:
        InputError: nothing could be opened, fields and slides are mixed, or two fields have the
            same name.
    """
    if not paths:
        raise InputError("nothing to count; name field images, a folder of them, or a slide")
    opened: list[tuple[Path, Slide]] = []
    failures: list[InputError] = []
    for path in paths:
        try:
            opened.append((path, open_slide(path, microns_per_pixel)))
        except InputError as error:
            failures.append(error)
    fields = [path for path, slide in opened if slide.fields]
    # Of one smear no field may be missing without a word; slides are apart from each other.
    if failures and (fields or not opened):
        raise failures[0]
    if not fields:
        named = zip(_unique([_stem(path) for path, _ in opened]), opened, strict=True)
        smears = tuple(SmearSource(name, (str(path),), slide) for name, (path, slide) in named)
        return smears, tuple(str(error) for error in failures)
    if len(fields) < len(opened):
        slide = next(path for path, one in opened if not one.fields)
        raise InputError(f"{slide}: a whole slide among field images; count it by itself")
    return (_of_fields(paths, [slide for _, slide in opened], microns_per_pixel),), ()


def _of_fields(
    paths: list[Path], opened: list[Slide], microns_per_pixel: float | None
) -> SmearSource:
    sources = tuple(str(path) for path in paths)
    if len(opened) == 1:
        return SmearSource(_stem(paths[0]), sources, opened[0])
    images = [
        image for path in paths for image in (list_field_images(path) if path.is_dir() else [path])
    ]
    if len(images) > MAX_FIELDS:
        raise InputError(f"{len(images)} fields; the limit is {MAX_FIELDS} at once")
    seen: dict[str, Path] = {}
    for image in images:
        if image.name in seen:
            raise InputError(
                f"{image}: has the same name as {seen[image.name]}; each field of a smear is named "
                "once, by its file"
            )
        seen[image.name] = image
    return SmearSource(
        _stem(paths[0]), sources, FieldReader(images, str(paths[0]), microns_per_pixel)
    )


def _stem(path: Path) -> str:
    whole = path.absolute()
    return (whole.name if path.is_dir() else whole.stem) or "smear"


def _unique(names: list[str]) -> list[str]:
    result: list[str] = []
    for name in names:
        number, free = 1, name
        while free in result:
            number += 1
            free = f"{name}-{number}"
        result.append(free)
    return result
