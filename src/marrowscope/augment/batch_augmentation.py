"""A batch and drawn parameters → the augmented batch, by the fastest way of its device."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import torch

from marrowscope.augment.augmentation_parameters import AugmentationParameters, density_map
from marrowscope.augment.optics_and_surroundings import changed_optics_and_surroundings
from marrowscope.augment.tensor_augmentation import augment_tensors


def augment_batch(
    images: torch.Tensor,
    stains: torch.Tensor,
    parameters: AugmentationParameters,
    rows: torch.Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    rendered: torch.Tensor | None = None,
) -> torch.Tensor:
    """Augment a batch.

    On a processor compiled loops do it with as many threads as torch uses; on a GPU one Triton
    kernel, or plain tensor operations where Triton is not installed.

    Args:
        images: (M, H, W, 3) uint8 RGB, contiguous, H and W at least 2.
        stains: (N, 6) float32 stain vectors of each image of the batch (``marrowscope.stain``).
        parameters: one draw per image of the batch, on the same device.
        rows: (N,) int64 which images make the batch; None = all, in order. Pixels are read where
            they lie: nothing is gathered first.
        dtype: torch.float32 or torch.bfloat16.
        rendered: (N, 6) float32 stain vectors in which the images are shown; None = their own.

    Returns:
        (N, 3, H, W) RGB in [0, 1], channels-last in memory.

    Raises:
        ValueError: a shape, type or row does not fit.
    """
    _require(images, stains, parameters, rows, dtype)
    if rendered is not None and rendered.shape != stains.shape:
        raise ValueError(f"stains are {tuple(stains.shape)}, rendered {tuple(rendered.shape)}")
    colour, offset = density_map(stains, parameters, rendered)
    augmented = _in_one_pass(images, rows, parameters, colour, offset, dtype)
    return changed_optics_and_surroundings(augmented, parameters)


def _in_one_pass(
    images: torch.Tensor,
    rows: torch.Tensor | None,
    parameters: AugmentationParameters,
    colour: torch.Tensor,
    offset: torch.Tensor,
    dtype: torch.dtype,
) -> torch.Tensor:
    if images.device.type == "cpu":
        return _on_processor(images, rows, parameters, colour, offset, dtype)
    if images.device.type == "cuda" and find_spec("triton") is not None:
        from marrowscope.augment.gpu_kernel import augment_on_gpu

        return augment_on_gpu(images, rows, parameters, colour, offset, dtype)
    batch = images if rows is None else images[rows]
    return augment_tensors(batch, colour, offset, parameters).to(dtype)


def _require(
    images: torch.Tensor,
    stains: torch.Tensor,
    parameters: AugmentationParameters,
    rows: torch.Tensor | None,
    dtype: torch.dtype,
) -> None:
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(
            f"images are {tuple(images.shape)} {images.dtype}; need (M, H, W, 3) uint8"
        )
    if min(images.shape[1:3]) < 2 or not images.is_contiguous():
        raise ValueError("images must be contiguous and at least 2×2 pixels")
    count = len(images) if rows is None else len(rows)
    if len(stains) != count or len(parameters.sampling) != count:
        raise ValueError(
            f"{count} images, {len(stains)} stains and {len(parameters.sampling)} draws"
        )
    if dtype not in (torch.float32, torch.bfloat16):
        raise ValueError(f"dtype is {dtype}; expected torch.float32 or torch.bfloat16")
    # On a GPU the check would wait for the device.
    on_cpu = rows is not None and rows.device.type == "cpu" and len(rows) > 0
    if on_cpu and rows is not None and not 0 <= int(rows.min()) <= int(rows.max()) < len(images):
        raise ValueError(f"rows reach from {int(rows.min())} to {int(rows.max())} of {len(images)}")


def _on_processor(
    images: torch.Tensor,
    rows: torch.Tensor | None,
    parameters: AugmentationParameters,
    colour: torch.Tensor,
    offset: torch.Tensor,
    dtype: torch.dtype,
) -> torch.Tensor:
    from marrowscope.augment.cpu_augmentation import (
        augment_rows,  # compiles, or reads what was compiled
    )

    half = dtype == torch.bfloat16
    count, (_, height, width, _) = len(colour), images.shape
    out = torch.empty((count, height, width * 3), dtype=dtype)
    numbers = out.view(torch.uint16).numpy() if half else out.numpy()
    chosen = np.arange(count) if rows is None else rows.numpy()
    pixels, sampling = images.numpy(), parameters.sampling.contiguous().numpy()
    colours, offsets = colour.contiguous().numpy(), offset.contiguous().numpy()
    reflect = parameters.fill == "reflect"

    def part(span: slice) -> None:
        augment_rows(
            pixels,
            chosen[span],
            sampling[span],
            colours[span],
            offsets[span],
            reflect,
            half,
            numbers[span],
        )

    threads = max(1, min(torch.get_num_threads(), count))
    bounds = np.linspace(0, count, threads + 1).round().astype(int)
    spans = [slice(low, high) for low, high in pairwise(bounds)]
    others = [_pool(threads - 1).submit(part, span) for span in spans[1:]] if threads > 1 else []
    part(spans[0])
    for other in others:
        other.result()
    return out.view(count, height, width, 3).permute(0, 3, 1, 2)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="augment")
