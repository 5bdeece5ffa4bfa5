"""One graph from the bytes of an image to class probabilities, for OpenVINO.

Its shapes are fixed to one image, and bytes become numbers before they are laid out by channel:
only so does OpenVINO see that what it gets is channels-last already, as its convolutions want it,
and leaves out two copies of every image. The other views of an image come in as images of their
own, for OpenVINO's turning and mirroring costs more than an int8 layer.
"""

from typing import Any

import torch
from torch import nn

from marrowscope.models.bundle import Bundle
from marrowscope.preprocessing import INPUT_SIZE

# Added to the logit of a class that the model does not know: its probability is exactly 0.
_NEVER = -1e30


class ByteGraph(nn.Module):
    """(N, 250, 250, 3) uint8 RGB → (N, classes) float32 probabilities, each of one view."""

    known: torch.Tensor

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        outputs = bundle.outputs
        self.network = bundle.model
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


def convert(bundle: Bundle) -> Any:
    """The graph as an ``openvino.Model`` of one image."""
    import openvino

    example = torch.zeros((1, INPUT_SIZE, INPUT_SIZE, 3), dtype=torch.uint8)
    shape = openvino.PartialShape(example.shape)
    with torch.inference_mode(False):
        graph = ByteGraph(bundle)
        return openvino.convert_model(graph, example_input=example, input=[shape])
