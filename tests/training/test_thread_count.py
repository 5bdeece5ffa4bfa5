"""The bits of a training follow from a recorded number of threads, not from what ran before."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from numba import get_num_threads as numba_threads
from numba import njit, prange
from numpy.typing import NDArray

from marrowscope.cells import write_cells
from marrowscope.errors import InputError
from marrowscope.training import thread_count
from marrowscope.training.recipe import Recipe
from marrowscope.training.run_folder import prepare_folder
from marrowscope.training.self_supervised.pretrain import pretrain
from marrowscope.training.thread_count import (
    current_thread_count,
    fixed_thread_count,
    oversubscription_note,
    restored_thread_count,
    run_thread_count,
)
from marrowscope.training.train import train
from support.training_runs import SMALL, dark_and_light_cells, run_to_the_end, stop_at

pytestmark = pytest.mark.usefixtures("without_graph")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Each test begins and leaves the process with one thread of torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return dark_and_light_cells(tmp_path_factory.mktemp("images"), 20)


@njit(parallel=True)
def _sum(values: NDArray[np.float64]) -> float:
    total = 0.0
    for place in prange(len(values)):
        total += values[place]
    return total


def trained(table: pl.DataFrame, folder: Path, **options: object) -> bytes:
    train(table, "sequential", SMALL, folder, **options)
    return (folder / "bundle" / "model.safetensors").read_bytes()


def recorded(folder: Path) -> int | None:
    return json.loads((folder / "run.json").read_text()).get("threads")


@pytest.fixture(scope="module")
def fresh(table: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a process of its own."""
    folder = tmp_path_factory.mktemp("fresh")
    write_cells(table, folder / "split.parquet")
    run_to_the_end("train", folder / "split.parquet", folder / "run")
    assert recorded(folder / "run") == 1
    return folder / "run"


def test_a_process_with_other_threads_trains_the_bits_of_a_fresh_one(
    table: pl.DataFrame, fresh: Path, tmp_path: Path
) -> None:
    wanted = (fresh / "bundle" / "model.safetensors").read_bytes()
    _sum(np.ones(1000))
    torch.set_num_threads(2)
    assert trained(table, tmp_path / "recorded", threads=recorded(fresh)) == wanted
    assert torch.get_num_threads() == 2, "what the process had is put back"
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert trained(table, tmp_path / "own") != wanted, "the test could not see a difference"
    assert recorded(tmp_path / "own") == 2


def test_a_parallel_function_does_not_change_a_run_that_goes_on(
    table: pl.DataFrame, fresh: Path, tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError, match="stop here"):
        trained(table, tmp_path / "run", checkpoint_steps=1, hooks=stop_at(5))
    assert recorded(tmp_path / "run") == 1
    _sum(np.ones(1000))
    torch.set_num_threads(max(2, numba_threads()))
    went_on = trained(table, tmp_path / "run", resume=True)
    assert went_on == (fresh / "bundle" / "model.safetensors").read_bytes()


def test_learning_without_labels_computes_with_the_recorded_threads_too(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    recipe = Recipe(epochs=1, target_per_class=None, batch_size=16, learning_rate=0.002)
    table = table.drop("split").head(32)  # as few as are accepted
    first = pretrain(table, "sequential", recipe, tmp_path / "one")
    torch.set_num_threads(2)
    again = pretrain(table, "sequential", recipe, tmp_path / "again", threads=1)
    other = pretrain(table, "sequential", recipe, tmp_path / "two")
    assert (recorded(tmp_path / "one"), recorded(tmp_path / "two")) == (1, 2)
    assert first.weights.read_bytes() == again.weights.read_bytes()
    assert first.weights.read_bytes() != other.weights.read_bytes()


def test_a_run_that_recorded_no_threads_goes_on_and_records_them(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"seed": 0}')
    torch.set_num_threads(3)
    threads = run_thread_count(tmp_path, None, resume=True)
    assert prepare_folder(tmp_path, {"seed": 0, "threads": threads}, resume=True) is None
    torch.set_num_threads(1)
    assert run_thread_count(tmp_path, None, resume=True) == 3


def test_a_finished_run_that_recorded_no_threads_stays_as_it_is(tmp_path: Path) -> None:
    before = '{"seed": 0, "finished": true, "metrics": {"images": 6}}'
    (tmp_path / "run.json").write_text(before)
    assert prepare_folder(tmp_path, {"seed": 0, "threads": 4}, resume=True) == {"images": 6}
    assert (tmp_path / "run.json").read_text() == before


def test_other_threads_than_the_recorded_ones_are_refused(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "run", {"threads": 2}, resume=False)
    with pytest.raises(InputError, match="started with another number of threads"):
        prepare_folder(tmp_path / "run", {"threads": 3}, resume=True)


def test_a_limit_below_the_recorded_threads_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_THREAD_LIMIT", "2")
    with (
        pytest.raises(InputError, match=r"8 threads.* OMP_THREAD_LIMIT permits 2 here; raise"),
        fixed_thread_count(8),
    ):
        pytest.fail("computed all the same")
    assert torch.get_num_threads() == 1


def test_torch_that_takes_another_number_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_count.torch, "get_num_threads", lambda: 1)
    with (
        pytest.raises(InputError, match=r"5 threads, .* torch takes 1 here"),
        fixed_thread_count(5),
    ):
        pytest.fail("computed all the same")


def test_new_runs_take_no_more_threads_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(3)
    assert current_thread_count() == 3
    monkeypatch.setenv("OMP_THREAD_LIMIT", "2")
    assert current_thread_count() == 2


def test_threads_are_put_back_after_an_error() -> None:
    def fails() -> None:
        assert torch.get_num_threads() == 2
        raise ValueError("here")

    with pytest.raises(ValueError, match="here"), fixed_thread_count(2):
        fails()
    assert torch.get_num_threads() == 1


def test_threads_that_a_library_changes_are_put_back() -> None:
    with restored_thread_count():
        torch.set_num_threads(2)
    assert torch.get_num_threads() == 1


def test_no_threads_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="threads is 0; at least 1"):
        run_thread_count(tmp_path, 0, resume=False)


def test_more_threads_than_cores_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert oversubscription_note(4) is None
    assert (
        oversubscription_note(16)
        == "computes with 16 threads on 4 cores, as it was begun: its bits stay"
    )
