"""Trainings of a cross-validation, one by one, side by side, and on a cluster."""

import os
import signal
from pathlib import Path

import polars as pl
import pytest

import marrowscope as ms
from marrowscope.errors import InputError
from marrowscope.evaluation import fold_training
from marrowscope.evaluation.fold_training import (
    CrossValidationPlan,
    FoldJob,
    is_finished,
    train_fold_on_worker,
)
from marrowscope.training.recipe import load_recipe
from support.two_class_cells import write_two_classes

QUICK = {"epochs": 1, "target_per_class": 2, "batch_size": 4}
PLAN = CrossValidationPlan("sequential", load_recipe("paper"))


def jobs(folder: Path, *names: str) -> list[FoldJob]:
    return [
        FoldJob(name, folder / name, folder / "cells.parquet", PLAN, 0, "cpu", None, False, name, 1)
        for name in names
    ]


def test_trainings_follow_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold_training, "train_fold", lambda part, hooks: part.name)
    assert list(fold_training.in_turn(jobs(tmp_path, "a", "b"), None)) == ["a", "b"]


def test_a_process_that_is_ended_from_outside_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(part: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(fold_training, "train_fold", ended)
    with pytest.raises(InputError, match=r"cv: a process was ended from outside"):
        list(fold_training.side_by_side(jobs(tmp_path / "cv", "a", "b"), 2))


def test_a_folder_without_a_run_is_not_finished(tmp_path: Path) -> None:
    assert not is_finished(tmp_path)


@pytest.mark.slow
def test_folds_of_workers_are_those_of_one_process_bit_for_bit(
    tmp_path: Path, cluster_address: str
) -> None:
    (tmp_path / "cells").mkdir()
    table = write_two_classes(tmp_path / "cells")
    tables = []
    for name, where in (("here", None), ("there", cluster_address)):
        told: list[str] = []
        made = ms.cross_validate(
            table, tmp_path / name / "cv", folds=2, changes=QUICK, resamples=10, device="cpu",
            cluster=where, per_task=["threads=1"] if where else (), say=told.append,
        )  # fmt: skip
        assert made.trained == ("fold-0", "fold-1")
        tables.append(pl.read_parquet(tmp_path / name / "cv" / "predictions.parquet"))
    assert tables[0].equals(tables[1])
    assert "fold-0 finished" in "".join(told)
    with pytest.raises(InputError, match="`jobs` is of this machine"):
        ms.cross_validate(table, tmp_path / "cv", jobs=2, cluster=cluster_address)


def test_a_table_that_a_worker_does_not_see_is_told(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, "fold-0")
    with pytest.raises(InputError, match="a worker does not see this table; name an output"):
        train_fold_on_worker(job)
