"""Predicted images per second on all cores, decoding included, beside PyTorch and ONNX Runtime.

Every contestant decodes the same JPEGs and gives class probabilities. Ours is ``predict_table``
with the OpenVINO engine in float32 and in int8. Plain PyTorch is what one writes first: OpenCV
decode, float32, NCHW, batches of 32, eager; then the same channels-last; then ONNX Runtime.

Networks: the sequential one (one view), EfficientNet-Lite0 and ResNeXt-50, all with random weights,
for speed does not depend on them. Accuracy of int8 is another matter: 'marrowscope model quantize'
measures it.

Wall-clock rates: run it on an idle machine.

    python benchmarks/inference_speed.py [--images 192] [--models efficientnet-lite0] [--json]
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import torch

from marrowscope.dataset.image_discovery import discover
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.openvino_engine import OpenVinoEngine, TrialEngine, float_model
from marrowscope.io.image_decoding import read_image
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.models.quantization import quantized_graph
from marrowscope.morphology import OUTPUTS_22
from marrowscope.phantom.synthetic_dataset import write_dataset
from side_by_side import SAMPLE, in_turn, show, versions

BATCH = 32
# One image of so many is computed by larger networks.
SHARES = {"sequential": 1, "efficientnet-lite0": 2, "resnext50": 12}


def eager(network: torch.nn.Module, paths: list[str], layout: torch.memory_format) -> None:
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            images = [cv2.imread(path)[:, :, ::-1] for path in paths[start : start + BATCH]]
            batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
            torch.softmax(network(batch.contiguous(memory_format=layout)), dim=1)


def onnx_way(network: torch.nn.Module, folder: Path) -> Callable[[list[str]], None] | None:
    try:
        import onnxruntime

        path = folder / "network.onnx"
        example = torch.zeros(1, 3, 250, 250)
        torch.onnx.export(
            network, example, path, input_names=["x"], dynamo=False, dynamic_axes={"x": {0: "n"}}
        )
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def way(paths: list[str]) -> None:
        for start in range(0, len(paths), 8):
            images = [cv2.imread(path)[:, :, ::-1] for path in paths[start : start + 8]]
            batch = np.stack(images).transpose(0, 3, 1, 2).astype(np.float32) / 255
            session.run(None, {"x": np.ascontiguousarray(batch)})

    return way


def measure(name: str, paths: list[str], as_json: bool, rounds: int) -> None:
    torch.manual_seed(0)
    network = create(name, len(OUTPUTS_22)).eval().requires_grad_(False)
    bundle = Bundle(network, Card(name, name, OUTPUTS_22, tuple(dict.fromkeys(OUTPUTS_22))))
    table = pl.DataFrame({"path": paths})
    samples = [read_image(Path(path)) for path in paths[:16]]
    exact = OpenVinoEngine(bundle)
    int8 = TrialEngine(*quantized_graph(float_model(bundle), samples), exact.classes, 1)

    def timed(work: Callable[[], object]) -> Callable[[], float]:
        def go() -> float:
            began = time.perf_counter()
            work()
            return len(paths) / (time.perf_counter() - began)

        return go

    with tempfile.TemporaryDirectory() as folder:
        onnx = onnx_way(network, Path(folder))
        contestants = {
            "marrowscope OpenVINO fp32": timed(lambda: predict_table(exact, table)),
            "marrowscope OpenVINO int8": timed(lambda: predict_table(int8, table)),
            "plain PyTorch": timed(lambda: eager(network, paths, torch.contiguous_format)),
            "PyTorch channels-last": timed(lambda: eager(network, paths, torch.channels_last)),
        }
        if onnx is not None:
            contestants["ONNX Runtime"] = timed(lambda: onnx(paths))
        medians = in_turn(contestants, rounds)
    plain = medians["plain PyTorch"]
    facts = {
        "int8 / plain PyTorch": round(medians["marrowscope OpenVINO int8"] / plain, 2),
        "fp32 / plain PyTorch": round(medians["marrowscope OpenVINO fp32"] / plain, 2),
        "images": len(paths),
        "threads": torch.get_num_threads(),
        **versions("torch", "openvino", "nncf", "onnxruntime"),
    }
    show(f"Prediction with decoding, {name}", "marrowscope OpenVINO fp32", medians, facts, as_json)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=192)
    parser.add_argument("--models", nargs="+", default=list(SHARES), choices=list(SHARES))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as folder:
        if SAMPLE.is_dir():
            paths = [found.path for found in discover([SAMPLE])]
        else:
            write_dataset(Path(folder), 20, 0)
            paths = [found.path for found in discover([Path(folder)])]
        chosen = paths[:: max(1, len(paths) // options.images)][: options.images]
        for model in options.models:
            some = chosen[: max(16, options.images // SHARES[model])]
            measure(model, some, options.json, rounds=5)


if __name__ == "__main__":
    main()
