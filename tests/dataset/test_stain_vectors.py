"""Stain vectors in the table: what is there is taken, what is missing is estimated."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.dataset import stain_vectors
from marrowscope.dataset.stain_vectors import stain_array, with_stains
from marrowscope.io.image_encoding import encode_png
from marrowscope.stain import default_stain


@pytest.fixture
def table(tmp_path: Path) -> pl.DataFrame:
    """Three white images, which all get the default, and a row that cannot be used."""
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path in paths[:3]:
        path.write_bytes(encode_png(np.full((20, 20, 3), 255, np.uint8)))
    return pl.DataFrame(
        {
            "cell_id": list("abcd"),
            "path": [str(path) for path in paths],
            "error": [None, None, None, "no such file"],
        }
    )


def test_only_missing_stains_are_estimated(
    table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [0.5, 0.5, 0.25, 0.25, 0.75, 0.5]
    half = table.with_columns(
        pl.Series("stain", [given, None, None, None], dtype=pl.Array(pl.Float32, 6))
    )
    read: list[Path] = []
    own = stain_vectors.read_cell_pixels
    monkeypatch.setattr(
        stain_vectors, "read_cell_pixels", lambda cell: (read.append(Path(cell.path)), own(cell))[1]
    )
    done = with_stains(half)
    assert sorted(path.name for path in read) == ["1.png", "2.png"]
    found = done["stain"].to_list()
    assert found[0] == given
    np.testing.assert_array_equal(found[1], default_stain())
    assert found[3] is None
    read.clear()
    assert with_stains(done).equals(done)
    assert read == []


def test_a_row_without_stain_counts_with_the_default(table: pl.DataFrame) -> None:
    array = stain_array(with_stains(table))
    assert array.shape == (4, 6)
    np.testing.assert_array_equal(array, [default_stain()] * 4)
