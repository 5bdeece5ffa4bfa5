"""Make the int8 part of a bundle: calibrate on training images, check on held-out ones."""

import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cell_pixels import cell_images, read_cell
from marrowscope.errors import InputError
from marrowscope.extras import require_extra
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.engine import BATCH, image_views
from marrowscope.inference.openvino_engine import OpenVinoEngine, Requests, float_model
from marrowscope.models.architectures import FEATURES
from marrowscope.models.bundle import (
    INT8_CONSTANTS,
    INT8_GRAPH,
    Bundle,
    other_parts,
    rewrite_bundle,
)
from marrowscope.models.card import Card
from marrowscope.models.int8_part import int8_facts, is_accurate_enough
from marrowscope.silent_import import import_silently
from marrowscope.training.training_cells import select_training_cells
from marrowscope.training.validation import strict_scores

CALIBRATION_IMAGES = 300
MIN_CHECKED = 100
_NO_WORK = ("Constant", "Parameter", "Result")

Advance = Callable[..., None]


def quantize(
    bundle: Bundle,
    table: pl.DataFrame,
    folder: Path,
    fold: int | None = None,
    advance: Advance | None = None,
) -> dict[str, Any]:
    """Write a copy of a bundle with an int8 part.

    Weights and activations are quantized after training (NNCF, mixed preset, exact bias
    correction), with the full ranges seen on training images, an equal number of each class. (The
    mean of the images' ranges, which NNCF takes by itself, cuts off the brightest twelfth of the
    bytes, where the background lies.) On all held-out images the top class must agree with float32
    in at least 99 % and macro-F1 may fall by at most .005. If it does not, the first convolution
    and the last layer are left in float32, and when that is not enough either, nothing is written.

    Args:
        bundle: loaded from a folder, or shipped.
        table: the cells it was trained with and those held out; see ``training.dataset.select``.
        folder: the new bundle.
        fold: which fold is held out.
        advance: progress over the checked images.

    Returns:
        What the card says of the int8 part.

    Raises:
        InputError: nothing is held out, the held-out cells may have taken part in the training,
            NNCF is missing, or the checks fail.
    """
    require_extra("int8", "quantizing")
    if bundle.card.architecture == FEATURES:
        raise InputError(f"{bundle.card.name}: is not a network; there is nothing to quantize")
    data = select_training_cells(table, fold)
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
    exact = predict_table(OpenVinoEngine(bundle), data.held_out, advance=advance)
    before = strict_scores(exact)["macro_f1"]
    images = list(_calibration(data.train))
    outcome = ""
    for kept in ("none", "first and last layer"):
        graph, constants = quantized_graph(bundle, images, kept)
        agreement, after = _check(bundle, graph, constants, data.held_out, exact, advance)
        loss = round(before - after, 4)
        if is_accurate_enough(agreement, loss):
            facts = {
                "calibration_images": len(images),
                "kept_in_fp32": kept,
                "checked_images": data.held_out.height,
                "agreement": round(agreement, 4),
                "macro_f1_fp32": before,
                "macro_f1_int8": after,
                "macro_f1_loss": loss,
                "nncf": version("nncf"),
                "openvino": version("openvino"),
            }
            facts = int8_facts(bundle, graph, constants, facts)
            card = Card(**{**vars(bundle.card), "int8": facts})
            made = {INT8_GRAPH: graph, INT8_CONSTANTS: constants}
            rewrite_bundle(bundle, card, folder, {**other_parts(bundle), **made})
            return facts
        outcome = f"top class agrees in {agreement:.1%}, macro-F1 {before:.3f} → {after:.3f}"
    raise InputError(
        f"{bundle.card.name}: int8 is not good enough on {data.held_out.height} held-out images "
        f"({outcome}; needed 99 % and a loss of .005 at most); nothing was written"
    )


def _calibration(train: pl.DataFrame) -> Iterator[NDArray[np.uint8]]:
    """The first images of each class by content, in turns: the same on every machine."""
    order = "sha256" if "sha256" in train.columns else "cell_id"
    turns = train.sort(order).with_columns(turn=pl.int_range(pl.len()).over("label"))
    chosen = turns.sort("turn", order).head(CALIBRATION_IMAGES)
    yield from map(read_cell, cell_images(chosen))


def quantized_graph(
    bundle: Bundle, images: list[NDArray[np.uint8]], kept: str
) -> tuple[bytes, bytes]:
    """Files of the quantized graph, not checked yet.

    Args:
        bundle: the network.
        images: (250, 250, 3) uint8 each, to calibrate with; each in one of the network's views.
        kept: ``none``, or the first and the last layer stay in float32.
    """
    nncf, openvino = import_silently("nncf"), import_silently("openvino")
    parameters = import_silently("nncf.quantization.advanced_parameters")
    ranges = import_silently("nncf.quantization.range_estimator")

    logging.getLogger("nncf").setLevel(logging.ERROR)
    model = float_model(bundle)
    nodes = model.get_ordered_ops()
    kinds = ("Convolution", "GroupConvolution", "MatMul")
    layers = [place for place, node in enumerate(nodes) if node.get_type_name() in kinds]
    # What follows the last layer makes probabilities of logits: rounding there gains nothing.
    exact = [node for node in nodes[layers[-1] + 1 :] if node.get_type_name() not in _NO_WORK]
    if kept != "none":
        exact += [nodes[layers[0]], nodes[layers[-1]]]
    named = [node.get_friendly_name() for node in exact]
    views = bundle.card.views
    shown = [image_views(image, views)[row % views][None] for row, image in enumerate(images)]
    with redirect_stdout(sys.stderr):  # its progress; standard output belongs to --json
        quantized = nncf.quantize(
            model,
            nncf.Dataset(shown),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(shown),
            fast_bias_correction=False,
            ignored_scope=nncf.IgnoredScope(names=named),
            advanced_parameters=parameters.AdvancedQuantizationParameters(
                activations_range_estimator_params=ranges.RangeEstimatorParametersSet.MINMAX
            ),
        )
    with tempfile.TemporaryDirectory() as place:
        openvino.save_model(quantized, Path(place) / INT8_GRAPH, compress_to_fp16=False)
        return (Path(place) / INT8_GRAPH).read_bytes(), (Path(place) / INT8_CONSTANTS).read_bytes()


class Trial:
    """The engine of a graph that is in no bundle yet."""

    name, batch_size = "openvino cpu int8, on trial", BATCH

    def __init__(
        self, graph: bytes, constants: bytes, classes: tuple[str, ...], views: int
    ) -> None:
        openvino = import_silently("openvino")

        self.classes = classes
        self._requests = Requests(openvino.Core().read_model(graph, constants), views)

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As every engine."""
        return self._requests.begin(images)()


def _check(
    bundle: Bundle,
    graph: bytes,
    constants: bytes,
    held_out: pl.DataFrame,
    exact: pl.DataFrame,
    advance: Advance | None,
) -> tuple[float, float]:
    """Share of equal top classes, and macro-F1 in int8."""
    trial = Trial(graph, constants, bundle.outputs.classes, bundle.card.views)
    found = predict_table(trial, held_out, advance=advance)
    same = (found["predicted"] == exact["predicted"]).drop_nulls().to_list()
    return sum(same) / max(1, len(same)), float(strict_scores(found)["macro_f1"])
