"""Bytes in a resident array → the augmented batch, as one Triton kernel.

Every program takes a block of pixels of one image: four loads per channel, the map of the optical
density with binary logarithm and power, and a store in the precision and memory format that the
network wants. Nothing is written between. Checked without a GPU by Triton's interpreter (the
tests run it on a processor); docs/performance.md has its speed.
"""

import torch
import triton
import triton.language as tl

from marrowscope.augment.augmentation_parameters import AugmentationParameters

BLOCK = 256  # pixels per program


@triton.jit
def _inside(place, side, REFLECT: tl.constexpr):  # type: ignore[no-untyped-def]
    if REFLECT:
        place = place - 2 * side * tl.floor(place / (2 * side))
        place = side - tl.abs(side - place)
    return tl.minimum(tl.maximum(place - 0.5, 0.0), side - 1.0)


@triton.jit
def _augment(  # type: ignore[no-untyped-def]
    images,
    rows,
    sampling,
    colour,
    offset,
    out,
    height,
    width,
    HAS_ROWS: tl.constexpr,
    REFLECT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    n = tl.program_id(0).to(tl.int64)
    pixel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    valid = pixel < height * width
    row = tl.load(rows + n) if HAS_ROWS else n
    w, h = width.to(tl.float32), height.to(tl.float32)
    x = ((pixel % width).to(tl.float32) + 0.5) * 2 / w - 1
    y = ((pixel // width).to(tl.float32) + 0.5) * 2 / h - 1
    m = sampling + n * 6
    u = _inside((tl.load(m) * x + tl.load(m + 1) * y + tl.load(m + 2) + 1) * w / 2, w, REFLECT)
    v = _inside((tl.load(m + 3) * x + tl.load(m + 4) * y + tl.load(m + 5) + 1) * h / 2, h, REFLECT)
    column = tl.minimum(u.to(tl.int32), width - 2)
    line = tl.minimum(v.to(tl.int32), height - 2)
    fu, fv = u - column.to(tl.float32), v - line.to(tl.float32)
    w11 = fu * fv
    w10, w01, w00 = fv - w11, fu - w11, 1 - fu - fv + w11
    place = images + row * height * width * 3 + line * width * 3 + column * 3
    under = place + width * 3
    # A loop over channels would need an array of registers, which the language lacks.
    r = (
        tl.load(place, valid, 255).to(tl.float32) * w00
        + tl.load(place + 3, valid, 255).to(tl.float32) * w01
        + tl.load(under, valid, 255).to(tl.float32) * w10
        + tl.load(under + 3, valid, 255).to(tl.float32) * w11
    )
    g = (
        tl.load(place + 1, valid, 255).to(tl.float32) * w00
        + tl.load(place + 4, valid, 255).to(tl.float32) * w01
        + tl.load(under + 1, valid, 255).to(tl.float32) * w10
        + tl.load(under + 4, valid, 255).to(tl.float32) * w11
    )
    b = (
        tl.load(place + 2, valid, 255).to(tl.float32) * w00
        + tl.load(place + 5, valid, 255).to(tl.float32) * w01
        + tl.load(under + 2, valid, 255).to(tl.float32) * w10
        + tl.load(under + 5, valid, 255).to(tl.float32) * w11
    )
    r = tl.log2(tl.maximum(r, 1.0) / 255)
    g = tl.log2(tl.maximum(g, 1.0) / 255)
    b = tl.log2(tl.maximum(b, 1.0) / 255)
    to = out + n * height * width * 3 + pixel * 3
    for channel in tl.static_range(3):
        c = colour + n * 9 + channel * 3
        changed = tl.load(c) * r + tl.load(c + 1) * g + tl.load(c + 2) * b
        changed -= tl.load(offset + n * 3 + channel) * 1.4426950408889634  # 1/ln 2
        light = tl.exp2(tl.minimum(changed, 0.0))
        tl.store(to + channel, light.to(out.dtype.element_ty), valid)


def augment_on_gpu(
    images: torch.Tensor,
    rows: torch.Tensor | None,
    parameters: AugmentationParameters,
    colour: torch.Tensor,
    offset: torch.Tensor,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Augment a batch on the device that ``images`` lie on.

    Args:
        images: (M, H, W, 3) uint8 RGB, contiguous.
        rows: (N,) int64, or None for all.
        parameters: one draw per image of the batch.
        colour, offset: (N, 3, 3) and (N, 3) float32 map of the optical density (natural log).
        dtype: of the result.

    Returns:
        (N, 3, H, W) RGB in [0, 1], channels-last in memory.
    """
    count, (_, height, width, _) = len(colour), images.shape
    out = torch.empty((count, height, width, 3), dtype=dtype, device=images.device)
    grid = (count, -(-height * width // BLOCK))
    _augment[grid](
        images,
        images if rows is None else rows.contiguous(),
        parameters.sampling.contiguous(),
        colour.contiguous(),
        offset.contiguous(),
        out,
        height,
        width,
        HAS_ROWS=rows is not None,
        REFLECT=parameters.fill == "reflect",
        BLOCK=BLOCK,
    )
    return out.permute(0, 3, 1, 2)
