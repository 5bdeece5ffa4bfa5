"""Where the time of a ResNeXt-50 training step goes on a GPU, beside the GPU's two ceilings.

Measured on the device, in turn: copy bandwidth, bf16 matrix rate, the fused augmentation of one
batch from resident pixels, forward + backward + optimizer on a resident random batch in bf16, as it
is and compiled, its convolutions alone, one after the other, and prediction from bytes in memory,
eager beside compiled with CUDA graphs. From these: what share of the faster step the augmentation
takes, what share of the copy bandwidth its kernel reaches with the bytes that it must move, what
share of the matrix rate the network and its convolutions reach, and how long the study's schedule
(13 epochs of 525,000 augmented images) would take.

Without a GPU it says so and does nothing; ``--device cpu`` tries the script itself with tiny sizes,
whose figures mean nothing.

    python benchmarks/gpu_step.py [--batch 256] [--json]
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch

from marrowscope.augment import AugmentationSettings, augment_batch, draw_parameters
from marrowscope.inference.compiled_engine import CompiledEngine
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.morphology import CODES, OUTPUTS_22
from marrowscope.stain import default_stain
from marrowscope.training.networks.compiled_step import compiled as step_compiled
from side_by_side import ROUNDS, versions

STUDY_IMAGES = 13 * 525_000
# ResNeXt-50 32×4d takes 4.2e9 multiply-adds at 224×224 (Xie et al., CVPR 2017, table 1);
# convolutions grow with the area. Forward and backward together are three times the forward pass.
STEP_FLOP_PER_IMAGE = 2 * 3 * 4.2e9 * (250 / 224) ** 2


def seconds(
    work: Callable[[], object], device: torch.device, repeats: int, rounds: int = ROUNDS
) -> float:
    """Median time of one go."""

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    times = []
    for number in range(rounds + 1):
        began = now()
        for _ in range(repeats):
            work()
        if number:
            times.append((now() - began) / repeats)
    return float(np.median(times))


def convolutions_alone(
    network: torch.nn.Module, images: torch.Tensor, device: torch.device, repeats: int
) -> tuple[float, float]:
    """Seconds and floating-point operations of all convolutions, forward and backward in bf16."""
    seen: list[tuple[torch.nn.Conv2d, torch.Size]] = []
    layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    hooks = [
        layer.register_forward_hook(lambda m, given, out: seen.append((m, given[0].shape)))
        for layer in layers
    ]
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        network(images)
    for hook in hooks:
        hook.remove()
    total, operations = 0.0, 0.0
    for layer, shape in seen:
        x = torch.randn(shape, device=device, dtype=torch.bfloat16)
        x = x.to(memory_format=torch.channels_last)
        # Nothing asks for the gradient of the images.
        x.requires_grad_(layer is not seen[0][0])
        needed = [x, *layer.parameters()] if x.requires_grad else list(layer.parameters())
        with torch.autocast(device.type, torch.bfloat16):
            out = layer(x)
        backward = torch.randn_like(out)

        def both(layer=layer, x=x, needed=needed, backward=backward) -> None:  # type: ignore[no-untyped-def]
            with torch.autocast(device.type, torch.bfloat16):
                out = layer(x)
            torch.autograd.grad(out, needed, backward)

        total += seconds(both, device, repeats, rounds=2)
        times = 6 if x.requires_grad else 4
        operations += times * out.numel() * layer.weight[0].numel()
    return total, operations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("gpu_step: skipped, no CUDA device on this machine")
        return
    torch.backends.cudnn.benchmark = True  # as in training: kernels are tried once for each shape
    device, tiny = torch.device(options.device), options.device == "cpu"
    batch, side, repeats = (4, 256, 1) if tiny else (options.batch, 8192, 10)

    source = torch.zeros(side * side * 4, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = seconds(lambda: target.copy_(source), device, repeats)
    matrix = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    product = seconds(lambda: matrix @ matrix, device, repeats)
    matrix_rate = 2 * side**3 / product

    pixels = torch.randint(0, 256, (4 * batch, 250, 250, 3), dtype=torch.uint8, device=device)
    rows = torch.randint(0, 4 * batch, (batch,), device=device)
    stains = torch.from_numpy(np.tile(default_stain(), (batch, 1))).to(device)
    drawn = draw_parameters(AugmentationSettings(), 0, 0, np.arange(batch)).to(device)
    augmentation = seconds(
        lambda: augment_batch(pixels, stains, drawn, rows, torch.bfloat16), device, repeats
    )

    kernel = None
    if not tiny:
        from marrowscope.augment.batch_augmentation import density_map
        from marrowscope.augment.gpu_kernel import augment_on_gpu

        colour, offset = density_map(stains, drawn)
        kernel = seconds(
            lambda: augment_on_gpu(pixels, rows, drawn, colour, offset, torch.bfloat16),
            device,
            10 * repeats,
        )
    # Three bytes read and three numbers of two bytes written for every pixel.
    must_move = batch * 250 * 250 * 3 * (1 + 2)

    network = create("resnext50", 22).to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    images = augment_batch(pixels, stains, drawn, rows, torch.bfloat16)
    labels = torch.arange(batch, device=device) % 22

    def step(forward: Callable[[torch.Tensor], torch.Tensor] = network) -> None:
        with torch.autocast(device.type, torch.bfloat16):
            loss = torch.nn.functional.cross_entropy(forward(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    images_in = np.random.default_rng(0).integers(0, 256, (batch, 250, 250, 3)).astype(np.uint8)
    card = Card("bench", "resnext50", OUTPUTS_22, CODES)
    bundle = Bundle(create("resnext50", len(OUTPUTS_22)).eval(), card)
    eager = TorchEngine(bundle, options.device)
    compiled = CompiledEngine(bundle, options.device, min(batch, 128))
    predicting = {
        name: seconds(lambda engine=engine: engine.probabilities(images_in), device, 1)
        for name, engine in (("eager", eager), ("compiled", compiled))
    }

    quick = step_compiled(network, "aot_eager" if tiny else "inductor")
    plain, fast = (seconds(lambda one=one: step(one), device, repeats) for one in (network, quick))
    alone = min(plain, fast)  # training takes the faster
    alone_seconds, operations = convolutions_alone(network, images, device, repeats)
    images_per_second = batch / (alone + augmentation)
    result = {
        "batch": batch,
        "copy_gigabytes_per_second": 2 * len(source) / copy / 1e9,
        "bf16_matrix_teraflops": matrix_rate / 1e12,
        "step_ms": plain * 1e3,
        "step_compiled_ms": fast * 1e3,
        "augmentation_ms": augmentation * 1e3,
        "augmentation_share_of_step": augmentation / alone,
        "augmentation_kernel_us": None if kernel is None else kernel * 1e6,
        "augmentation_kernel_share_of_bandwidth": (
            None if kernel is None else must_move / kernel / (2 * len(source) / copy)
        ),
        "convolutions_alone_ms": alone_seconds * 1e3,
        "convolutions_share_of_matrix_rate": operations / alone_seconds / matrix_rate,
        "convolutions_share_of_step": alone_seconds / alone,
        "images_per_second": images_per_second,
        "share_of_matrix_rate": STEP_FLOP_PER_IMAGE * batch / alone / matrix_rate,
        "study_schedule_minutes": STUDY_IMAGES / images_per_second / 60,
        "predicted_per_second_eager": batch / predicting["eager"],
        "predicted_per_second_compiled": batch / predicting["compiled"],
        "compiled_to_eager": predicting["eager"] / predicting["compiled"],
        **versions("torch", "triton"),
    }
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:40s} {value:.4g}" if isinstance(value, float) else f"{name:40s} {value}")


if __name__ == "__main__":
    main()
