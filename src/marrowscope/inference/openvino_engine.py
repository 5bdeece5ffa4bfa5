"""The OpenVINO engine: exact in float32, or int8 where a bundle has a checked int8 part."""

import math
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.extras import install_line
from marrowscope.inference.engine import BATCH, PendingProbabilities, image_views
from marrowscope.models.bundle import INT8_GRAPH, Bundle
from marrowscope.models.graph_part import GRAPH
from marrowscope.models.int8_part import read_int8
from marrowscope.preprocessing import INPUT_SIZE
from marrowscope.silent_import import import_silently

PRECISIONS = ("fp32", "int8")
MAX_VALUES = 200_000_000  # of one tensor in a graph; the largest backbones stay below


class OpenVinoEngine:
    """Requests side by side on all cores, each of one view of an image."""

    def __init__(self, bundle: Bundle, precision: str = "fp32") -> None:
        """Compile the graph.

        Args:
            bundle: network, card, outputs.
            precision: ``fp32`` or ``int8``.

        Raises:
            InputError: no such precision, the part for it is missing, damaged, made for other
                weights, or does not fit; or there is no graph and torch is not installed.
        """
        if precision not in PRECISIONS:
            raise InputError(f"precision {precision!r}: expected {' or '.join(PRECISIONS)}")
        self._classes, self._precision = bundle.outputs.classes, precision
        model = float_model(bundle) if precision == "fp32" else _int8_model(bundle)
        try:
            self._requests = Requests(model, bundle.card.views)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:120]
            raise InputError(f"{bundle.folder}: its graph cannot be compiled ({reason})") from None

    @property
    def name(self) -> str:
        """What computes, in what precision."""
        return f"openvino cpu {self._precision}"

    @property
    def classes(self) -> tuple[str, ...]:
        """Class codes, the columns of the result."""
        return self._classes

    @property
    def batch_size(self) -> int:
        """Images per call that it is made for."""
        return BATCH

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 250, 250, 3) uint8 RGB → (N, classes) float32, averaged over the views."""
        if not len(images):
            return np.empty((0, len(self._classes)), dtype=np.float32)
        return self._requests.begin(images)()

    def begin(self, images: NDArray[np.uint8]) -> PendingProbabilities:
        """As ``probabilities`` of one image or more, but does not wait for the last ones."""
        return self._requests.begin(images)


class TrialEngine:
    """The engine of a graph that is in no bundle yet."""

    name, batch_size = "openvino cpu int8, on trial", BATCH

    def __init__(
        self, graph: bytes, constants: bytes, classes: tuple[str, ...], views: int
    ) -> None:
        """Compile the two files of a graph; classes and views as the card says them."""
        openvino = import_silently("openvino")

        self.classes = classes
        self._requests = Requests(openvino.Core().read_model(graph, constants), views)

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 250, 250, 3) uint8 RGB, N ≥ 1 → (N, classes) float32."""
        return self._requests.begin(images)()


class Requests:
    """A graph of one image, compiled: what it computes of one view stays in a core's cache."""

    def __init__(self, model: Any, views: int) -> None:
        """Compile.

        Args:
            model: ``openvino.Model``, see ``graph_conversion.convert``.
            views: of every image; see ``image_views``.
        """
        openvino = import_silently("openvino")

        self._views = views
        compiled = openvino.Core().compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "THROUGHPUT",
                # Not bf16, which it would take by itself on processors that have it.
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": _threads(),
            },
        )
        streams = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        # Some wait ready, so that no core stands still until Python hands it the next one.
        self._queue = openvino.AsyncInferQueue(compiled, streams + (streams + 1) // 2)
        self._answers: dict[int, NDArray[np.float32]] = {}
        self._queue.set_callback(_keeping(self._answers))
        self._begun = 0

    def begin(self, images: NDArray[np.uint8]) -> PendingProbabilities:
        """(N, 250, 250, 3) uint8 RGB, N ≥ 1 → (N, classes) float32, averaged over the views.

        All are handed over when it returns; the answer waits for those that are not done then.
        """
        first = self._begun
        for image in images:
            for view in image_views(image, self._views):
                self._queue.start_async({0: view[None]}, self._begun)
                self._begun += 1
        return lambda: self._mean(range(first, first + len(images) * self._views))

    def _mean(self, numbers: range) -> NDArray[np.float32]:
        if not all(number in self._answers for number in numbers):
            self._queue.wait_all()
        each = np.stack([self._answers.pop(number) for number in numbers])
        mean: NDArray[np.float32]
        mean = each.reshape(len(numbers) // self._views, self._views, -1).mean(axis=1)
        return mean


def _keeping(answers: dict[int, NDArray[np.float32]]) -> Callable[[Any, int], None]:
    """Not a method: the queue would keep its owner, the owner the queue, and neither would go."""

    def keep(request: Any, number: int) -> None:
        answers[number] = np.array(request.get_output_tensor().data[0], dtype=np.float32)

    return keep


def _threads() -> int:
    """As many as torch takes, where it is there; else as the environment or the system allow."""
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    stated = os.environ.get("OMP_NUM_THREADS", "")
    if stated.isdecimal() and int(stated) > 0:
        return int(stated)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def float_model(bundle: Bundle) -> Any:
    """The bundle's own graph; where it has none, it is made here if torch is there.

    Returns:
        An ``openvino.Model``: (1, 250, 250, 3) uint8 RGB → (1, classes) float32.

    Raises:
        InputError: the graph is damaged or made for something else, or there is none and no torch.
    """
    if bundle.ready:
        return _read(bundle, *bundle.graph(), GRAPH, "convert")
    if find_spec("torch") is None:
        if bundle.card.graph:
            bundle.graph()  # says why there is none
        raise InputError(
            f"{bundle.card.name}: was made by an earlier version and has no graph; run "
            "'marrowscope model convert' where torch is installed, or " + install_line("train")
        )
    from marrowscope.models.graph_conversion import convert

    return convert(bundle.model, bundle.outputs)


def _int8_model(bundle: Bundle) -> Any:
    return _read(bundle, *read_int8(bundle), INT8_GRAPH, "quantize")


def _read(bundle: Bundle, graph: bytes, constants: bytes, name: str, command: str) -> Any:
    """The graph of a file, which takes one image and gives the classes of the card.

    Raises:
        InputError: it cannot be read, or has other shapes.
    """
    openvino = import_silently("openvino")

    try:
        model = openvino.Core().read_model(graph, constants)
        wanted = [1, INPUT_SIZE, INPUT_SIZE, 3], [1, len(bundle.outputs.classes)]
        shapes = tuple(
            [side.get_length() if side.is_static else -1 for side in port.partial_shape]
            for port in (model.input(0), model.output(0))
        )
        largest = max(map(_values, model.get_ordered_ops()), default=0)
        ports = len(model.inputs), len(model.outputs)
        types = [
            str(port.element_type.get_type_name()) for port in (model.input(0), model.output(0))
        ]
    except Exception as error:  # OpenVINO raises RuntimeError, IndexError, what its plugins have
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{bundle.folder}/{name}: cannot be read ({reason})") from None
    if ports != (1, 1):
        raise InputError(
            f"{bundle.folder}/{name}: has {ports[0]} inputs and {ports[1]} outputs, not one each"
        )
    if types != ["u8", "f32"]:
        raise InputError(f"{bundle.folder}/{name}: computes from {types[0]} to {types[1]} values")
    if shapes != wanted:
        raise InputError(
            f"{bundle.folder}/{name}: has shapes {shapes}, not {wanted}: made for another "
            f"card or by an earlier version; run 'marrowscope model {command}' again"
        )
    if largest > MAX_VALUES:
        raise InputError(
            f"{bundle.folder}/{name}: has a tensor of {largest} values; no network for cells needs "
            "as many"
        )
    return model


def _values(layer: Any) -> int:
    """Values of the largest tensor that a layer gives; endless where its shape is not fixed."""
    shapes = [port.partial_shape for port in layer.outputs()]
    if not all(shape.is_static for shape in shapes):
        return MAX_VALUES + 1
    return max((math.prod(side.get_length() for side in shape) for shape in shapes), default=0)
