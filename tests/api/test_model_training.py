"""A tiny training in this process: the run, its model, what is said, and what is refused."""

from pathlib import Path

import polars as pl
import pytest

import marrowscope as ms
from marrowscope.phantom.synthetic_dataset import write_dataset

TINY = {"epochs": 1, "target_per_class": 4, "batch_size": 4, "views": 1}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("drawn")
    write_dataset(folder, {"NGS": 4, "LYT": 4}, masks=False)
    return ms.split(ms.index(folder), test=0.5).table


@pytest.fixture(scope="module")
def seen() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="module")
def run(
    table: pl.DataFrame, seen: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> ms.TrainingRun:
    return ms.train(
        table,
        tmp_path_factory.mktemp("runs") / "run",
        recipe="paper",
        changes=TINY,
        name="tiny",
        epoch=lambda number, epochs, scores: seen.append((number, epochs)),
    )


def test_held_out_cells_are_predicted_and_scored(run: ms.TrainingRun, table: pl.DataFrame) -> None:
    held_out = table.filter(pl.col("split") == "test")
    assert set(run.predictions()["cell_id"]) == set(held_out["cell_id"])
    scored = ms.evaluate(run.predictions(), resamples=20)
    rows = dict(run.table.rows())
    assert rows["macro_f1"] == pytest.approx(scored.strict["macro_f1"].value, abs=1e-4)
    assert rows == {name: value for name, value in run.metrics.items() if name in rows}


def test_the_trained_model_predicts_at_once(run: ms.TrainingRun, table: pl.DataFrame) -> None:
    model = run.load_model()
    assert (model.name, model.card.known) == ("tiny", ("NGS", "LYT"))
    answers = model.predict(table.filter(pl.col("split") == "test"))
    assert answers["predicted"].to_list() == run.predictions()["predicted"].to_list()


def test_progress_tells_every_epoch_of_all(
    run: ms.TrainingRun, seen: list[tuple[int, int]]
) -> None:
    assert seen == [(1, 1)]
    assert run.speed is not None


def test_a_run_is_not_overwritten_and_a_finished_one_is_read(
    run: ms.TrainingRun, table: pl.DataFrame
) -> None:
    with pytest.raises(ms.InputError, match="continue with `resume=True` or choose another"):
        ms.train(table, run.folder, recipe="paper", changes=TINY, name="tiny")
    again = ms.train(table, run.folder, recipe="paper", changes=TINY, name="tiny", resume=True)
    assert again.metrics == run.metrics
    assert again.speed == f"{run.folder}: this run was already finished"


def test_changes_are_a_mapping_or_lines(table: pl.DataFrame, tmp_path: Path) -> None:
    for changes in ({"epochs": 0}, ["epochs=0"]):
        with pytest.raises(ms.InputError, match="epochs is 0"):
            ms.train(table, tmp_path / "run", changes=changes)
    with pytest.raises(ms.InputError, match="`changes` epochs: expected key=value"):
        ms.train(table, tmp_path / "run", changes=["epochs"])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"device": "tpu"}, "`device` tpu: expected"),
        ({"share": 0.0}, "`share` 0: give a share above 0"),
        ({"model": "vit"}, "`model` vit: needs `weights`"),
        ({"head": "knn"}, "`head` knn: only for `model=vit`"),
        ({"recipe": "fast"}, "`recipe` fast: not one of"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(
    table: pl.DataFrame, options: dict[str, object], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(ms.InputError, match=reason):
        ms.train(table, tmp_path / "run", **options)  # type: ignore[arg-type]
