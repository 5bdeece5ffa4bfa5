"""Tensors of a network as a file and back; a file of another network is refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from marrowscope.errors import InputError
from marrowscope.models import create
from marrowscope.models.card import Card
from marrowscope.models.network_tensors import encoded_tensors, network_of

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
    ],
)
def test_tensors_of_another_network_are_named(
    data: bytes, change: dict[str, torch.Tensor | None], words: str
) -> None:
    tensors = {**load(data), **change}
    found = save({name: tensor for name, tensor in tensors.items() if tensor is not None})
    with pytest.raises(InputError, match=words):
        network_of(CARD, found, PATH)
