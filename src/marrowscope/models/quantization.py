"""A network's graph and images → an int8 graph; added to a bundle if a check finds it good enough.

How its answers are compared with those of float32 is handed in: computing is above this room.
"""

import logging
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.models.bundle import INT8_CONSTANTS, INT8_GRAPH, Bundle, other_parts
from marrowscope.models.bundle_writer import rewrite_bundle
from marrowscope.models.card import Card
from marrowscope.models.int8_part import int8_facts, is_accurate_enough
from marrowscope.silent_import import import_silently

# In float32; the second where the first is not enough.
_KEPT = ("none", "first, last and depthwise layers")
_NO_WORK = ("Constant", "Parameter", "Result")


@dataclass(frozen=True)
class Agreement:
    """An int8 graph beside float32, on the same held-out images.

    Attributes:
        images: that were compared.
        same_class: share of them with the same top class.
        macro_f1_fp32, macro_f1_int8: strict.
    """

    images: int
    same_class: float
    macro_f1_fp32: float
    macro_f1_int8: float

    @property
    def loss(self) -> float:
        """Of macro-F1."""
        return round(self.macro_f1_fp32 - self.macro_f1_int8, 4)


def add_int8_part(
    bundle: Bundle,
    model: Any,
    images: list[NDArray[np.uint8]],
    check: Callable[[bytes, bytes], Agreement],
    folder: Path,
) -> dict[str, Any]:
    """Write a copy of a bundle with an int8 part.

    The top class must agree with float32 in at least 99 % of the images of ``check`` and macro-F1
    may fall by at most .005. If it does not, the first convolution, depthwise ones and the last
    layer are left in float32, and when that is not enough either, nothing is written.

    Args:
        bundle: loaded from a folder, or shipped.
        model: its ``openvino.Model``; see ``quantized_graph``.
        images: to calibrate with; see ``quantized_graph``.
        check: compares a graph (its two files) with float32 on held-out images.
        folder: the new bundle.

    Returns:
        What the card says of the int8 part.

    Raises:
        InputError: the checks fail, or the bundle cannot be written.
    """
    for kept in _KEPT:
        graph, constants = quantized_graph(model, images, kept)
        found = check(graph, constants)
        if is_accurate_enough(found.same_class, found.loss):
            facts = {
                "calibration_images": len(images),
                "kept_in_fp32": kept,
                "checked_images": found.images,
                "agreement": round(found.same_class, 4),
                "macro_f1_fp32": found.macro_f1_fp32,
                "macro_f1_int8": found.macro_f1_int8,
                "macro_f1_loss": found.loss,
                "nncf": version("nncf"),
                "openvino": version("openvino"),
            }
            facts = int8_facts(bundle, graph, constants, facts)
            card = Card(**{**vars(bundle.card), "int8": facts})
            made = {INT8_GRAPH: graph, INT8_CONSTANTS: constants}
            rewrite_bundle(bundle, card, folder, {**other_parts(bundle), **made})
            return facts
    raise InputError(
        f"{bundle.card.name}: int8 is not good enough on {found.images} held-out images "
        f"(top class agrees in {found.same_class:.1%}, macro-F1 {found.macro_f1_fp32:.3f} → "
        f"{found.macro_f1_int8:.3f}; needed 99 % and a loss of .005 at most); nothing was written"
    )


def quantized_graph(
    model: Any, images: list[NDArray[np.uint8]], kept: str = "none"
) -> tuple[bytes, bytes]:
    """Files of the quantized graph, not checked yet.

    Weights and activations are quantized after training (NNCF, mixed preset, exact bias
    correction), with the full ranges seen on the images. (The mean of the images' ranges, which
    NNCF takes by itself, cuts off the brightest twelfth of the bytes, where the background lies.)

    Args:
        model: ``openvino.Model``, (1, 250, 250, 3) uint8 RGB → (1, classes) float32.
        images: (250, 250, 3) uint8 RGB each, as the network gets to see them.
        kept: ``none``, or the first and the last layer stay in float32, depthwise convolutions,
            and what a pretrained network does to the image before all of them.
    """
    nncf, openvino = import_silently("nncf"), import_silently("openvino")
    parameters = import_silently("nncf.quantization.advanced_parameters")
    ranges = import_silently("nncf.quantization.range_estimator")

    logging.getLogger("nncf").setLevel(logging.ERROR)
    nodes = model.get_ordered_ops()
    kinds = ("Convolution", "GroupConvolution", "MatMul")
    layers = [place for place, node in enumerate(nodes) if node.get_type_name() in kinds]
    # What follows the last layer makes probabilities of logits: rounding there gains nothing.
    exact = [node for node in nodes[layers[-1] + 1 :] if node.get_type_name() not in _NO_WORK]
    if kept != "none":
        # Before the first convolution pretrained networks resize the image and shift its colours.
        types = [nodes[place].get_type_name() for place in layers]
        first = types.index("Convolution") if "Convolution" in types else 0
        exact += [nodes[place] for place in (*layers[: first + 1], layers[-1])]
        # Their channels differ most in range, and their time goes into memory, not arithmetic.
        exact += [nodes[place] for place in layers if _is_depthwise(nodes[place])]
    named = list(dict.fromkeys(node.get_friendly_name() for node in exact))
    with redirect_stdout(sys.stderr):  # its progress; standard output belongs to data
        quantized = nncf.quantize(
            model.clone(),
            nncf.Dataset([image[None] for image in images]),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(images),
            fast_bias_correction=False,
            ignored_scope=nncf.IgnoredScope(names=named),
            advanced_parameters=parameters.AdvancedQuantizationParameters(
                activations_range_estimator_params=ranges.RangeEstimatorParametersSet.MINMAX
            ),
        )
    with tempfile.TemporaryDirectory() as place:
        openvino.save_model(quantized, Path(place) / INT8_GRAPH, compress_to_fp16=False)
        return (Path(place) / INT8_GRAPH).read_bytes(), (Path(place) / INT8_CONSTANTS).read_bytes()


def _is_depthwise(node: Any) -> bool:
    """Whether every channel is convolved by itself: weights (channels, 1, 1, height, width)."""
    grouped = node.get_type_name() == "GroupConvolution"
    return grouped and tuple(node.input_value(1).get_shape())[1:3] == (1, 1)
