"""Images and files that only look like images; the errors that an index has for them."""

import os
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from support.image_files import png_bomb


def write_image(path: Path, seed: int, side: int = 24) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    cv2.imwrite(str(path), random.integers(0, 256, (side, side, 3), dtype=np.uint8))
    return path


def errors(table: pl.DataFrame) -> dict[str, str]:
    rows = table.filter(pl.col("error").is_not_null())
    return {Path(p).name: e for p, e in rows.select("path", "error").rows()}


def ten_damaged_files(folder: Path) -> dict[str, str]:
    """Ten files that cannot be used; name → part of the reason."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = write_image(folder / "tmp.jpg", 999, 64)
    data = whole.read_bytes()
    whole.unlink()
    (folder / "cut.jpg").write_bytes(data[: len(data) // 2])
    (folder / "cut_at_end.jpg").write_bytes(data[:-40])
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("this is not an image")
    (folder / "bomb.png").write_bytes(png_bomb())
    (folder / "link.jpg").symlink_to(folder / "gone.jpg")
    with open(os.fsencode(folder) + b"/na\xefve.jpg", "wb") as stream:
        stream.write(data)
    (folder / "header_only.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write_image(folder / "twice.png", 4242)
    other = folder.parent / "LYT" / "twice_too.png"
    other.parent.mkdir(exist_ok=True)
    other.write_bytes((folder / "twice.png").read_bytes())
    return {
        "cut.jpg": "truncated",
        "cut_at_end.jpg": "truncated",
        "empty.jpg": "empty",
        "text.jpg": "not a JPEG",
        "bomb.png": "megapixels",
        "link.jpg": "broken link",
        "na\\xefve.jpg": "not UTF-8",
        "header_only.png": "",
        "twice.png": "same content as",
        "twice_too.png": "same content as",
    }
