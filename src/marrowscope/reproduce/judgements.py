"""The parts of the study that judge predictions: comparison, calibration, doubtful labels, cells of
another laboratory."""

from typing import Any

from marrowscope.cells import read_cells
from marrowscope.dataset.index import index
from marrowscope.evaluation.calibrate import calibrate, held_out_rows
from marrowscope.evaluation.compare import compare
from marrowscope.evaluation.external import Share, evaluate_external
from marrowscope.evaluation.mapping import load_mapping
from marrowscope.evaluation.shift import shift
from marrowscope.evaluation.suspects import find_suspects
from marrowscope.inference.choose import choose_engine
from marrowscope.inference.predict import predict_table
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.report.calibration_figure import write_reliability
from marrowscope.report.compare_figure import compare_figure
from marrowscope.report.external_figure import external_figure, shift_figure
from marrowscope.report.section import Picture, Section, Sheet
from marrowscope.report.suspects import LIST, write_suspects
from marrowscope.reproduce.parts import PREDICTIONS, Stage, Study, save_figure

FIRST = "fold-0"


def first_bundle(study: Study) -> Bundle:
    """The network of the first fold of the first model: it has not seen that fold's cells."""
    return load_bundle(study.cross(study.models[0]) / FIRST / "bundle")


def comparison(study: Study) -> Section:
    """Tolerant recall of all models with error bars over folds, and tests."""
    tables = {model: read_cells(study.cross(model) / PREDICTIONS) for model in study.models}
    result = compare(tables, seed=study.seed)
    save_figure(compare_figure(result), study.folder / "comparison.png")
    return Section(
        "Comparison of the models", "Figure 3B",
        tuple(duel.sentence() for duel in result.duels),
        pictures=(Picture("Recall per class, mean and sd over folds", "comparison.png"),),
    )  # fmt: skip


def calibration(study: Study) -> Section:
    """How honest the probabilities are, before and after temperature scaling."""
    bundle = first_bundle(study)
    model = study.models[0]
    predictions = study.cross(model) / PREDICTIONS
    rows = held_out_rows(read_cells(predictions), bundle, str(predictions))
    made = calibrate(rows, bundle, "pooled out-of-fold predictions", {})
    write_reliability(made, model, study.folder / "reliability.png")
    measured: dict[str, Any] = made.measured
    before, after = measured["ece_before"], measured["ece_after"]
    covered = tuple(
        (code, f"{share:.1%}") for code, share in measured["set_coverage"].items()
    )  # fmt: skip
    wrong = measured["error_when_called"]
    called = (
        f"At an accepted risk of {made.risk:.0%}, {measured['called']:.0%} of the cells are called "
        f"and {wrong:.1%} of these are wrong, of all {measured['error_of_all']:.1%}."
        if wrong is not None
        else f"No confidence keeps the share of errors below {made.risk:.0%}."
    )
    return Section(
        f"Calibration and no-calls: {model}", "left to later work",
        (
            f"Temperature {made.temperature:.2f} from {made.cells:,} out-of-fold predictions. "
            f"Expected calibration error {before[0]:.3f} (95 % interval {before[1]:.3f}–"
            f"{before[2]:.3f}) before, {after[0]:.3f} ({after[1]:.3f}–{after[2]:.3f}) after, on "
            "cells that the temperature was not fitted to.",
            f"Sets of classes hold {measured['set_size']:.2f} classes on average.",
            called,
        ),
        (Sheet(f"Sets made for {made.coverage:.0%}: share that holds the label",
               ("class", "covered"), covered),),
        (Picture("Stated confidence and share of correct cells", "reliability.png"),),
    )  # fmt: skip


def doubtful_labels(study: Study) -> Section:
    """Labels that are probably wrong, ranked within each class."""
    model = study.models[0]
    found = find_suspects(read_cells(study.cross(model) / PREDICTIONS))
    write_suspects(found, study.folder / "suspects", "Labels in doubt")
    rows = tuple(
        (one.code, f"{one.cells:,}", str(one.estimated), str(one.listed)) for one in found.classes
    )
    return Section(
        "Labels in doubt", "left to later work",
        (
            f"{found.table.height} of {found.judged:,} labels are listed for a second look; a "
            "cytologist's corrections go back with index --relabel.",
        ),
        (Sheet("By class", ("label", "cells", "estimated wrong", "listed"), rows),),
        links=(("list", f"suspects/{LIST}"),),
    )  # fmt: skip


def external(study: Study, stage: Stage) -> Section:
    """Cells of another laboratory with its own classes."""
    if study.external is None:
        return Section(
            "External validation", "Figure 4",
            missing=(
                "the study's 627 external images are not public; give a set of your own with "
                "--external and --mapping.",
            ),
        )  # fmt: skip
    images, mapping_file = study.external
    bundle = first_bundle(study)
    engine, _ = choose_engine(bundle)
    table = index([images], study.folder / "external.parquet", advance=stage("indexing external"))
    predictions = predict_table(engine, table, advance=stage("predicting external images"))
    result = evaluate_external(predictions, load_mapping(mapping_file), str(mapping_file))
    save_figure(external_figure(result), study.folder / "external.png")
    moved = shift(read_cells(study.cells), predictions, bundle, seed=study.seed)
    save_figure(shift_figure(moved), study.folder / "shift.png")
    rows = tuple(
        (one.name, " ".join(one.compatible), str(one.no_calls.cells), _percent(one.no_calls),
         _percent(one.agreement), _percent(one.lineage))
        for one in result.classes
    )  # fmt: skip
    head = ("external class", "compatible", "cells", "no call", "agree", "agree by lineage")
    return Section(
        "External validation", "Figure 4",
        (
            f"No call for {_percent(result.no_calls)} of {result.no_calls.cells} cells (study: 39 "
            f"% of 627); of those called {_percent(result.agreement)} agree, "
            f"{_percent(result.lineage)} by lineage.",
            *result.warnings,
        ),
        (Sheet("By external class", head, rows),),
        (
            Picture("External classes and predicted classes", "external.png"),
            Picture("How far the set lies from the training images", "shift.png"),
        ),
    )  # fmt: skip


def _percent(share: Share) -> str:
    return f"{share.value:.0%}" if share.cells else "–"
