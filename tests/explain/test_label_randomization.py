"""The test with permuted labels: networks that learned the same cells, and what they look at."""

import numpy as np
import pytest
import torch
from torch import nn

from marrowscope.errors import InputError
from marrowscope.explain.label_randomization import LabelRandomization, label_randomization_test
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card

KNOWN = ("BLA", "LYT")


class Tiny(nn.Module):
    """Two convolutions and a look at every place of a coarse map."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(16 * 64, 2)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    torch.manual_seed(0)
    return Bundle(Tiny().eval(), Card("tiny", "tiny", KNOWN, KNOWN))


def cell(code: str, seed: int) -> tuple[np.ndarray, str]:
    """Noise with a bright spot, upper left for one class and lower right for the other."""
    image = np.random.default_rng(seed).integers(60, 120, (32, 32, 3)).astype(np.uint8)
    place = slice(2, 10) if code == "BLA" else slice(22, 30)
    image[place, place] = 250
    return image, code


CELLS = [cell(code, seed) for seed in range(12) for code in KNOWN]


@pytest.fixture(scope="module")
def found(bundle: Bundle) -> LabelRandomization:
    return label_randomization_test(bundle, CELLS, [cell(code, 99) for code in KNOWN], seed=0)


def test_all_three_networks_learn_their_cells(found: LabelRandomization) -> None:
    assert found.cells == 24
    assert found.whole
    assert min(found.learned) >= 0.95


def test_grad_cam_agrees_between_networks_with_the_same_labels_and_not_with_permuted(
    found: LabelRandomization,
) -> None:
    # Two networks that know the classes look at the spots; one that knows cells by heart does not.
    assert found.same["Grad-CAM"][0] > 0.3
    assert found.permuted["Grad-CAM"][0] < 0.1


def test_the_same_seed_gives_the_same_answer(bundle: Bundle, found: LabelRandomization) -> None:
    again = label_randomization_test(bundle, CELLS, [cell(code, 99) for code in KNOWN], seed=0)
    assert again == found


def test_the_weights_of_the_bundle_are_left_alone(bundle: Bundle) -> None:
    before = {name: tensor.clone() for name, tensor in bundle.model.state_dict().items()}
    label_randomization_test(bundle, CELLS[:4], CELLS[:1], seed=1)
    assert all(torch.equal(before[name], now) for name, now in bundle.model.state_dict().items())


def test_cells_of_one_class_are_refused(bundle: Bundle) -> None:
    with pytest.raises(InputError, match="two classes"):
        label_randomization_test(bundle, CELLS[::2], CELLS[:1])
