"""Images in any form come in (files, tables, arrays, PIL images); a table of them goes out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from marrowscope.api.arguments import HasTable, Say
from marrowscope.errors import InputError
from marrowscope.inference.image_sources import expand
from marrowscope.io.image_decoding import Decoded, pillow_pixels
from marrowscope.io.image_file import MAX_PIXELS

OneImage: TypeAlias = str | os.PathLike[str] | NDArray[np.uint8] | Image.Image
Images: TypeAlias = OneImage | Sequence[OneImage] | pl.DataFrame | HasTable

_WANTED = "give (N, H, W, 3) or (H, W, 3) uint8 RGB, 0 to 255"


@dataclass(frozen=True)
class ImageInput:
    """Images to look at.

    Attributes:
        table: a row each; ``path`` is null where the image is in memory, and ``note`` says how it
            was converted.
        pixels: the images themselves, (H, W, 3) uint8 RGB; None where they are files.
    """

    table: pl.DataFrame
    pixels: list[NDArray[np.uint8]] | None


def image_input(images: Images, say: Say | None = None, files_only: bool = False) -> ImageInput:
    """What was given, in its order.

    Args:
        images: files, folders, globs, cell tables (one or several; a path or a data frame);
            (N, H, W, 3) or (H, W, 3) uint8 RGB; PIL images; or a list of arrays and PIL images.
        say: told in a sentence which columns of a list were taken for what.
        files_only: refuse images that are in memory.

    Raises:
        InputError: no image, files and arrays in one list, or an array of another shape or type.
    """
    found = _found(images, say)
    if files_only and found.pixels is not None:
        raise InputError("`images` are in memory; save them, and give files, folders or a table")
    return found


def named_paths(images: Images) -> list[Path]:
    """The paths among what was given; none of images in memory and of tables."""
    if isinstance(images, str | os.PathLike):
        return [Path(images)]
    if isinstance(images, list | tuple):
        return [Path(one) for one in images if isinstance(one, str | os.PathLike)]
    return []


def _found(images: Images, say: Say | None) -> ImageInput:
    if isinstance(images, HasTable):
        images = images.table
    if isinstance(images, pl.DataFrame):
        if "path" not in images.columns:
            raise InputError("`images`: the table has no column path")
        return ImageInput(images, None)
    if isinstance(images, str | os.PathLike):
        return ImageInput(expand([os.fspath(images)], say=say), None)
    pixels = pixels_in_memory(images, "images")
    if pixels is not None:
        return _in_table(pixels)
    if not isinstance(images, Sequence):
        raise InputError(f"`images` is a {type(images).__name__}; give paths, arrays or PIL images")
    if not images:
        raise InputError("`images` is an empty list; give at least one")
    if not all(isinstance(one, str | os.PathLike) for one in images):
        strange = next(one for one in images if not isinstance(one, str | os.PathLike))
        raise InputError(_strange("images", strange))
    names = [os.fspath(one) for one in images]  # type: ignore[arg-type]
    return ImageInput(expand(names, say=say), None)


def pixels_in_memory(given: object, argument: str) -> list[Decoded] | None:
    """Images of an array, a PIL image, or a list of both; None where nothing is in memory.

    Args:
        given: what a function was called with.
        argument: its name, for errors.

    Returns:
        Pixels, and how they were converted.

    Raises:
        InputError: something else is in the list, or an array has another shape or type.
    """
    if isinstance(given, Image.Image):
        return [_decoded(given, f"`{argument}`")]
    if _in_memory(given):
        array = np.asarray(given)
        if array.ndim != 4:
            return [_decoded(array, f"`{argument}`")]
        return [_decoded(one, f"`{argument}[{place}]`") for place, one in enumerate(array)]
    if not isinstance(given, Sequence) or isinstance(given, str):
        return None
    listed: list[Any] = list(given)
    if not any(map(_in_memory, listed)):
        return None
    for one in listed:
        if not _in_memory(one):
            raise InputError(_strange(argument, one))
    return [_decoded(one, f"`{argument}[{place}]`") for place, one in enumerate(listed)]


def _strange(argument: str, given: object) -> str:
    kind = type(given).__name__
    return f"`{argument}` holds a {kind}; give paths alone, or arrays and PIL images"


def _in_memory(given: object) -> bool:
    return isinstance(given, Image.Image) or hasattr(given, "__array__")


def _in_table(images: list[Decoded]) -> ImageInput:
    notes = [image.note for image in images]
    columns: dict[str, list[str | None]] = {"path": [None] * len(images)}
    if any(notes):
        columns["note"] = notes
    table = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String()))
    return ImageInput(table, [image.pixels for image in images])


def _decoded(given: Any, name: str) -> Decoded:
    if isinstance(given, Image.Image):
        return pillow_pixels(given, name)
    array = np.asarray(given)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise InputError(f"{name} has shape {array.shape}; {_WANTED}")
    if array.dtype != np.uint8:
        raise InputError(f"{name} is {array.dtype}; {_WANTED}")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise InputError(f"{name} has shape {array.shape}, more than 64 megapixels")
    return Decoded(array, "array", ())
