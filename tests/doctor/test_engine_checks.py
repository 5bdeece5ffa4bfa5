"""Engines that compute, that cannot, and that are not there."""

import subprocess
from typing import Any

import pytest

from marrowscope.doctor import engine_checks
from marrowscope.doctor.engine_checks import engine_checks as checks_of
from marrowscope.doctor.health_check import State
from marrowscope.doctor.isolated_calls import TOO_SLOW, Answer

FAST = Answer({"images_per_second": 412.3, "views": 8, "model": "m", "name": "n", "device": None})


def test_the_default_model_computes_with_openvino() -> None:
    call = "OpenVINO fp32@sequential-mll7"
    assert engine_checks.prepare(call) == engine_checks.READY
    found = engine_checks.measure(call)
    assert found["images_per_second"] > 0
    assert (found["name"], found["model"]) == ("openvino cpu fp32", "sequential-mll7")


def test_an_int8_part_that_a_model_lacks_is_absent() -> None:
    found = engine_checks.prepare("OpenVINO int8@sequential-mll7")
    assert found == {"absent": "the model sequential-mll7 has no int8 part"}


def test_the_speed_is_told_with_the_model_and_its_views() -> None:
    first, *others = checks_of({"OpenVINO fp32": FAST}, None)
    assert (first.state, first.sentence) == (State.OK, "412 images/s with m, 8 views of each")
    assert [check.state for check in others] == [State.MISSING] * 3
    assert others[1].advice == "pip install 'marrowscope[train]'"
    assert not any(check.breaks_the_core for check in (first, *others))


def test_no_engine_at_all_breaks_the_core() -> None:
    *_, last = checks_of({"OpenVINO fp32": Answer(failure="crashes (SIGILL)")}, None)
    assert last.breaks_the_core
    assert last.sentence == (
        "none computes (OpenVINO fp32: crashes (SIGILL); torch CPU: torch is not installed)"
    )


def test_a_model_that_cannot_be_loaded_is_told_in_its_own_words() -> None:
    answer = Answer(failure="InputError: nowhere: neither a bundle folder nor a shipped model")
    check = checks_of({"OpenVINO fp32": answer}, None)[0]
    assert check.sentence == "nowhere: neither a bundle folder nor a shipped model"
    assert check.advice is None


def test_torch_is_not_recommended_for_a_gpu_that_is_not_there() -> None:
    assert checks_of({}, None)[3].advice is None
    assert checks_of({}, "H100")[3].advice == "pip install 'marrowscope[train]'"


def test_an_engine_that_was_not_measured_in_time_proves_nothing() -> None:
    checks = checks_of({"OpenVINO fp32": Answer(failure=TOO_SLOW)}, None)
    assert checks[0].state == State.PROBLEM
    assert not any(check.breaks_the_core for check in checks)


@pytest.mark.parametrize(
    ("gpu", "absent", "advice"),
    [
        (None, "this build of torch is for CPUs only", None),
        ("H100", "this build of torch is for CPUs only", engine_checks.CUDA_BUILD),
        ("H100", "torch sees no GPU", "update the driver of the GPU"),
    ],
)
def test_a_gpu_that_torch_cannot_use_is_told_with_the_remedy(
    gpu: str | None, absent: str, advice: str | None
) -> None:
    check = checks_of({"torch CUDA": Answer({"absent": absent})}, gpu)[3]
    assert (check.state, check.sentence, check.advice) == (State.MISSING, absent, advice)


def nvidia_smi(monkeypatch: pytest.MonkeyPatch, code: int, out: str, errors: str = "") -> None:
    done: Any = subprocess.CompletedProcess([], code, out, errors)
    monkeypatch.setattr(engine_checks.shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(engine_checks.subprocess, "run", lambda *_, **__: done)


def test_gpus_are_told_as_the_driver_calls_them(monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(monkeypatch, 0, "NVIDIA H100, 81559 MiB, 550.1\nNVIDIA H100, 81559 MiB, 550.1\n")
    check = engine_checks.gpu_check()
    assert (check.state, check.sentence) == (
        State.OK, "NVIDIA H100, 81559 MiB, 550.1, and 1 more",
    )  # fmt: skip


def test_a_broken_driver_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(monkeypatch, 9, "", "NVIDIA-SMI has failed because it couldn't reach the driver.")
    check = engine_checks.gpu_check()
    assert check.state == State.PROBLEM
    assert "couldn't reach the driver" in check.sentence


def test_no_gpu_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_checks.shutil, "which", lambda _: None)
    check = engine_checks.gpu_check()
    assert (check.state, check.advice) == (State.MISSING, None)
    assert "no nvidia-smi" in check.sentence


def test_a_slow_engine_is_not_said_to_stand_still() -> None:
    slow = Answer({**FAST.value, "images_per_second": 0.4})
    assert checks_of({"OpenVINO fp32": slow}, None)[0].sentence.startswith("0.4 images/s")
