"""A model and the table it was trained from come in; the same model with an int8 graph goes out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.api.arguments import AnyPath, Cells, as_table, naming
from marrowscope.api.classifier import Model, as_bundle, load_model
from marrowscope.cell_pixels import cell_images, read_cell
from marrowscope.errors import InputError
from marrowscope.extras import require_extra
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.engine import image_views
from marrowscope.inference.openvino_engine import OpenVinoEngine, TrialEngine, float_model
from marrowscope.models.architectures import FEATURES
from marrowscope.models.bundle import Bundle
from marrowscope.models.quantization import Agreement, add_int8_part
from marrowscope.progress import Advance, Stage
from marrowscope.training.training_cells import TrainingData, select_training_cells
from marrowscope.training.validation import strict_scores

CALIBRATION_IMAGES = 300
MIN_CHECKED = 100


@dataclass(frozen=True)
class QuantizedModel:
    """A bundle with an int8 graph.

    Attributes:
        folder: of the bundle.
        facts: what its card says of the graph: how it was calibrated and checked.
    """

    folder: Path
    facts: dict[str, Any]

    @property
    def table(self) -> pl.DataFrame:
        """``precision`` and ``macro_f1`` on the held-out images, in float32 and int8."""
        scores = [self.facts["macro_f1_fp32"], self.facts["macro_f1_int8"]]
        return pl.DataFrame({"precision": ["fp32", "int8"], "macro_f1": scores})

    def load_model(self, engine: str = "int8") -> Model:
        """The model, ready to compute.

        Raises:
            InputError: as ``marrowscope.load_model``.
        """
        return load_model(self.folder, engine=engine)


def quantize_model(
    model: Model | AnyPath,
    cells: Cells,
    output: AnyPath,
    *,
    fold: int | None = None,
    progress: Stage | None = None,
) -> QuantizedModel:
    """Add an int8 graph to a model, calibrated on training images and checked on held-out ones.

    The top class must agree with float32 in 99 % and macro-F1 may drop by .005; otherwise nothing
    is written. It takes a minute or two.

    Args:
        model: of ``load_model``, or a name or bundle folder.
        cells: the table that it was trained from, with its split or folds.
        output: the new bundle folder.
        fold: that was held out, of a table with folds.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: the extra is missing, nothing is held out, the held-out cells may have taken
            part in the training, or the checks fail.
    """
    require_extra("int8", "quantizing")
    bundle = as_bundle(model)
    if bundle.card.architecture == FEATURES:
        raise InputError(f"{bundle.card.name}: is not a network; there is nothing to quantize")
    with naming(cells):
        data = select_training_cells(as_table(cells), fold)
    if data.held_out.height < MIN_CHECKED:
        raise InputError(
            f"{data.held_out.height} held-out images; int8 is checked on at least {MIN_CHECKED}: "
            "give the table that the model was trained from, with its split"
        )
    if bundle.card.data.get("content_sha256") != data.description["content_sha256"]:
        raise InputError(
            f"{bundle.card.name}: was not trained on the training cells of this table; held-out "
            "cells may have trained it, so int8 cannot be checked"
        )
    check = _Check(bundle, data, None if progress is None else progress("checking"))
    views = bundle.card.views
    images = [
        image_views(image, views)[row % views]
        for row, image in enumerate(_calibration_images(data.train))
    ]
    folder = Path(output)
    return QuantizedModel(folder, add_int8_part(bundle, float_model(bundle), images, check, folder))


class _Check:
    """Compares a graph with float32 on all held-out images."""

    def __init__(self, bundle: Bundle, data: TrainingData, advance: Advance | None) -> None:
        self._card, self._classes = bundle.card, bundle.outputs.classes
        self._held_out, self._advance = data.held_out, advance
        self._exact = predict_table(OpenVinoEngine(bundle), data.held_out, advance=advance)
        self._before = float(strict_scores(self._exact)["macro_f1"])

    def __call__(self, graph: bytes, constants: bytes) -> Agreement:
        engine = TrialEngine(graph, constants, self._classes, self._card.views)
        found = predict_table(engine, self._held_out, advance=self._advance)
        same = (found["predicted"] == self._exact["predicted"]).drop_nulls().to_list()
        after = float(strict_scores(found)["macro_f1"])
        return Agreement(self._held_out.height, sum(same) / max(1, len(same)), self._before, after)


def _calibration_images(train: pl.DataFrame) -> Iterator[NDArray[np.uint8]]:
    """The first images of each class by content, in turns: the same on every machine."""
    order = "sha256" if "sha256" in train.columns else "cell_id"
    turns = train.sort(order).with_columns(turn=pl.int_range(pl.len()).over("label"))
    chosen = turns.sort("turn", order).head(CALIBRATION_IMAGES)
    yield from map(read_cell, cell_images(chosen))
