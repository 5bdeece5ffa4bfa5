"""Slides and fields: their cells, and the count in all its forms."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from polars.testing import assert_frame_equal

import marrowscope as ms
from marrowscope.io.image_encoding import encode_png
from marrowscope.models.bundle import CALIBRATION, load_bundle
from marrowscope.models.bundle_writer import rewrite_bundle
from marrowscope.models.novelty import Novelty, log_ratios
from support.counts import a_count
from support.predictions import predictions
from support.smears import PIXEL, ByColour, piece, write_slide

WHEN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smear")
    for number in range(2):
        (folder / f"{number}.png").write_bytes(encode_png(piece(number)))
    return folder


@pytest.fixture(scope="module")
def model() -> ms.Model:
    """The shipped bundle with an engine that needs no time."""
    return ms.Model(load_bundle("sequential-mll7"), ByColour(), True, None)


@pytest.fixture(scope="module")
def result(fields: Path, model: ms.Model) -> ms.CountResult:
    return ms.count(fields, model, microns_per_pixel=PIXEL, cells=10)


def test_a_count_has_table_cells_and_data(result: ms.CountResult) -> None:
    assert result.table["count"].sum() == result.differential.tally.countable
    assert result.cells.height >= result.differential.tally.looked_at
    assert json.loads(json.dumps(result.to_dict(WHEN)))["name"] == result.name
    assert result.to_fhir(WHEN)["resourceType"] == "Bundle"


def test_arrays_are_counted_exactly_as_their_pixels_in_files(
    fields: Path, model: ms.Model, result: ms.CountResult, tmp_path: Path
) -> None:
    pixels = [np.asarray(Image.open(path)) for path in sorted(fields.iterdir())]
    found = ms.count(
        pixels, model, microns_per_pixel=PIXEL, cells=10, output=tmp_path / "report", geojson=True
    )
    named = ("cell_id", "slide_id", "field_id")
    assert_frame_equal(found.cells.drop(named), result.cells.drop(named))
    assert_frame_equal(found.table, result.table)
    assert (found.name, set(found.cells["field_id"])) == ("fields", {"field-1.png"})
    assert (tmp_path / "report" / "cells.geojson").is_file()


def test_cells_unlike_anything_known_are_counted_apart_unless_one_says_no(
    fields: Path, tmp_path: Path
) -> None:
    known = ms.model_cards()["sequential-mll7"].known
    made = ms.calibrate_model("sequential-mll7", predictions(140, codes=known), tmp_path / "a")
    bundle = load_bundle(made.folder)
    # Means of answers "NGS" and "LYT"; all other classes are where the first of them is.
    typical = [log_ratios(np.array([[0.001 + 0.6 * (code == one) for code in known]]))[0].tolist()
               for one in ("NGS", "LYT")]  # fmt: skip
    means = tuple(tuple(typical[code == "LYT"]) for code in known)
    unit = tuple(tuple(row) for row in np.eye(len(known)).tolist())
    calibration = replace(
        made.calibration, novelty=Novelty(known, means, (unit,) * 7, (0.0,) * 7, 0.99, 1.0, 140)
    )
    rewrite_bundle(bundle, bundle.card, tmp_path / "b", {CALIBRATION: calibration.encoded()})
    engine = ByColour(("NGS", "LYT", "BLA"))
    toy = ms.Model(load_bundle(tmp_path / "b"), engine, True, None)
    apart = ms.count(fields, toy, microns_per_pixel=PIXEL, cells=10)
    assert apart.differential.tally.novel == apart.cells.filter(role="novel").height > 0
    assert apart.to_dict(WHEN)["novel"]["cells"] == apart.differential.tally.novel
    assert set(apart.cells.filter(predicted="BLA")["role"]) == {"novel", "left out"}
    assert set(apart.cells.filter(predicted="LYT")["role"]) == {"counted", "left out"}
    plain = ms.count(fields, toy, microns_per_pixel=PIXEL, cells=10, novelty=False)
    assert plain.differential.tally.novel is None
    assert "novel" not in plain.cells.columns


def test_a_count_is_written_as_page_or_folder(result: ms.CountResult, tmp_path: Path) -> None:
    page = result.to_html(tmp_path / "page.html", WHEN)
    files = result.save(tmp_path / "report", issued=WHEN)
    assert files[0].read_text() == page.read_text()
    assert {"count.json", "count.csv", "fhir.json", "cells.parquet"} <= {p.name for p in files}


def test_a_report_that_cannot_be_written_is_refused_before_the_count(
    fields: Path, model: ms.Model, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").touch()

    def stage(name: str) -> object:
        raise AssertionError("counting began")

    with pytest.raises(ms.InputError, match=r"holds mine\.txt"):
        ms.count(
            fields,
            model,
            microns_per_pixel=PIXEL,
            output=tmp_path,
            progress=stage,  # type: ignore[arg-type]
        )


def test_a_report_can_be_asked_for_with_the_count(
    fields: Path, model: ms.Model, tmp_path: Path
) -> None:
    made = ms.count(
        fields, model, microns_per_pixel=PIXEL, cells=10, output=tmp_path / "report",
        laboratory=" Bonn ",
    )  # fmt: skip
    assert made.files[0] == tmp_path / "report" / "report.html"
    assert set(made.cells["laboratory"]) == {"Bonn"}
    assert set(pl.read_parquet(tmp_path / "report/cells.parquet")["laboratory"]) == {"Bonn"}


def test_slides_are_counted_one_by_one(model: ms.Model, tmp_path: Path) -> None:
    slides = [write_slide(tmp_path / f"{name}.tif", piece(1)) for name in ("a", "b")]
    with pytest.raises(ms.InputError, match="2 slides; count them with count_each"):
        ms.count(slides, model, microns_per_pixel=PIXEL)
    broken = tmp_path / "c.tif"
    broken.write_bytes(slides[0].read_bytes()[:400])
    reports = tmp_path / "reports"
    each = ms.count_each([*slides, broken], model, microns_per_pixel=PIXEL, cells=5, output=reports)
    found = list(each)
    assert [type(one) for one in found] == [ms.CountResult, ms.CountResult, ms.InputError]
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["a", "b"]


def test_a_count_needs_the_calibration_of_its_bundle(fields: Path) -> None:
    plain = ms.Model(load_bundle("sequential-mll7"), ByColour(), False, None)
    with pytest.raises(ms.InputError, match="load it with `calibrated=True`"):
        ms.count(fields, plain, microns_per_pixel=PIXEL)


def test_a_notebook_shows_shares_intervals_ratio_remarks_and_the_permitted_use() -> None:
    count = ms.CountResult(a_count())
    page, first = count._repr_html_(), count.differential.classes[0]
    interval = f"{100 * first.counted.low:.1f}–{100 * first.counted.high:.1f}"
    for text in (first.name, interval, "M:E ratio", ms.RESEARCH_USE_ONLY, *count.remarks):
        assert text in page
    assert page.count("corrected %") == 1
    assert "corrected %" not in ms.CountResult(a_count(corrected=False))._repr_html_()


def test_names_of_users_are_no_markup_in_a_notebook() -> None:
    page = ms.CountResult(a_count(name="<b>smear</b>"))._repr_html_()
    assert "<b>smear" not in page
    assert "&lt;b&gt;smear" in page


def test_what_a_picture_is_taken_for_is_said_and_can_be_chosen(tmp_path: Path) -> None:
    path = write_slide(tmp_path / "region.tif", piece(2, 100), border=0)
    found = ms.detect_in(path)
    assert found.fields == 1
    assert "taken for a field" in found.remarks[0]
    chosen = ms.detect_in(path, taken_as="field")
    assert chosen.table.equals(found.table)
    assert chosen.remarks == ()
    with pytest.raises(ms.InputError, match="expected field or slide"):
        ms.detect(path, taken_as="photo")


def test_crops_of_a_run_that_did_not_end_are_written_anew(
    fields: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops = tmp_path / "crops"
    monkeypatch.setattr("marrowscope.api.cell_detection.write_cells", _stop)
    with pytest.raises(KeyboardInterrupt):
        ms.detect(fields, microns_per_pixel=PIXEL, crops=crops, output=tmp_path / "a.parquet")
    monkeypatch.undo()
    assert (crops / ".unfinished").exists()
    table = ms.detect(fields, microns_per_pixel=PIXEL, crops=crops, output=tmp_path / "a.parquet")
    assert {path.name for path in crops.iterdir()} == {Path(one).name for one in table["path"]}
    with pytest.raises(ms.InputError, match="not an empty folder"):
        ms.detect(fields, microns_per_pixel=PIXEL, crops=crops)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt
