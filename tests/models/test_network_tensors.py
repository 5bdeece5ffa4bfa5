"""Tensors of a network as a file and back; a file of another network is refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from marrowscope.errors import InputError
from marrowscope.models import create
from marrowscope.models.card import Card
from marrowscope.models.network_tensors import encoded_tensors, network_of, rounded_to_half

CARD = Card("toy", "sequential", ("LYT", "NGS"), ("LYT", "NGS"))
PATH = Path("model.safetensors")


@pytest.fixture(scope="module")
def data() -> bytes:
    return encoded_tensors(create("sequential", 2))


def test_a_network_comes_back_ready_to_predict(data: bytes) -> None:
    network = network_of(CARD, data, PATH)
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())
    for name, tensor in load(data).items():
        assert torch.equal(network.state_dict()[name], tensor)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"head.bias": None}, "tensor head.bias is missing"),
        ({"extra": torch.zeros(1)}, "unexpected tensor extra"),
        ({"head.bias": torch.zeros(3)}, r"tensor head.bias is \(3,\).*needs \(2,\)"),
        ({"head.bias": torch.zeros(2, dtype=torch.float16)}, "torch.float16"),
        ({"head.weight": torch.zeros(2, 120, dtype=torch.bfloat16)}, "torch.bfloat16"),
        ({"head.weight": torch.zeros(2, 121, dtype=torch.float16)}, r"\(2, 121\)"),
    ],
)
def test_tensors_of_another_network_are_named(
    data: bytes, change: dict[str, torch.Tensor | None], words: str
) -> None:
    tensors = {**load(data), **change}
    found = save({name: tensor for name, tensor in tensors.items() if tensor is not None})
    with pytest.raises(InputError, match=words):
        network_of(CARD, found, PATH)


def test_half_precision_is_how_weights_are_stored_not_what_the_network_has() -> None:
    exact = create("sequential", 2)
    rounded = rounded_to_half(exact)
    data = encoded_tensors(rounded, half=True)
    stored = load(data)
    assert {name for name, tensor in stored.items() if tensor.dtype == torch.float16} == {
        name for name, tensor in exact.named_parameters() if tensor.dim() >= 2
    }
    network = network_of(CARD, data, PATH)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, rounded.state_dict()[name]), name
        assert tensor.dtype == exact.state_dict()[name].dtype
    # A rounded number of 11 bits is at most 2^-11 of it away; below 2^-14 the steps are 2^-24.
    for name, weight in exact.named_parameters():
        off = (network.state_dict()[name] - weight).abs()
        assert (off <= weight.abs() * 2**-11 + 2**-25).all(), name
    assert not torch.equal(exact.head.weight, network.head.weight)  # the exact one is not changed


def test_weights_beyond_half_precision_are_refused() -> None:
    network = create("sequential", 2)
    with torch.no_grad():
        network.head.weight[0, 0] = 70_000
    with pytest.raises(InputError, match=r"head\.weight holds weights too large"):
        rounded_to_half(network)
