"""Which engine computes."""

from importlib.util import find_spec

from marrowscope.errors import InputError
from marrowscope.extras import require_extra
from marrowscope.inference.calibrated_engine import CalibratedEngine
from marrowscope.inference.device_choice import resolve_device
from marrowscope.inference.engine import Engine
from marrowscope.models.architectures import FEATURES
from marrowscope.models.bundle import Bundle
from marrowscope.models.calibration import read_calibration

ENGINES = ("auto", "openvino", "int8", "torch")


def choose_engine(
    bundle: Bundle, engine: str = "auto", device: str = "cpu", calibrated: bool = True
) -> tuple[Engine, str | None]:
    """Make an engine, and what should be said about the choice.

    ``auto`` is OpenVINO in float32 on a processor, which gives PyTorch's probabilities several
    times as fast, compiled PyTorch on CUDA, and plain PyTorch where either is not there. int8
    changes probabilities a little and is therefore never chosen by itself. A bundle with a
    calibration gives calibrated probabilities unless ``calibrated`` is false.

    The device ``auto`` is CUDA where PyTorch finds a GPU and the engine can use it. The network is
    not compiled then: compiling takes longer than a few images, and is asked for with ``cuda``.

    Raises:
        InputError: no such engine or device, one that cannot run here, no usable int8 part, or a
            calibration for other weights.
    """
    calibration = read_calibration(bundle) if calibrated else None
    chosen, remark = _choose(bundle, engine, device)
    return (chosen if calibration is None else CalibratedEngine(chosen, calibration)), remark


def _choose(bundle: Bundle, engine: str, device: str) -> tuple[Engine, str | None]:
    if engine not in ENGINES:
        raise InputError(f"`engine` {engine}: expected {', '.join(ENGINES)}")
    if device == "auto":
        only_cpu = engine in ("openvino", "int8") or bundle.card.architecture == FEATURES
        device = "cpu" if only_cpu else resolve_device(device)
        if device == "cuda":
            return _torch(bundle, device), None
    resolve_device(device)  # refuses unknown names
    if engine in ("openvino", "int8") and device != "cpu":
        raise InputError(f"`engine` {engine}: runs on the CPU; leave out `device={device}`")
    if bundle.card.architecture == FEATURES:
        if engine not in ("auto", "torch") or device != "cpu":
            raise InputError(
                f"{bundle.card.name}: measures features on the CPU; leave out `engine` and `device`"
            )
        return _torch(bundle, "cpu", "analysis"), None
    if engine == "auto" and device == "cuda":
        return _on_cuda(bundle)
    if engine == "torch" or device != "cpu":
        return _torch(bundle, device), None
    if find_spec("openvino") is None:
        if engine == "auto":
            return _torch(bundle), "OpenVINO is not installed: PyTorch computes, more slowly"
        raise InputError(f"`engine` {engine}: OpenVINO is not installed")
    missing = None if bundle.ready else bundle.card.graph.get("missing")
    if engine == "auto" and missing:
        return _torch(bundle), f"{missing}: PyTorch computes, more slowly"
    from marrowscope.inference.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(bundle, "int8" if engine == "int8" else "fp32"), None


def _torch(bundle: Bundle, device: str = "cpu", extra: str = "train") -> Engine:
    require_extra(extra, "computing with PyTorch", ("torch", "mahotas", "skimage"))
    from marrowscope.inference.torch_engine import TorchEngine

    return TorchEngine(bundle, device)


def _on_cuda(bundle: Bundle) -> tuple[Engine, str | None]:
    plain = _torch(bundle, "cuda")  # refuses where there is no GPU
    from marrowscope.inference.compiled_engine import CompiledEngine

    try:
        return CompiledEngine(bundle), None
    except RuntimeError as error:  # no compiler, an old GPU, too little memory for graphs
        reason = str(error).strip().partition("\n")[0][:200]
        return plain, f"the network could not be compiled ({reason}): it computes uncompiled"
