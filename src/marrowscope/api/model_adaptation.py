"""A model and cells of another laboratory come in; the model adapted to them goes out."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.api.arguments import AnyPath, Cells, as_table, naming
from marrowscope.api.classifier import Model, as_bundle, load_model
from marrowscope.cells import LABORATORY, PROBABILITY
from marrowscope.dataset.indexing import index
from marrowscope.dataset.laboratories import laboratory_names
from marrowscope.dataset.splitting import split_warning
from marrowscope.errors import InputError
from marrowscope.evaluation.evaluate_predictions import evaluate
from marrowscope.evaluation.evaluation_result import Evaluation
from marrowscope.extras import require_extra
from marrowscope.io.folder_guards import is_taken
from marrowscope.models.bundle import CALIBRATION, Bundle, is_bundle
from marrowscope.models.card import Card
from marrowscope.progress import Stage
from marrowscope.scoring import Estimate
from marrowscope.training.validation import strict_scores

_PARTS = ("value", "low", "high")
_SCHEMA: dict[str, Any] = {
    "score": pl.String,
    "cells": pl.Int64,
    **{f"{when}{end}": pl.Float64 for when in ("before", "after") for end in ("", "_low", "_high")},
}


@dataclass(frozen=True)
class AdaptedModel:
    """What became of a model.

    Attributes:
        folder: of the new bundle; None where adapting made the model worse, so none was written.
        name: of the new model.
        steps: what was adapted.
        before, after: scores on the labelled cells held out; None without labels.
        predictions: of these cells by the adapted model; empty without labels.
        remarks: what a user should know.
    """

    folder: Path | None
    name: str
    steps: tuple[str, ...]
    before: Evaluation | None
    after: Evaluation | None
    predictions: pl.DataFrame
    remarks: tuple[str, ...]

    @property
    def is_worse(self) -> bool:
        """Whether macro-F1 on the cells held out fell."""
        return _fell(self.before, self.after)

    @property
    def table(self) -> pl.DataFrame:
        """One row per score, before and after with 95 % intervals; recall class by class too."""
        rows: list[tuple[str, int, Estimate, Estimate]] = []
        if self.before is not None and self.after is not None:
            cells = self.after.counts["evaluated"]
            rows = [
                (name, cells, self.before.strict[name], self.after.strict[name])
                for name in ("macro_f1", "accuracy")
            ]
            earlier = {entry.code: entry for entry in self.before.classes}
            rows += [
                (
                    f"recall {now.code}",
                    now.cells,
                    earlier[now.code].strict["recall"],
                    now.strict["recall"],
                )
                for now in self.after.classes
                if now.cells
            ]
        flat = [
            (name, cells, *(getattr(one, part) for one in (old, new) for part in _PARTS))
            for name, cells, old, new in rows
        ]
        return pl.DataFrame(flat, schema=_SCHEMA, orient="row")

    def to_dict(self) -> dict[str, Any]:
        """Numbers as data for JSON."""
        return {
            "bundle": None if self.folder is None else str(self.folder),
            "name": self.name,
            "steps": list(self.steps),
            "worse": self.is_worse,
            "scores": self.table.to_dicts(),
            "remarks": list(self.remarks),
        }

    def load_model(self, engine: str = "auto", device: str = "auto") -> Model:
        """The adapted model, ready to compute.

        Raises:
            InputError: none was written, or as ``marrowscope.load_model``.
        """
        if self.folder is None:
            raise InputError(f"{self.name}: adapting made the model worse; none was written")
        return load_model(self.folder, engine=engine, device=device)


def adapt_model(
    model: Model | AnyPath,
    cells: Cells,
    output: AnyPath,
    *,
    name: str | None = None,
    layers: str = "auto",
    seed: int = 0,
    resamples: int = 2000,
    device: str = "auto",
    progress: Stage | None = None,
) -> AdaptedModel:
    """Adapt a model to the cells of a laboratory; a few labels help, none are needed.

    The statistics of normalization are measured again on all images. Labelled cells teach the last
    layer, near the old one, or all layers where there are 50 of every class that it knows.
    Before and after are compared on labelled cells held out: those of the
    column split, else a fifth at a time. Where it made the model worse nothing is written.

    Args:
        model: of ``load_model``, or a name or bundle folder.
        cells: cell table, or a folder of images (labels are the names of folders in it).
        output: the new bundle folder.
        name: of the new model in its card; None: from the old name and the laboratory.
        layers: that labels teach: ``none`` (they only judge), ``last``, ``all``, or ``auto``.
        seed: of the parts held out, the order of images and the bootstrap.
        resamples: of the bootstrap.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: the extra is missing, the model has nothing to adapt, too few cells or labels,
            or ``output`` is the model itself or something else than a bundle.
    """
    require_extra("train", "adapting a model")
    from marrowscope.models.bundle_writer import save_bundle
    from marrowscope.training.adaptation.adaptation_cells import PART, adaptation_cells
    from marrowscope.training.adaptation.network_adaptation import adapt_network, require_adaptable
    from marrowscope.training.adaptation.teaching import NONE, require_layers
    from marrowscope.training.run_setup import choose_device

    require_layers(layers)
    bundle, folder = as_bundle(model), Path(output)
    _require_place(bundle, folder)
    chosen = choose_device(device)
    given = _table(cells)
    with naming(cells):
        sorted_cells = adaptation_cells(given, bundle.card, teach=layers != NONE, seed=seed)
        require_adaptable(bundle, sorted_cells.taught.height > 0)
        found = adapt_network(
            bundle, sorted_cells, layers=layers, seed=seed, device=chosen, progress=progress
        )
    rows = sorted_cells.judged.drop(PART, strict=False)
    classes = bundle.outputs.classes
    before = after = None
    predictions = rows
    if rows.height:
        before = evaluate(_predicted(rows, found.before, classes), resamples=resamples, seed=seed)
        predictions = _predicted(rows, found.after, classes)
        after = evaluate(predictions, resamples=resamples, seed=seed)
    worse = _fell(before, after)
    wanted = name or _name(bundle.card, sorted_cells.shown)
    result = AdaptedModel(
        None if worse else folder,
        wanted,
        found.steps,
        before,
        after,
        predictions,
        (*found.remarks, *_remarks(bundle, given, sorted_cells.unknown, rows, worse)),
    )
    if not worse:
        card = _card(bundle, wanted, sorted_cells.shown, found.steps, found.facts, seed)
        if rows.height:
            scores = {
                **strict_scores(predictions),
                "macro_f1_before": round(before.strict["macro_f1"].value, 4) if before else None,
                "measured_on": f"{rows.height} labelled cells of the laboratory it was adapted to",
            }
            card = replace(card, metrics=scores, split={"method": sorted_cells.method})
        save_bundle(found.network, card, folder)
    return result


def _require_place(bundle: Bundle, folder: Path) -> None:
    if bundle.folder is not None and folder.exists() and folder.samefile(bundle.folder):
        raise InputError(f"`output` {folder}: is the model itself; name a new folder")
    if is_taken(folder) and not (folder.is_dir() and is_bundle(str(folder))):
        raise InputError(f"{folder}: is not empty and holds no bundle; choose another folder")


def _table(cells: Cells) -> pl.DataFrame:
    if isinstance(cells, str | os.PathLike) and Path(cells).is_dir():
        return index([Path(cells)])
    return as_table(cells, ("path",))


def _predicted(
    rows: pl.DataFrame, values: NDArray[np.float32], classes: tuple[str, ...]
) -> pl.DataFrame:
    best = values.argmax(axis=1)
    return rows.with_columns(
        *(pl.Series(PROBABILITY + code, values[:, place]) for place, code in enumerate(classes)),
        pl.Series("predicted", [classes[place] for place in best], pl.String),
        pl.Series("confidence", values.max(axis=1), pl.Float32),
    )


def _fell(before: Evaluation | None, after: Evaluation | None) -> bool:
    if before is None or after is None:
        return False
    return after.strict["macro_f1"].value < before.strict["macro_f1"].value


def _name(card: Card, shown: pl.DataFrame) -> str:
    names = laboratory_names(shown)
    return f"{card.name}-{names[0] if len(names) == 1 else 'adapted'}"


def _remarks(
    bundle: Bundle,
    given: pl.DataFrame,
    unknown: dict[str, int],
    judged: pl.DataFrame,
    worse: bool,
) -> list[str]:
    said = []
    unread = given.height - given["error"].null_count() if "error" in given.columns else 0
    if unread:
        said.append(f"{unread} of {given.height} images cannot be used (column error)")
    if unknown:
        listed = ", ".join(f"{code} {number}" for code, number in unknown.items())
        said.append(
            f"{bundle.card.name} does not know {listed}: their images count for the statistics, "
            "their labels are not used"
        )
    if not judged.height:
        said.append(
            "nothing was measured: adapting without labels can make a model worse; label 20 cells "
            "or more and adapt again"
        )
    else:
        ids = split_warning(judged)
        said += [] if ids is None else [ids]
    if worse:
        return said
    folder = bundle.folder
    if folder is not None and (folder / CALIBRATION).exists():
        said.append(
            "the calibration of the old model is left out, it does not fit the new answers; "
            "'marrowscope model calibrate' makes one from predictions of cells that took no part"
        )
    if bundle.card.int8:
        said.append(
            "the int8 part of the old model is left out, it holds the old weights; 'marrowscope "
            "model quantize' makes one"
        )
    return said


def _card(
    bundle: Bundle,
    name: str,
    shown: pl.DataFrame,
    steps: tuple[str, ...],
    facts: dict[str, Any],
    seed: int,
) -> Card:
    old = bundle.card
    identity = next(one for one in ("sha256", "cell_id", "path") if one in shown.columns)
    content = "\n".join(sorted(str(value) for value in shown[identity]))
    adapted = {
        "from": old.name,
        "from_weights_sha256": old.weights_sha256,
        "steps": list(steps),
        "images": shown.height,
        "content_sha256": hashlib.sha256(content.encode()).hexdigest(),
        **({"laboratories": laboratory_names(shown)} if LABORATORY in shown.columns else {}),
        **facts,
        "seed": seed,
    }
    if "adapted" in old.data:
        adapted["earlier"] = old.data["adapted"]
    return replace(
        old,
        name=name,
        data={**old.data, "adapted": adapted},
        metrics={},
        split={},
        graph={},
        int8={},
        created="",
        note=" ".join(
            [*([old.note] if old.note else []), f"Adapted from {old.name}: {', '.join(steps)}."]
        ),
    )
