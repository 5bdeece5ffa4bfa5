"""Detail and surroundings of a batch that is augmented already."""

import numpy as np
import pytest
import torch

from marrowscope.augment import AugmentationSettings, augment_batch, draw_parameters
from marrowscope.augment.optics_and_surroundings import with_detail, with_surroundings_hidden
from marrowscope.errors import InputError
from marrowscope.stain import default_stain

PLAIN = {
    "rotation_degrees": 0.0, "flip_horizontal": False, "flip_vertical": False, "shift": 0.0,
    "shear": 0.0, "stain_scale": 0.0, "stain_shift": 0.0,
}  # fmt: skip


def cells(count: int = 8, side: int = 40) -> torch.Tensor:
    random = np.random.default_rng(0)
    return torch.from_numpy(random.integers(20, 236, (count, side, side, 3), dtype=np.uint8))


def augmented(**settings: float) -> torch.Tensor:
    images = cells()
    drawn = draw_parameters(AugmentationSettings(**{**PLAIN, **settings}), 0, 0, np.arange(8))  # type: ignore[arg-type]
    return augment_batch(images, torch.from_numpy(np.tile(default_stain(), (8, 1))), drawn)


def test_sharpness_of_minus_one_is_the_blurred_image_and_zero_the_image() -> None:
    image = torch.zeros(1, 3, 21, 21)
    image[0, 1, 10, 10] = 0.5
    assert torch.equal(with_detail(image, torch.zeros(1)), image)
    blurred = with_detail(image, -torch.ones(1))
    # A Gaussian of σ 1.5 px, cut off at 4 px, has 0.2668² of its sum in the middle.
    assert blurred[0, 1, 10, 10].item() == pytest.approx(0.5 * 0.2668**2, rel=2e-3)
    assert blurred[0, 1].sum().item() == pytest.approx(0.5, rel=1e-5)
    assert not blurred[0, 0].any()


def test_doubled_detail_stays_within_light_and_dark() -> None:
    image = torch.rand(2, 3, 30, 30)
    changed = with_detail(image, torch.ones(2))
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert changed.std() > image.std()
    assert changed.is_contiguous(memory_format=torch.channels_last)


def test_all_outside_the_circle_has_the_one_colour() -> None:
    images = torch.rand(2, 3, 50, 50)
    radius, colour = torch.tensor([0.6, torch.inf]), torch.full((2, 3), 0.9)
    found = with_surroundings_hidden(images, torch.tensor([[0.2, 0.0]] * 2), radius, colour)
    assert torch.equal(found[1], images[1])
    hidden = (found[0] == 0.9).all(dim=0)
    # The circle's area is 0.36π of the square's 4, and it lies right of the middle.
    assert (~hidden).float().mean().item() == pytest.approx(0.36 * torch.pi / 4, abs=0.01)
    columns = (~hidden).any(dim=0).nonzero().flatten()
    assert (columns[0].item(), columns[-1].item()) == (15, 44)
    assert torch.equal(found[0][:, ~hidden], images[0][:, ~hidden])


def test_a_recipe_without_them_draws_what_it_drew_before() -> None:
    bare = draw_parameters(AugmentationSettings(), 3, 1, np.arange(5))
    more = draw_parameters(AugmentationSettings(sharpness=0.5, surroundings=1), 3, 1, np.arange(5))
    assert bare.sharpness is None
    assert bare.visible_radius is None
    for name in ("sampling", "stain_scale", "stain_shift", "light"):
        assert torch.equal(getattr(bare, name), getattr(more, name))
    assert more.sharpness is not None
    assert more.sharpness.abs().max() <= 0.5


def test_every_image_that_is_to_lose_its_surroundings_does() -> None:
    plain, alone = augmented(), augmented(surroundings=1.0)
    corners = alone[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    # Each image has one colour of its own in its corners, a light one.
    assert torch.equal(corners.amin(dim=2), corners.amax(dim=2))
    assert corners.min() >= 0.7
    assert torch.equal(alone[:, :, 15:25, 15:25], plain[:, :, 15:25, 15:25])
    some = augmented(surroundings=0.5)
    changed = (some != plain).flatten(1).any(dim=1)
    assert 0 < changed.sum() < 8


def test_the_visible_circle_follows_the_shift() -> None:
    drawn = draw_parameters(AugmentationSettings(surroundings=1), 0, 0, np.arange(4))
    middle = torch.cat([drawn.centre, torch.ones(4, 1)], dim=1)[:, :, None]
    assert (drawn.sampling @ middle).abs().max() < 1e-6


@pytest.mark.parametrize("name", ["sharpness", "surroundings"])
def test_a_share_above_one_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is 1.5; expected a number from 0 to 1"):
        AugmentationSettings(**{name: 1.5})  # type: ignore[arg-type]
