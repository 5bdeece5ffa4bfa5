"""The log of a run that goes on: rows after the last checkpoint are written again."""

from pathlib import Path

import pytest

from marrowscope.training.networks.trainer import _continued_csv, uses_half_precision
from marrowscope.training.recipe import load_recipe
from marrowscope.training.run_folder import LOGS


@pytest.mark.filterwarnings("ignore:Experiment logs directory")  # it is kept, not deleted
def test_rows_up_to_the_step_of_the_checkpoint_are_kept(tmp_path: Path) -> None:
    path = tmp_path / LOGS / "csv" / "metrics.csv"
    path.parent.mkdir(parents=True)
    path.write_text("loss,step\n3.5,10\n2.5,20\n1.5,30\n,x\n")
    logger = _continued_csv(tmp_path, 20)
    logger.log_metrics({"loss": 2.0}, 25)
    logger.save()
    rows = [line.split(",") for line in path.read_text().split()]
    place = {name: rows[0].index(name) for name in ("step", "loss")}
    assert [(row[place["step"]], row[place["loss"]]) for row in rows[1:]] == [
        ("10", "3.5"),
        ("20", "2.5"),
        ("25", "2.0"),
    ]


def test_a_gpu_computes_in_half_precision_and_a_processor_when_told() -> None:
    assert uses_half_precision(load_recipe("default"), "cuda")
    assert not uses_half_precision(load_recipe("default", ["precision=fp32"]), "cpu")
    assert uses_half_precision(load_recipe("default", ["precision=bf16"]), "cpu")
