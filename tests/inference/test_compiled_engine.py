"""The compiled engine: the same probabilities from batches of one size."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.calibrated_engine import CalibratedEngine
from marrowscope.inference.compiled_engine import CompiledEngine
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.inference.image_sources import expand
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.morphology import OUTPUTS_22


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    torch.manual_seed(0)
    network = create("sequential", len(OUTPUTS_22)).eval()
    card = Card("x", "sequential", OUTPUTS_22, tuple(dict.fromkeys(OUTPUTS_22)), views=8)
    return Bundle(network, card)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (7, 250, 250, 3), dtype=np.uint8)


@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_batches_of_any_size_are_filled_up_and_cut_again(
    bundle: Bundle, images: np.ndarray, count: int
) -> None:
    # The tracer alone: whole compilation takes a minute and a C++ compiler.
    compiled = CompiledEngine(bundle, "cpu", chunk=3, backend="eager")
    exact = TorchEngine(bundle).probabilities(images[:count])
    found = compiled.probabilities(images[:count])
    assert found.shape == (count, len(compiled.classes))
    np.testing.assert_allclose(found, exact, atol=1e-6)
    assert compiled.name.endswith("compiled")


def test_the_graph_makes_no_tensor_on_the_host(bundle: Bundle) -> None:
    # One that is made inside and copied to the GPU keeps the whole from being a CUDA graph.
    graphs = []

    def keep(graph, inputs):
        graphs.append(graph)
        return graph.forward

    CompiledEngine(bundle, "cpu", chunk=1, backend=keep)
    called = {str(node.target) for node in graphs[0].graph.nodes if node.op == "call_function"}
    assert called
    assert not [name for name in called if "torch.tensor" in name or "method tensor" in name]
    assert len(graphs) == 1
    layers = [m for m in bundle.model.modules() if isinstance(m, torch.nn.Conv2d)]
    convolutions = [node for node in graphs[0].graph.nodes if "conv2d" in str(node.target)]
    assert len(convolutions) == len(layers), "every view is compiled on its own"


def test_a_network_with_a_transform_is_one_graph_too() -> None:
    graphs = []

    def keep(graph, inputs):
        graphs.append(graph)
        return graph.forward

    card = Card("x", "efficientnet-lite0", OUTPUTS_22, tuple(dict.fromkeys(OUTPUTS_22)))
    CompiledEngine(Bundle(create("efficientnet-lite0", 22).eval(), card), "cpu", 1, keep)
    called = {str(node.target) for node in graphs[0].graph.nodes if node.op == "call_function"}
    assert len(graphs) == 1
    assert not [name for name in called if "torch.tensor" in name]


def test_predictions_come_in_batches_of_the_recorded_size(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((250, 250, 3), number, np.uint8))
    compiled = CompiledEngine(bundle, "cpu", chunk=3, backend="eager")
    sizes, whole = [], compiled.probabilities

    def counted(images: np.ndarray) -> np.ndarray:
        sizes.append(len(images))
        return whole(images)

    monkeypatch.setattr(compiled, "probabilities", counted)
    calibrated = CalibratedEngine(compiled, SimpleNamespace(temperature=1.0))
    predict_table(calibrated, expand([str(tmp_path)]))
    assert sizes == [3, 3, 1]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_cuda_is_refused(bundle: Bundle) -> None:
    with pytest.raises(InputError, match="no CUDA device"):
        choose_engine(bundle, "auto", "cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_the_compiled_answers_are_those_of_bf16(
    bundle: Bundle, images: np.ndarray
) -> None:
    exact = TorchEngine(bundle, "cuda").probabilities(images)
    np.testing.assert_allclose(CompiledEngine(bundle).probabilities(images), exact, atol=5e-3)
