"""marrowscope count, as a user types it."""

import json
from pathlib import Path

import polars as pl
import pytest
import torch

from marrowscope.cells import write_cells
from marrowscope.io.image_encoding import encode_jpeg, encode_png
from marrowscope.models import SMALL_MODEL, create
from marrowscope.models.bundle_writer import save_bundle
from marrowscope.models.card import Card
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import draw_field
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from support.command_shell import Shell
from support.smears import PIXEL, piece, write_slide

TOY = ("BLA", "NGS", "LYT")


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, library = tmp_path_factory.mktemp("marrow"), CellLibrary(MICRONS_PER_PIXEL, 4)
    for number in range(3):
        drawn = draw_field(FieldSettings(width=1000, height=800), 40 + number, library)
        (folder / f"{number}.jpg").write_bytes(encode_jpeg(drawn.image, 95))
    return folder


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quick bundle that knows nothing, and gives three countable classes."""
    folder = tmp_path_factory.mktemp("model") / "toy"
    torch.manual_seed(0)
    save_bundle(create("sequential", len(TOY)), Card("toy", "sequential", TOY, TOY), folder)
    return folder


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    return write_slide(tmp_path / "marrow.tif", piece(1, 700))


def test_fields_become_a_report_and_a_summary(
    fields: Path, toy: Path, tmp_path: Path, shell: Shell
) -> None:
    report = tmp_path / "report"
    # The smaller one knows too little to find drawn cells strange.
    arguments = [fields, "--microns-per-pixel", MICRONS_PER_PIXEL, "-o", report]
    small = ["--model", SMALL_MODEL]
    printed = shell("count", *small, *arguments, "--cells", 20, "--remark", "Drawn", "--json")
    (smear,) = json.loads(printed.out)["smears"]
    counts = smear["differential"]
    assert counts["countable"] >= 20
    assert counts["target"] == 20
    assert smear["planned_fields"] == 3
    assert smear["model"] == SMALL_MODEL
    assert smear["remarks"][0] == "Drawn"
    assert all(Path(path).is_file() for path in smear["files"])
    assert {"report.html", "report.pdf", "count.json", "cells.parquet"} <= {
        path.name for path in report.iterdir()
    }
    table = pl.read_parquet(report / "cells.parquet")
    assert table.height == smear["located_cells"]
    assert (table["role"] == "counted").sum() == counts["countable"]
    assert "! Drawn" in printed.err
    assert f"{counts['countable']} countable cells of " in printed.err
    assert "knows 7 of 21 classes" in printed.err
    # An earlier report is replaced; a folder that holds something else is left alone.
    quick = ["--model", toy, "--engine", "torch"]
    shell("count", *arguments, *quick, "--cells", 1, "--no-pdf", "--geojson")
    assert not (report / "report.pdf").exists()
    located = pl.read_parquet(report / "cells.parquet")
    content = json.loads((report / "cells.geojson").read_text("utf-8"))  # one field was enough
    assert len(content["features"]) == located.height
    assert content["marrowscope"]["picture"] == located["field_id"][0]
    shell("count", *arguments, *quick, "--cells", 1, "--no-pdf")
    printed = shell("count", *arguments[:-1], fields, status=1)
    assert "is not the report of a count" in printed.err


def test_each_slide_gets_a_report_and_one_that_fails_does_not_stop_the_others(
    slide: Path, toy: Path, tmp_path: Path, shell: Shell
) -> None:
    empty = write_slide(tmp_path / "empty.tif", piece(0, 700, 0) * 0 + 240)
    reports = tmp_path / "reports"
    arguments = [
        empty,
        tmp_path / "none.tif",
        slide,
        "--cells",
        5,
        "--model",
        toy,
        "--engine",
        "torch",
        "--no-pdf",
        "-o",
        reports,
    ]
    printed = shell("count", *arguments, "--json", status=1)
    summary = json.loads(printed.out)
    assert [one["name"] for one in summary["smears"]] == ["marrow"]
    assert (reports / "marrow" / "report.html").is_file()
    assert len(summary["failed"]) == 2
    assert "none.tif: no such file" in printed.err
    assert "empty.tif: " in printed.err
    assert {path.name for path in reports.iterdir()} == {"marrow", "fleet.parquet", "fleet.html"}
    rows = {one["name"]: one["state"] for one in summary["fleet"]["slides"]}
    assert rows == {"empty": "refused", "none": "refused", "marrow": "done"}
    # The same again counts nothing; what was refused is told once more.
    before = (reports / "marrow" / "count.json").stat().st_mtime_ns
    again = shell("count", *arguments, status=1)
    assert (reports / "marrow" / "count.json").stat().st_mtime_ns == before
    assert "an earlier run goes on: 1 of 3 slides are done" in again.err
    assert "empty.tif: " in again.err


def test_held_out_predictions_correct_the_count(
    fields: Path, toy: Path, tmp_path: Path, shell: Shell
) -> None:
    rows = [
        {
            "cell_id": f"{code}{n}",
            "path": "x",
            "label": code,
            "predicted": code,
            "confidence": 0.9,
            "split": "test",
            **{f"p_{one}": 0.9 if one == code else 0.05 for one in TOY},
        }
        for code in TOY
        for n in range(20)
    ]
    table = pl.DataFrame(rows)
    write_cells(table, tmp_path / "held.parquet")
    arguments = [
        fields,
        "--microns-per-pixel",
        MICRONS_PER_PIXEL,
        "--cells",
        20,
        "--no-pdf",
        "--model",
        toy,
        "--engine",
        "torch",
        "-o",
        tmp_path / "report",
        "--json",
    ]
    printed = shell("count", *arguments, "--held-out", tmp_path / "held.parquet")
    (smear,) = json.loads(printed.out)["smears"]
    corrected = [one["corrected_share"] for one in smear["differential"]["classes"]]
    assert sum(share for share in corrected if share is not None) == pytest.approx(1)
    # Answers of another model, of the training, or no answers at all are refused.
    other = table.with_columns(predicted=pl.lit("HAC"))
    training = table.with_columns(split=pl.lit("train"))
    for wrong, words in (
        (other, "which toy does not know"),
        (training, "were trained on"),
        (table.drop("confidence"), "has no column confidence"),
    ):
        write_cells(wrong, tmp_path / "wrong.parquet")
        printed = shell("count", *arguments, "--held-out", tmp_path / "wrong.parquet", status=1)
        assert words in printed.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--microns-per-pixel", "0"], "--microns-per-pixel is 0"),
        ([], "give --microns-per-pixel"),
        (["--microns-per-pixel", "0.5", "--model", "nothing"], "neither a bundle folder nor"),
        (["--microns-per-pixel", "0.5", "--engine", "abacus"], "--engine abacus"),
        (
            ["--microns-per-pixel", "0.5", "--model", SMALL_MODEL, "--engine", "int8"],
            "no int8 part",
        ),
        (["--microns-per-pixel", "0.5", "--min-confidence", "2"], "--min-confidence is 2"),
        (["--microns-per-pixel", "0.5", "--held-out", "none.parquet"], "none.parquet"),
        (["--microns-per-pixel", "3", "--engine", "torch"], "cells are found at"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_nothing_is_written(
    options: list[str], words: str, tmp_path: Path, shell: Shell
) -> None:
    (tmp_path / "field.png").write_bytes(encode_png(piece(0)))
    report = tmp_path / "report"
    printed = shell("count", tmp_path / "field.png", "-o", report, *options, status=1)
    error = printed.err
    assert words in error
    assert "Traceback" not in error
    assert not report.exists()


def test_an_output_that_is_a_file_is_refused_before_anything_is_done(
    slide: Path, shell: Shell
) -> None:
    printed = shell("count", slide, "-o", slide, "--microns-per-pixel", PIXEL, status=1)
    assert "is a file" in printed.err
