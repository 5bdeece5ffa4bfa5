"""Features of a table, kept and taken up again."""

import os
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from joblib import Parallel, delayed, parallel_config

from marrowscope.errors import InputError
from marrowscope.features import feature_table, measure_cell
from marrowscope.features.feature_catalogue import names
from marrowscope.io.image_encoding import encode_png
from marrowscope.phantom.synthetic_cell import draw_cell


@pytest.fixture
def cells(tmp_path: Path) -> pl.DataFrame:
    paths = []
    for seed in range(3):
        path = tmp_path / f"{seed}.png"
        path.write_bytes(encode_png(draw_cell("LYT", seed).image))
        paths.append(str(path))
    (tmp_path / "broken.png").write_bytes(b"no image")
    return pl.DataFrame(
        {"path": [*paths, str(tmp_path / "broken.png"), str(tmp_path / "gone.png")]}
    )


def test_every_row_has_its_values_or_a_reason(cells: pl.DataFrame) -> None:
    values, errors = feature_table.measure_table(cells, jobs=1)
    assert values.shape == (5, len(names()))
    assert errors[:3] == [None] * 3
    assert errors[3] is not None
    assert errors[4] is not None
    assert np.isnan(values[3:]).all()
    np.testing.assert_array_equal(values[1], measure_cell(draw_cell("LYT", 1).image)[1])


def with_hashes(cells: pl.DataFrame) -> pl.DataFrame:
    import hashlib

    good = cells.head(3)
    hashes = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in good["path"]]
    return good.with_columns(pl.Series("sha256", hashes))


def test_what_the_cache_knows_is_not_measured_again(
    cells: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = with_hashes(cells)
    first, _ = feature_table.measure_table(known.head(2), tmp_path / "cache", jobs=1)
    measured = []
    real = feature_table.measure_file
    monkeypatch.setattr(
        feature_table, "measure_file", lambda job: measured.append(job) or real(job)
    )
    second, _ = feature_table.measure_table(known, tmp_path / "cache", jobs=1)
    assert [cell.path for cell in measured] == [known["path"][2]]
    np.testing.assert_array_equal(second[:2], first)
    np.testing.assert_array_equal(second[2], measure_cell(draw_cell("LYT", 2).image)[1])


def test_another_version_of_the_features_is_not_used(
    cells: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = with_hashes(cells).head(1)
    feature_table.measure_table(known, tmp_path / "cache", jobs=1)
    monkeypatch.setattr(feature_table, "VERSION", feature_table.VERSION + 1)
    assert feature_table._read(tmp_path / "cache") == {}


def test_a_damaged_cache_is_refused_by_name(cells: pl.DataFrame, tmp_path: Path) -> None:
    known = with_hashes(cells).head(1)
    feature_table.measure_table(known, tmp_path / "cache", jobs=1)
    (path,) = (tmp_path / "cache").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="delete it"):
        feature_table.measure_table(known, tmp_path / "cache", jobs=1)


def test_processes_give_the_values_of_one(tmp_path: Path, cells: pl.DataFrame) -> None:
    many = pl.concat([cells.head(2)] * 8)
    alone, _ = feature_table.measure_table(many.head(2), jobs=1)
    together, _ = feature_table.measure_table(many, jobs=2)
    np.testing.assert_array_equal(together[14:], alone)


def test_what_was_measured_before_a_process_was_ended_is_kept(
    cells: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def __enter__(self) -> "Ended":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def map(self, work, jobs, chunksize):
            yield work(jobs[0])
            raise BrokenProcessPool

    many = pl.concat([with_hashes(cells)] * 6)
    monkeypatch.setattr(feature_table, "ProcessPoolExecutor", Ended)
    with pytest.raises(InputError, match="ended from outside"):
        feature_table.measure_table(many, tmp_path / "cache", jobs=2)
    kept = [pl.read_parquet(path).height for path in (tmp_path / "cache").iterdir()]
    assert kept == [1]


def test_folds_at_the_same_time_can_measure(cells: pl.DataFrame) -> None:
    many = pl.concat([cells.head(2)] * 8)  # enough for several processes
    with parallel_config(backend="loky"):
        found = Parallel(n_jobs=2)(
            delayed(feature_table.measure_table)(many, None, 2) for _ in range(2)
        )
    for values, errors in found:
        assert errors == [None] * 16
        np.testing.assert_array_equal(values[1], measure_cell(draw_cell("LYT", 1).image)[1])


def test_a_script_from_standard_input_measures_in_several_processes(cells: pl.DataFrame) -> None:
    paths = cells["path"].to_list()[:2] * 8
    script = (
        "import polars as pl\n"
        "from marrowscope.features.feature_table import measure_table\n"
        f"values, errors = measure_table(pl.DataFrame({{'path': {paths!r}}}), jobs=2)\n"
        "print(len(values), any(errors))\n"
    )
    here = str(Path(feature_table.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": here},
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "16 False"), done.stderr[-2000:]
