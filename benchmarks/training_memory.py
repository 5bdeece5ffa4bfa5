"""Training steps per second of the sequential network with and without keeping freed memory.

``training.memory.keep_freed_memory`` changes the allocator of its process for good, so every
measurement runs in a process of its own, the two ways in turn.

    python benchmarks/training_memory.py [--json]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

ROUNDS, STEPS, BATCH = 5, 30, 32


def measure(keep: bool) -> None:
    import numpy as np
    import torch

    from marrowscope.augment import AugmentationSettings, augment_batch, draw_parameters
    from marrowscope.models import create
    from marrowscope.stain import default_stain
    from marrowscope.training.networks.memory import keep_freed_memory

    if keep:
        keep_freed_memory()
    network = create("sequential", 22).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, fused=True)
    random = np.random.default_rng(0)
    pixels = torch.from_numpy(random.integers(0, 256, (BATCH, 250, 250, 3), dtype=np.uint8))
    stains = torch.from_numpy(np.stack([default_stain()] * BATCH))
    targets = torch.from_numpy(random.integers(0, 22, BATCH))
    began = 0.0
    for step in range(STEPS + 5):
        if step == 5:
            began = time.perf_counter()
        drawn = draw_parameters(AugmentationSettings(), 0, step, np.arange(BATCH))
        images = augment_batch(pixels, stains, drawn)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(images)
        loss = torch.nn.functional.cross_entropy(logits.float(), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(STEPS / (time.perf_counter() - began))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", choices=("keep", "plain"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure == "keep")
        return
    rates: dict[str, list[float]] = {"keep": [], "plain": []}
    for _ in range(ROUNDS):
        for way, values in rates.items():
            command = [sys.executable, __file__, "--measure", way]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            values.append(float(done.stdout))
    median = {way: statistics.median(values) for way, values in rates.items()}
    ratio = median["keep"] / median["plain"]
    if options.json:
        print(json.dumps({"steps_per_second": median, "ratio": ratio, "rounds": ROUNDS}))
    else:
        print(f"sequential, batches of {BATCH}, bf16, median of {ROUNDS} processes each")
        print(f"freed memory kept  {median['keep']:.2f} steps/s")
        print(f"as it comes        {median['plain']:.2f} steps/s   kept/plain {ratio:.2f}")


if __name__ == "__main__":
    main()
