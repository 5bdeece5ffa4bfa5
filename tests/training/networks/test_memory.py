"""A GPU that runs out of memory gives pixels back once, and then asks for a smaller batch."""

from pathlib import Path
from typing import Any

import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.training.networks.memory import within_gpu_memory


class Pixels:
    """Pixels that lie on the GPU until they are asked to leave."""

    where = "memory"

    def __init__(self, on_gpu: bool) -> None:
        self.on_gpu = on_gpu

    def leave_gpu(self) -> None:
        self.on_gpu = False


def work_that_fits(calls: list[bool], times: int) -> Any:
    def work(resume: bool) -> str:
        calls.append(resume)
        if len(calls) <= times:
            raise torch.OutOfMemoryError("full")
        return "trained"

    return work


def test_it_goes_on_from_the_last_checkpoint_without_the_pixels(tmp_path: Path) -> None:
    calls: list[bool] = []
    said: list[str] = []
    pixels: Any = Pixels(on_gpu=True)
    result = within_gpu_memory(work_that_fits(calls, 1), pixels, tmp_path, 64, False, said.append)
    assert (result, calls, pixels.on_gpu) == ("trained", [False, True], False)
    assert said == ["the GPU ran out of memory: pixels go back to memory"]


@pytest.mark.parametrize("on_gpu", [True, False])
def test_where_nothing_can_be_given_back_a_smaller_batch_is_asked_for(
    on_gpu: bool, tmp_path: Path
) -> None:
    pixels: Any = Pixels(on_gpu)
    with pytest.raises(InputError, match=r"lower batch_size in the recipe \(64\)"):
        within_gpu_memory(work_that_fits([], 2), pixels, tmp_path, 64, False, lambda line: None)
