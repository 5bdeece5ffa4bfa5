"""From a model bundle to checks of the engines: which of them compute here, and how fast."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from marrowscope.doctor.health_check import Check, State, one_line
from marrowscope.doctor.isolated_calls import AGAIN, Answer
from marrowscope.errors import InputError
from marrowscope.extras import install_line

GROUP = "engines"
SECONDS = 0.3  # of measuring each engine
BATCH = 4  # images
# Name → engine and device, as options of predict take them.
ENGINES = {
    "OpenVINO fp32": ("openvino", "cpu"),
    "OpenVINO int8": ("int8", "cpu"),
    "torch CPU": ("torch", "cpu"),
    "torch CUDA": ("torch", "cuda"),
}
READY: dict[str, str] = {}  # what ``prepare`` answers when an engine can be measured
# One of these has to compute, or no image is classified.
ENOUGH = ("OpenVINO fp32", "torch CPU")
OWN_ERROR = f"{InputError.__name__}: "
CUDA_BUILD = "install a CUDA build of torch: https://pytorch.org/get-started/locally"


def installed() -> list[str]:
    """Engines whose library is installed; nothing is imported."""
    return [
        name
        for name in ENGINES
        if find_spec("openvino" if name.startswith("OpenVINO") else "torch") is not None
    ]


def prepare(call: str) -> dict[str, str]:
    """Load one engine and let it compute once; called in a process of its own.

    Args:
        call: ``engine@bundle``.

    Returns:
        ``READY``; ``absent`` and a reason where the engine or its part of the bundle is not there.

    Raises:
        ArithmeticError: what it computes are not probabilities.
    """
    name, _, bundle = call.partition("@")
    if name == "torch CUDA":
        absent = _no_cuda()
        if absent is not None:
            return {"absent": absent}
    loaded = _bundle(bundle)
    if name == "OpenVINO int8" and not _has_int8(loaded):
        return {"absent": f"the model {loaded.card.name} has no int8 part"}
    import numpy as np

    found = _engine(call).probabilities(_images())
    if not np.isfinite(found).all() or np.abs(found.sum(axis=1) - 1).max() > 0.01:
        raise ArithmeticError("gives numbers that are not probabilities")
    return READY


def measure(call: str) -> dict[str, Any]:
    """Speed of an engine that ``prepare`` has loaded, while nothing else computes.

    Args:
        call: ``engine@bundle``.

    Returns:
        ``images_per_second`` (of 250×250 px, the network alone, no decoding), ``views`` of each
        image that are averaged, ``name`` and ``device``.
    """
    name, _, bundle = call.partition("@")
    engine, card, images = _engine(call), _bundle(bundle).card, _images()
    seconds, done = 0.0, 0
    while seconds < SECONDS:
        began = time.perf_counter()
        engine.probabilities(images)
        seconds += time.perf_counter() - began
        done += len(images)
    return {
        "images_per_second": round(done / seconds, 1),
        "views": card.views,
        "model": card.name,
        "name": engine.name,
        "device": _device_name() if name == "torch CUDA" else None,
    }


@lru_cache(maxsize=len(ENGINES))
def _engine(call: str) -> Any:
    from marrowscope.inference.engine_choice import choose_engine

    name, _, bundle = call.partition("@")
    return choose_engine(_bundle(bundle), *ENGINES[name])[0]


def _images() -> Any:
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, (BATCH, 250, 250, 3), dtype=np.uint8)


@lru_cache(maxsize=1)
def _bundle(name: str) -> Any:
    from marrowscope.models.bundle import load_bundle

    return load_bundle(name)


def _has_int8(bundle: Any) -> bool:
    from marrowscope.models.bundle import INT8_GRAPH

    return bundle.folder is not None and (bundle.folder / INT8_GRAPH).is_file()


def _no_cuda() -> str | None:
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return "this build of torch is for CPUs only"
    return None if torch.cuda.is_available() else "torch sees no GPU"


def _device_name() -> str:
    import torch

    memory = torch.cuda.get_device_properties(0).total_memory
    return f"{torch.cuda.get_device_name(0)}, {memory / 1e9:.0f} GB"


def engine_checks(answers: Mapping[str, Answer], gpu: str | None) -> list[Check]:
    """A check for each engine, and one of whether any of them computes.

    Args:
        answers: of ``measure``, or of ``prepare`` where that did not succeed, by engine; an engine
            without its library has none.
        gpu: what the system says of its GPU (``system_gpu``).
    """
    checks = [_check(name, answers.get(name), gpu) for name in ENGINES]
    works = [check.name for check in checks if check.state == State.OK and check.name in ENOUGH]
    unknown = [name for name in ENOUGH if name in answers and not answers[name].in_time]
    if not works and not unknown:
        reasons = "; ".join(f"{one.name}: {one.sentence}" for one in checks if one.name in ENOUGH)
        checks.append(
            Check(
                GROUP,
                "any engine",
                State.PROBLEM,
                f"none computes ({reasons})",
                "pip install --force-reinstall marrowscope openvino",
                core=True,
            )
        )
    return checks


def _check(name: str, answer: Answer | None, gpu: str | None) -> Check:
    if answer is None:
        library = "OpenVINO" if name.startswith("OpenVINO") else "torch"
        advice = "pip install openvino" if library == "OpenVINO" else install_line("train")
        if name == "torch CUDA" and gpu is None:
            return Check(GROUP, name, State.MISSING, "torch is not installed, and there is no GPU")
        return Check(GROUP, name, State.MISSING, f"{library} is not installed", advice)
    if not answer.in_time:
        return Check(GROUP, name, State.PROBLEM, "no time was left to measure it", AGAIN)
    if answer.value is None:
        reason = str(answer.failure)
        if reason.startswith(OWN_ERROR):  # says itself what to do
            return Check(GROUP, name, State.PROBLEM, reason.removeprefix(OWN_ERROR))
        advice = f"pip install --force-reinstall {name.split()[0].lower()}"
        return Check(GROUP, name, State.PROBLEM, reason, advice)
    found: dict[str, Any] = answer.value
    if "absent" in found:
        return Check(GROUP, name, State.MISSING, found["absent"], _advice(name, found, gpu))
    views = "" if found["views"] == 1 else f", {found['views']} views of each"
    where = f" on {found['device']}" if found["device"] else ""
    speed = found["images_per_second"]
    sentence = f"{speed:.{0 if speed >= 10 else 1}f} images/s with {found['model']}{views}{where}"
    return Check(GROUP, name, State.OK, sentence, facts=found)


def _advice(name: str, found: Mapping[str, Any], gpu: str | None) -> str | None:
    if name == "OpenVINO int8":
        return "marrowscope model quantize BUNDLE CELLS -o FOLDER"
    if gpu is None:
        return None  # nothing to be done: there is no GPU
    return CUDA_BUILD if "build" in found["absent"] else "update the driver of the GPU"


def system_gpu() -> str | None:
    """What ``nvidia-smi`` says of the first GPU; None where there is no such program.

    Raises:
        OSError: there is one, and it does not work.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=3, check=False)
    except subprocess.TimeoutExpired:
        raise OSError("nvidia-smi does not answer") from None
    lines = (
        (done.stdout if done.returncode == 0 else done.stderr or done.stdout).strip().splitlines()
    )
    if done.returncode != 0 or not lines:
        raise OSError(f"nvidia-smi: {lines[-1][:160] if lines else 'says nothing'}")
    return lines[0] + (f", and {len(lines) - 1} more" if len(lines) > 1 else "")


def gpu_check() -> Check:
    """The GPU, as the system sees it."""
    try:
        found = system_gpu()
    except OSError as error:
        advice = "install the driver of the GPU anew; without a GPU everything computes on the CPU"
        return Check(GROUP, "GPU", State.PROBLEM, one_line(error), advice)
    if found is None:
        hint = "" if not os.path.exists("/dev/nvidia0") else " though /dev/nvidia0 is there"
        sentence = f"no NVIDIA GPU (there is no nvidia-smi{hint}); everything computes on the CPU"
        return Check(GROUP, "GPU", State.MISSING, sentence)
    return Check(GROUP, "GPU", State.OK, found, facts={"nvidia_smi": found})
