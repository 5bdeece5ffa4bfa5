"""Trainings of a cross-validation, one by one and side by side."""

import os
import signal
from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.evaluation import fold_training
from marrowscope.evaluation.fold_training import CrossValidationPlan, FoldJob, is_finished
from marrowscope.training.recipe import load_recipe

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
