"""From a network of torch to one OpenVINO graph: image bytes come in, class probabilities come out.

Its shapes are fixed to one image, and bytes become numbers before they are laid out by channel:
only so does OpenVINO see that what it gets is channels-last already, as its convolutions want it,
and leaves out two copies of every image. The other views of an image come in as images of their
own, for OpenVINO's turning and mirroring costs more than an int8 layer.
"""

import copy
import tempfile
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from marrowscope.models.graph_constants import FoldedNorm
from marrowscope.models.outputs import OutputMap
from marrowscope.preprocessing import INPUT_SIZE
from marrowscope.silent_import import import_silently

# Added to the logit of a class that the model does not know: its probability is exactly 0.
_NEVER = -1e30
MAX_DIFFERENCE = 1e-3  # between the probabilities of torch and of the graph


class Uint8Classifier(nn.Module):
    """(N, 250, 250, 3) uint8 RGB → (N, classes) float32 probabilities, each of one view."""

    known: torch.Tensor

    def __init__(self, network: nn.Module, outputs: OutputMap) -> None:
        super().__init__()
        self.network = network
        nothing = len(outputs.outputs)  # place of a column of zeros
        places = [
            [place for place, output in enumerate(outputs.outputs) if output == code]
            for code in outputs.classes
        ]
        # Columns are picked and added, not multiplied by a matrix, which int8 would round.
        self._rounds = [
            torch.tensor([(*found, *[nothing] * nothing)[turn] for found in places])
            for turn in range(max(map(len, places)))
        ]
        known = [0.0 if code in outputs.known else _NEVER for code in outputs.outputs]
        self.register_buffer("known", torch.tensor(known))
        self.eval().requires_grad_(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """As the class says."""
        numbers = images.to(torch.float32) * (1.0 / 255.0)
        logits = self.network(numbers.permute(0, 3, 1, 2))
        each = torch.softmax(logits + self.known, dim=1)
        each = torch.cat((each, torch.zeros_like(each[:, :1])), dim=1)
        classes = each[:, self._rounds[0]]
        for columns in self._rounds[1:]:
            classes = classes + each[:, columns]
        return classes


def convert(network: nn.Module, outputs: OutputMap) -> Any:
    """The graph of a network as an ``openvino.Model`` of one image; the network is not changed."""
    openvino = import_silently("openvino")

    example = torch.zeros((1, INPUT_SIZE, INPUT_SIZE, 3), dtype=torch.uint8)
    shape = openvino.PartialShape(example.shape)
    with torch.inference_mode(False), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of what is fixed here on purpose
        graph = Uint8Classifier(copy.deepcopy(network).cpu(), outputs)
        # Not traced twice to compare: the whole graph is compared with the network afterwards.
        traced = torch.jit.trace(graph, example, check_trace=False)  # type: ignore[no-untyped-call]
        return openvino.convert_model(traced, example_input=example, input=[shape])


def graph_files(network: nn.Module, outputs: OutputMap) -> tuple[bytes, bytes]:
    """The files of a network's graph, compared with the network before they are given out.

    Returns:
        Graph (XML) and constants.

    Raises:
        ArithmeticError: the graph gives other probabilities than torch.
        Exception: OpenVINO cannot convert it; it raises many kinds.
    """
    openvino = import_silently("openvino")

    model = convert(network, outputs)
    _name_by_place(model)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "graph.xml"
        openvino.save_model(model, path, compress_to_fp16=False)
        graph, constants = path.read_bytes(), path.with_suffix(".bin").read_bytes()
    found = openvino.Core().read_model(graph, constants)
    difference = float(np.abs(_computed(found) - _wanted(network, outputs)).max())
    if not difference <= MAX_DIFFERENCE:
        raise ArithmeticError(f"its probabilities differ from torch's by {difference:.2g}")
    return graph, constants


def constant_spans(graph: bytes) -> list[tuple[int, int]]:
    """First byte and number of bytes of each constant of a graph that was made here (XML)."""
    layers = ElementTree.fromstring(graph).iterfind("./layers/layer[@type='Const']/data")
    return [(int(data.attrib["offset"]), int(data.attrib["size"])) for data in layers]


def folded_norms(network: nn.Module) -> list[FoldedNorm]:
    """The batch normalizations of a network that may stand behind the convolution before them."""
    found = []
    before, channels = "", 0
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            before, channels = f"{name}.weight", module.out_channels
        elif isinstance(module, nn.BatchNorm2d) and module.num_features == channels:
            found.append(FoldedNorm(name, before, float(module.eps)))
    return found


def _name_by_place(model: Any) -> None:
    """Names count what was made in this process; by place they are the same every time."""
    model.set_friendly_name("marrowscope")
    for place, node in enumerate(model.get_ordered_ops()):
        if node.get_type_name() != "Parameter":
            node.set_friendly_name(f"{node.get_type_name()}_{place}")


def _samples() -> NDArray[np.uint8]:
    """(2, 250, 250, 3): coarse patches and a ramp; noise would be grey for every network."""
    random = np.random.default_rng(0)
    patches = random.integers(0, 256, (10, 10, 3), dtype=np.uint8).repeat(25, 0).repeat(25, 1)
    ramp = np.linspace(0, 255, INPUT_SIZE).astype(np.uint8)
    return np.stack([patches, np.stack(np.broadcast_arrays(ramp, ramp[:, None], 200), axis=2)])


def _computed(model: Any) -> NDArray[np.float32]:
    openvino = import_silently("openvino")

    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(model, "CPU", exact)
    return np.concatenate([compiled(image[None])[0] for image in _samples()])


def _wanted(network: nn.Module, outputs: OutputMap) -> NDArray[np.float32]:
    with torch.inference_mode():
        graph = Uint8Classifier(copy.deepcopy(network).cpu(), outputs)
        found: NDArray[np.float32] = graph(torch.from_numpy(_samples())).numpy()
    return found
