"""Finished cross-validations → sections: comparison, calibration, labels, external, explained."""

from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.cells import read_cells
from marrowscope.dataset.indexing import index
from marrowscope.errors import InputError
from marrowscope.evaluation.class_mapping import load_mapping
from marrowscope.evaluation.domain_shift import measure_domain_shift
from marrowscope.evaluation.external_validation import evaluate_external
from marrowscope.evaluation.fit_calibration import calibrate, held_out_rows
from marrowscope.evaluation.label_issues import find_label_issues
from marrowscope.evaluation.model_comparison import Comparison, compare
from marrowscope.explain.embedding import embed
from marrowscope.explain.explained_cells import (
    attribution_inside_phantoms,
    explained_cells,
    labelled_cells,
)
from marrowscope.explain.label_randomization import LabelRandomization, label_randomization_test
from marrowscope.explain.weight_randomization import cascading_randomization
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.io.atomic import replacing
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.morphology import BY_CODE, CODES
from marrowscope.progress import Stage
from marrowscope.report.comparison_figure import comparison_figure
from marrowscope.report.embedding_page import embedding_figure, embedding_page
from marrowscope.report.evaluation_figures import write_calibration_figure
from marrowscope.report.explanation_figure import explanation_figure, sanity_figure
from marrowscope.report.external_page import external_section
from marrowscope.report.label_issue_pages import ISSUE_LIST, write_label_issues
from marrowscope.report.study_page import Section, SectionFigure, Table
from marrowscope.reproduce.data_steps import PREDICTIONS, Study, mean_sd_text, save_figure

FIRST_FOLD = "fold-0"
SANITY_CELLS, PHANTOMS = 7, 3  # cells made random for; synthetic cells of each class
RETRAINED_CELLS = 50  # of each class, for the test with permuted labels


def first_bundle(study: Study) -> Bundle:
    """The network of the first fold of the first model: it has not seen that fold's cells."""
    out_of_fold(study, study.models[0])
    return load_bundle(study.cross(study.models[0]) / FIRST_FOLD / "bundle")


def out_of_fold(study: Study, model: str) -> Path:
    """Predictions of a finished cross-validation.

    Raises:
        InputError: it could not be done; its own section says why.
    """
    path = study.cross(model) / PREDICTIONS
    if not path.exists():
        raise InputError(f"needs the cross-validation of {model}, which could not be done")
    return path


def comparison(study: Study) -> Section:
    """Tolerant recall of all models with error bars over folds, and tests."""
    tables = {model: read_cells(out_of_fold(study, model)) for model in study.models}
    result = compare(tables, seed=study.seed)
    save_figure(comparison_figure(result), study.folder / "comparison.png")
    # Synthetic cells are not compared with published numbers.
    first = tables[study.models[0]]
    drawn = (
        first["annotator"] == "synthetic" if "annotator" in first.columns else pl.Series([False])
    )
    real = int(drawn.sum()) < first.height
    lines = [test.sentence() for test in result.pairwise_tests]
    if real:
        lines.append(
            "In the study both networks have a better tolerant recall than its feature-based "
            "classifier in all classes but segmented neutrophils and lymphocytes."
        )
    return Section(
        "Comparison of the models",
        "Figure 3B",
        tuple(lines),
        (_recalls_sheet(result, real),),
        pictures=(SectionFigure("Recall per class, mean and sd over folds", "comparison.png"),),
    )


def _recalls_sheet(result: Comparison, real: bool) -> Table:
    """Tolerant recall of every model beside the published one of ResNeXt-50."""
    rows = []
    tolerant = result.recalls.filter(pl.col("kind") == "tolerant")
    for code in result.codes:
        own = tolerant.filter(pl.col("class") == code)
        found = {
            model: mean_sd_text(*spread)
            for model, *spread in own.select("model", "mean", "sd").rows()
        }
        known = BY_CODE.get(code)
        beside = "" if known is None or not real else mean_sd_text(*known.published.tolerant_recall)
        rows.append((code, *(found.get(model, "–") for model in result.models), beside))
    return Table(
        "Tolerant recall, mean ± sd over folds",
        ("class", *result.models, "study, ResNeXt-50"),
        tuple(rows),
    )


def calibration(study: Study) -> Section:
    """How honest the probabilities are, before and after temperature scaling."""
    bundle = first_bundle(study)
    model = study.models[0]
    predictions = out_of_fold(study, model)
    rows = held_out_rows(read_cells(predictions), bundle, str(predictions))
    made = calibrate(rows, bundle, "pooled out-of-fold predictions", {})
    write_calibration_figure(made, model, study.folder / "reliability.png")
    measured: dict[str, Any] = made.measured
    before, after = measured["ece_before"], measured["ece_after"]
    covered = tuple((code, f"{share:.1%}") for code, share in measured["set_coverage"].items())
    wrong = measured["error_when_called"]
    called = (
        f"At an accepted risk of {made.risk:.0%}, {measured['called']:.0%} of the cells are called "
        f"and {wrong:.1%} of these are wrong, of all {measured['error_of_all']:.1%}."
        if wrong is not None
        else f"No confidence keeps the share of errors below {made.risk:.0%}."
    )
    return Section(
        f"Calibration and no-calls: {model}",
        "left to later work",
        (
            f"Temperature {made.temperature:.2f} from {made.cells:,} out-of-fold predictions. "
            f"Expected calibration error {before[0]:.3f} (95 % interval {before[1]:.3f}–"
            f"{before[2]:.3f}) before, {after[0]:.3f} ({after[1]:.3f}–{after[2]:.3f}) after, on "
            "cells that the temperature was not fitted to.",
            f"Sets of classes hold {measured['set_size']:.2f} classes on average.",
            called,
        ),
        (
            Table(
                f"Sets made for {made.coverage:.0%}: share that holds the label",
                ("class", "covered"),
                covered,
            ),
        ),
        (SectionFigure("Stated confidence and share of correct cells", "reliability.png"),),
    )


def label_issues(study: Study) -> Section:
    """Labels that are probably wrong, ranked within each class."""
    model = study.models[0]
    found = find_label_issues(read_cells(out_of_fold(study, model)))
    write_label_issues(found, study.folder / "suspects", "Labels in doubt")
    rows = tuple(
        (one.code, f"{one.cells:,}", str(one.estimated), str(one.listed)) for one in found.classes
    )
    return Section(
        "Labels in doubt",
        "left to later work",
        (
            f"By the out-of-fold predictions of {model}, "
            f"{found.table.height} of {found.judged:,} labels are listed for a second look; a "
            "cytologist's corrections go back with 'marrowscope index --relabel'.",
        ),
        (Table("By class", ("label", "cells", "estimated wrong", "listed"), rows),),
        links=(("list", f"suspects/{ISSUE_LIST}"),),
    )


def external(study: Study, stage: Stage) -> Section:
    """Cells of another laboratory with its own classes."""
    if study.external is None:
        return Section(
            "External validation",
            "Figure 4",
            missing=(
                "the study's 627 external images are not public; a set of your own goes with "
                "'marrowscope reproduce --external … --mapping …'.",
            ),
        )
    images, mapping_file = study.external
    bundle = first_bundle(study)
    engine, _ = choose_engine(bundle)
    table = index([images], study.folder / "external.parquet", advance=stage("indexing external"))
    predictions = predict_table(engine, table, advance=stage("predicting external images"))
    result = evaluate_external(predictions, load_mapping(mapping_file), str(mapping_file))
    moved = measure_domain_shift(read_cells(study.cells), predictions, bundle, seed=study.seed)
    return external_section(result, moved, study.folder)


def explanation(study: Study, stage: Stage) -> Section:
    """SmoothGrad and Grad-CAM of held-out cells, and whether they depend on what was learned."""
    bundle = first_bundle(study)
    predictions = read_cells(study.cross(study.models[0]) / FIRST_FOLD / PREDICTIONS)
    cells = explained_cells(bundle, predictions, 1, None, study.seed)
    save_figure(
        explanation_figure(cells, "Held-out cells classified best"), study.folder / "explained.png"
    )
    chosen = [(cell.image, cell.code) for cell in cells[:SANITY_CELLS]]
    curves = cascading_randomization(bundle, chosen, study.seed)
    taught = labelled_cells(bundle, read_cells(study.cells), RETRAINED_CELLS, study.seed)
    labels = label_randomization_test(bundle, taught, chosen, study.seed, stage("permuted labels"))
    save_figure(sanity_figure(curves, f"{len(chosen)} cells", labels), study.folder / "sanity.png")
    inside = attribution_inside_phantoms(bundle, PHANTOMS, study.seed)
    last = curves.filter(pl.col("step") == curves["step"].max())
    return Section(
        f"Explanation: {study.models[0]}",
        "Figure 5",
        (
            "Network of the first fold, cells of that fold.",
            *(
                f"{row['method']}: rank correlation with the learned network's maps "
                f"{row['spearman']:.2f} when all weights are random. Maps of two networks taught "
                f"the same {labels.cells} cells agree by {labels.same[row['method']][0]:.2f}, of "
                f"one taught permuted labels by {labels.permuted[row['method']][0]:.2f} (the lower "
                "with random weights or labels, the more the maps show what was learned)."
                for row in last.iter_rows(named=True)
            ),
            *_learned(labels),
            _inside_line(inside),
        ),
        pictures=(
            SectionFigure("Image, SmoothGrad, Grad-CAM", "explained.png"),
            SectionFigure("Similarity to the learned network's explanations", "sanity.png"),
        ),
    )


def _inside_line(inside: dict[str, float]) -> str:
    drawn = f"On {len(CODES) * PHANTOMS} synthetic cells"
    if not inside["area"] > 0:
        return f"{drawn} no explanation is other than zero everywhere."
    return (
        f"{drawn} {inside['SmoothGrad']:.0%} of SmoothGrad and {inside['Grad-CAM']:.0%} of "
        f"Grad-CAM lie inside the cell, whose area is {inside['area']:.0%} of the image."
    )


def _learned(labels: LabelRandomization) -> list[str]:
    if labels.whole:
        return []
    shares = ", ".join(f"{share:.0%}" for share in labels.learned)
    return [
        f"The three networks of that test did not learn all of their cells ({shares}), so what it "
        "says of labels is little."
    ]


def embedding(study: Study, stage: Stage) -> Section:
    """The map of held-out cells by the features of the last stage, with its measures."""
    bundle = first_bundle(study)
    held_out = read_cells(study.cross(study.models[0]) / FIRST_FOLD / PREDICTIONS)
    found = embed(bundle, held_out, study.seed, stage("features"))
    title = f"{study.models[0]}, held-out cells of the first fold"
    save_figure(embedding_figure(found, title), study.folder / "map.png")
    with replacing(study.folder / "map.html") as temporary:
        temporary.write_text(embedding_page(found, title, study.seed), encoding="utf-8")
    lines = [f"{found.table.height:,} cells, {found.features.shape[1]} features, {found.method}."]
    rows: tuple[tuple[str, ...], ...] = ()
    if found.measures:
        purity, drawn = found.measures["purity"], found.measures["purity_map"]
        lines.append(
            f"Of the {found.measures['neighbours']} nearest neighbours {purity['all']:.0%} have "
            f"the same class in the features, {drawn['all']:.0%} in the map, "
            f"{found.measures['chance']:.0%} by chance; trustworthiness of the map "
            f"{found.measures['trustworthiness']:.3f}."
        )
        lines += [
            f"Series {name}, {one['classes']:.0f} classes: steps of maturation and distances in "
            f"the map correlate with {one['correlation']:+.2f} (permutation p {one['p']:.3f})."
            for name, one in found.measures["series"].items()
        ]
        rows = tuple(
            (code, f"{share:.0%}", f"{drawn[code]:.0%}")
            for code, share in purity.items()
            if code != "all"
        )
    else:
        lines.append("Too few labelled cells to measure neighbours and trustworthiness.")
    sheet = Table("Neighbours of the same class", ("class", "features", "map"), rows)
    return Section(
        f"Embedding: {study.models[0]}",
        "Figure 6",
        tuple(lines),
        (sheet,) if rows else (),
        (SectionFigure("Cells by their features", "map.png"),),
        links=(("interactive map", "map.html"),),
    )
