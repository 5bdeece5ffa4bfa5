"""Nucleus and cytoplasm of painted densities, (R, G, B) as natural logarithms."""

import cv2
import numpy as np
import pytest

from marrowscope.features.chromatin import is_bare, nuclear_part

NUCLEUS = (1.1, 2.0, 0.4)
PALE = (0.2, 0.35, 0.1)
BASOPHILIC = (1.1, 1.0, 0.3)
SIDE = 125


def disc(radius: float, x: float = 62, y: float = 62) -> np.ndarray:
    rows, columns = np.ogrid[:SIDE, :SIDE]
    return np.hypot(rows - y, columns - x) < radius


def painted(*parts: tuple[np.ndarray, tuple[float, float, float]]) -> np.ndarray:
    """Densities of these parts, the later over the earlier, a little out of focus."""
    density = np.zeros((SIDE, SIDE, 3), np.float32)
    for mask, colour in parts:
        density[mask] = colour
    return cv2.GaussianBlur(density, (0, 0), 1.0)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


def cloudy(colour: tuple[float, float, float], body: np.ndarray, deep: float) -> np.ndarray:
    """A body of one colour and uneven density, thinning out towards its border."""
    noise = np.random.default_rng(3).standard_normal((SIDE, SIDE)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 4)
    mass = cv2.GaussianBlur(body.astype(np.float32), (0, 0), 3) * (1 + deep * noise / noise.std())
    return np.maximum(mass, 0.05)[..., None] * np.array(colour, np.float32) * body[..., None]


@pytest.mark.parametrize("cytoplasm", [PALE, BASOPHILIC, (0.4, 0.9, 0.6)])
def test_nucleus_and_cytoplasm_of_any_colour_are_parted(cytoplasm: tuple) -> None:
    cell, nucleus = disc(40), disc(24, 68, 60)
    found = nuclear_part(painted((cell, cytoplasm), (nucleus, NUCLEUS)), cell)
    assert found is not None
    assert overlap(found[0], nucleus) > 0.95
    assert (found[1] == cell).all()


def test_coarse_granules_in_the_cytoplasm_are_no_nucleus() -> None:
    cell, nucleus = disc(40), disc(20)
    granules = np.zeros_like(cell)
    for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        granules |= disc(2.5, 62 + 31 * np.cos(angle), 62 + 31 * np.sin(angle))
    density = painted((cell, PALE), (granules, NUCLEUS), (nucleus, NUCLEUS))
    found = nuclear_part(density, cell)
    assert found is not None
    assert overlap(found[0], nucleus) > 0.93


def test_a_nucleus_that_is_darker_on_one_side_is_not_cut() -> None:
    cell, nucleus = disc(40), disc(37.5)
    density = painted((cell, PALE), (nucleus, NUCLEUS))
    slope = np.linspace(0.45, 1.8, SIDE, dtype=np.float32)
    density[nucleus] *= np.broadcast_to(slope, (SIDE, SIDE))[nucleus][:, None]
    found = nuclear_part(density, cell)
    assert found is not None
    assert overlap(found[0], nucleus) > 0.93


def test_a_smudge_is_nucleus_as_far_as_its_chromatin_reaches() -> None:
    body = disc(36) | disc(14, 30, 40) | disc(14, 90, 88)
    density = cloudy((0.7, 1.2, 0.2), body, 0.3)
    found = nuclear_part(density, cv2.dilate(body.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    assert found is not None
    nucleus, cell = found
    assert (nucleus == cell).all()
    assert overlap(nucleus, body) > 0.85


def test_a_pale_cell_with_blue_or_with_little_cytoplasm_is_not_bare() -> None:
    body, core = disc(40), disc(34)
    smudge = cloudy((0.7, 1.2, 0.2), body, 0.3)
    opened = smudge[..., 1]
    assert is_bare(smudge, opened, core)
    blue = smudge.copy()
    blue[~disc(24)] = (0.5, 0.5, 0.15)
    assert not is_bare(blue, blue[..., 1], core)
    stepped = painted((body, (0.3, 0.5, 0.1)), (disc(24), (0.9, 1.5, 0.3)))  # one colour, a step
    assert not is_bare(stepped, stepped[..., 1], core)
    dark = 2 * smudge
    assert not is_bare(dark, np.minimum(dark[..., 1], 3), core)


@pytest.mark.parametrize("level", [0.0, 1.0, 5.0])
def test_what_is_even_has_no_parts(level: float) -> None:
    even = np.full((SIDE, SIDE, 3), level, np.float32)
    assert nuclear_part(even, disc(40)) is None
    assert not is_bare(even, even[..., 1], disc(40))


def test_a_speck_has_no_parts() -> None:
    assert nuclear_part(painted((disc(3), NUCLEUS)), disc(3)) is None
