"""From stain layers to a recorded image."""

import numpy as np

from marrowscope.phantom.camera import transmitted_light
from marrowscope.phantom.synthetic_cell import (
    RandomStreams,
    Scene,
    compose_scene,
)


def composed(code: str, seed: int) -> Scene:
    parts = np.random.SeedSequence(seed).spawn(4)
    return compose_scene(
        code, RandomStreams(*(np.random.Generator(np.random.PCG64(p)) for p in parts)), 250
    )


def test_the_image_before_the_camera_obeys_beer_and_lambert_with_the_stain_truth() -> None:
    scene = composed("PLM", 3)
    light = np.array(scene.style.light, dtype=np.float64)
    density = -np.log(transmitted_light(scene.layers, scene.style).astype(np.float64) / light)
    layers = scene.layers.reshape(3, -1).T.astype(np.float64)
    found = np.linalg.lstsq(layers, density.reshape(-1, 3), rcond=None)[0]
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    np.testing.assert_allclose(found[:2].ravel(), scene.style.stain, atol=1e-3)
