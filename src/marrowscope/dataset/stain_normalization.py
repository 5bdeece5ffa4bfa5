"""Images of a set → the same images with stain and light of another set.

After Macenko et al. (ISBI 2009, section 4), who replace an image's stain vectors by a reference's
and scale concentrations to its maximum. One cell is too little to know its vectors and its maximum
well, and a pale cell is meant to stay pale: so ours takes medians over a whole slide, patient or
set, and moves all its images by the same map. In optical density with rows as pixels that map is
linear: D' = D + D·pinv(M)·(S·M* − M), with stain vectors M and M* (2, 3) and the ratios of strength
S (2, 2); what neither stain explains stays as it is.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cell_pixels import places
from marrowscope.cells import GROUPS, usable
from marrowscope.dataset.laboratories import laboratory_of_rows
from marrowscope.dataset.splitting import TRAIN
from marrowscope.errors import InputError, TableError
from marrowscope.io.image_decoding import read_image
from marrowscope.progress import Advance
from marrowscope.stain import BACKGROUND_DENSITY, WHITE, default_stain, estimate_stain, is_default

MIN_IMAGES = 5
MAX_IMAGES = 300  # images per set; medians hardly change with more
_LIGHT = 99.0  # percentile of a channel that stands for empty background
_STRENGTH = 99.0  # percentile of a concentration, as Macenko's pseudo-maximum
_LIMITS = (0.25, 4.0)  # of a ratio of strengths; beyond it something else is wrong

Array = NDArray[np.float64]


@dataclass(frozen=True)
class StainAppearance:
    """Stain and light of a set of images, medians over them.

    Attributes:
        stain: (2, 3) unit vectors: haematoxylin-like, eosin-like.
        strength: (2,) high percentile of the concentrations.
        light: (3,) R, G, B of empty background, in (0, 255].
        images: that were looked at.
    """

    stain: Array
    strength: Array
    light: Array
    images: int


def stain_appearance(images: list[NDArray[np.uint8]]) -> StainAppearance:
    """Measure a set.

    Args:
        images: (H, W, 3) uint8 RGB each.

    Raises:
        InputError: fewer than ``MIN_IMAGES``.
    """
    if len(images) < MIN_IMAGES:
        raise InputError(
            f"{len(images)} images; stain and light are measured on {MIN_IMAGES} or more: add some"
        )
    light = np.median([np.percentile(image, _LIGHT, axis=(0, 1)) for image in images], axis=0)
    light = np.maximum(light, 1.0)
    # In white light: the tint of a lamp would count as a stain.
    vectors = [
        estimate_stain((image * (WHITE / light)).round().clip(0, 255).astype(np.uint8))
        for image in images
    ]
    own = [vector for vector in vectors if not is_default(vector)] or [default_stain()]
    stain = np.median(own, axis=0).astype(np.float64).reshape(2, 3)
    stain /= np.linalg.norm(stain, axis=1, keepdims=True)
    unmix = np.linalg.pinv(stain)
    strengths = []
    for image in images:
        density = _density(image, light).reshape(-1, 3)
        stained = density[(density >= BACKGROUND_DENSITY).all(axis=1)]
        if len(stained) >= 100:
            strengths.append(np.percentile(stained @ unmix, _STRENGTH, axis=0))
    strength = np.median(strengths, axis=0) if strengths else np.ones(2)
    return StainAppearance(stain, np.maximum(strength, 1e-3), light, len(images))


def normalize_stain(
    image: NDArray[np.uint8], own: StainAppearance, wanted: StainAppearance
) -> NDArray[np.uint8]:
    """Give an image (H, W, 3) uint8 RGB of a set ``own`` the look of another."""
    ratio = np.clip(wanted.strength / own.strength, *_LIMITS)
    step = np.linalg.pinv(own.stain) @ (ratio[:, None] * wanted.stain - own.stain)
    density = _density(image, own.light)
    density += density @ step
    result: NDArray[np.uint8] = (
        (wanted.light * np.exp(-density)).round().clip(0, 255).astype(np.uint8)
    )
    return result


def reference_appearance(table: pl.DataFrame, seed: int = 0) -> StainAppearance:
    """Look of a cell table; of a split one, of the images that train.

    Raises:
        InputError: too few images can be read.
    """
    rows = usable(table)
    if "split" in rows.columns and (rows["split"] == TRAIN).any():
        rows = rows.filter(pl.col("split") == TRAIN)
    return stain_appearance(_some_images(rows["path"].to_list(), seed))


def normalized_images(
    table: pl.DataFrame,
    wanted: StainAppearance,
    seed: int = 0,
    advance: Advance | None = None,
) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
    """Images of all rows with the wanted look: (row, image or None where it cannot be read).

    The own look is that of the row's patient or slide where the table names one and has enough
    images of it, else that of its laboratory, else that of the whole table.

    Args:
        table: with ``path``; rows with an ``error`` come as None.
        wanted: of ``reference_appearance``.
        seed: of the images that are looked at.
        advance: called as ``advance(1, total=...)``.

    Raises:
        InputError: too few images can be read.
    """
    if any(place is not None for place in places(table)):
        raise TableError(
            "its cells are places in fields; give the fields themselves, or cut the cells out "
            "('marrowscope index --boxes FILE --crops FOLDER')"
        )
    fine = (
        table["error"].is_null()
        if "error" in table.columns
        else pl.repeat(True, table.height, eager=True)
    )
    group = next((name for name in reversed(GROUPS) if name in table.columns), None)
    names = table[group].to_list() if group else [None] * table.height
    laboratories = laboratory_of_rows(table)
    looks: dict[str | None, StainAppearance] = {}  # by laboratory; of the whole under None
    for laboratory, name in dict.fromkeys(zip(laboratories, names, strict=True)):
        rows = [
            row
            for row, of in enumerate(zip(laboratories, names, strict=True))
            if of == (laboratory, name)
        ]
        own = None if name is None else _own_appearance(table[rows].filter(fine[rows]), seed)
        if own is None and laboratory is not None and laboratory not in looks:
            found = _own_appearance(table.filter(fine & (laboratories == laboratory)), seed)
            if found is not None:
                looks[laboratory] = found
        if own is None and laboratory not in looks:
            if None not in looks:
                paths = table.filter(fine)["path"].to_list()
                looks[None] = stain_appearance(_some_images(paths, seed))
            laboratory = None
        own = looks[laboratory] if own is None else own
        for row in rows:
            image = _read(table["path"][row]) if fine[row] else None
            yield row, None if image is None else normalize_stain(image, own, wanted)
            if advance is not None:
                advance(1, total=table.height)


def _own_appearance(rows: pl.DataFrame, seed: int) -> StainAppearance | None:
    """Look of some rows; None where too few of them can be read."""
    if rows.height < MIN_IMAGES:
        return None
    images = _some_images(rows["path"].to_list(), seed)
    return stain_appearance(images) if len(images) >= MIN_IMAGES else None


def _density(image: NDArray[np.uint8], light: Array) -> Array:
    """Optical density (natural log) against the set's own light, >= 0."""
    result: Array = np.maximum(-np.log(np.maximum(image, 1) / light), 0.0)
    return result


def _some_images(paths: list[str], seed: int) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(seed)
    if len(paths) > MAX_IMAGES:
        paths = [paths[place] for place in sorted(random.choice(len(paths), MAX_IMAGES, False))]
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        return [image for image in threads.map(_read, paths) if image is not None]


def _read(path: str) -> NDArray[np.uint8] | None:
    try:
        return read_image(Path(path))
    except (InputError, ValueError):
        return None
