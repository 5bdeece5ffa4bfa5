"""A model and held-out predictions come in; the same model with a calibration goes out.

Also what an older bundle lacks, a graph that computes without torch; and a bundle half as large.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.api.arguments import AnyPath, Cells, as_table, file_names, optional_path
from marrowscope.api.classifier import Model, as_bundle, load_model
from marrowscope.dataset.laboratories import laboratory_names
from marrowscope.differential.held_out_answers import held_out_from_table
from marrowscope.errors import InputError
from marrowscope.evaluation.fit_calibration import (
    calibrate,
    classes_without_cells,
    held_out_rows,
    require_own_predictions,
    temperature_for,
    with_temperature,
)
from marrowscope.evaluation.fit_novelty import too_few
from marrowscope.evaluation.laboratory_calibration import (
    cells_of_laboratory,
    laboratory_remarks,
)
from marrowscope.models.bundle import CALIBRATION, other_parts
from marrowscope.models.bundle_writer import add_graph, rewrite_bundle
from marrowscope.models.calibration import Calibration
from marrowscope.models.card import Card
from marrowscope.report.evaluation_figures import write_calibration_figure


@dataclass(frozen=True)
class CalibratedModel:
    """A bundle with a calibration.

    Attributes:
        folder: of the bundle.
        name: of the model.
        calibration: what was fitted, and measured on cells that were not used for fitting.
        warnings: classes without a cell; laboratories that one temperature serves badly; why cells
            unlike anything known cannot be told.
    """

    folder: Path
    name: str
    calibration: Calibration
    warnings: tuple[str, ...]

    @property
    def table(self) -> pl.DataFrame:
        """One row per class: ``coverage`` of the sets, and the probability that puts it in one."""
        covered = self.calibration.measured["set_coverage"]
        least = self.calibration.least
        return pl.DataFrame(
            {
                "class": list(least),
                "least_probability": list(least.values()),
                "coverage": [covered.get(code) for code in least],
            },
            schema={"class": pl.String, "least_probability": pl.Float64, "coverage": pl.Float64},
        )

    @property
    def by_laboratory(self) -> pl.DataFrame:
        """One row per laboratory, where several are named: what the calibration is worth there."""
        measures: dict[str, Any] = self.calibration.measured.get("laboratories", {})
        return pl.DataFrame(
            [
                {
                    "laboratory": name,
                    "cells": one["cells"],
                    "error_before": one["ece_before"][0],
                    "error_after": one["ece_after"][0],
                    "log_loss_before": one["log_loss_before"],
                    "log_loss_after": one["log_loss_after"],
                    "own_temperature": one["own_temperature"],
                    "log_loss_own": one["log_loss_own"],
                }
                for name, one in measures.items()
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Numbers as data for JSON."""
        made = self.calibration
        return {
            "bundle": str(self.folder),
            "temperature": made.temperature,
            "no_call": made.no_call,
            "cells": made.cells,
            "novelty_limit": None if made.novelty is None else made.novelty.limit,
            **made.measured,
        }

    def save_figure(self, path: AnyPath) -> Path:
        """Draw the reliability diagram (.png), before and after.

        Raises:
            InputError: it cannot be written.
        """
        write_calibration_figure(self.calibration, self.name, Path(path))
        return Path(path)

    def load_model(self, engine: str = "auto", device: str = "auto") -> Model:
        """The model, ready to compute.

        Raises:
            InputError: as ``marrowscope.load_model``.
        """
        return load_model(self.folder, engine=engine, device=device)


def calibrate_model(
    model: Model | AnyPath,
    held_out: Cells,
    output: AnyPath,
    *,
    coverage: float = 0.9,
    risk: float = 0.1,
    kept: float = 0.99,
    source: str | None = None,
    laboratory: str | None = None,
    figure: AnyPath | None = None,
) -> CalibratedModel:
    """Add a calibration to a model; ``predict`` and ``count`` use it from then on.

    It makes probabilities honest (temperature), adds sets of classes that contain the true one, and
    the confidence below which no class should be called, and the score above which a cell is unlike
    anything that the model knows. ``count`` also corrects its shares by what the model answered for
    these cells.

    Args:
        model: of ``load_model``, or a name or bundle folder.
        held_out: its predictions of labelled cells that it was not trained on, made without a
            calibration.
        output: the new bundle folder.
        coverage: share of each class that its sets should cover, in (0, 1).
        risk: share of errors to accept among called cells, in (0, 1).
        kept: share of cells of known classes that should not be called novel, in (0, 1).
        source: what the cells are, for the card; None: the name of the file.
        laboratory: whose cells alone are used; None: all, and where several are named what the
            calibration is worth in each is measured.
        figure: reliability diagram to write (.png).

    Raises:
        InputError: too few cells, predictions of another model, or a share out of range.
    """
    bundle = as_bundle(model)
    name = file_names([held_out]) or "`held_out`"
    if isinstance(held_out, str | os.PathLike):
        require_own_predictions(Path(held_out), bundle)
    table = as_table(held_out)
    if laboratory is not None:
        table = _of_laboratory(table, laboratory, name)
    rows = held_out_rows(table, bundle, name)
    missing = classes_without_cells(rows, bundle.card.known)
    temperature = temperature_for(rows, bundle.card.known)
    told = file_names([held_out]) or "held-out predictions"
    whose = "" if laboratory is None else f", laboratory {laboratory}"
    answers = held_out_from_table(with_temperature(rows, temperature), told).to_dict()
    made = calibrate(rows, bundle, source or Path(told).name + whose, answers, coverage, risk, kept)
    problem = too_few(rows["label"].to_list(), bundle.card.known, kept)
    folder = Path(output)
    parts = {**other_parts(bundle), CALIBRATION: made.encoded()}
    rewrite_bundle(bundle, bundle.card, folder, parts)
    result = CalibratedModel(
        folder,
        bundle.card.name,
        made,
        tuple(
            f"no held-out cell of {code}: it will be in every set of classes, and a count is not "
            "corrected for it"
            for code in missing
        )
        + laboratory_remarks(rows, made.measured.get("laboratories", {}))
        + (() if problem is None else (problem,)),
    )
    if figure is not None:
        result.save_figure(figure)
    return result


def _of_laboratory(table: pl.DataFrame, laboratory: str, source: str) -> pl.DataFrame:
    rows = cells_of_laboratory(table, laboratory)
    if not rows.height:
        names = ", ".join(laboratory_names(table)) if "label" in table.columns else ""
        raise InputError(
            f"`laboratory` {laboratory}: no cell of {source} is of that laboratory"
            + (f"; there are {names}" if names else ", it names none")
        )
    return rows


def convert_model(model: AnyPath, output: AnyPath | None = None, *, half: bool = False) -> Card:
    """Add the graph to a bundle of an earlier version, so that it predicts without torch.

    New bundles have it. It needs torch once; weights and all other parts stay as they are, unless
    ``half`` is set.

    Args:
        model: bundle folder, or name of a shipped model.
        output: the new bundle folder; None: the same one.
        half: store weights in half precision, in half the bytes; probabilities change by less than
            0.01 as a rule (docs/models.md). It needs ``output``, and the int8 part and the
            calibration are left out: they were made for other weights.

    Returns:
        The new card.

    Raises:
        InputError: the model is no network, torch is missing, or weights would be overwritten by
            rounded ones.
    """
    bundle = as_bundle(model)
    if half and output is None:
        raise InputError("`half` needs `output`: rounded weights do not replace the exact ones")
    folder = optional_path(output) or bundle.folder
    if folder is None:
        raise InputError(f"{bundle.card.name}: is in memory only; name a folder as `output`")
    if half and bundle.folder is not None and folder.resolve() == bundle.folder.resolve():
        raise InputError(f"`output` {folder}: rounded weights do not replace the exact ones")
    return add_graph(bundle, folder, half)
