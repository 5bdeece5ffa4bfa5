"""A model by name comes in, predictions of images come out: ``load_model``, ``Model.predict``."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.api.arguments import AnyPath, Say
from marrowscope.api.image_input import Images, image_input, named_paths
from marrowscope.cell_pixels import cell_images, read_cell, standard_crop
from marrowscope.cells import note_counts, require_table_name, write_cells
from marrowscope.dataset.cell_list import refuse_own_list
from marrowscope.errors import InputError
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.calibrated_engine import with_decisions
from marrowscope.inference.engine import Engine
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.inference.model_choice import ModelChoice, bundle_name
from marrowscope.inference.resume_cache import SUFFIX, ResumeCache, prediction_identity
from marrowscope.inference.training_appearance import (
    MAX_CELLS,
    MIN_CELLS,
    training_ranges,
    unlike_training,
)
from marrowscope.models import DEFAULT_MODEL
from marrowscope.models.architectures import FEATURES
from marrowscope.models.bundle import Bundle, available, load_bundle
from marrowscope.models.calibration import Calibration, read_calibration
from marrowscope.models.card import Card
from marrowscope.progress import Stage
from marrowscope.report.notebook_html import NotebookTable, notebook_html

_SHOWN = 20  # unreadable images that are named one by one


def _nothing(line: str) -> None:
    """What is said to nobody."""


class Model:
    """A classifier of cells that is ready to compute."""

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine,
        calibrated: bool,
        engine_remark: str | None,
        choice: ModelChoice | None = None,
    ) -> None:
        """Join the parts; ``load_model`` makes them.

        Args:
            bundle: network and card.
            engine: computes the probabilities.
            calibrated: whether the bundle's calibration is used, where it has one.
            engine_remark: what a user should know of the choice of the engine.
            choice: from which another process loads the same model.
        """
        self._choice = choice
        self.bundle, self.engine = bundle, engine
        self.calibrated, self.engine_remark = calibrated, engine_remark
        self._calibration = read_calibration(bundle) if calibrated else None
        self._ranges = training_ranges(bundle.card)

    @property
    def name(self) -> str:
        """As its card says."""
        return self.bundle.card.name

    @property
    def choice(self) -> ModelChoice:
        """From which another process, here or on another machine, loads the same model.

        Raises:
            InputError: it was not made by ``load_model``.
        """
        if self._choice is None:
            raise InputError(f"{self.name}: another process cannot load it; name its bundle")
        made_by = prediction_identity(self.bundle, self.engine.name, self.calibrated)
        return replace(self._choice, identity=made_by)

    @property
    def card(self) -> Card:
        """What is said of the model: classes, training data, split, metrics, licence, use."""
        return self.bundle.card

    @property
    def classes(self) -> tuple[str, ...]:
        """Codes of the classes, in the order of the ``p_<CODE>`` columns."""
        return self.engine.classes

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user should know before trusting the answers."""
        known, classes = self.card.known, self.classes
        lines = [] if self.engine_remark is None else [self.engine_remark]
        if len(known) < len(classes):
            lines.insert(
                0,
                f"{self.name} knows {len(known)} of {len(classes)} classes ({' '.join(known)}); a "
                "cell of any other class gets one of these names all the same",
            )
        return tuple(lines)

    @property
    def calibration(self) -> Calibration | None:
        """In use; None without one."""
        return self._calibration

    @property
    def imputed(self) -> int | None:
        """Feature values replaced by their median so far; None for a network."""
        if self.card.architecture != FEATURES:
            return None  # the network itself may not even have been read
        found: int | None = getattr(self.bundle.model, "imputed", None)
        return found

    def predict(
        self,
        images: Images,
        microns_per_pixel: float | None = None,
        *,
        batch_size: int | None = None,
        output: AnyPath | None = None,
        progress: Stage | None = None,
        say: Say | None = None,
    ) -> pl.DataFrame:
        """Classify images; one row out per image in, in the same order.

        Args:
            images: paths (files, folders, globs, cell tables), a cell table, (N, H, W, 3) or
                (H, W, 3) uint8 RGB, PIL images, or a list of one sort.
            microns_per_pixel: pixel size of all images that do not state their own in a table.
            batch_size: images computed at once; None: what suits the engine.
            output: table to write (.parquet or .csv). A run that was killed goes on from what lies
                beside it.
            progress: called with what begins, returns ``advance(done, total=...)``.
            say: is told in a line what a user should know, such as that an earlier run goes on.

        Returns:
            The columns of a given table, and ``cell_id``, ``error``, ``note``, ``p_<CODE>``,
            ``predicted``, ``confidence``; of a calibrated model ``prediction_set`` and ``no_call``
            too, and ``novelty`` and ``novel`` (unlike anything that the model knows) where its
            calibration has a limit for them. An image that cannot be read has an ``error`` and
            nulls; ``note`` says how an image was converted, and which are far larger than a cell.

        Raises:
            InputError: nothing to look at, an array that is no image, a pixel size that makes no
                sense; or, with ``output``, no image could be read or the table cannot be written.
        """
        place = None if output is None else Path(output)
        if place is not None:
            require_table_name(place)
            refuse_own_list(place, named_paths(images))
        told = say if say is not None else _nothing
        given = image_input(images, lambda line: told(f"! {line}"))
        kept = None if place is None else self._answers_beside(place)
        begun = kept is not None and kept.has_parts
        if kept is not None and begun:
            told(f"continuing an earlier run: its answers in {kept.folder} are used where they fit")
        advance = None if progress is None else progress("predicting")
        table = predict_table(
            self.engine, given.table, microns_per_pixel, batch_size, advance, kept, given.pixels
        )
        unread = table.filter(pl.col("predicted").is_null())
        kinds = Counter(unread.select("path", "error").rows())  # many cells may lie on one tile
        for (path, reason), number in list(kinds.items())[:_SHOWN]:
            told(f"unreadable: {path}: {reason}" + (f" ({number} cells)" if number > 1 else ""))
        earlier = given.table["note"] if "note" in given.table.columns and not given.pixels else ()
        for kind, number in note_counts(table["note"], earlier):
            told(f"! {number} image{'s' if number != 1 else ''}: {kind} (column note)")
        if kept is not None and unread.height == table.height:
            kept.clear()
            raise InputError(f"none of {table.height} images could be read; nothing was written")
        unlike = self._unlike_training(table, microns_per_pixel, given.pixels)
        if unlike:
            told(
                f"! these cells look unlike those that {self.name} learned from, class by class: "
                f"{', '.join(unlike)}. It may be wrong and sure of it: compare with cells that you "
                "labelled, also with another pixel size or none (docs/external.md)"
            )
        if self._calibration is not None:
            table = with_decisions(table, self._calibration)
        if place is not None and kept is not None:
            write_cells(table, place, self.card.architecture)
            kept.clear()
        if self.imputed:
            told(
                f"! {self.imputed} feature values are undefined in their image; the training "
                "median is used instead" + (" (counted in this run only)" if begun else "")
            )
        return table

    def _unlike_training(
        self,
        table: pl.DataFrame,
        microns_per_pixel: float | None,
        pixels: Sequence[NDArray[np.uint8]] | None,
    ) -> list[str]:
        """In what the cells of a predicted table differ from the training; some are looked at."""
        if not self._ranges:
            return []
        rows = table["predicted"].is_not_null().arg_true().to_list()
        if len(rows) < MIN_CELLS:
            return []
        rows = rows[:: -(-len(rows) // MAX_CELLS)]
        cells = cell_images(table, microns_per_pixel)
        images, predicted = [], []
        for row in rows:
            try:
                cell = cells[row]
                image = read_cell(cell) if pixels is None else standard_crop(pixels[row], cell)
            except InputError:  # gone since it was predicted
                continue
            images.append(image)
            predicted.append(table["predicted"][row])
        return unlike_training(images, predicted, self._ranges)

    def _answers_beside(self, output: Path) -> ResumeCache:
        return ResumeCache(
            output.with_name(output.name + SUFFIX),
            prediction_identity(self.bundle, self.engine.name, self.calibrated),
        )

    def __repr__(self) -> str:
        known = len(self.card.known)
        return f"<marrowscope model {self.name}: {known} classes, {self.engine.name}>"

    def _repr_html_(self) -> str:
        """For notebooks: what the model knows, and what it was judged by."""
        images = sum(self.card.data.get("images", {}).values())
        score = self.card.metrics.get("macro_f1")
        facts = {
            "architecture": self.card.architecture,
            "classes": " ".join(self.card.known),
            "training images": f"{images:,}",
            "macro-F1 on held-out cells": "not measured" if score is None else f"{score:.3f}",
            "calibrated": "no" if self._calibration is None else "yes",
            "engine": self.engine.name,
            "licence": self.card.licence,
        }
        rows = tuple(("", name, (value,)) for name, value in facts.items())
        return notebook_html(
            self.name,
            [NotebookTable((), rows)],
            self.remarks,
            synthetic=self.card.data.get("synthetic") is True,
        )


def load_model(
    name: AnyPath | None = None,
    *,
    engine: str = "auto",
    device: str = "auto",
    calibrated: bool = True,
) -> Model:
    """Load a model and make it ready to compute.

    Args:
        name: of a shipped model (``available_models``), or a bundle folder; None: the default.
        engine: ``auto``, ``openvino``, ``int8`` or ``torch``.
        device: ``auto`` (CUDA where PyTorch finds a GPU), ``cpu`` or ``cuda``.
        calibrated: use the calibration of the bundle, where it has one.

    Raises:
        InputError: no such model, a damaged one, or an engine or device that is not there.
    """
    named = DEFAULT_MODEL if name is None else os.fspath(name)
    bundle = load_bundle(named)
    chosen, remark = choose_engine(bundle, engine, device, calibrated)
    choice = ModelChoice(bundle_name(named), engine, device, calibrated)
    return Model(bundle, chosen, calibrated, remark, choice)


def as_model(given: Model | AnyPath | None) -> Model:
    """A model, or the one of a name, or the default one."""
    return given if isinstance(given, Model) else load_model(given)


def as_bundle(given: Model | AnyPath) -> Bundle:
    """The bundle of a model, or of a name or folder, without an engine."""
    return given.bundle if isinstance(given, Model) else load_bundle(os.fspath(given))


def model_cards() -> dict[str, Card]:
    """What is said of each model that comes with the package, by name."""
    return {card.name: card for card in available()}


def available_models() -> pl.DataFrame:
    """Models that come with the package: ``name``, ``architecture``, ``classes``, ``macro_f1``."""
    rows = [
        {
            "name": card.name,
            "architecture": card.architecture,
            "classes": len(card.known),
            "macro_f1": card.metrics.get("macro_f1"),
            "synthetic": bool(card.data.get("synthetic")),
            "licence": card.licence,
        }
        for card in model_cards().values()
    ]
    schema = {
        "name": pl.String,
        "architecture": pl.String,
        "classes": pl.Int64,
        "macro_f1": pl.Float64,
        "synthetic": pl.Boolean,
        "licence": pl.String,
    }
    return pl.DataFrame(rows, schema=schema)
