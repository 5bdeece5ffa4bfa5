"""What a training refuses before a folder is taken for it."""

from pathlib import Path

import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.training.recipe import load_recipe
from marrowscope.training.train import train

pytestmark = pytest.mark.usefixtures("thin_network")

RECIPE = load_recipe("default")


@pytest.fixture
def table(tmp_path: Path) -> pl.DataFrame:
    """Four cells whose images are not there."""
    return pl.DataFrame(
        {
            "cell_id": list("abcd"),
            "path": [str(tmp_path / f"{name}.png") for name in "abcd"],
            "sha256": list("abcd"),
            "label": ["LYT", "LYT", "NGS", "NGS"],
            "split": ["train"] * 4,
        }
    )


@pytest.mark.parametrize("model", ["sequential", "features"])
def test_images_that_are_gone_are_named(table: pl.DataFrame, model: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.png"):
        train(table, model, RECIPE, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "resnet18"}, "resnet18"),
        ({"head": "knn"}, "`head` knn"),
        ({"threads": 0}, "threads is 0"),
        ({"weights": Path("missing.safetensors")}, "missing.safetensors"),
        ({"share": 0.0}, "share"),
        ({"fold": 3}, "fold"),
    ],
)
def test_options_that_make_no_sense_cost_no_folder(
    table: pl.DataFrame, options: dict, words: str, tmp_path: Path
) -> None:
    model = options.pop("model", "sequential")
    with pytest.raises(InputError, match=words):
        train(table, model, RECIPE, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_folder_of_something_else_is_left_alone(table: pl.DataFrame, tmp_path: Path) -> None:
    for name in table["path"]:
        Path(name).write_bytes(b"never read")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="run"):
        train(table, "sequential", RECIPE, folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]
