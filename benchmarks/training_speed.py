"""Steps per second of `train` beside the network alone and beside a loop as one would write it.

Ours: ``train`` with everything on (balanced order, resident pixels, stain and
geometry augmentation, bf16, channels-last, fused AdamW, running average, logs, checkpoints),
sequential network, recipe default. The network alone: forward, backward and optimizer on one
resident random batch, measured by the run itself right after its last step.
Peer: the same network in plain PyTorch: files decoded by OpenCV, Albumentations' stain and affine
augmentation in DataLoader workers, float32, contiguous. For EfficientNet-Lite one more: the
reference implementation (extra ``test``) on one resident random batch in a plain loop, float32.

Wall-clock rates: run it on an idle machine. With a GPU it runs there.

    python benchmarks/training_speed.py [--model resnext50] [--per-class 240] [--json]
"""

import argparse
import os
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import cv2
import numpy as np
import torch

from marrowscope.dataset.indexing import index
from marrowscope.dataset.stain_vectors import with_stains
from marrowscope.models import create
from marrowscope.models.architectures import LITE
from marrowscope.phantom.synthetic_dataset import write_dataset
from marrowscope.training.recipe import load_recipe
from marrowscope.training.train import train
from side_by_side import ROUNDS, SAMPLE, in_turn, show, versions

PEER_STEPS, WARM_UP = 6, 2


class Files(torch.utils.data.Dataset):
    """What one writes first: read, augment, convert."""

    def __init__(self, paths: list[str], labels: list[int]) -> None:
        import albumentations as A

        self.paths, self.labels = paths, labels
        self.way = A.Compose([
            A.HEStain(method="macenko", intensity_scale_range=(0.8, 1.2),
                      intensity_shift_range=(-0.1, 0.1), augment_background=True, p=1),
            A.HorizontalFlip(p=0.5),
            A.VerticalFlip(p=0.5),
            A.Affine(rotate=(0, 180), scale=(0.85, 1.15), shear={"x": (-5, 5), "y": 0},
                     translate_percent=(-0.08, 0.08), border_mode=cv2.BORDER_REFLECT, p=1),
        ])  # fmt: skip

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        cv2.setNumThreads(1)
        image = self.way(image=cv2.imread(self.paths[row])[:, :, ::-1].copy())["image"]
        tensor = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255
        return tensor, self.labels[row]


def plain_loop(model: str, paths: list[str], labels: list[int], batch: int, device: str) -> float:
    """Images per second of wall-clock time."""
    loader = torch.utils.data.DataLoader(
        Files(paths, labels), batch, shuffle=True, num_workers=os.cpu_count() or 1, drop_last=True,
        pin_memory=device == "cuda", persistent_workers=True,
    )  # fmt: skip
    network = create(model, 22).to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    began, done = 0.0, 0
    for number, (images, targets) in enumerate(loader):
        if number == WARM_UP:
            began = time.perf_counter()
        loss = torch.nn.functional.cross_entropy(network(images.to(device)), targets.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        done += number >= WARM_UP
        if done == PEER_STEPS:
            break
    return batch * done / (time.perf_counter() - began)


def reference_loop(model: str, batch: int, device: str) -> float:
    """Images per second of the reference EfficientNet-Lite alone."""
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name(model, num_classes=22).to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    images = torch.rand(batch, 3, network.input_image_size, network.input_image_size, device=device)
    targets = torch.arange(batch, device=device) % 22
    began = 0.0
    for number in range(WARM_UP + PEER_STEPS):
        if number == WARM_UP:
            began = time.perf_counter()
        loss = torch.nn.functional.cross_entropy(network(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return batch * PEER_STEPS / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="sequential")
    parser.add_argument("--per-class", type=int, default=240, help="images that ours trains on")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not SAMPLE.is_dir():
            write_dataset(folder / "cells", 20, 0)
        # Stain vectors come with the table, as from 'index --stain': they are no part of a step.
        table = with_stains(index([SAMPLE if SAMPLE.is_dir() else folder / "cells"]))
        recipe = load_recipe("default", ["epochs=1", f"target_per_class={options.per_class}"])
        bare, number = [], 0

        def ours() -> float:
            nonlocal number
            number += 1
            result = train(table, options.model, recipe, folder / f"run{number}", device=device)
            speed = result.throughput
            bare.append(speed.bare_steps_per_second * speed.batch_size)
            return speed.images_per_second

        codes = sorted(set(table["label"].to_list()))
        labels = [codes.index(label) for label in table["label"].to_list()]

        def plain() -> float:
            return plain_loop(
                options.model, table["path"].to_list(), labels, recipe.batch_size, device
            )

        contestants = {"marrowscope train": ours}
        try:
            import albumentations  # noqa: F401

            contestants["plain PyTorch + Albumentations"] = plain
        except ImportError:
            print("Albumentations is not installed: peer left out (pip install '.[bench]')")
        if options.model in LITE:
            contestants["reference network alone"] = partial(
                reference_loop, options.model, recipe.batch_size, device
            )
        medians = in_turn(contestants)
    medians["network alone"] = float(np.median(bare[-ROUNDS:]))
    facts = {
        "model": f"{options.model}, batch {recipe.batch_size}, {device}",
        "share of the bare network's speed": round(
            medians["marrowscope train"] / medians["network alone"], 3
        ),
        **versions("torch", "lightning", "albumentations", "numba"),
    }
    show("Training, all cores", "marrowscope train", medians, facts, options.json)


if __name__ == "__main__":
    main()
