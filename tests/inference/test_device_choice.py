"""auto is CUDA where PyTorch finds a GPU, and PyTorch is asked only where there is a driver."""

import subprocess
import sys

import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.inference import device_choice, engine_choice
from marrowscope.inference.device_choice import resolve_device
from marrowscope.models.bundle import load_bundle


@pytest.mark.parametrize(("driver", "gpu"), [(False, True), (True, False), (True, True)])
def test_auto_is_cuda_only_with_a_driver_and_a_gpu(
    monkeypatch: pytest.MonkeyPatch, driver: bool, gpu: bool
) -> None:
    monkeypatch.setattr(device_choice, "has_gpu_driver", lambda: driver)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert resolve_device("auto") == ("cuda" if driver and gpu else "cpu")
    assert resolve_device("cuda") == "cuda"


def test_auto_without_pytorch_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_choice, "has_gpu_driver", lambda: True)
    monkeypatch.setattr(device_choice, "find_spec", lambda name: None)
    assert resolve_device("auto") == "cpu"


def test_an_unknown_device_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="`device` tpu: expected auto, cpu or cuda"):
        resolve_device("tpu")


def test_pytorch_is_not_imported_where_there_is_no_driver() -> None:
    code = (
        "import sys\n"
        "from importlib import util\n"
        "spec = util.spec_from_file_location('device_choice', sys.argv[1])\n"
        "module = util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "module.has_gpu_driver = lambda: False\n"
        "print(module.resolve_device('auto'), 'torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, device_choice.__file__],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["cpu", "False"]


def test_without_a_gpu_auto_computes_as_the_cpu_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_choice, "has_gpu_driver", lambda: False)
    bundle = load_bundle("sequential-mll7")
    for engine in ("auto", "openvino", "torch"):
        named = engine_choice.choose_engine(bundle, engine, "auto")[0].name
        assert named == engine_choice.choose_engine(bundle, engine, "cpu")[0].name


def test_engines_of_the_cpu_stay_there_on_a_machine_with_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_choice, "resolve_device", lambda device: "cuda")
    chosen, _ = engine_choice.choose_engine(load_bundle("sequential-mll7"), "openvino", "auto")
    assert "openvino cpu" in chosen.name
