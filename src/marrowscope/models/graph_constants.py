"""The constants of a graph without those that the weights hold: split when saved, joined when read.

A graph in float32 is as large as the weights that it was made from, and nearly all of it follows
from them: a constant is a tensor as it is, or what is left of a convolution and the normalization
behind it when both are one (weight · γ / √(σ² + ε) and β − μ · γ / √(σ² + ε)). numpy computes these
in float32 to the bit as OpenVINO's converter does; a constant that comes out otherwise is stored.

A layout lists in order what the constants are made of, so it has no places that could be wrong:
``{"stored": bytes}`` are the next ones of the file, ``{"tensor": name}`` is a tensor, ``{"weight":
name, "norm": prefix, "epsilon": ε}`` a weight with the normalization in it, and the same without
``weight`` the bias that is left of it. A checksum of the whole tells whether it is right.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from marrowscope.errors import InputError
from marrowscope.io.json_data import JsonError, parse_json

MAX_LAYOUT_BYTES = 4_000_000
_SMALLEST = 64  # bytes of a constant that is looked for; smaller ones are cheaper stored
_OF_NORM = ("weight", "bias", "running_mean", "running_var")
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class FoldedNorm:
    """A batch normalization and the convolution before it.

    Attributes:
        norm: prefix of the names of its tensors.
        weight: name of the convolution's tensor.
        epsilon: that is added to the variance.
    """

    norm: str
    weight: str
    epsilon: float


def split_constants(
    constants: bytes, spans: Iterable[tuple[int, int]], weights: bytes, norms: Iterable[FoldedNorm]
) -> tuple[bytes, bytes]:
    """Leave out of a graph's constants what the weights hold.

    Args:
        constants: of the graph.
        spans: first byte and number of bytes of each constant.
        weights: safetensors file of the network that the graph was made from.
        norms: its normalizations.

    Returns:
        Layout (JSON) and the constants that are stored; ``join_constants`` makes the first of them
        again.
    """
    known = _known(_widened(weights), norms)
    pieces: list[dict[str, Any]] = []
    stored: list[bytes] = []
    place = 0

    def store(end: int) -> None:
        if end > place:
            pieces.append({"stored": end - place})
            stored.append(constants[place:end])

    for start, size in sorted(set(spans)):
        piece = known.get(hashlib.sha256(constants[start : start + size]).digest())
        if piece is None or start < place:
            continue
        store(start)
        pieces.append(piece)
        place = start + size
    store(len(constants))
    return (json.dumps(pieces) + "\n").encode(), b"".join(stored)


def join_constants(layout: bytes, stored: bytes, weights: bytes, source: str) -> bytes:
    """The constants of a graph, from what is stored of them and from the weights.

    Args:
        layout: see above.
        stored: constants that are not in the weights.
        weights: safetensors file.
        source: of the layout, for messages.

    Raises:
        InputError: the layout is none, or fits neither weights nor what is stored.
    """
    try:
        pieces = parse_json(layout)
        arrays = _widened(weights)
    except (JsonError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{source}: not a layout ({' '.join(str(error).split())[:120]})") from None
    if not isinstance(pieces, list):
        raise InputError(f"{source}: not a layout (no list)")
    room = len(stored) + 2 * sum(array.nbytes for array in arrays.values())
    found: list[bytes] = []
    place = 0
    for piece in pieces:
        try:
            if not isinstance(piece, dict):
                raise TypeError("kind")
            if piece.keys() == {"stored"}:
                made = stored[place : place + _count(piece["stored"])]
                place += piece["stored"]
            else:
                made = _made(piece, arrays).tobytes()
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"{source}: no tensors of this model make {json.dumps(piece)[:80]}"
            ) from None
        room -= len(made)
        if room < 0:
            raise InputError(f"{source}: asks for more than the weights hold")
        found.append(made)
    if place != len(stored):
        raise InputError(
            f"{source}: needs {place} stored bytes, graph.bin has {len(stored)}; one is damaged"
        )
    return b"".join(found)


def _widened(weights: bytes) -> dict[str, NDArray[Any]]:
    """The tensors as the network has them: half precision is how they are stored only."""
    half = np.dtype(np.float16)
    return {
        name: array.astype(np.float32) if array.dtype == half else array
        for name, array in load_arrays(weights).items()
    }


def _known(arrays: Arrays, norms: Iterable[FoldedNorm]) -> dict[bytes, dict[str, Any]]:
    """Pieces of layouts by the checksum of what they make."""
    pieces: list[dict[str, Any]] = [{"tensor": name} for name in sorted(arrays)]
    for one in norms:
        of_norm = {"norm": one.norm, "epsilon": one.epsilon}
        pieces += [{"weight": one.weight, **of_norm}, of_norm]
    known: dict[bytes, dict[str, Any]] = {}
    for piece in pieces:
        try:
            made = _made(piece, arrays)
        except (KeyError, TypeError, ValueError):  # a network in float64, say
            continue
        if made.nbytes >= _SMALLEST:
            known.setdefault(hashlib.sha256(made.tobytes()).digest(), piece)
    return known


def _made(piece: Mapping[str, Any], arrays: Arrays) -> NDArray[Any]:
    """What a piece of a layout stands for.

    Raises:
        KeyError, TypeError, ValueError: it makes no sense.
    """
    if piece.keys() == {"tensor"}:
        return arrays[piece["tensor"]]
    if piece.keys() - {"weight"} != {"norm", "epsilon"}:
        raise KeyError("kind")
    if type(piece["epsilon"]) is not float or not isinstance(piece["norm"], str):
        raise TypeError("epsilon")
    gamma, beta, mean, variance = (arrays[f"{piece['norm']}.{name}"] for name in _OF_NORM)
    of_norm = (gamma, beta, mean, variance)
    if any(one.shape != (len(gamma),) or one.dtype != np.float32 for one in of_norm):
        raise ValueError("shape")
    with np.errstate(all="ignore"):  # a checksum tells what came of numbers that nobody trained
        scale = gamma / np.sqrt(variance + np.float32(piece["epsilon"]))
        if "weight" not in piece:
            return np.asarray(beta - mean * scale)
        weight = arrays[piece["weight"]]
        if weight.ndim < 2 or len(weight) != len(scale) or weight.dtype != np.float32:
            raise ValueError("shape")
        return np.asarray(weight * scale.reshape(-1, *[1] * (weight.ndim - 1)))


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("bytes")
    return value
