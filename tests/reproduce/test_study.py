"""The whole study: every part once, resumable, each with its published numbers or its reason."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.evaluation.evaluate_predictions import evaluate
from marrowscope.explain import explained_cells, label_randomization, weight_randomization
from marrowscope.explain.label_randomization import LabelRandomization
from marrowscope.phantom.synthetic_dataset import write_dataset
from marrowscope.reproduce import analysis_steps, data_steps
from marrowscope.reproduce.analysis_steps import _inside_line, _learned
from marrowscope.reproduce.data_steps import Study
from marrowscope.reproduce.study import ReproductionResult, _settings, reproduce
from marrowscope.reproduce.study_folder import StudyFolder
from marrowscope.training.recipe import load_recipe
from support.predictions import predictions

pytestmark = pytest.mark.usefixtures("thin_network")


def quiet(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("study")
    cells = dict.fromkeys(("BLA", "EOS", "LYT"), 20)  # 60: a calibration needs 50
    write_dataset(folder / "images", cells, masks=False, patients=8)
    recipe = load_recipe("default", ["epochs=1", "target_per_class=3", "views=1"])
    return Study(folder / "images", folder / "report", ("sequential",), recipe, 2, 0.3)


@pytest.fixture(scope="module")
def made(study: Study) -> ReproductionResult:
    """Every part, with fewer and shorter explanations than outside of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis_steps, "SANITY_CELLS", 1)
        patch.setattr(analysis_steps, "PHANTOMS", 1)
        patch.setattr(analysis_steps, "RETRAINED_CELLS", 5)
        patch.setattr(explained_cells, "CODES", ("BLA", "EOS"))
        patch.setattr(explained_cells, "PHANTOM_SAMPLES", 2)
        patch.setattr(label_randomization, "EPOCHS", 2)
        patch.setattr(weight_randomization, "SAMPLES", 2)
        return reproduce(study)


def test_every_part_is_done_and_what_cannot_be_is_named(made: ReproductionResult) -> None:
    names = [one.name for one in made.parts]
    assert names[:3] == ["data", "crossval-sequential", "robustness"]
    assert {"external", "calibration", "noise"} <= set(names)
    assert not any(one.failed for one in made.parts)
    sections = {one.name: one.section for one in made.parts}
    assert "--external" in sections["external"].missing[0]
    assert len(sections["data"].tables[0].rows) == 21
    table = sections["crossval-sequential"].tables[0]
    assert [row[0][:3] for row in table.rows] == ["BLA", "EOS", "LYT"]
    (line,) = sections["robustness"].lines
    strict = re.search(r"strict (\S+ ± \S+),", sections["crossval-sequential"].lines[0])
    assert strict is not None
    assert f"cross-validation {strict[1]} (mean ± sd over folds)" in line
    assert "of the one hold-out" in sections["robustness"].tables[0].caption
    assert all(len(row) == len(table.head) for row in table.rows)


def test_the_page_stands_alone(made: ReproductionResult) -> None:
    page = made.report.read_text("utf-8")
    assert not re.findall(r"https?://", page)
    assert "<script" not in page
    assert page.count("<img") == sum(len(one.section.pictures) for one in made.parts)
    assert "Research use only" in page


def test_a_second_call_does_nothing_again(study: Study, made: ReproductionResult) -> None:
    said: list[str] = []
    again = reproduce(study, say=said.append)
    assert all("done before" in line for line in said)
    assert [one.section for one in again.parts] == [one.section for one in made.parts]


def test_a_damaged_part_is_done_again(study: Study, made: ReproductionResult) -> None:
    part = study.folder / "done" / "noise.json"
    part.write_text(part.read_text()[:50])
    said: list[str] = []
    reproduce(study, say=said.append)
    assert [line for line in said if "done before" not in line] == ["Labels in doubt"]
    json.loads(part.read_text())


def test_other_settings_need_another_folder(study: Study, made: ReproductionResult) -> None:
    with pytest.raises(InputError, match="another folds"):
        reproduce(replace(study, folds=3))


def test_changed_images_or_mapping_need_another_folder(study: Study, tmp_path: Path) -> None:
    data, mapping = tmp_path / "images", tmp_path / "mapping.yaml"
    shutil.copytree(study.data / "BLA", data / "BLA")
    shutil.copytree(study.data / "LYT", data / "LYT")
    shutil.copytree(study.data / "EOS", tmp_path / "theirs" / "eos")
    mapping.write_text("eos: [EOS]\n")
    one = replace(
        study, data=data, folder=tmp_path / "report", external=(tmp_path / "theirs", mapping)
    )
    StudyFolder(one.folder, quiet).claim(_settings(one))
    (one.folder / "done").mkdir()
    StudyFolder(one.folder, quiet).claim(_settings(one))
    # The first in the alphabet is named, so the mapping is changed last.
    for change, said in (
        (lambda: next((data / "BLA").iterdir()).unlink(), "another list of images"),
        (
            lambda: next((tmp_path / "theirs" / "eos").iterdir()).write_bytes(b"x"),
            "another list of external images",
        ),
        (lambda: mapping.write_text("eos: [PLM]\n"), "another content of the mapping"),
    ):
        change()
        with pytest.raises(InputError, match=said):
            StudyFolder(one.folder, quiet).claim(_settings(one))


def test_a_slip_before_anything_was_done_costs_no_folder(study: Study, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    slip = replace(study, data=tmp_path / "empty", folder=tmp_path / "out")
    with pytest.raises(InputError, match="no image"):
        reproduce(slip)
    right = replace(slip, data=study.data)
    StudyFolder(right.folder, quiet).claim(_settings(right))


def test_explanations_that_are_zero_everywhere_are_said_to_be() -> None:
    nothing = dict.fromkeys(("SmoothGrad", "Grad-CAM", "area"), float("nan"))
    assert _inside_line(nothing).endswith("no explanation is other than zero everywhere.")


def test_a_test_of_labels_that_were_not_learned_says_so() -> None:
    known = {"SmoothGrad": (0.5, 0.5)}
    assert _learned(LabelRandomization(9, (1.0, 1.0, 0.99), known, known)) == []
    (line,) = _learned(LabelRandomization(9, (0.5, 0.4, 0.3), known, known))
    assert "did not learn all of their cells (50%, 40%, 30%)" in line


def test_a_folder_of_something_else_is_left_alone(study: Study, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        reproduce(replace(study, folder=tmp_path))


def test_what_makes_no_sense_is_said_before_the_folder_is_claimed(
    study: Study, tmp_path: Path
) -> None:
    mapping = tmp_path / "mapping.yaml"
    for change, said in (
        ({"models": ("sequential", "sequental")}, "`model` sequental: choose one of"),
        ({"models": ("vit",)}, "needs `weights`"),
        ({"device": "tpu"}, "`device` tpu"),
        ({"laboratory_from": "folder"}, "`laboratory_from` folder: give folder:-1"),
        ({"data": tmp_path / "gone"}, "gone: no such file or folder"),
        ({"external": (tmp_path / "theirs", mapping)}, "theirs: no such file or folder"),
        ({"external": (study.data, mapping)}, "mapping.yaml: no such file"),
    ):
        with pytest.raises(InputError, match=said):
            reproduce(replace(study, folder=tmp_path / "report", **change))
    assert not (tmp_path / "report").exists()


def test_with_one_class_every_part_says_what_it_lacks(study: Study, tmp_path: Path) -> None:
    shutil.copytree(study.data / "BLA", tmp_path / "images" / "BLA")
    one = replace(study, data=tmp_path / "images", folder=tmp_path / "report", holdout=None)
    reasons = {part.name: part.section.missing for part in reproduce(one).parts if part.failed}
    assert "has only class BLA" in reasons.pop("crossval-sequential")[0]
    wanted = "needs the cross-validation of sequential, which could not be done"
    assert reasons == dict.fromkeys(("explanation", "embedding", "calibration", "noise"), (wanted,))


def test_without_images_there_is_one_clear_line(study: Study, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        reproduce(replace(study, data=tmp_path / "empty", folder=tmp_path / "out"))
    assert "\n" not in str(caught.value)


def test_laboratories_are_counted_and_scored_in_the_sections(study: Study, tmp_path: Path) -> None:
    for number, path in enumerate(sorted((study.data / "BLA").rglob("*.jpg"))[:6]):
        place = tmp_path / "images" / ("Munich" if number < 4 else "Bonn") / "BLA" / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    two = replace(
        study, data=tmp_path / "images", folder=tmp_path / "out", laboratory_from="folder:-2"
    )
    two.folder.mkdir()
    counts = data_steps.data(two, lambda name: lambda *done, **total: None).tables[1]
    assert (counts.head, counts.rows) == (("class", "Bonn", "Munich"), (("BLA", "2", "4"),))
    named = predictions(60, codes=("BLA", "LYT")).with_columns(
        pl.Series("laboratory", ["Munich", "Bonn"] * 30)
    )
    scored = evaluate(named, resamples=20)
    (sheet,) = data_steps._laboratory_sheet(scored)
    assert [row[:2] for row in sheet.rows] == [("Bonn", "30"), ("Munich", "30")]
    assert sheet.rows[0][2].startswith(f"{scored.laboratories[0].strict['macro_f1'].value:.3f} (")
    assert data_steps._laboratory_sheet(evaluate(named.drop("laboratory"), resamples=20)) == ()
