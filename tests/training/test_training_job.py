from dataclasses import replace
from pathlib import Path

import polars as pl

from marrowscope.training.recipe import Recipe
from marrowscope.training.run_setup import StartingPoint
from marrowscope.training.training_cells import TrainingData
from marrowscope.training.training_job import TrainingJob

NOTHING = pl.DataFrame()
JOB = TrainingJob(
    NOTHING,
    TrainingData(NOTHING, NOTHING, (), (), {}, {}),
    StartingPoint("features"),
    Recipe(name="small"),
    Path("runs/one"),
    "one",
)


def test_features_are_kept_in_the_run_folder_or_beside_the_store_for_other_runs() -> None:
    assert JOB.feature_cache("frozen") == Path("runs/one/frozen")
    beside = replace(JOB, beside=Path("data/cells.store"))
    assert beside.feature_cache("frozen") == Path("data/cells.frozen")
    assert beside.feature_cache("features") == Path("data/cells.features")
