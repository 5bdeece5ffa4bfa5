"""The ready graph of a bundle: files and card come in, an OpenVINO graph without torch comes out.

``graph.xml`` and its constants (OpenVINO IR, float32) lie beside the weights that they were made
from: those constants that follow from the weights are named in ``graph.json``, the others are in
``graph.bin``; without a ``graph.json`` all of them are. The card holds the checksums of graph and
constants, that of the weights and that of the classes, so that a graph of other weights or classes
is refused.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from marrowscope.errors import InputError
from marrowscope.models.card import Card
from marrowscope.models.graph_constants import split_constants
from marrowscope.silent_import import import_silently

if TYPE_CHECKING:
    from torch import nn

GRAPH, GRAPH_CONSTANTS, GRAPH_LAYOUT = "graph.xml", "graph.bin", "graph.json"
GRAPH_FILES = (GRAPH, GRAPH_CONSTANTS, GRAPH_LAYOUT)
MAX_GRAPH_BYTES, MAX_CONSTANT_BYTES = 20_000_000, 8_000_000_000
CONVERT_AGAIN = "run 'marrowscope model convert' again where torch is installed"


def has_graph(card: Card) -> bool:
    """Whether the card says that there is a graph."""
    return bool(card.graph.get("graph_sha256"))


def graph_problem(card: Card, parts: Mapping[str, bytes]) -> str | None:
    """What speaks against using a graph, as the end of a sentence; None if nothing does.

    Args:
        card: of the bundle.
        parts: graph and constants, all of them, by the names of their files.
    """
    facts = card.graph
    if facts.get("weights_sha256") != card.weights_sha256:
        return f"was made for other weights; {CONVERT_AGAIN}"
    if facts.get("classes_sha256") != _classes_sha256(card):
        return f"was made for other classes; {CONVERT_AGAIN}"
    for name, key in ((GRAPH, "graph_sha256"), (GRAPH_CONSTANTS, "constants_sha256")):
        if name not in parts or hashlib.sha256(parts[name]).hexdigest() != facts.get(key):
            return f"checksum of {name} differs from the card; it is damaged"
    return None


def make_graph(network: "nn.Module", card: Card) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Convert a network and compare the graph with it.

    Args:
        network: with the weights that the card names.
        card: with ``weights_sha256``.

    Returns:
        What the card says of it, and graph and constants by the names of their files. Where
        OpenVINO cannot convert a network or computes something else, there are none and the card
        says why.
    """
    try:
        openvino_version = import_silently("openvino").__version__

        from marrowscope.models.graph_conversion import graph_files
        from marrowscope.models.outputs import OutputMap

        outputs = OutputMap(card.outputs, frozenset(card.known))
        graph, constants = graph_files(network, outputs)
    except Exception as error:  # the converter raises many kinds
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        return {"missing": f"OpenVINO has no graph of this network ({reason})"}, {}
    facts = {
        "weights_sha256": card.weights_sha256,
        "classes_sha256": _classes_sha256(card),
        "graph_sha256": hashlib.sha256(graph).hexdigest(),
        "constants_sha256": hashlib.sha256(constants).hexdigest(),
        "openvino": openvino_version.split("-")[0],
    }
    return facts, {GRAPH: graph, GRAPH_CONSTANTS: constants}


def stored_graph(
    network: "nn.Module", made: Mapping[str, bytes], weights: bytes
) -> dict[str, bytes]:
    """The files of a graph: its constants without those that the weights hold.

    Args:
        network: that it was made from.
        made: graph and constants by the names of their files.
        weights: of the network, as they are stored.
    """
    from marrowscope.models.graph_conversion import constant_spans, folded_norms

    graph, constants = made[GRAPH], made[GRAPH_CONSTANTS]
    norms = folded_norms(network)
    layout, stored = split_constants(constants, constant_spans(graph), weights, norms)
    if len(layout) + len(stored) >= len(constants):
        return dict(made)
    return {GRAPH: graph, GRAPH_CONSTANTS: stored, GRAPH_LAYOUT: layout}


def require_fitting(card: Card, parts: Mapping[str, bytes], source: str) -> None:
    """Refuse a graph that does not belong to its bundle.

    Raises:
        InputError: damaged, or made for other weights or classes.
    """
    problem = graph_problem(card, parts)
    if problem is not None:
        raise InputError(f"{source}: {problem}")


def _classes_sha256(card: Card) -> str:
    """Of the classes in the order of the outputs and those known, which the graph holds."""
    text = json.dumps([list(card.outputs), sorted(card.known)], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
