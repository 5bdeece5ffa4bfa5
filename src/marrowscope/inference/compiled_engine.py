"""PyTorch on a GPU, compiled: one graph from a view to probabilities, replayed for every batch.

Launching the hundreds of small kernels of a network takes longer than they run; a graph that was
recorded once is started as a whole. It only fits batches of one size: smaller ones are filled up.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models.bundle import Bundle

CHUNK = 128  # images of a recorded graph


class CompiledEngine:
    """The probabilities of ``TorchEngine`` from a compiled graph of a fixed number of images."""

    def __init__(
        self, bundle: Bundle, device: str = "cuda", chunk: int = CHUNK, backend: str = "inductor"
    ) -> None:
        """Compile for a device.

        Args:
            bundle: network, card, outputs.
            device: ``cuda``; ``cpu`` computes the same in float32.
            chunk: images per graph.
            backend: of ``torch.compile``; on CUDA ``inductor`` records CUDA graphs.

        Raises:
            InputError: no such device.
            RuntimeError: the device has no compiler for it (of torch, at the first images).
        """
        self._engine = TorchEngine(bundle, device)
        self._device, self._chunk = torch.device(device), chunk
        recorded = device == "cuda" and backend == "inductor"
        self._graph = torch.compile(
            # One view: all eight in one graph would be compiled eight times over.
            self._engine.from_view,
            backend=backend,
            mode="reduce-overhead" if recorded else None,
            dynamic=False,
            fullgraph=True,
        )
        # What cannot be compiled, or not be recorded, is known before images are read: the first
        # batch compiles, the second is recorded.
        side = bundle.card.input_size
        for _ in range(2 if recorded else 1):
            self.probabilities(np.zeros((1, side, side, 3), np.uint8))

    @property
    def name(self) -> str:
        """What computes, in what precision."""
        return f"{self._engine.name} compiled"

    @property
    def classes(self) -> tuple[str, ...]:
        """Class codes, the columns of the result."""
        return self._engine.classes

    @property
    def batch_size(self) -> int:
        """Images per call that it is made for: fewer would be computed as as many."""
        return self._chunk

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 250, 250, 3) uint8 RGB → (N, classes) float32, averaged over the views."""
        result = np.empty((len(images), len(self.classes)), np.float32)
        pixels = torch.zeros((self._chunk, *images.shape[1:]), dtype=torch.uint8)
        pixels = pixels.pin_memory() if self._device.type == "cuda" else pixels
        for start in range(0, len(images), self._chunk):
            part = images[start : start + self._chunk]
            pixels[: len(part)] = torch.from_numpy(part)
            with torch.inference_mode():
                # Each answer is added up before the graph, which owns it, runs again.
                found = self._engine.from_pixels(pixels.to(self._device), self._graph)
                result[start : start + len(part)] = found[: len(part)].float().cpu().numpy()
        return result
