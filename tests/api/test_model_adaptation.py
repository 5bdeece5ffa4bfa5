"""A model is adapted to a laboratory's cells: what is written, and when nothing is."""

from pathlib import Path

import polars as pl
import pytest

import marrowscope as ms
from marrowscope.models.bundle import load_bundle
from marrowscope.models.bundle_writer import save_bundle
from support.adaptable import grey_cells, small_bundle

pytestmark = pytest.mark.usefixtures("thin_network")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, thin_network: None) -> Path:
    """``old``, a bundle with a graph and a file of a calibration; ``cells.parquet`` and images."""
    home = tmp_path_factory.mktemp("home")
    bundle = small_bundle(metrics={"macro_f1": 0.5}, note="Small.", licence="CC0")
    save_bundle(bundle.model, bundle.card, home / "old", {"calibration.json": b"{}"})
    table = grey_cells(home / "grey").with_columns(laboratory=pl.lit("Graz"))
    ms.write_cells(table, home / "cells.parquet")
    return home


@pytest.fixture(scope="module")
def made(home: Path) -> ms.AdaptedModel:
    return ms.adapt_model(home / "old", home / "cells.parquet", home / "new", resamples=50)


def test_before_and_after_have_intervals(made: ms.AdaptedModel) -> None:
    score = made.table.row(0, named=True)
    assert (score["score"], score["cells"]) == ("macro_f1", 24)
    assert score["before_low"] <= score["before"] <= score["before_high"] < score["after"]
    assert made.table["score"].to_list()[2:] == ["recall NGS", "recall LYT"]
    assert made.table["cells"].to_list()[2:] == [12, 12]
    assert not made.is_worse


def test_the_card_says_from_what_with_which_cells_and_how(
    made: ms.AdaptedModel, home: Path
) -> None:
    old, card = load_bundle(home / "old").card, load_bundle(home / "new").card
    assert card.name == made.name == "old-Graz"
    facts = card.data["adapted"]
    assert (facts["from"], facts["from_weights_sha256"]) == ("old", old.weights_sha256)
    assert (facts["images"], facts["laboratories"]) == (24, ["Graz"])
    assert facts["labelled"] == {"LYT": 12, "NGS": 12}
    assert facts["steps"] == ["statistics of normalization", "last layer"]
    assert (card.known, card.licence) == (old.known, "CC0")
    assert card.note == "Small. Adapted from old: statistics of normalization, last layer."
    assert card.metrics["macro_f1"] == pytest.approx(made.after.strict["macro_f1"].value, abs=1e-4)
    assert "5 folds" in card.split["method"]


def test_graph_is_made_anew_and_the_calibration_left_out_with_a_line(
    made: ms.AdaptedModel, home: Path
) -> None:
    assert load_bundle(home / "new").graph() != load_bundle(home / "old").graph()
    assert not (home / "new" / "calibration.json").exists()
    assert (home / "old" / "calibration.json").exists()
    assert any("calibration of the old model is left out" in line for line in made.remarks)
    answers = made.load_model(engine="openvino").predict(home / "cells.parquet")
    assert (answers["predicted"] == answers["label"]).mean() > 0.9


@pytest.mark.usefixtures("without_graph")
def test_a_folder_without_labels_is_enough_and_what_was_not_measured_is_said(
    home: Path, made: ms.AdaptedModel, tmp_path: Path
) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for number, path in enumerate((home / "grey").glob("*/*.png")):
        (flat / f"{number}.png").write_bytes(path.read_bytes())
    (flat / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    made = ms.adapt_model(home / "new", flat, tmp_path / "new", name="mine")
    assert (made.name, made.before, made.after, made.table.height) == ("mine", None, None, 0)
    assert any(line.startswith("1 of 25 images cannot be used") for line in made.remarks)
    assert any(line.startswith("nothing was measured") for line in made.remarks)
    assert load_bundle(tmp_path / "new").card.metrics == {}
    assert load_bundle(tmp_path / "new").card.data["adapted"]["earlier"]["from"] == "old"


def test_where_it_got_worse_nothing_is_written(
    home: Path, made: ms.AdaptedModel, tmp_path: Path
) -> None:
    """Wrong labels teach, right ones judge."""
    table = ms.read_cells(home / "cells.parquet")
    wrong = {"NGS": "LYT", "LYT": "NGS"}
    taught = table.with_columns(pl.col("label").replace(wrong), split=pl.lit("train"))
    mixed = pl.concat([taught, table.with_columns(split=pl.lit("test"))])
    made = ms.adapt_model(home / "new", mixed, tmp_path / "worse", resamples=50)
    assert made.is_worse
    assert made.folder is None
    assert not (tmp_path / "worse").exists()
    with pytest.raises(ms.InputError, match="made the model worse"):
        made.load_model()


def test_neither_the_model_nor_another_folder_is_overwritten(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ms.InputError, match="is the model itself"):
        ms.adapt_model(home / "old", home / "cells.parquet", home / "old")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ms.InputError, match="holds no bundle"):
        ms.adapt_model(home / "old", home / "cells.parquet", tmp_path)


def test_errors_name_the_table(home: Path, tmp_path: Path) -> None:
    few = ms.read_cells(home / "cells.parquet").head(5)
    ms.write_cells(few, tmp_path / "few.parquet")
    with pytest.raises(ms.InputError, match=r"few\.parquet: 5 cells of known class"):
        ms.adapt_model(home / "old", tmp_path / "few.parquet", tmp_path / "new")
    assert not (tmp_path / "new").exists()
