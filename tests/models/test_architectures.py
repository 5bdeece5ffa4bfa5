"""The networks: published sizes, calling convention, memory formats."""

import hashlib

import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.models import NAMES, count_parameters, create


@pytest.mark.parametrize(("name", "expected"), [("resnext50", 23_059_094), ("sequential", 303_694)])
def test_trainable_parameters_at_22_outputs_are_those_of_the_study(
    name: str, expected: int
) -> None:
    assert count_parameters(create(name, 22)) == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("outputs", [2, 7, 40])
def test_any_number_of_classes_can_be_asked_for(name: str, outputs: int) -> None:
    network = create(name, outputs).eval()
    with torch.inference_mode():
        assert network(torch.rand(1, 3, 250, 250)).shape == (1, outputs)


@pytest.mark.parametrize("name", NAMES)
def test_both_memory_formats_agree(name: str) -> None:
    torch.manual_seed(0)
    network = create(name, 22).eval()
    images = torch.rand(2, 3, 250, 250)
    with torch.inference_mode():
        plain = network(images)
        network = network.to(memory_format=torch.channels_last)
        last = network(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(plain, last, atol=1e-4, rtol=1e-4)
    assert plain.std() > 1e-3  # an output that does not vary would agree with anything


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_the_last_layer_on_the_features(name: str) -> None:
    network = create(name, 5).eval()
    images = torch.rand(2, 3, 250, 250)
    with torch.inference_mode():
        features = network.features(images)
        torch.testing.assert_close(network.head(features), network(images))
    assert features.shape[0] == 2
    widths = {"sequential": 120, "resnext50": 2048}
    assert features.shape[1] == widths.get(name, 1280)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnext50", "deebd8a1f59802fb"),
        ("sequential", "e6d73ef0f60f9df7"),
        ("efficientnet-lite0", "b39d0d27946c9427"),
        ("efficientnet-lite1", "0e3c4f38346ffd66"),
        ("efficientnet-lite2", "93f52c3ade4619aa"),
    ],
)
def test_names_and_shapes_of_the_tensors_are_stable(name: str, expected: str) -> None:
    """Bundles out there are loaded by these names: a change needs a new format version."""
    lines = [f"{key} {tuple(value.shape)}" for key, value in create(name, 22).state_dict().items()]
    digest = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
    assert digest[:16] == expected


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InputError, match="sequential"):
        create("alexnet", 22)


def test_one_output_is_refused() -> None:
    with pytest.raises(InputError, match="at least 2"):
        create("sequential", 1)
