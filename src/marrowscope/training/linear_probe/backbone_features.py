"""A backbone and cells → its features, computed once per image and kept in Parquet.

The cache is a folder of files named by what made the features (weights, transform, network) and by
their content, with the columns ``key`` (SHA-256 of the image file, and the pixel size where one is
stated) and ``values``. Folds of a cross-validation share it; a killed run continues from it.
"""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from marrowscope.dataset.pixel_store import PixelStore
from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing
from marrowscope.models.backbone import Backbone
from marrowscope.preprocessing import pixel_sizes
from marrowscope.progress import Advance
from marrowscope.training.pixel_source import PixelSource

BATCH = 16
CHUNK = 512  # images per file of the cache: what a killed run loses at most

Values = NDArray[np.float32]


def backbone_features(
    network: Backbone,
    table: pl.DataFrame,
    made_by: str,
    cache: Path | None = None,
    *,
    store: PixelStore | None = None,
    device: str = "cpu",
    advance: Advance | None = None,
) -> Values:
    """The input of the last layer for every row.

    Args:
        network: its trunk computes, in float32, one view.
        table: with ``path``; only rows with ``sha256`` are kept in the cache.
        made_by: digest of weights, transform and network.
        cache: folder; made if it is not there.
        store: to take pixels from.
        device: that computes.
        advance: called as ``advance(done, total=...)``.

    Returns:
        (N, width) float32.

    Raises:
        InputError: an image cannot be read, a file of the cache is damaged, or features are not
            finite.
    """
    width = network.trunk.width
    hashes = table["sha256"].to_list() if "sha256" in table.columns else [None] * table.height
    keys = [
        None if content is None else content if size is None else f"{content}@{size:.6f}"
        for content, size in zip(hashes, pixel_sizes(table), strict=True)
    ]
    known = _read(cache, made_by, width)
    found = np.zeros((table.height, width), np.float32)
    todo = []
    for row, key in enumerate(keys):
        if key in known:
            found[row] = known[key]
        else:
            todo.append(row)
    if advance is not None and len(todo) < table.height:
        advance(table.height - len(todo), total=table.height)
    if not todo:
        return found
    pixels = PixelSource(table[todo], None, store, device)
    place = torch.device(device)
    network = network.to(place).eval()
    for start in range(0, len(todo), CHUNK):
        rows = todo[start : start + CHUNK]
        for inner in range(0, len(rows), BATCH):
            part = np.arange(start + inner, min(start + inner + BATCH, start + len(rows)))
            found[rows[inner : inner + BATCH]] = _computed(network, pixels, part, place)
            if advance is not None:
                advance(len(part), total=table.height)
        if not np.isfinite(found[rows]).all():
            raise InputError(
                f"{table['path'][rows[0]]}: features of this image or one after it are not finite; "
                "the weights or their transform are damaged"
            )
        fresh = {key: found[row] for row in rows if (key := keys[row]) is not None}
        _write(cache, made_by, fresh)
    return found


def _computed(
    network: Backbone, pixels: PixelSource, rows: NDArray[np.int64], place: torch.device
) -> Values:
    images, chosen = pixels.batch(rows)
    crops = images if chosen is None else images[chosen]
    with torch.inference_mode():
        batch = crops.to(place).permute(0, 3, 1, 2).float() / 255.0
        values: Values = network.features(batch).float().cpu().numpy()
    return values


def _read(cache: Path | None, made_by: str, width: int) -> dict[str | None, Values]:
    known: dict[str | None, Values] = {}
    files = sorted(cache.glob(f"{made_by[:16]}-*.parquet")) if cache is not None else []
    for path in files:
        try:
            table = pl.read_parquet(path, glob=False)
            values = table["values"].to_numpy()
            if values.shape != (table.height, width):
                raise ValueError(f"{values.shape[1:]} values per image; expected {width}")
            known |= dict(zip(table["key"].to_list(), values, strict=True))
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            reason = " ".join(str(error).split())[:120]
            raise InputError(
                f"{path}: damaged file of kept features ({reason}); delete it"
            ) from None
    return known


def _write(cache: Path | None, made_by: str, fresh: dict[str, Values]) -> None:
    if cache is None or not fresh:
        return
    name = hashlib.sha256("".join(sorted(fresh)).encode()).hexdigest()[:16]
    values = np.stack(list(fresh.values()))
    kind = pl.Array(pl.Float32, values.shape[1])
    table = pl.DataFrame({"key": list(fresh), "values": pl.Series(values, dtype=kind)})
    with replacing(cache / f"{made_by[:16]}-{name}.parquet") as temporary:
        table.write_parquet(temporary, compression="zstd")
