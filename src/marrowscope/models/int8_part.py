"""The int8 part of a bundle: an OpenVINO graph that was calibrated and checked for its weights."""

import hashlib
from typing import Any

from marrowscope.errors import InputError
from marrowscope.models.bundle import INT8_CONSTANTS, INT8_GRAPH, Bundle, read_part

MAX_GRAPH_BYTES, MAX_CONSTANT_BYTES = 20_000_000, 2_000_000_000
MIN_AGREEMENT, MAX_LOSS = 0.99, 0.005


def is_accurate_enough(agreement: float, loss: float) -> bool:
    """Whether an int8 part may be used.

    Args:
        agreement: share of held-out images with the same top class as in float32.
        loss: macro-F1 in float32 less that in int8, on the same images.
    """
    return agreement >= MIN_AGREEMENT and loss <= MAX_LOSS


def int8_facts(
    bundle: Bundle, graph: bytes, constants: bytes, facts: dict[str, Any]
) -> dict[str, Any]:
    """What the card says of an int8 part.

    Args:
        bundle: whose weights it was made for.
        graph, constants: its files.
        facts: how it was calibrated and checked.
    """
    return {
        "weights_sha256": bundle.card.weights_sha256,
        "graph_sha256": hashlib.sha256(graph).hexdigest(),
        "constants_sha256": hashlib.sha256(constants).hexdigest(),
        **facts,
    }


def read_int8(bundle: Bundle) -> tuple[bytes, bytes]:
    """Graph and constants of the int8 part.

    Raises:
        InputError: there is none, it is damaged, was made for other weights, or was not found good
            enough.
    """
    folder, facts = bundle.folder, bundle.card.int8
    if folder is None or not facts:
        raise InputError(
            f"{bundle.card.name}: has no int8 part; 'marrowscope model quantize' makes one"
        )
    if facts.get("weights_sha256") != bundle.card.weights_sha256:
        raise InputError(
            f"{folder / INT8_GRAPH}: was made for other weights; run 'marrowscope model quantize' "
            "again"
        )
    graph = read_part(folder, INT8_GRAPH, MAX_GRAPH_BYTES)
    constants = read_part(folder, INT8_CONSTANTS, MAX_CONSTANT_BYTES)
    for name, data, key in (
        (INT8_GRAPH, graph, "graph_sha256"),
        (INT8_CONSTANTS, constants, "constants_sha256"),
    ):
        if hashlib.sha256(data).hexdigest() != facts.get(key):
            raise InputError(f"{folder / name}: checksum differs from the card; it is damaged")
    agreement, loss = facts.get("agreement"), facts.get("macro_f1_loss")
    if not (isinstance(agreement, float) and isinstance(loss, float)) or not is_accurate_enough(
        agreement, loss
    ):
        raise InputError(f"{folder}: the card does not say that the int8 part is good enough")
    return graph, constants
