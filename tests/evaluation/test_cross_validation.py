"""Cross-validation: folds, run folders, going on, pooling."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.errors import InputError
from marrowscope.evaluation import cross_validation
from marrowscope.evaluation.cross_validation import FACTS, cross_validate, pool_predictions
from marrowscope.evaluation.cross_validation_parts import HOLD_OUT, assign_folds
from marrowscope.evaluation.evaluate_predictions import evaluate
from marrowscope.evaluation.fold_training import CrossValidationPlan, FoldJob
from marrowscope.evaluation.study_table import study_table
from marrowscope.training.recipe import load_recipe

pytestmark = pytest.mark.usefixtures("thin_network", "without_graph")
RECIPE = load_recipe("paper", ["epochs=1", "target_per_class=2", "batch_size=4"])


def cells(counts: dict[str, int]) -> pl.DataFrame:
    labels = [code for code, count in counts.items() for _ in range(count)]
    names = [f"cell {number}" for number in range(len(labels))]
    return pl.DataFrame({"cell_id": names, "path": names, "label": labels})


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    rows = cells({"LYT": 4, "NGS": 4})
    paths = []
    for number, label in enumerate(rows["label"]):
        image = random.normal(80 if label == "LYT" else 180, 30, (250, 250, 3)).clip(0, 255)
        paths.append(str(folder / f"{number}.png"))
        cv2.imwrite(paths[-1], image.astype(np.uint8))
    return rows.with_columns(pl.Series("path", paths))


@pytest.fixture(scope="module")
def finished(table: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "cv"
    cross_validate(table, CrossValidationPlan("sequential", RECIPE, 2), folder, device="cpu")
    return folder


@given(seed=st.integers(0, 1000), order=st.randoms(use_true_random=False))
def test_folds_do_not_depend_on_row_order_or_model(seed: int, order: object) -> None:
    rows = cells({"LYT": 10, "NGS": 7})
    shuffled = rows.sample(fraction=1, shuffle=True, seed=seed)
    one = assign_folds(rows, CrossValidationPlan("sequential", RECIPE, 3, seed=seed)).table
    two = assign_folds(shuffled, CrossValidationPlan("resnext50", RECIPE, 3, seed=seed)).table
    assert dict(one.select("cell_id", "fold").rows()) == dict(two.select("cell_id", "fold").rows())


def test_folds_are_disjoint_cover_all_and_share_out_every_class() -> None:
    split = assign_folds(
        cells({"LYT": 10, "NGS": 25}), CrossValidationPlan("sequential", RECIPE, 5)
    )
    counts = split.table.group_by("fold", "label").len()
    assert split.table["fold"].null_count() == 0
    assert set(counts.filter(pl.col("label") == "LYT")["len"]) == {2}
    assert set(counts.filter(pl.col("label") == "NGS")["len"]) == {5}


def test_a_class_smaller_than_the_folds_is_reported() -> None:
    split = assign_folds(cells({"LYT": 10, "KSC": 3}), CrossValidationPlan("sequential", RECIPE, 5))
    assert any("KSC has 3 images" in line for line in split.warnings)


@pytest.mark.parametrize(
    ("counts", "plan", "words"),
    [
        ({"LYT": 10}, CrossValidationPlan("sequential", RECIPE), "only class LYT"),
        ({"LYT": 10, "KSC": 1}, CrossValidationPlan("sequential", RECIPE), "KSC .* one fold only"),
        ({"LYT": 5, "NGS": 5}, CrossValidationPlan("sequential", RECIPE, 1), "at least 2"),
        (
            {"LYT": 8, "NGS": 6},
            CrossValidationPlan("sequential", RECIPE, 50),
            "`folds` 50: the 14 labelled cells",
        ),
        (
            {"LYT": 6, "KSC": 2},
            CrossValidationPlan("features", RECIPE, 5),
            r"KSC \(2 images\) would have 1 train",
        ),
        ({"LYT": 6, "KSC": 2}, CrossValidationPlan("features", RECIPE, holdout=0.5), "KSC"),
        (
            {"LYT": 5, "NGS": 5},
            CrossValidationPlan("sequential", RECIPE, holdout=1.5),
            "between 0 and 1",
        ),
    ],
)
def test_what_cannot_be_cross_validated_is_refused_before_anything_is_written(
    counts: dict[str, int], plan: CrossValidationPlan, words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        cross_validate(cells(counts), plan, tmp_path / "cv")
    assert not (tmp_path / "cv").exists()


def test_every_cell_is_predicted_once_by_the_run_that_held_it_out(
    table: pl.DataFrame, finished: Path
) -> None:
    pooled = pl.read_parquet(finished / "predictions.parquet")
    assert pooled["cell_id"].to_list() == table["cell_id"].to_list()
    for number in (0, 1):
        own = pl.read_parquet(finished / f"fold-{number}" / "predictions.parquet")
        assert set(own["fold"]) == {number}
        assert set(own["cell_id"]) == set(pooled.filter(pl.col("fold") == number)["cell_id"])
    seeds = [json.loads((finished / f"fold-{n}/run.json").read_text())["seed"] for n in (0, 1)]
    assert seeds == [0, 1]


def test_the_same_call_goes_on_where_it_was_killed_and_ends_the_same(
    table: pl.DataFrame, finished: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "cv"
    shutil.copytree(finished, folder)
    before = pl.read_parquet(folder / "predictions.parquet")
    shutil.rmtree(folder / "fold-0")
    run = json.loads((folder / "fold-1/run.json").read_text())
    del run["finished"]  # killed before its first checkpoint
    (folder / "fold-1/run.json").write_text(json.dumps(run))
    result = cross_validate(
        table, CrossValidationPlan("sequential", RECIPE, 2), folder, device="cpu"
    )
    assert result.trained == ("fold-0", "fold-1")
    assert result.predictions.equals(before)
    again = cross_validate(
        table, CrossValidationPlan("sequential", RECIPE, 2), folder, device="cpu"
    )
    assert again.trained == ()


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (CrossValidationPlan("sequential", RECIPE, 2, seed=1), "another seed"),
        (CrossValidationPlan("resnext50", RECIPE, 2), "another model"),
        (CrossValidationPlan("sequential", load_recipe("default"), 2), "another recipe"),
        (CrossValidationPlan("sequential", RECIPE, holdout=0.5), "another folds"),
    ],
)
def test_another_cross_validation_in_the_folder_is_refused(
    table: pl.DataFrame, finished: Path, plan: CrossValidationPlan, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        cross_validate(table, plan, finished)


def test_a_folder_of_something_else_is_refused(table: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="holds no cross-validation"):
        cross_validate(table, CrossValidationPlan("sequential", RECIPE, 2), tmp_path)
    (tmp_path / "thesis.tex").unlink()
    (tmp_path / FACTS).write_text("{}")
    with pytest.raises(InputError, match="cannot be read"):
        cross_validate(table, CrossValidationPlan("sequential", RECIPE, 2), tmp_path)


def test_a_mistyped_model_does_not_occupy_the_folder(table: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sequentiel"):
        cross_validate(table, CrossValidationPlan("sequentiel", RECIPE, 2), tmp_path / "cv")
    result = cross_validate(
        table, CrossValidationPlan("sequential", RECIPE, holdout=0.5), tmp_path / "cv"
    )
    assert result.trained == (HOLD_OUT,)
    assert set(result.predictions["split"]) == {"test"}
    assert result.predictions.height == 4


def test_folds_side_by_side_predict_the_same_cells(
    table: pl.DataFrame, finished: Path, tmp_path: Path
) -> None:
    told = []
    result = cross_validate(
        table, CrossValidationPlan("sequential", RECIPE, 2), tmp_path / "cv", jobs=2, device="cpu",
        finished=lambda name, done, parts: told.append((name, done, parts)),
    )  # fmt: skip
    one_by_one = pl.read_parquet(finished / "predictions.parquet")
    assert result.predictions.select("cell_id", "fold").equals(one_by_one["cell_id", "fold"])
    assert {name for name, _, _ in told} == {"fold-0", "fold-1"}
    assert [(done, parts) for _, done, parts in told] == [(1, 2), (2, 2)]


def test_predictions_that_miss_a_cell_are_not_pooled(table: pl.DataFrame, tmp_path: Path) -> None:
    rows = assign_folds(table, CrossValidationPlan("sequential", RECIPE, 2)).table
    path = tmp_path / "run" / "predictions.parquet"
    path.parent.mkdir()
    rows.with_columns(predicted=pl.col("label")).head(7).write_parquet(path)
    with pytest.raises(InputError, match="7 predictions for 8 held-out cells"):
        pool_predictions([path], rows)


def test_table_1_gives_mean_and_sd_over_folds_beside_the_published_numbers() -> None:
    # Fold 0: both lymphocytes right; fold 1: one of two. Recall 1 and 0.5: .75 ± .354.
    rows = pl.DataFrame(
        {
            "cell_id": list("abcdefgh"),
            "label": ["LYT", "LYT", "NGS", "NGS"] * 2,
            "predicted": ["LYT", "LYT", "NGS", "NGS", "LYT", "NGS", "NGS", "NGB"],
            "fold": [0] * 4 + [1] * 4,
        }
    )
    table = study_table(evaluate(rows, resamples=10))
    by_class = {row["class"]: row for row in table.iter_rows(named=True)}
    lymphocyte = by_class["LYT"]
    assert lymphocyte["strict_recall_mean"] == pytest.approx(0.75)
    assert lymphocyte["strict_recall_sd"] == pytest.approx(np.std([1, 0.5], ddof=1))
    assert (lymphocyte["strict_recall_published"], lymphocyte["strict_recall_published_sd"]) == (
        0.70,
        0.03,
    )
    assert lymphocyte["published_images"] == 26242
    # A band form in place of a segmented one is tolerated: recall 1 in both folds.
    assert by_class["NGS"]["tolerant_recall_mean"] == 1
    assert by_class["NGS"]["strict_recall_mean"] == pytest.approx(0.75)
    assert by_class["accuracy"]["strict_total_mean"] == pytest.approx(0.75)
    assert by_class["macro_f1"]["strict_total_published"] == pytest.approx(0.545, abs=5e-4)
    assert "NGB" not in by_class  # no cell of it


def test_later_calls_compute_with_the_threads_of_the_first_one_whatever_their_jobs(
    table: pl.DataFrame, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cv"
    shutil.copytree(finished, folder)
    facts = json.loads((folder / FACTS).read_text())
    (folder / FACTS).write_text(json.dumps(facts | {"threads": 7}))
    shutil.rmtree(folder / "fold-1")
    given: list[int] = []

    def stop(parts: list[FoldJob], jobs: int) -> None:
        given.extend(part.threads for part in parts)
        raise KeyboardInterrupt

    monkeypatch.setattr(cross_validation, "side_by_side", stop)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(
            table, CrossValidationPlan("sequential", RECIPE, 2), folder, jobs=2, device="cpu"
        )
    assert given == [7]
    assert json.loads((folder / FACTS).read_text())["threads"] == 7


def test_parts_at_the_same_time_share_measured_features_but_make_no_store(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Path | None] = []

    def stop(parts: list[FoldJob], jobs: int) -> None:
        given.append(parts[0].store)
        raise KeyboardInterrupt

    monkeypatch.setattr(cross_validation, "side_by_side", stop)
    place = tmp_path / "cells.store"
    for model in ("sequential", "features"):
        with pytest.raises(KeyboardInterrupt):
            cross_validate(
                table,
                CrossValidationPlan(model, RECIPE, 2),
                tmp_path / model,
                jobs=2,
                device="cpu",
                store=place,
            )
    assert given == [None, place]


@pytest.fixture(scope="module")
def of_two_laboratories(table: pl.DataFrame) -> pl.DataFrame:
    """Both classes in both laboratories, and a lymphocyte of Bonn that is an eosinophil."""
    names = [laboratory for _ in range(2) for laboratory in ("Munich", "Munich", "Bonn", "Bonn")]
    labels = pl.Series(
        "label", [*table["label"].to_list()[:3], "EOS", *table["label"].to_list()[4:]]
    )
    return table.with_columns(pl.Series("laboratory", names), labels)


def test_each_laboratory_is_judged_by_a_model_of_the_others_and_a_later_call_goes_on(
    of_two_laboratories: pl.DataFrame, tmp_path: Path
) -> None:
    plan = CrossValidationPlan("sequential", RECIPE, leave_out="laboratory")
    folder = tmp_path / "cv"
    made = cross_validate(of_two_laboratories, plan, folder, device="cpu")
    assert made.trained == ("without-Bonn", "without-Munich")
    rows = made.predictions
    judged = of_two_laboratories.filter(pl.col("label") != "EOS")
    assert rows["cell_id"].to_list() == judged["cell_id"].to_list()
    assert set(rows.select("laboratory", "fold").rows()) == {("Bonn", 0), ("Munich", 1)}
    assert "split" not in rows.columns
    assert set(rows["split_method"]) == {"each laboratory left out"}
    card = json.loads((folder / "without-Bonn/bundle/card.json").read_text())
    assert card["data"]["images"] == {"NGS": 2, "LYT": 2}
    assert card["split"]["method"] == "laboratory Bonn left out"
    assert any("EOS (1) left out of the judgement" in line for line in made.warnings)
    shutil.rmtree(folder / "without-Munich")
    again = cross_validate(of_two_laboratories, plan, folder, device="cpu")
    assert again.trained == ("without-Munich",)
    assert again.predictions.equals(rows)
    with pytest.raises(InputError, match="with another folds"):
        cross_validate(judged, CrossValidationPlan("sequential", RECIPE, 2), folder)


def test_folds_in_a_folder_are_not_gone_on_with_as_laboratories(
    of_two_laboratories: pl.DataFrame, finished: Path
) -> None:
    plan = CrossValidationPlan("sequential", RECIPE, leave_out="laboratory")
    with pytest.raises(InputError, match="with another leave_out"):
        cross_validate(of_two_laboratories, plan, finished)
