"""Stored numbers of a picture, (H, W, samples), by what they stand for → (H, W, 3) uint8 RGB."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from marrowscope.io.colour_profile import to_srgb
from marrowscope.io.sample_depth import high_bytes, used_depth
from marrowscope.io.tiff_picture import (
    BLACK_IS_ZERO,
    CIELAB,
    PALETTE,
    RGB,
    SEPARATED,
    WHITE_IS_ZERO,
    YCBCR,
)
from marrowscope.io.tiff_samples import UnreadableLayoutError
from marrowscope.io.transparency import without_transparency

_CHANNELS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, SEPARATED: 4}
_NAMES = {
    PALETTE: "palette colours",
    YCBCR: "YCbCr colours",
    CIELAB: "CIELAB colours",
    9: "ICC Lab colours",
    10: "ITU Lab colours",
    32803: "the raw mosaic of a camera",
    34892: "raw values of a camera",
    32844: "LogL",
    32845: "LogLuv",
}
_ASSOCIATED = 1
_ROUNDING = 1e-3  # of the range of floating-point numbers


def rgb_of_samples(
    samples: NDArray[np.generic],
    photometric: int = RGB,
    extra: tuple[int, ...] = (),
    bits: tuple[int, int | None] = (16, None),
    profile: bytes | None = None,
    used: int | None = None,
) -> tuple[NDArray[np.uint8], list[str]]:
    """Convert to 8-bit RGB.

    Args:
        samples: (H, W, S), whole numbers without sign or floating-point numbers from 0 to 1.
        photometric: how TIFF 6.0 numbers what they stand for.
        extra: meaning of the samples behind the colour (1, 2: transparency; 0: not said).
        bits: of a stored number, and how many of them the file says are used.
        profile: ICC.
        used: bits that are used, where the caller knows better than this picture.

    Returns:
        (H, W, 3) uint8, and notes on what was done.

    Raises:
        UnreadableLayoutError: numbers or colours of which nobody can say what is white.
    """
    channels = _CHANNELS.get(photometric)
    if photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO) and samples.shape[2] == 3:
        channels = 3  # planes of a colour picture that its writer did not call so
    if channels is None or samples.shape[2] < channels:
        what = _NAMES.get(photometric, f"colours of the kind {photometric}")
        raise UnreadableLayoutError(f"{what} with {bits[0]} bits; save it as RGB")
    if samples.shape[2] > channels + 1 or (samples.shape[2] > channels and photometric == 5):
        raise UnreadableLayoutError(f"{samples.shape[2]} channels; export it as RGB")
    values, notes = _eight_bits(samples, bits, used)
    if photometric == WHITE_IS_ZERO:
        values = np.concatenate([255 - values[..., :channels], values[..., channels:]], axis=2)
    if channels == 1:
        notes.append("greyscale to RGB")
    elif photometric == SEPARATED:
        notes.append("CMYK to RGB")
    image = _with_profile(values[..., :channels], profile, notes)
    if samples.shape[2] == channels:
        return np.array(image), notes
    kind = extra[0] if extra else 2  # as other readers take it
    if kind == 0:
        return np.array(image), [*notes, "a fourth channel of unknown meaning ignored"]
    image.putalpha(Image.fromarray(values[..., channels]))
    image, told = without_transparency(image, premultiplied=kind == _ASSOCIATED)
    return np.array(image), [*notes, told] if told else notes


def _eight_bits(
    samples: NDArray[np.generic], bits: tuple[int, int | None], used: int | None
) -> tuple[NDArray[np.uint8], list[str]]:
    if samples.dtype.kind == "f":
        return _of_floats(samples)
    if samples.dtype.kind == "i":
        raise UnreadableLayoutError(
            f"{bits[0]}-bit signed whole numbers; nobody can say which is white: save it with 8 or "
            "16 bits without a sign"
        )
    if samples.dtype.itemsize > 2:
        raise UnreadableLayoutError(
            f"{bits[0]}-bit whole numbers; nobody can say which is white: save it with 8 or 16 bits"
        )
    if bits[0] <= 8:
        if bits[0] == 8:
            return samples.astype(np.uint8), []
        return (samples.astype(np.uint16) * 255 // ((1 << bits[0]) - 1)).astype(np.uint8), []
    values = samples.astype(np.uint16)
    if used is not None:
        return high_bytes(values, used), ["16-bit to 8-bit"]
    colour = values[..., : 1 if values.shape[2] < 3 else 3]  # transparency may use the whole range
    depth = used_depth(int(colour.max(initial=0)), bits[0], bits[1])
    return high_bytes(values, depth.bits), [depth.note]


def _of_floats(samples: NDArray[np.generic]) -> tuple[NDArray[np.uint8], list[str]]:
    name = f"{samples.dtype.itemsize * 8}-bit floating point"
    low, high = float(samples.min(initial=0)), float(samples.max(initial=0))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UnreadableLayoutError(f"{name} with values that are no numbers")
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise UnreadableLayoutError(
            f"{name} with values from {float(samples.min()):.4g} to {high:.4g}, where 0 to 1 is "
            "understood: save it with 8 or 16 bits"
        )
    values = np.rint(np.clip(samples.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    return values, [f"{name} from 0 to 1 to 8-bit"]


def _with_profile(
    values: NDArray[np.uint8], profile: bytes | None, notes: list[str]
) -> Image.Image:
    """Values of 1, 3 or 4 channels as an RGB image."""
    flat = values[..., 0] if values.shape[2] == 1 else values
    image = Image.fromarray(
        np.ascontiguousarray(flat), {1: "L", 3: "RGB", 4: "CMYK"}[values.shape[2]]
    )
    image, told = to_srgb(image, profile)
    if told:
        notes.append(told)
    return image if image.mode == "RGB" else image.convert("RGB")
