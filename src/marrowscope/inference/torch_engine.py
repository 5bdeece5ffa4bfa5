"""The PyTorch engine: a batch of pixels comes in, class probabilities come out; CPU or CUDA."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.inference.engine import BATCH
from marrowscope.models.bundle import Bundle

OneView = Callable[[torch.Tensor], torch.Tensor]


class TorchEngine:
    """PyTorch, channels-last, on CPU or CUDA; float32 on CPU, bf16 autocast on CUDA."""

    def __init__(self, bundle: Bundle, device: str = "cpu", precision: str | None = None) -> None:
        """Move the network to the device.

        Args:
            bundle: network, card, outputs.
            device: ``cpu`` or ``cuda``.
            precision: ``fp32`` or ``bf16``; default: bf16 on CUDA, fp32 on CPU.

        Raises:
            InputError: CUDA is asked for and not there, or the precision is unknown.
        """
        if precision not in (None, "fp32", "bf16"):
            raise InputError(f"precision {precision!r}: expected fp32 or bf16")
        if device not in ("cpu", "cuda"):
            raise InputError(f"`device` {device}: expected cpu or cuda")
        if device == "cuda" and not torch.cuda.is_available():
            raise InputError("`device` cuda: no CUDA device is available here")
        self._device = torch.device(device)
        self._model = bundle.model.to(self._device)
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        self._outputs = bundle.outputs
        self._unknown = self._outputs.unknown(self._device)
        self._views = bundle.card.views
        self._half = (precision or ("bf16" if device == "cuda" else "fp32")) == "bf16"

    @property
    def name(self) -> str:
        """What computes, in what precision."""
        return f"torch {self._device.type} {'bf16' if self._half else 'fp32'}"

    @property
    def classes(self) -> tuple[str, ...]:
        """Class codes, the columns of the result."""
        return self._outputs.classes

    @property
    def batch_size(self) -> int:
        """Images per call that it is made for."""
        return BATCH

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 250, 250, 3) uint8 RGB → (N, classes) float32, averaged over the views."""
        with torch.inference_mode():
            found = self.from_pixels(torch.from_numpy(images).to(self._device))
            mean: NDArray[np.float32] = found.float().cpu().numpy()
        return mean

    def from_pixels(self, pixels: torch.Tensor, one_view: OneView | None = None) -> torch.Tensor:
        """(N, 250, 250, 3) uint8 on the device → (N, classes), averaged over the views.

        Args:
            pixels: the images.
            one_view: does the same as ``from_view``, if not that itself.
        """
        batch = pixels.permute(0, 3, 1, 2)
        batch = batch.to(torch.float32, memory_format=torch.channels_last) / 255.0
        total = torch.zeros(len(pixels), len(self.classes), device=self._device)
        for view in symmetries(batch, self._views):
            view = view.contiguous(memory_format=torch.channels_last)
            total = total + (one_view or self.from_view)(view)
        return total / self._views

    def from_view(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, 250, 250) in [0, 1], channels-last on the device → (N, classes)."""
        # bf16 is named: the default of CUDA is float16, whose range ends at 65,504.
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
            logits = self._model(images)
        return self._outputs.log_probabilities(logits, self._unknown).exp()


def symmetries(batch: torch.Tensor, views: int = 8) -> list[torch.Tensor]:
    """The 8 rotations and mirrorings of square images (N, C, H, H), or only the identity."""
    if views == 1:
        return [batch]
    flips = [batch, batch.flip(3), batch.flip(2), batch.flip(2, 3)]
    return flips + [view.transpose(2, 3) for view in flips]
