"""A fleet of slides: resumed, complete, the same as its slides one by one."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import marrowscope as ms
from marrowscope.counting.count_smear import CountSettings
from marrowscope.fleet.fleet_identity import fleet_facts, fleet_identity
from marrowscope.fleet.smear_counter import ReportSettings
from marrowscope.models.bundle import load_bundle
from support.fleets import write_slides
from support.smears import ONLY_TWO, PIXEL, ByColour

pytestmark = pytest.mark.usefixtures("blank_figures")

# Counts a fleet; the second slide ends the process as the kernel or a C library would.
KILLED = """
import os, signal, sys
import marrowscope as ms
from marrowscope.fleet import smear_counter
from marrowscope.models.bundle import load_bundle
from support.smears import ONLY_TWO, PIXEL, ByColour
count = smear_counter.count_smear
def dying(smear, *rest):
    if smear.name == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return count(smear, *rest)
smear_counter.count_smear = dying
model = ms.Model(load_bundle("sequential-mll7"), ByColour(), True, None)
ms.count_fleet(sys.argv[1], model, output=sys.argv[2], cells=5, microns_per_pixel=PIXEL)
"""


@pytest.fixture(scope="module")
def model() -> ms.Model:
    return ms.Model(load_bundle("sequential-mll7"), ByColour(), True, None)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_slides(folder, "abc")
    return folder


def run(archive: Path, model: ms.Model, output: Path, **changes: object) -> ms.Fleet:
    settings: dict[str, object] = {"cells": 5, "microns_per_pixel": PIXEL, **changes}
    return ms.count_fleet(archive, model, output=output, **settings)  # type: ignore[arg-type]


def test_a_driver_that_is_killed_costs_nothing_that_was_done(
    archive: Path, model: ms.Model, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    paths = [str(Path(__file__).parents[1]), str(Path(ms.__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(archive), str(out)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    first = (out / "a" / "report.html").stat().st_mtime_ns
    told: list[str] = []
    fleet = run(archive, model, out, finished=lambda row: told.append(row.name))
    assert told == ["c", "b"]  # the one with which it ended comes last
    assert fleet.states == {"done": 3}
    assert (out / "a" / "report.html").stat().st_mtime_ns == first
    assert fleet.table["tries"].to_list() == [1, 2, 1]
    assert not [path for path in out.rglob(".*") if path.name != "."]

    # Each count is that of its slide alone.
    alone = ms.count(archive / "b.tif", model, cells=5, microns_per_pixel=PIXEL)
    assert_frame_equal(pl.read_parquet(out / "b" / "cells.parquet"), alone.cells)
    summary = fleet.to_dict()
    assert json.loads(json.dumps(summary))["fleet"]["states"] == {"done": 3}
    assert [one["located_cells"] for one in summary["smears"]][1] == alone.cells.height
    assert fleet.page.is_file()
    assert "3 done" in repr(fleet)


def test_every_slide_that_was_named_has_its_row(model: ms.Model, tmp_path: Path) -> None:
    slides = write_slides(tmp_path / "in", "a")
    (tmp_path / "in" / "cut.tif").write_bytes(slides[0].read_bytes()[:300])
    (tmp_path / "in" / "empty.svs").touch()
    fleet = run(tmp_path / "in", model, tmp_path / "out")
    assert fleet.table["state"].to_list() == ["done", "refused", "refused"]
    assert fleet.table["reason"].null_count() == 1
    assert len(fleet.failed) == 2


def test_what_is_no_fleet_is_refused_before_anything_is_counted(
    archive: Path, model: ms.Model, tmp_path: Path
) -> None:
    (tmp_path / "fleet.parquet").write_bytes(b"mine")
    with pytest.raises(ms.InputError, match="is not the table of a fleet"):
        run(archive, model, tmp_path)
    assert (tmp_path / "fleet.parquet").read_bytes() == b"mine"
    with pytest.raises(ms.InputError, match="`cells` is 0"):
        run(archive, model, tmp_path / "out", cells=0)
    assert not (tmp_path / "out").exists()
    assert ms.find_slides(archive / "a.tif") is None
    with pytest.raises(ms.InputError, match="expected field or slide"):
        ms.find_slides(archive, taken_as="photo")


def test_slides_are_counted_again_where_novel_cells_are_told_or_no_longer() -> None:
    told = [CountSettings(novelty=ONLY_TWO), CountSettings(), CountSettings()]
    facts = [fleet_facts("m", "e", one, ReportSettings(), None, None) for one in told]
    first, second, same = map(partial(fleet_identity, "model"), told, facts)
    assert first != second == same
