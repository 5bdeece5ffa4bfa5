"""OpenVINO in float32 gives PyTorch's probabilities; int8 only where it was checked."""

import gc
import hashlib
import io
import json
import shutil
import weakref
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from marrowscope.api import model_quantization as quantizing
from marrowscope.api.model_quantization import quantize_model
from marrowscope.dataset.indexing import index
from marrowscope.dataset.splitting import hold_out
from marrowscope.errors import InputError
from marrowscope.inference.engine import image_views
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.inference.openvino_engine import OpenVinoEngine, float_model
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models import create, quantization
from marrowscope.models.bundle import Bundle, load_bundle, other_parts
from marrowscope.models.bundle_writer import rewrite_bundle, save_bundle
from marrowscope.models.card import Card
from marrowscope.models.efficientnet_lite import Block, SamePadding
from marrowscope.models.input_transform import Transform, TransformFacts
from marrowscope.models.quantization import Agreement, quantized_graph
from marrowscope.morphology import OUTPUTS_22
from marrowscope.silent_import import import_silently
from marrowscope.training.training_cells import select_training_cells


def images(count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 10, 10, 3), dtype=np.uint8)
    return np.stack([cv2.resize(image, (250, 250)) for image in coarse])


@cache
def engine(views: int = 1) -> OpenVinoEngine:
    return OpenVinoEngine(bundle("sequential", views))


def bundle(name: str, views: int = 1, known: tuple[str, ...] = OUTPUTS_22) -> Bundle:
    torch.manual_seed(0)
    network = create(name, 22).eval()
    return Bundle(network, Card("x", name, OUTPUTS_22, tuple(dict.fromkeys(known)), views=views))


@pytest.mark.parametrize(
    ("name", "views", "known"),
    [
        ("sequential", 1, OUTPUTS_22),
        ("sequential", 8, OUTPUTS_22[:7]),
        ("resnext50", 1, OUTPUTS_22),
        ("efficientnet-lite0", 1, OUTPUTS_22),
        ("efficientnet-lite2", 1, OUTPUTS_22),
    ],
)
def test_probabilities_are_those_of_torch(name: str, views: int, known: tuple[str, ...]) -> None:
    made, pixels = bundle(name, views, known), images(5)
    exact = TorchEngine(made).probabilities(pixels)
    engine = OpenVinoEngine(made)
    found = engine.probabilities(pixels)
    assert engine.classes == TorchEngine(made).classes
    assert found.shape == exact.shape
    assert np.abs(found - exact).max() <= 1e-4
    unknown = [place for place, code in enumerate(engine.classes) if code not in known]
    assert (found[:, unknown] == 0).all()


def test_batches_of_any_size_give_the_same_rows_in_order() -> None:
    pixels = images(9)
    whole = engine().probabilities(pixels)
    parts = [engine().probabilities(pixels[low : low + 2]) for low in range(0, 9, 2)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)
    assert engine().probabilities(pixels[:0]).shape == (0, len(engine().classes))


@pytest.mark.parametrize("views", [1, 8])
def test_a_batch_is_begun_before_the_last_one_is_asked_for(views: int) -> None:
    pixels = images(9)
    whole = engine(views).probabilities(pixels)
    answers = [engine(views).begin(pixels[low:high]) for low, high in ((0, 5), (5, 6), (6, 9))]
    parts = [answer() for answer in answers]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


def test_an_engine_that_is_done_with_gives_its_graph_and_threads_back() -> None:
    short_lived = OpenVinoEngine(load_bundle("sequential-mll7"))
    short_lived.probabilities(images(2))
    there = weakref.ref(short_lived._requests)
    del short_lived
    gc.collect()
    assert there() is None


def test_the_shipped_model_is_loaded_and_predicts_alike() -> None:
    made, pixels = load_bundle("sequential-mll7"), images(3, 1)
    exact = TorchEngine(made).probabilities(pixels)
    assert np.abs(OpenVinoEngine(made).probabilities(pixels) - exact).max() <= 1e-4


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("cells")
    for code, level in (("LYT", 90), ("NGS", 190)):
        (folder / code).mkdir()
        for number, image in enumerate(images(16, level)):
            mixed = (0.3 * image + 0.7 * level).astype(np.uint8)
            cv2.imwrite(str(folder / code / f"{number}.png"), mixed)
    return hold_out(index([folder]), 0.5).table


@pytest.fixture(scope="module")
def trained(table: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """As if trained on the table."""
    folder = tmp_path_factory.mktemp("bundles") / "b"
    data = select_training_cells(table)
    torch.manual_seed(1)
    card = Card("b", "sequential", data.outputs, data.known, data=data.description)
    save_bundle(create("sequential", 22).eval(), card, folder)
    return load_bundle(folder)


def place_of(bundle: Bundle) -> Path:
    assert bundle.folder is not None
    return bundle.folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantizing, "CALIBRATION_IMAGES", 8)
    monkeypatch.setattr(quantizing, "MIN_CHECKED", 10)


needs_nncf = pytest.mark.skipif(find_spec("nncf") is None, reason="NNCF is not installed")


@pytest.fixture(scope="module")
def quantized(
    table: pl.DataFrame, trained: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("int8") / "q"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantizing, "CALIBRATION_IMAGES", 8)
        patch.setattr(quantizing, "MIN_CHECKED", 10)
        patch.setattr(quantization, "is_accurate_enough", lambda agreement, loss: True)
        with redirect_stdout(io.StringIO()) as printed:
            quantize_model(place_of(trained), table, folder)
    assert printed.getvalue() == ""  # standard output belongs to --json
    # Random weights need not agree; the files are what is tested here.
    card = json.loads((folder / "card.json").read_text())
    card["int8"] |= {"agreement": 1.0, "macro_f1_loss": 0.0}
    (folder / "card.json").write_text(json.dumps(card))
    return folder


@needs_nncf
def test_the_int8_part_computes_and_stays_close(quantized: Path, trained: Bundle) -> None:
    engine, _ = choose_engine(load_bundle(quantized), "int8")
    assert engine.name == "openvino cpu int8"
    exact = TorchEngine(trained).probabilities(images(6, 90))
    found = engine.probabilities(images(6, 90))
    assert np.abs(found - exact).max() < 0.1
    assert not np.array_equal(found, exact)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


@needs_nncf
def test_the_card_tells_how_it_was_calibrated_and_checked(quantized: Path) -> None:
    facts = load_bundle(quantized).card.int8
    assert facts["calibration_images"] == 8
    assert facts["checked_images"] == 16
    assert {"agreement", "macro_f1_fp32", "macro_f1_int8", "nncf", "openvino"} <= set(facts)


@needs_nncf
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "int8.bin").write_bytes(b"\0" * 100), r"int8\.bin: checksum"),
        (lambda folder: (folder / "int8.xml").write_text("<net/>"), r"int8\.xml: checksum"),
        (lambda folder: (folder / "int8.bin").unlink(), r"int8\.bin: No such file"),
        (lambda folder: edit(folder, weights_sha256="0" * 64), "was made for other weights"),
        (lambda folder: edit(folder, agreement=0.5), "not say that the int8 part is good"),
    ],
    ids=["constants", "graph", "gone", "other weights", "too far off"],
)
def test_a_bad_int8_part_is_one_line_and_float32_goes_on(
    quantized: Path, tmp_path: Path, damage, message: str
) -> None:
    folder = tmp_path / "b"
    shutil.copytree(quantized, folder)
    damage(folder)
    made = load_bundle(folder)
    with pytest.raises(InputError, match=message) as caught:
        choose_engine(made, "int8")
    assert "\n" not in str(caught.value)
    assert choose_engine(made)[0].name == "openvino cpu fp32"


@needs_nncf
def test_an_int8_part_with_other_shapes_is_refused(quantized: Path, tmp_path: Path) -> None:
    """Earlier versions took any number of images, and had the views of an image in the graph."""
    openvino = import_silently("openvino")

    folder = tmp_path / "b"
    shutil.copytree(quantized, folder)
    model = openvino.Core().read_model(folder / "int8.xml")
    model.reshape([-1, 250, 250, 3])
    openvino.save_model(model, tmp_path / "int8.xml", compress_to_fp16=False)
    hashes = {}
    for name, key in (("int8.xml", "graph_sha256"), ("int8.bin", "constants_sha256")):
        shutil.copy(tmp_path / name, folder / name)
        hashes[key] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    edit(folder, **hashes)
    with pytest.raises(InputError, match=r"int8\.xml: has shapes .* an earlier version; run"):
        choose_engine(load_bundle(folder), "int8")


@needs_nncf
def test_int8_sees_the_brightest_background_though_few_images_have_it() -> None:
    """Glass is white; a range that is the mean of the images' ranges would cut it off."""
    openvino = import_silently("openvino")

    dark = [(image * 0.6).astype(np.uint8) for image in images(7)]
    white = np.full((250, 250, 3), 255, np.uint8)
    with redirect_stdout(io.StringIO()):
        graph, constants = quantized_graph(float_model(bundle("sequential")), [*dark, white])
    nodes = openvino.Core().read_model(graph, constants).get_ordered_ops()
    ranges = [node for node in nodes if node.get_type_name() == "FakeQuantize"]
    taken = next(
        node for node in ranges if node.input_value(0).get_node().get_type_name() != "Constant"
    )
    high = float(np.max(taken.input_value(2).get_node().data))
    assert high in (pytest.approx(1, abs=0.01), pytest.approx(255, abs=2))


class SmallLite(nn.Module):
    """Every kind of layer that EfficientNet-Lite has, in 32 px."""

    def __init__(self) -> None:
        super().__init__()
        self.transform = Transform(TransformFacts(32, interpolation="bilinear"), saved=False)
        stem = nn.Sequential(SamePadding(3, 8, 3, 2), nn.ReLU6())
        self.layers = nn.Sequential(stem, Block(8, 8, 2, 3, 1))
        self.head = nn.Linear(8, 22)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.layers(self.transform(x)).mean(dim=(2, 3)))
        return found


@needs_nncf
def test_what_is_kept_in_float32_is_transform_first_last_and_depthwise_layers() -> None:
    openvino = import_silently("openvino")

    torch.manual_seed(0)
    card = Card("x", "efficientnet-lite0", OUTPUTS_22, tuple(dict.fromkeys(OUTPUTS_22)))
    made = float_model(Bundle(SmallLite().eval(), card))
    with redirect_stdout(io.StringIO()):
        files = quantized_graph(made, list(images(2)), "first, last and depthwise layers")
    weights = [
        node.input_value(1).get_node()
        for node in openvino.Core().read_model(*files).get_ordered_ops()
        if node.get_type_name() in ("Convolution", "GroupConvolution")
    ]
    colours, stem, expand, depthwise, project = weights
    assert {node.get_type_name() for node in (colours, stem, depthwise)} == {"Constant"}
    for node, channels in ((expand, 16), (project, 8)):  # int8 × one scale per channel
        while node.get_type_name() == "Reshape":
            node = node.input_value(0).get_node()
        scale = node.input_value(1).get_node()
        assert (node.get_type_name(), scale.data.size) == ("Multiply", channels)


@needs_nncf
def test_int8_answers_are_averaged_over_the_views(quantized: Path, tmp_path: Path) -> None:
    folder = tmp_path / "b"
    shutil.copytree(quantized, folder)
    one, _ = choose_engine(load_bundle(folder), "int8")
    pixels = images(2, 90)
    each = [one.probabilities(np.stack(image_views(image, 8))).mean(axis=0) for image in pixels]
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"views": 8}))
    averaged, _ = choose_engine(load_bundle(folder), "int8")
    np.testing.assert_allclose(averaged.probabilities(pixels), each, atol=1e-6)
    assert not np.allclose(averaged.probabilities(pixels), one.probabilities(pixels), atol=1e-6)


def edit(folder: Path, **facts: object) -> None:
    card = json.loads((folder / "card.json").read_text())
    card["int8"] |= facts
    (folder / "card.json").write_text(json.dumps(card))


@needs_nncf
@pytest.mark.usefixtures("quick")
def test_int8_that_is_not_is_accurate_enough_is_refused_and_nothing_is_written(
    table: pl.DataFrame, trained: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlike = Agreement(16, same_class=0.5, macro_f1_fp32=0.9, macro_f1_int8=0.1)
    monkeypatch.setattr(quantizing._Check, "__call__", lambda *_: unlike)
    with pytest.raises(InputError, match=r"not good enough on 16 held-out .* agrees in 50\.0%"):
        quantize_model(place_of(trained), table, tmp_path / "q")
    assert not (tmp_path / "q").exists()


@pytest.mark.usefixtures("quick")
def test_held_out_cells_that_may_have_trained_are_refused(
    table: pl.DataFrame, trained: Bundle, tmp_path: Path
) -> None:
    swapped = table.with_columns(pl.col("split").replace({"train": "test", "test": "train"}))
    with pytest.raises(InputError, match="not trained on the training cells of this table"):
        quantize_model(place_of(trained), swapped, tmp_path / "q")
    with pytest.raises(InputError, match=r"0 held-out images; int8 is checked on at least 10"):
        quantize_model(place_of(trained), table.drop("split"), tmp_path / "q")


def test_a_bundle_never_replaces_other_files(trained: Bundle, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="is not empty and holds no bundle"):
        save_bundle(trained.model, trained.card, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "precious"
    for name in ("one", "two"):
        card = replace(trained.card, name=name)
        rewrite_bundle(trained, card, tmp_path / "b", other_parts(trained))
    assert load_bundle(tmp_path / "b").card.name == "two"
