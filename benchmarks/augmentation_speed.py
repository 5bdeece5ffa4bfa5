"""Augmented images per second on one core, from decoded pixels: the study's augmentation.

Ours: geometry, stain perturbation and scaling to 0..1 in one pass, from given stain vectors (found
once per image and kept in the cell table); drawing the parameters is included.
Peers, each on the same 250×250 images, one thread, in turn: Albumentations' stain perturbation
(Macenko) with its affine map; scikit-image's HED perturbation with the same affine map; our own
plain tensor operations. They return uint8, so a network would have to convert on top of that.

Rates are images per second of processor time: other programs on the machine do not count.

    python benchmarks/augmentation_speed.py [--json]
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import cv2
import numpy as np
import torch

from marrowscope.augment import AugmentationSettings, augment_batch, draw_parameters
from marrowscope.augment.augmentation_parameters import density_map
from marrowscope.augment.tensor_augmentation import augment_tensors
from marrowscope.dataset.image_discovery import discover
from marrowscope.io.image_decoding import read_image
from marrowscope.phantom.synthetic_cell import draw_cell
from marrowscope.stain import estimate_stain
from marrowscope.training.networks.memory import keep_freed_memory
from side_by_side import SAMPLE, in_turn, show, versions

IMAGES = 64


def images() -> np.ndarray:
    """From the real sample, or synthetic where it is not at hand."""
    if SAMPLE.is_dir():
        found = discover([SAMPLE])
        paths = [item.path for item in found]
        from pathlib import Path

        return np.stack(
            [read_image(Path(path)) for path in paths[:: len(paths) // IMAGES][:IMAGES]]
        )
    return np.stack([draw_cell("NGS", seed).image for seed in range(IMAGES)])


def albumentations_way() -> Callable[[np.ndarray], np.ndarray] | None:
    try:
        import albumentations as A
    except ImportError:
        return None
    way = A.Compose([
        A.HEStain(method="macenko", intensity_scale_range=(0.8, 1.2),
                  intensity_shift_range=(-0.2, 0.2), augment_background=True, p=1),
        A.HorizontalFlip(p=0.5),
        A.VerticalFlip(p=0.5),
        A.Affine(rotate=(0, 180), shear={"x": (-11.3, 11.3), "y": 0},
                 translate_percent=(-0.25, 0.25), border_mode=cv2.BORDER_REFLECT, p=1),
    ])  # fmt: skip
    return lambda image: way(image=image)["image"]


def scikit_image_way() -> Callable[[np.ndarray], np.ndarray] | None:
    try:
        from skimage.color import hed2rgb, rgb2hed
    except ImportError:
        return None
    random = np.random.default_rng(0)

    def way(image: np.ndarray) -> np.ndarray:
        hed = rgb2hed(image)
        hed = hed * random.uniform(0.8, 1.2, 3) + random.uniform(-0.02, 0.02, 3)
        changed = (hed2rgb(hed).clip(0, 1) * 255).astype(np.uint8)
        turned = cv2.getRotationMatrix2D((124.5, 124.5), random.uniform(0, 180), 1)
        return cv2.warpAffine(changed, turned, (250, 250), borderMode=cv2.BORDER_REFLECT)

    return way


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    keep_freed_memory()  # as training does
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    pixels = images()
    tensor = torch.from_numpy(pixels)
    stains = torch.from_numpy(np.stack([estimate_stain(image) for image in pixels]))
    ranges, numbers = AugmentationSettings(), np.arange(len(pixels))

    def timed(work: Callable[[], object], count: int = len(pixels)) -> float:
        began = time.process_time()
        work()
        return count / (time.process_time() - began)

    def ours(dtype: torch.dtype) -> float:
        def work() -> None:
            for _ in range(10):
                drawn = draw_parameters(ranges, 0, 0, numbers)
                augment_batch(tensor, stains, drawn, dtype=dtype)

        return timed(work, 10 * len(pixels))

    def tensors() -> float:
        drawn = draw_parameters(ranges, 0, 0, numbers)
        return timed(lambda: augment_tensors(tensor, *density_map(stains, drawn), drawn))

    contestants: dict[str, Callable[[], float]] = {
        "marrowscope float32": lambda: ours(torch.float32),
        "marrowscope bf16": lambda: ours(torch.bfloat16),
        "plain tensor operations": tensors,
    }
    peers = {
        "Albumentations HEStain+Affine": albumentations_way(),
        "scikit-image HED + OpenCV affine": scikit_image_way(),
    }
    for name, way in peers.items():
        if way is None:
            print(f"{name}: not installed, left out (pip install '.[bench]')")
            continue
        contestants[name] = lambda way=way: timed(lambda: [way(image) for image in pixels])
    medians = in_turn(contestants)
    out = np.empty((*pixels.shape[:3], 3), dtype=np.float32)
    filled = timed(lambda: [out.fill(number) for number in range(20)], 20 * len(pixels))
    facts = {
        "images": f"{len(pixels)} of 250×250, {'real sample' if SAMPLE.is_dir() else 'synthetic'}",
        "limit": f"writing the float32 result alone: {filled:.0f} images/s",
        **versions("numba", "torch", "albumentations", "scikit-image", "opencv-python-headless"),
    }
    show("Augmentation, one core", "marrowscope float32", medians, facts, options.json)


if __name__ == "__main__":
    main()
