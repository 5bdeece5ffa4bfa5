"""Paths go in, smears come out: all fields together are one, every slide is one by itself."""

from dataclasses import dataclass
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.preprocessing import require_pixel_size
from marrowscope.slides.open_slide import open_source
from marrowscope.slides.slide import Slide
from marrowscope.slides.source_kind import MAX_FIELDS, Source, SourceKind, View, identify_source


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
    paths: list[Path], microns_per_pixel: float | None = None, view: View | None = None
) -> tuple[tuple[SmearSource, ...], tuple[str, ...]]:
    """Open what is to be counted: field images and folders of them are one smear, slides many.

    A slide that cannot be opened does not stop the others.

    Args:
        paths: field images, folders of them, or whole slides.
        microns_per_pixel: takes the place of what the files say.
        view: what single pictures are taken for; None: what their size and content say.

    Returns:
        The smears, and one line for every slide that could not be opened.

    Raises:
        InputError: nothing could be opened, fields and slides are mixed, or two fields have the
            same name.
    """
    if not paths:
        raise InputError("nothing to count; name field images, a folder of them, or a slide")
    if microns_per_pixel is not None:
        require_pixel_size(microns_per_pixel)
    opened: list[tuple[Path, Source, Slide]] = []
    failures: list[InputError] = []
    for path in paths:
        try:
            source = identify_source(path)
            opened.append((path, source, open_source(source, microns_per_pixel, view)))
        except InputError as error:
            failures.append(error)
    fields = [source for _, source, slide in opened if slide.fields]
    # Of one smear no field may be missing without a word; slides are apart from each other.
    if failures and (fields or not opened):
        raise failures[0]
    if not fields:
        names = _unique([_stem(path) for path, _, _ in opened])
        smears = tuple(
            SmearSource(name, (str(path),), slide)
            for name, (path, _, slide) in zip(names, opened, strict=True)
        )
        return smears, tuple(str(error) for error in failures)
    if len(fields) < len(opened):
        whole = next(path for path, _, slide in opened if not slide.fields)
        raise InputError(f"{whole}: a whole slide among field images; count it by itself")
    slide = opened[0][2]
    if len(fields) > 1:
        images = _all_images(fields)
        together = Source(paths[0], SourceKind.FIELD_IMAGES, images, "fields of one smear")
        joined = open_source(together, microns_per_pixel)
        passed = dict.fromkeys(one.passed_over for _, _, one in opened if one.passed_over)
        joined.passed_over = "; ".join(passed) or None
        joined.remark = next((one.remark for _, _, one in opened if one.remark), None)
        slide = joined
    return (SmearSource(_stem(paths[0]), tuple(str(path) for path in paths), slide),), ()


def _all_images(sources: list[Source]) -> tuple[Path, ...]:
    """The images of several sources of fields.

    Raises:
        InputError: there are too many, or two have the same name.
    """
    images = [image for source in sources for image in source.files]
    if len(images) > MAX_FIELDS:
        raise InputError(f"{len(images)} fields; the limit is {MAX_FIELDS} at once")
    known: dict[str, Path] = {}
    for image in images:
        if image.name in known:
            raise InputError(
                f"{image}: has the same name as {known[image.name]}; each field of a smear is "
                "named once, by its file"
            )
        known[image.name] = image
    return tuple(images)


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
