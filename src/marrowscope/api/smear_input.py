"""Slides and fields in any form (files, folders, arrays) come in; what can be read comes out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from marrowscope.api.arguments import AnyPath, path_list
from marrowscope.api.image_input import pixels_in_memory
from marrowscope.counting.smear_sources import SmearSource, open_smears
from marrowscope.errors import InputError
from marrowscope.slides.open_slide import open_fields, open_slide
from marrowscope.slides.slide import Slide
from marrowscope.slides.source_kind import View

Source: TypeAlias = AnyPath | NDArray[np.uint8] | Image.Image

IN_MEMORY = "fields"  # what they are called


@dataclass(frozen=True)
class SlideInput:
    """A source of cells.

    Attributes:
        name: its path; of fields in memory a word.
        slide: to read it.
        in_memory: whether it has no path.
    """

    name: str
    slide: Slide
    in_memory: bool = False


@dataclass(frozen=True)
class SmearInput:
    """Smears to count.

    Attributes:
        smears: that could be opened.
        failures: why others could not.
        alone: whether it is one smear, all in all.
    """

    smears: tuple[SmearSource, ...]
    failures: tuple[str, ...]
    alone: bool


def slide_inputs(
    sources: Source | Sequence[Source],
    microns_per_pixel: float | None,
    view: View | None,
    argument: str,
) -> list[SlideInput]:
    """Every path by itself; fields in memory together.

    Raises:
        InputError: nothing was named, paths and arrays are mixed, or an array is no image.
    """
    pixels = _fields(sources, argument)
    if pixels is not None:
        return [SlideInput(IN_MEMORY, open_fields(pixels, microns_per_pixel, view), True)]
    paths = path_list(sources)  # type: ignore[arg-type]
    if not paths:
        raise InputError(f"`{argument}` is an empty list; name field images, folders or slides")
    return [
        SlideInput(os.fspath(path), open_slide(path, microns_per_pixel, view)) for path in paths
    ]


def smear_input(
    sources: Source | Sequence[Source],
    microns_per_pixel: float | None,
    view: View | None,
    argument: str,
) -> SmearInput:
    """Fields together as one smear, every slide as one by itself.

    Raises:
        InputError: nothing can be opened, or fields and slides are mixed.
    """
    pixels = _fields(sources, argument)
    if pixels is not None:
        slide = open_fields(pixels, microns_per_pixel, view)
        return SmearInput((SmearSource(IN_MEMORY, (IN_MEMORY,), slide),), (), True)
    paths = path_list(sources)  # type: ignore[arg-type]
    smears, failures = open_smears(paths, microns_per_pixel, view)
    return SmearInput(smears, failures, len(paths) == 1 or bool(smears[0].slide.fields))


def _fields(given: object, argument: str) -> list[NDArray[np.uint8]] | None:
    pixels = pixels_in_memory(given, argument)
    if pixels is not None and not pixels:
        raise InputError(f"`{argument}` is an empty array; give at least one field")
    return None if pixels is None else [one.pixels for one in pixels]
