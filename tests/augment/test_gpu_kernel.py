"""The Triton kernel without a GPU: its arithmetic by the interpreter, and that it compiles."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("triton") is None, reason="Triton is not made for this platform"
)

INTERPRETED = """
import sys
import numpy as np, torch
from marrowscope.augment import AugmentationSettings, augment_batch, draw_parameters
from marrowscope.augment.augmentation_parameters import density_map
from marrowscope.augment.gpu_kernel import augment_on_gpu

random = np.random.default_rng(0)
worst = {}
for fill, height, width in (("reflect", 40, 40), ("border", 40, 40), ("reflect", 23, 37)):
    images = torch.from_numpy(random.integers(0, 256, (5, height, width, 3), dtype=np.uint8))
    stains = torch.nn.functional.normalize(torch.rand(3, 2, 3) + 0.1, dim=2).reshape(3, 6)
    drawn = draw_parameters(AugmentationSettings(light=0.1, fill=fill), 0, 0, np.arange(3))
    colour, offset = density_map(stains, drawn)
    for rows in (torch.tensor([4, 0, 2]), None):
        pixels = images if rows is not None else images[:3]
        for dtype in (torch.float32, torch.bfloat16):
            found = augment_on_gpu(pixels, rows, drawn, colour, offset, dtype)
            expected = augment_batch(pixels, stains, drawn, rows, dtype)
            assert found.dtype == dtype and found.shape == expected.shape
            assert found.is_contiguous(memory_format=torch.channels_last)
            difference = (found.float() - expected.float()).abs().max().item()
            worst[str(dtype)] = max(worst.get(str(dtype), 0.0), difference)
print(worst["torch.float32"], worst["torch.bfloat16"])
"""

COMPILED = """
import sys
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from marrowscope.augment.gpu_kernel import BLOCK, _augment

types = dict(images="*u8", rows="*i64", sampling="*fp32", colour="*fp32", offset="*fp32",
             out="*bf16", height="i32", width="i32")
fixed = dict(HAS_ROWS=True, REFLECT=True, BLOCK=BLOCK)
source = ASTSource(_augment, types | dict.fromkeys(fixed, "constexpr"), constexprs=fixed)
made = compile(source, target=GPUTarget("cuda", 90, 32))
print(made.asm["ptx"].count("ld.global.b8"), len(made.asm["cubin"]))
"""


def run(program: str, folder: Path, **environment: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "TRITON_CACHE_DIR": str(folder), **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [float(number) for number in done.stdout.split()]


def test_interpreted_kernel_agrees_with_the_processor(tmp_path: Path) -> None:
    full, half = run(INTERPRETED, tmp_path, TRITON_INTERPRET="1")
    assert full < 0.1 / 255
    # The interpreter cuts where the processor path rounds: one unit in the last place.
    assert half <= 2**-8


def test_kernel_compiles_for_a_hopper_gpu(tmp_path: Path) -> None:
    loads, size = run(COMPILED, tmp_path)
    assert loads >= 12  # four neighbours, three channels
    assert size > 1000
