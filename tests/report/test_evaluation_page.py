"""The report: self-contained, escaped, complete, honest."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from marrowscope.dataset.contents import NO_IDS
from marrowscope.errors import InputError
from marrowscope.evaluation.evaluate_predictions import evaluate
from marrowscope.morphology import CODES
from marrowscope.report.evaluation_figures import (
    confusion_figure,
    per_class_figure,
    reliability_figure,
)
from marrowscope.report.evaluation_page import write_report
from support.predictions import predictions

blank_figures = pytest.mark.usefixtures("blank_figures")


class _Links(HTMLParser):
    """Collects everything that a browser would load, and every tag."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loaded += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "data")]


def page_of(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def table(tmp_path: Path) -> pl.DataFrame:
    """Predictions whose images exist, but for the first ten."""
    rows = predictions(120, codes=("BLA", "PMO", "LYT"))
    random = np.random.default_rng(0)
    paths = []
    for number in range(rows.height):
        path = tmp_path / f"cell_{number:03d}.png"
        if number >= 10:
            cv2.imwrite(str(path), random.integers(0, 256, (60, 60, 3), dtype=np.uint8))
        paths.append(str(path))
    return rows.with_columns(pl.Series("path", paths))


@blank_figures
def test_folds_are_in_page_table_and_data(table: pl.DataFrame, tmp_path: Path) -> None:
    rows = table.with_columns(fold=pl.int_range(pl.len(), dtype=pl.Int32) % 4)
    result = evaluate(rows, resamples=50)
    write_report(result, rows, tmp_path / "report", "Cross-validation")
    assert result.folds is not None
    data = json.loads((tmp_path / "report/metrics.json").read_text())
    accuracy = result.folds.strict["accuracy"]
    assert data["folds"]["names"] == ["0", "1", "2", "3"]
    assert data["folds"]["strict"]["accuracy"]["mean"] == pytest.approx(accuracy.mean)
    assert len(data["folds"]["strict"]["accuracy"]["values"]) == 4
    page = page_of(tmp_path / "report")
    assert "Fold by fold" in page
    assert f"{accuracy.mean:.3f}".lstrip("0") + " ± " + f"{accuracy.sd:.3f}".lstrip("0") in page
    csv = pl.read_csv(tmp_path / "report/per_class.csv").filter(pl.col("code") == "BLA")
    (blast,) = (entry for entry in result.folds.classes if entry.code == "BLA")
    assert csv["strict_recall_fold_mean"][0] == pytest.approx(blast.strict["recall"].mean)
    assert csv["strict_recall_fold_sd"][0] == pytest.approx(blast.strict["recall"].sd)
    plain = evaluate(table, resamples=50)
    write_report(plain, table, tmp_path / "plain", "One split")
    assert "Fold by fold" not in page_of(tmp_path / "plain")


@blank_figures
def test_the_folder_holds_page_data_and_figures(table: pl.DataFrame, tmp_path: Path) -> None:
    result = evaluate(table, resamples=50)
    write_report(result, table, tmp_path / "report", "My report")
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names == {
        "report.html", "metrics.json", "per_class.csv", "confusion.csv",
        "confusion.png", "per_class.png", "reliability.png",
    }  # fmt: skip
    metrics = json.loads((tmp_path / "report/metrics.json").read_text())
    assert metrics["strict"]["accuracy"]["value"] == pytest.approx(result.strict["accuracy"].value)
    counts = pl.read_csv(tmp_path / "report/confusion.csv")
    assert counts.drop("truth").sum_horizontal().sum() == 120
    classes = pl.read_csv(tmp_path / "report/per_class.csv")
    assert classes.filter(pl.col("code") == "BLA")["published_strict_recall"].item() == 0.65


@blank_figures
def test_the_page_loads_nothing_from_elsewhere_and_runs_no_script(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    write_report(evaluate(table, resamples=20), table, tmp_path / "report", "My report")
    links = _Links()
    links.feed(page_of(tmp_path / "report"))
    assert links.loaded
    assert all(link.startswith("data:image/") for link in links.loaded)
    assert "script" not in links.tags
    assert not re.search(r"url\(|@import", page_of(tmp_path / "report"))


@blank_figures
def test_the_page_shows_scores_examples_and_what_must_be_said(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    result = evaluate(table, resamples=20)
    write_report(result, table, tmp_path / "report", "My report", {"model": "m1"})
    page = page_of(tmp_path / "report")
    assert "Research use only" in page
    assert NO_IDS in page
    assert f"{result.strict['macro_f1'].value:.3f}".lstrip("0") in page
    assert ".545" in page
    assert "data:image/jpeg" in page
    assert "cell_0" in page
    assert "m1" in page
    assert "Synthetic" not in page


@blank_figures
def test_synthetic_cells_are_called_synthetic(table: pl.DataFrame, tmp_path: Path) -> None:
    table = table.with_columns(pl.lit("synthetic").alias("annotator"))
    write_report(evaluate(table, resamples=20), table, tmp_path / "report", "Phantom")
    page = page_of(tmp_path / "report")
    assert "Synthetic cells" in page
    assert ".545" not in page  # drawn cells compare with nothing published


@blank_figures
def test_names_from_users_cannot_become_markup(table: pl.DataFrame, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    table = table.with_columns(
        pl.col("label").replace({"LYT": evil}), pl.lit(f"/x/{evil}.png").alias("path")
    )
    write_report(evaluate(table, resamples=20), table, tmp_path / "report", evil, {evil: evil})
    page = page_of(tmp_path / "report")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@blank_figures
def test_missing_images_do_not_stop_the_report(tmp_path: Path) -> None:
    table = predictions(50)
    write_report(evaluate(table, resamples=20), table, tmp_path / "report", "t")
    assert "images not at hand" in page_of(tmp_path / "report")


@blank_figures
def test_an_earlier_report_is_replaced_as_a_whole(table: pl.DataFrame, tmp_path: Path) -> None:
    result = evaluate(table, resamples=20)
    write_report(result, table, tmp_path / "report", "the first")
    (tmp_path / "report/confusion.csv").unlink()
    write_report(result, table, tmp_path / "report", "the second")
    assert "the second" in page_of(tmp_path / "report")
    assert (tmp_path / "report/confusion.csv").exists()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@blank_figures
def test_a_folder_with_other_files_is_refused_and_keeps_them(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/model.safetensors").write_text("weights")
    with pytest.raises(InputError, match=r"model\.safetensors"):
        write_report(evaluate(table, resamples=20), table, tmp_path / "run", "t")
    assert (tmp_path / "run/model.safetensors").read_text() == "weights"


@pytest.mark.parametrize("name", ["$\\frac{", "[/red]", "\x1b[31mred", "細胞", "long " * 60])
def test_any_class_name_can_be_drawn_and_written(
    name: str, table: pl.DataFrame, tmp_path: Path
) -> None:
    table = table.with_columns(pl.col("label", "predicted").replace({"LYT": name}))
    write_report(evaluate(table, resamples=20), table, tmp_path / "report", name)
    assert (tmp_path / "report/confusion.png").stat().st_size > 5000


@blank_figures
def test_rows_without_a_path_or_a_confidence_have_no_example(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    table = table.with_columns(
        pl.lit(None, pl.String).alias("path"), pl.lit(None, pl.Float32).alias("confidence")
    )
    write_report(evaluate(table, resamples=20), table, tmp_path / "report", "t")
    assert "images not at hand" in page_of(tmp_path / "report")


@blank_figures
def test_the_page_names_the_pairs_and_the_unit_of_the_bootstrap(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    ids = pl.Series("patient_id", [f"p{k % 30}" for k in range(table.height)])
    table = table.with_columns(ids)
    write_report(evaluate(table, resamples=20), table, tmp_path / "report", "t")
    page = page_of(tmp_path / "report")
    assert "BLA–PMO" in page
    assert "same patient_id are drawn together (30 units)" in page
    metrics = json.loads((tmp_path / "report/metrics.json").read_text())
    assert metrics["bootstrap"] == {
        "resamples": 20, "seed": 0, "unit": "patient_id", "units": 30,
    }  # fmt: skip
    assert metrics["tolerated"] == [["BLA", "PMO"]]


@pytest.mark.parametrize("codes", [("BLA", "LYT"), CODES])
def test_the_bar_of_a_class_stands_beside_its_row(codes: tuple[str, ...], tmp_path: Path) -> None:
    figure = confusion_figure(evaluate(predictions(400, codes=codes), resamples=10))
    figure.savefig(tmp_path / "figure.png")  # only now are the axes laid out
    matrix, bars = figure.axes
    assert len(bars.patches) == len(codes)
    for row, bar in enumerate(bars.patches):
        middle = bars.transData.transform((1, bar.get_y() + bar.get_height() / 2))[1]
        assert middle == pytest.approx(matrix.transData.transform((0, row))[1], abs=0.5)


@pytest.mark.parametrize("make", [confusion_figure, per_class_figure, reliability_figure])
def test_figures_of_odd_sets_can_be_drawn(make, tmp_path: Path) -> None:
    perfect = predictions(30, codes=("BLA", "LYT")).with_columns(pl.col("label").alias("predicted"))
    one = perfect.filter(pl.col("label") == "BLA")
    for table in (perfect, one, predictions(400)):
        make(evaluate(table, resamples=20)).savefig(tmp_path / "figure.png")
        assert (tmp_path / "figure.png").stat().st_size > 5000


@blank_figures
def test_scores_by_laboratory_are_in_page_tables_and_data(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    folder = tmp_path / "report"
    named = table.with_columns(pl.Series("laboratory", ["Munich", "<Bonn>"] * 60))
    result = evaluate(named, resamples=20)
    write_report(result, named, folder, "two")
    page = page_of(folder)
    assert "Laboratory by laboratory" in page
    assert "&lt;Bonn&gt;" in page
    assert "<Bonn>" not in page
    munich = result.laboratories[1]
    assert f"{munich.strict['macro_f1'].value:.3f}".lstrip("0") in page
    assert pl.read_csv(folder / "laboratories.csv")["laboratory"].to_list() == ["<Bonn>", "Munich"]
    assert pl.read_csv(folder / "per_class_laboratory.csv").height == 6
    data = json.loads((folder / "metrics.json").read_text("utf-8"))["laboratories"][1]
    assert data["name"] == "Munich"
    assert data["strict"]["macro_f1"]["value"] == munich.strict["macro_f1"].value
    # The next report of the same folder is of one laboratory: nothing of the two is left.
    write_report(evaluate(table, resamples=20), table, folder, "one")
    assert "Laboratory by laboratory" not in page_of(folder)
    assert not (folder / "laboratories.csv").exists()
    assert "laboratories" not in json.loads((folder / "metrics.json").read_text("utf-8"))
