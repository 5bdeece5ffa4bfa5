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
        side = bundle.card.input_size
        # Memory that stays in its place, from which a GPU fetches by itself; taken once, for
        # taking it is slow.
        self._staged = torch.zeros(
            (2, chunk, side, side, 3), dtype=torch.uint8, pin_memory=device == "cuda"
        )
        self._left = [torch.cuda.Event() for _ in range(2)] if device == "cuda" else None  # type: ignore[no-untyped-call]
        # What cannot be compiled, or not be recorded, is known before images are read: the first
        # batch compiles, the second is recorded.
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
        found = []
        with torch.inference_mode():
            for number, start in enumerate(range(0, len(images), self._chunk)):
                part = images[start : start + self._chunk]
                # Each answer is added up before the graph, which owns it, runs again.
                answer = self._engine.from_pixels(self._on_device(part, number), self._graph)
                found.append(answer[: len(part)].float())
            if not found:
                return np.empty((0, len(self.classes)), np.float32)
            together: NDArray[np.float32] = torch.cat(found).cpu().numpy()
        return together

    def _on_device(self, part: NDArray[np.uint8], number: int) -> torch.Tensor:
        """A chunk, filled up; a GPU computes the one before while this one is fetched.

        Two buffers take turns: one is written only after its last copy has left it.
        """
        place = self._staged[number % 2]
        if self._left is not None:
            self._left[number % 2].synchronize()
        place[: len(part)] = torch.from_numpy(part)
        pixels = place.to(self._device, non_blocking=True, copy=True)
        if self._left is not None:
            self._left[number % 2].record()
        return pixels
