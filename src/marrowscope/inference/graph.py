"""One graph from bytes to class probabilities, for OpenVINO."""

from typing import Any

import torch
from torch import nn

from marrowscope.geometry import INPUT_SIZE
from marrowscope.inference.engine import symmetries
from marrowscope.models.bundle import Bundle

# Added to the logit of a class that the model does not know: its probability is exactly 0.
_NEVER = -1e30


class ByteGraph(nn.Module):
    """(N, 250, 250, 3) uint8 RGB → (N, classes) float32 probabilities, averaged over the views."""

    known: torch.Tensor

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        outputs = bundle.outputs
        self.network, self.views = bundle.model, bundle.card.views
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
        batch = images.permute(0, 3, 1, 2).to(torch.float32) * (1.0 / 255.0)
        logits = self.network(torch.cat(symmetries(batch, self.views)))
        each = torch.softmax(logits + self.known, dim=1)
        each = torch.cat((each, torch.zeros_like(each[:, :1])), dim=1)
        classes = each[:, self._rounds[0]]
        for columns in self._rounds[1:]:
            classes = classes + each[:, columns]
        return classes.reshape(self.views, -1, classes.shape[1]).mean(dim=0)


def convert(bundle: Bundle) -> Any:
    """The graph as an ``openvino.Model`` with any number of images."""
    import openvino

    example = torch.zeros((2, INPUT_SIZE, INPUT_SIZE, 3), dtype=torch.uint8)
    shape = openvino.PartialShape([-1, INPUT_SIZE, INPUT_SIZE, 3])
    with torch.inference_mode(False):
        graph = ByteGraph(bundle)
        return openvino.convert_model(graph, example_input=example, input=[shape])
