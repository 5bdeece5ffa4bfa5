"""Constants of a graph without what the weights hold: split and joined again to the bit."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from marrowscope.errors import InputError
from marrowscope.models.graph_constants import FoldedNorm, join_constants, split_constants

F32 = np.float32
# γ / √(σ² + ε) is 4 / √(3 + 1) = 2 for the one channel and 1 / √(0 + 1) = 1 for the other.
WEIGHT = np.arange(48, dtype=np.float16).reshape(2, 24)
TENSORS = {
    "layer.weight": WEIGHT,
    "norm.weight": np.array([4, 1], F32),
    "norm.bias": np.array([10, 20], F32),
    "norm.running_mean": np.array([3, 5], F32),
    "norm.running_var": np.array([3, 0], F32),
    "head.weight": np.linspace(0, 1, 40, dtype=F32).reshape(2, 20),
}
WEIGHTS = save(TENSORS)
NORMS = [FoldedNorm("norm", "layer.weight", 1.0)]
FOLDED = (WEIGHT.astype(F32) * np.array([[2], [1]], F32)).tobytes()
BIAS = {"norm": "norm", "epsilon": 1.0}
SOURCE = "bundle/graph.json"


def joined(layout: object, stored: bytes = b"", weights: bytes = WEIGHTS) -> bytes:
    return join_constants(json.dumps(layout).encode(), stored, weights, SOURCE)


def test_what_follows_from_the_weights_is_named_and_the_rest_is_stored() -> None:
    head = TENSORS["head.weight"].tobytes()
    parts = [b"shapes", FOLDED, b"", head, b"behind"]
    places = np.cumsum([0, *map(len, parts)])
    spans = [(int(place), len(part)) for place, part in zip(places, parts, strict=False)]
    constants = b"".join(parts)
    layout, stored = split_constants(constants, spans, WEIGHTS, NORMS)
    assert json.loads(layout) == [
        {"stored": 6},
        {"weight": "layer.weight", "norm": "norm", "epsilon": 1.0},
        {"tensor": "head.weight"},
        {"stored": 6},
    ]
    assert stored == b"shapesbehind"
    assert join_constants(layout, stored, WEIGHTS, SOURCE) == constants


def test_the_bias_that_is_left_of_a_normalization() -> None:
    # β − μ · γ / √(σ² + ε): 10 − 3 · 2 and 20 − 5 · 1.
    assert joined([BIAS]) == np.array([4, 15], F32).tobytes()


def test_a_weight_in_half_precision_is_a_float32_constant() -> None:
    assert joined([{"tensor": "layer.weight"}]) == WEIGHT.astype(F32).tobytes()


@given(st.binary(max_size=300), st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300))))
def test_constants_come_back_whatever_the_spans(
    constants: bytes, spans: list[tuple[int, int]]
) -> None:
    inside = [(start, size) for start, size in spans if start + size <= len(constants)]
    constants += FOLDED
    inside.append((len(constants) - len(FOLDED), len(FOLDED)))
    layout, stored = split_constants(constants, inside, WEIGHTS, NORMS)
    assert len(stored) == len(constants) - len(FOLDED)
    assert join_constants(layout, stored, WEIGHTS, SOURCE) == constants


HOSTILE = {
    "no list": {"tensor": "head.weight"},
    "a number": [1],
    "text": ["tensor"],
    "nothing said": [{}],
    "an unknown tensor": [{"tensor": "spy"}],
    "a name that is a list": [{"tensor": ["head.weight"]}],
    "another kind": [{"file": "/etc/passwd"}],
    "a kind too many": [{"tensor": "head.weight", "stored": 1}],
    "less than nothing": [{"stored": -1}],
    "half a byte": [{"stored": 0.5}],
    "a flag": [{"stored": True}],
    "more than is stored": [{"stored": 10**18}],
    "a normalization that is none": [{"norm": "head", "epsilon": 1.0}],
    "epsilon is text": [{"norm": "norm", "epsilon": "1"}],
    "a weight of other channels": [{**BIAS, "weight": "norm.weight"}],
    "the weights over and over": [{"tensor": "head.weight"}] * 100,
    "a number longer than any": [{"stored": 10**30}],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_layout_that_makes_no_sense_is_one_line(kind: str) -> None:
    with pytest.raises(InputError) as caught:
        joined(HOSTILE[kind])
    assert str(caught.value).startswith(SOURCE)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("layout", [b"", b"\xff", b"[" * 10**5, b"[NaN]"])
def test_a_layout_that_is_no_json_is_one_line(layout: bytes) -> None:
    with pytest.raises(InputError, match=r"graph.json: not a layout"):
        join_constants(layout, b"", WEIGHTS, SOURCE)


def test_stored_bytes_that_nobody_asks_for_are_told() -> None:
    with pytest.raises(InputError, match=r"needs 3 stored bytes, graph\.bin has 4"):
        joined([{"stored": 3}], b"1234")


def test_tensors_of_other_shapes_or_types_are_not_computed_with() -> None:
    for change in (
        {"norm.bias": np.zeros(3, F32)},
        {"norm.running_var": np.zeros(2, np.float64)},
        {"norm.weight": np.array(1, F32)},
    ):
        with pytest.raises(InputError, match="no tensors of this model make"):
            joined([BIAS], weights=save({**TENSORS, **change}))


def test_numbers_that_nobody_trained_are_left_to_the_checksum() -> None:
    weights = save({**TENSORS, "norm.running_var": np.array([-9, 0], F32)})
    assert np.isnan(np.frombuffer(joined([BIAS], weights=weights), F32)[0])
