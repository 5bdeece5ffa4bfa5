"""A fleet on a cluster: the same bits, and complete whatever dies."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import Client

import marrowscope as ms
from marrowscope.counting.count_smear import CountSettings
from marrowscope.errors import InputError
from marrowscope.fleet.fleet_table import FAILED, TABLE, SlideRow
from marrowscope.fleet.slide_task import SlideTask
from marrowscope.fleet.smear_counter import ReportSettings
from marrowscope.fleet.worker_slides import WorkerSetup, count_on_worker, require_setup
from marrowscope.inference.model_choice import ModelChoice
from marrowscope.models.bundle import load_bundle
from support.smears import PIXEL, ByColour, piece, write_slide

BITS = ("cells.parquet", "count.csv")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for number in range(3):
        write_slide(folder / f"{number}.tif", piece(number, 300))
    return folder


def run(archive: Path, output: Path, cluster: str | None = None, **changes: object) -> ms.Fleet:
    settings: dict[str, object] = {
        "cells": 5, "microns_per_pixel": PIXEL, "min_confidence": 0, "cluster": cluster, **changes,
    }  # fmt: skip
    return ms.count_fleet(archive, output=output, **settings)  # type: ignore[arg-type]


@pytest.mark.usefixtures("blank_figures")
def test_counts_of_workers_are_those_of_one_process_bit_for_bit(
    archive: Path, tmp_path: Path, cluster_address: str
) -> None:
    here = run(archive, tmp_path / "here")
    there = run(archive, tmp_path / "there", cluster_address, per_task=["threads=2", "seat=1"])
    assert (here.states, there.failed) == ({"done": 3}, ())
    where = ("seconds", "worker")
    assert here.table.drop(where).equals(there.table.drop(where))
    assert str(os.getpid()) not in "".join(there.table["worker"])
    for name in ("0", "1", "2"):
        for file in BITS:
            found = [(tmp_path / one / name / file).read_bytes() for one in ("here", "there")]
            assert found[0] == found[1], (name, file)
    # What one did the other goes on with.
    again: list[SlideRow] = []
    assert run(archive, tmp_path / "there", finished=again.append).states == {"done": 3}
    assert again == []


@pytest.mark.slow
def test_workers_that_die_cost_tries_and_a_poisonous_slide_is_named(
    archive: Path, tmp_path: Path, cluster_address: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, source in (("a", "0"), ("poison", "1"), ("z", "2")):
        os.link(archive / f"{source}.tif", folder / f"{name}.tif")

    def kill(row: SlideRow) -> None:
        """When the first slide is done, all workers die under the others."""
        if len(ended) == 0:
            with Client(cluster_address) as client:
                for process in client.run(os.getpid, on_error="ignore").values():
                    os.kill(process, signal.SIGKILL)
        ended.append(row.name)

    ended: list[str] = []
    fleet = run(folder, tmp_path / "out", cluster_address, finished=kill)
    assert fleet.table["state"].to_list() == ["done", "failed", "done"]
    assert sorted(ended) == ["a", "poison", "z"]
    assert fleet.rows[1].tries == 3
    assert fleet.failed == (
        f"{folder / 'poison.tif'}: its process died 3 times (memory, or a damaged file)",
    )


def test_what_a_worker_does_not_see_is_told(tmp_path: Path) -> None:
    setup = WorkerSetup(
        ModelChoice("sequential-mll7"), CountSettings(), ReportSettings(), str(tmp_path)
    )
    with pytest.raises(InputError, match="does not see this folder; name an output on storage"):
        require_setup(setup)
    task = SlideTask(0, "/a.svs", SlideRow("/a.svs", "a"), str(tmp_path / "a"), "m")
    assert "does not see this folder" in str(count_on_worker(setup, task).reason)
    (tmp_path / TABLE).touch()
    missing = count_on_worker(setup, task)
    assert missing.state == FAILED
    assert "does not see this slide; put it where all machines" in str(missing.reason)
    other = replace(setup, model=replace(setup.model, identity="of another one"))
    with pytest.raises(InputError, match="is another model here, or computes with another engine"):
        require_setup(other)


def test_a_model_that_no_other_process_can_load_is_refused(
    archive: Path, tmp_path: Path, cluster_address: str
) -> None:
    model = ms.Model(load_bundle("sequential-mll7"), ByColour(), True, None)
    with pytest.raises(InputError, match="another process cannot load it; name its bundle"):
        run(archive, tmp_path, cluster_address, model=model)
