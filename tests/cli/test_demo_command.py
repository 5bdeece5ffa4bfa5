"""demo: the whole way of a newcomer, on drawn cells or on images of one's own."""

import json
from pathlib import Path

import polars as pl
import pytest

from marrowscope import demo
from marrowscope.models import DEFAULT_MODEL
from marrowscope.phantom.synthetic_dataset import write_dataset
from support.command_shell import Shell


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of images of all classes."""
    folder = tmp_path_factory.mktemp("own") / "set"
    write_dataset(folder, per_class=3, masks=False, patients=3)
    return folder / "cells.csv"


def small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "CELLS_PER_CLASS", 4)
    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "IMAGES_PER_EPOCH", 42)
    monkeypatch.setattr(demo, "SLIDE_SIDE", 4000)
    monkeypatch.setattr(demo, "SLIDE_CELLS", 10)


@pytest.mark.usefixtures("blank_figures")
def test_the_demo_goes_from_cells_to_a_judged_model_and_from_a_slide_to_a_count(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_demo(monkeypatch)
    out, err = shell("demo", "-o", tmp_path / "demo", "--json")
    summary = json.loads(out)
    assert summary["synthetic"] is summary["trained"] is True
    page = Path(summary["report"]).read_text()
    assert "Synthetic cells" in page
    assert "by patient_id" in page
    assert str(tmp_path / "demo" / "report" / "report.html") in err
    assert str(tmp_path / "demo" / "count" / "report.html") in err
    assert Path(summary["count_report"]).is_file()
    predictions = pl.read_parquet(tmp_path / "demo/predictions.parquet")
    assert set(predictions["split"]) == {"test"}
    shell("demo", "-o", tmp_path / "demo", status=1)  # an earlier demo is not overwritten


@pytest.mark.usefixtures("blank_figures")
def test_without_libraries_for_training_the_demo_shows_the_shipped_model(
    shell: Shell, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_demo(monkeypatch)
    monkeypatch.setattr(demo, "missing_modules", lambda extra: ("torch",))
    out, err = shell("demo", "-o", tmp_path / "demo", "--data", own, "--json")
    summary = json.loads(out)
    assert (summary["trained"], summary["bundle"]) == (False, DEFAULT_MODEL)
    assert summary["count_report"] is None  # a model of one's own images, not of drawn slides
    assert "pip install 'marrowscope[train]'" in err
    assert "it knows BLA" in Path(summary["report"]).read_text()
    assert not (tmp_path / "demo" / "run").exists()


@pytest.mark.usefixtures("blank_figures")
def test_the_demo_runs_on_images_of_ones_own(
    shell: Shell, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "IMAGES_PER_EPOCH", 42)
    shell("demo", "--data", own, "-o", tmp_path / "demo")
    assert (tmp_path / "demo/report/report.html").is_file()
    assert not (tmp_path / "demo/phantom").exists()
