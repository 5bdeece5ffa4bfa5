"""Compiled training steps: tried only where they could pay, and the network stays as it was."""

import pytest
import torch
from torch import nn

from marrowscope.models import create
from marrowscope.training.networks import compiled_step
from marrowscope.training.networks.compiled_step import compiled, faster_forward
from marrowscope.training.networks.throughput import bare_steps_per_second


class Small(nn.Module):
    """Statistics, weights, and a count of how often it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, stride=8), nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.conv(x)).relu().mean(dim=(2, 3)))


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return Small()


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A processor stands in for the GPU; what is said."""
    whole = compiled_step._tried

    def tried(network, batch, half, device, steps, say, backend):  # type: ignore[no-untyped-def]
        return whole(network, batch, half, torch.device("cpu"), steps, say, backend)

    monkeypatch.setattr(compiled_step, "_tried", tried)
    return []


def times(monkeypatch: pytest.MonkeyPatch, plain: float, fast: float) -> None:
    """Seconds per step that the two ways are said to take, after they have really run."""
    real, given = compiled_step._seconds, iter((plain, fast))

    def seconds(forward, images, half):  # type: ignore[no-untyped-def]
        real(forward, images, half)
        return next(given)

    monkeypatch.setattr(compiled_step, "_seconds", seconds)


def test_nothing_is_tried_on_a_processor(network: nn.Module) -> None:
    said: list[str] = []
    assert faster_forward(network, 4, False, "cpu", 10**9, said.append) is None
    assert said == []


def test_a_short_run_is_not_compiled(
    network: nn.Module, on_cpu: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times(monkeypatch, 1.0, 0.1)
    assert faster_forward(network, 4, False, "cuda", 599, on_cpu.append, "eager") is None
    assert on_cpu == []


@pytest.mark.parametrize(("fast", "used"), [(0.5, True), (0.99, False), (2.0, False)])
def test_the_faster_way_is_taken_and_the_network_stays(
    network: nn.Module, on_cpu: list[str], monkeypatch: pytest.MonkeyPatch, fast: float, used: bool
) -> None:
    times(monkeypatch, 1.0, fast)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    forward = faster_forward(network, 4, True, "cuda", 601, on_cpu.append, "eager")
    assert (forward is not None) is used
    assert len(on_cpu) == 1
    assert on_cpu[0].endswith("are used" if used else "are not used")
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_compiler_that_fails_is_one_line(
    network: nn.Module, on_cpu: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times(monkeypatch, 1.0, 1.0)

    def broken(graph: object, examples: object) -> None:
        raise RuntimeError("no compiler\nhere")

    assert faster_forward(network, 4, False, "cuda", 601, on_cpu.append, broken) is None  # type: ignore[arg-type]
    assert len(on_cpu) == 1
    assert on_cpu[0].startswith("steps are not compiled: ")
    assert "\n" not in on_cpu[0]


def test_memory_that_ends_is_for_the_caller(
    network: nn.Module, on_cpu: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> float:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(compiled_step, "_seconds", full)
    with pytest.raises(torch.OutOfMemoryError):
        faster_forward(network, 4, False, "cuda", 601, on_cpu.append, "eager")


def test_a_compiled_network_learns_the_same() -> None:
    torch.manual_seed(0)
    network = create("sequential", 3).train()
    images = torch.rand(2, 3, 250, 250)
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    slopes = []
    for forward in (network, compiled(network, "aot_eager")):
        network.load_state_dict(kept)
        network.zero_grad(set_to_none=True)
        forward(images).square().sum().backward()
        slopes.append([parameter.grad for parameter in network.parameters()])
    for one, two in zip(*slopes, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-5)
    assert set(network.state_dict()) == set(kept)


def test_the_bare_network_is_measured_as_the_run_was(
    network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    from marrowscope.training.networks import throughput

    asked = []

    def noted(alone: nn.Module) -> nn.Module:
        asked.append(alone)
        return alone

    monkeypatch.setattr(throughput, "compiled", noted)
    monkeypatch.setattr(throughput, "BARE_SECONDS", 0.01)
    for compile_it in (False, True):
        assert bare_steps_per_second(network, 2, 2, False, "cpu", 1e6, 10, compile_it)
    assert len(asked) == 1
    assert asked[0] is not network
