"""Images in memory → the augmented batch, row by row in compiled loops on a processor.

A row of the output goes through four short loops that a compiler turns into vector instructions:
where each pixel comes from; two loads of eight bytes, which hold both neighbours of a row with
all their channels; the bilinear mean; the map of the optical density. Optical density is kept
as a binary logarithm of the intensity, ``I' = 2^(A·log2 I − b/ln 2)``, so that both transcendental
functions are a few products on the bits of the number. Loops that do all of it at once are
not vectorized and take four times as long.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray

_FAST: Any = {"nogil": True, "fastmath": True, "error_model": "numpy", "cache": True}
_INLINE: Any = {"inline": "always", "fastmath": True}

# Types of a compiled number: what numpy calls them, without its types for the type checker.
f4: Any = np.float32
i4: Any = np.int32
u8: Any = np.uint64
_BYTE = np.uint64(255)


def _fitted(function: Any, low: float, high: float, degree: int) -> tuple[np.float32, ...]:
    """Coefficients, lowest power first, of a nearly minimax polynomial on [low, high]."""
    nodes = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(999) + 0.5) / 999)
    fit = Chebyshev.fit(nodes, function(nodes), degree).convert(kind=Polynomial)
    return tuple(np.float32(value) for value in fit.coef)


# log2(1 + s)/s for a mantissa in [sqrt(1/2), sqrt(2)): error of the logarithm below 4e-6.
_L0, _L1, _L2, _L3, _L4, _L5, _L6 = _fitted(
    lambda s: np.log2(1 + s) / s, math.sqrt(0.5) - 1, math.sqrt(2) - 1, 6
)
# 2^r for |r| <= 1/2: relative error below 5e-6.
_E0, _E1, _E2, _E3, _E4 = _fitted(np.exp2, -0.5, 0.5, 4)


@intrinsic
def _load8(typing: Any, address: Any) -> Any:
    """Eight bytes from any address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1)

    return types.uint64(types.uint64), generate


@intrinsic
def _bits(typing: Any, value: Any) -> Any:
    """The bits of a float32 as int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def _from_bits(typing: Any, value: Any) -> Any:
    """The float32 that these bits of an int32 mean."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@njit(**_INLINE)
def _log2(value: float) -> Any:
    """Binary logarithm of a positive normal float32."""
    bits = _bits(value)
    exponent = (bits - i4(0x3F3504F3)) >> i4(23)
    s = _from_bits(bits - (exponent << i4(23))) - f4(1)
    series = ((((_L6 * s + _L5) * s + _L4) * s + _L3) * s + _L2) * s + _L1
    return f4(exponent) + (series * s + _L0) * s


@njit(**_INLINE)
def _exp2(value: float) -> Any:
    """2^value for value <= 0."""
    value = max(value, f4(-126))
    whole = i4(value - f4(0.5))  # rounds towards zero: to the nearest for what is negative
    r = value - f4(whole)
    series = (((_E4 * r + _E3) * r + _E2) * r + _E1) * r + _E0
    return series * _from_bits((whole + i4(127)) << i4(23))


@njit(**_INLINE)
def _inside(place: float, side: float, reflect: bool) -> Any:
    """A position, 0 at the outer edge, as a position between the first and last pixel centre."""
    if reflect:
        place = place - f4(2) * side * np.floor(place / (f4(2) * side))
        place = side - abs(side - place)
    return min(max(place - f4(0.5), f4(0)), side - f4(1))


@njit(**_FAST)
def _positions(
    u0: float,
    v0: float,
    du: float,
    dv: float,
    width: int,
    height: int,
    reflect: bool,
    fu: Any,
    fv: Any,
    byte: Any,
) -> None:
    """Byte offset of the upper left neighbour and the two fractions, for every pixel of a row."""
    for x in range(fu.size):
        u = _inside(u0 + du * f4(x), f4(width), reflect)
        v = _inside(v0 + dv * f4(x), f4(height), reflect)
        column, line = min(i4(u), i4(width - 2)), min(i4(v), i4(height - 2))
        fu[x] = u - f4(column)
        fv[x] = v - f4(line)
        byte[x] = line * i4(3 * width) + i4(3) * column


@njit(**_FAST)
def _neighbours(byte: Any, image: Any, stride: Any, last: Any, upper: Any, lower: Any) -> None:
    """Both neighbours in the upper line and both in the lower one, six bytes each."""
    for x in range(byte.size):
        place = image + u8(byte[x])
        upper[x] = _load8(place)
        below = place + stride
        # The last pixels of an array have no eight bytes left.
        capped = min(below, last)
        lower[x] = _load8(capped) >> ((below - capped) << u8(3))


@njit(**_INLINE)
def _channel(word: Any, shift: int) -> Any:
    return f4(i4((word >> u8(shift)) & _BYTE))


@njit(**_FAST)
def _mix(fu: Any, fv: Any, upper: Any, lower: Any, red: Any, green: Any, blue: Any) -> None:
    """Bilinear means, 0 to 255."""
    for x in range(fu.size):
        w11 = fu[x] * fv[x]
        w10 = fv[x] - w11
        w01 = fu[x] - w11
        w00 = f4(1) - fu[x] - w10
        a, b = upper[x], lower[x]
        red[x] = (
            _channel(a, 0) * w00
            + _channel(a, 24) * w01
            + _channel(b, 0) * w10
            + _channel(b, 24) * w11
        )
        green[x] = (
            _channel(a, 8) * w00
            + _channel(a, 32) * w01
            + _channel(b, 8) * w10
            + _channel(b, 32) * w11
        )
        blue[x] = (
            _channel(a, 16) * w00
            + _channel(a, 40) * w01
            + _channel(b, 16) * w10
            + _channel(b, 40) * w11
        )


@njit(**_FAST)
def _logarithms(values: Any) -> None:
    for x in range(values.size):
        values[x] = _log2(max(values[x], f4(1)) * f4(1 / 255))


@njit(**_FAST)
def _light(
    red: Any, green: Any, blue: Any, a: float, b: float, c: float, offset: float, out: Any
) -> None:
    """One colour channel of the changed image, 0 to 1, from the three logarithms."""
    for x in range(out.size):
        power = _exp2(min(a * red[x] + b * green[x] + c * blue[x] - offset, f4(0)))
        out[x] = min(power, f4(1))


@njit(**_FAST)
def _interleave(red: Any, green: Any, blue: Any, out: Any) -> None:
    for x in range(red.size):
        out[3 * x] = red[x]
        out[3 * x + 1] = green[x]
        out[3 * x + 2] = blue[x]


@njit(**_FAST)
def _interleave_bf16(red: Any, green: Any, blue: Any, out: Any) -> None:
    """The upper halves of the numbers' bits, rounded to the nearest, ties to even."""
    for x in range(red.size):
        r, g, b = _bits(red[x]), _bits(green[x]), _bits(blue[x])
        out[3 * x] = (r + i4(0x7FFF) + ((r >> i4(16)) & i4(1))) >> i4(16)
        out[3 * x + 1] = (g + i4(0x7FFF) + ((g >> i4(16)) & i4(1))) >> i4(16)
        out[3 * x + 2] = (b + i4(0x7FFF) + ((b >> i4(16)) & i4(1))) >> i4(16)


@njit(**_FAST)
def _fetch(image: Any) -> Any:
    """Read one byte of every cache line in order, so that rotated rows find them in the cache."""
    total = i4(0)
    for place in range(0, image.size, 64):
        total += i4(image[place])
    return total


@njit(**_FAST)
def augment_rows(
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    sampling: NDArray[np.float32],
    colour: NDArray[np.float32],
    offset: NDArray[np.float32],
    reflect: bool,
    half: bool,
    out: Any,
) -> Any:
    """Augment some images of an array into ``out``; releases the interpreter lock.

    Args:
        images: (M, H, W, 3) uint8 RGB, C-contiguous, H and W at least 2; may be a file mapped
            into memory.
        rows: (N,) which images, each from 0 to M - 1: not checked.
        sampling: (N, 2, 3) as in ``AugmentationParameters``.
        colour, offset: (N, 3, 3) and (N, 3) map of the optical density (natural logarithm).
        reflect: mirror what lies outside; otherwise the edge is repeated.
        half: whether ``out`` holds the bits of bf16 numbers.
        out: (N, H, W·3) float32 in [0, 1], or uint16; overwritten.

    Returns:
        A number without meaning, so that no compiler leaves out the reads that made it.
    """
    _, height, width, _ = images.shape
    fu, fv = np.empty(width, np.float32), np.empty(width, np.float32)
    byte = np.empty(width, np.int32)
    upper, lower = np.empty(width, np.uint64), np.empty(width, np.uint64)
    red, green, blue = (
        np.empty(width, np.float32),
        np.empty(width, np.float32),
        np.empty(width, np.float32),
    )
    new_red, new_green, new_blue = (
        np.empty(width, np.float32),
        np.empty(width, np.float32),
        np.empty(width, np.float32),
    )
    start = u8(images.ctypes.data)
    image_bytes, stride = u8(height * width * 3), u8(3 * width)
    last = start + u8(images.shape[0]) * image_bytes - u8(8)
    fw, fh = f4(width), f4(height)
    natural = f4(1 / math.log(2))
    flat = images.reshape(images.shape[0], -1)
    seen = i4(0)
    for n in range(rows.size):
        seen += _fetch(flat[rows[n]])
        m, c, o = sampling[n], colour[n], offset[n]
        # From the middle of output pixel (0, 0), and per step of one pixel, in input pixels.
        x0, y0 = f4(1) / fw - f4(1), f4(1) / fh - f4(1)
        u0 = (m[0, 0] * x0 + m[0, 1] * y0 + m[0, 2] + f4(1)) * fw * f4(0.5)
        v0 = (m[1, 0] * x0 + m[1, 1] * y0 + m[1, 2] + f4(1)) * fh * f4(0.5)
        down_u, across_v = m[0, 1] * fw / fh, m[1, 0] * fh / fw
        image = start + u8(rows[n]) * image_bytes
        for y in range(height):
            _positions(
                u0 + down_u * f4(y),
                v0 + m[1, 1] * f4(y),
                m[0, 0],
                across_v,
                width,
                height,
                reflect,
                fu,
                fv,
                byte,
            )
            _neighbours(byte, image, stride, last, upper, lower)
            _mix(fu, fv, upper, lower, red, green, blue)
            _logarithms(red)
            _logarithms(green)
            _logarithms(blue)
            _light(red, green, blue, c[0, 0], c[0, 1], c[0, 2], o[0] * natural, new_red)
            _light(red, green, blue, c[1, 0], c[1, 1], c[1, 2], o[1] * natural, new_green)
            _light(red, green, blue, c[2, 0], c[2, 1], c[2, 2], o[2] * natural, new_blue)
            if half:
                _interleave_bf16(new_red, new_green, new_blue, out[n, y])
            else:
                _interleave(new_red, new_green, new_blue, out[n, y])
    return seen
