"""The ready graph of a bundle: made when it is saved, checked when it is read."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from marrowscope.errors import InputError
from marrowscope.inference import openvino_engine
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.inference.openvino_engine import OpenVinoEngine
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models import create
from marrowscope.models.bundle import CALIBRATION, Bundle, load_bundle, other_parts
from marrowscope.models.bundle_writer import add_graph, rewrite_bundle, save_bundle
from marrowscope.models.card import Card

CARD = Card("toy", "sequential", ("a", "b", "b", "c"), ("a", "b"), views=8)
PIXELS = np.random.default_rng(3).integers(0, 256, (2, 10, 10, 3), np.uint8)
IMAGES = PIXELS.repeat(25, axis=1).repeat(25, axis=2)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "bundle"
    torch.manual_seed(0)
    save_bundle(create("sequential", 4), CARD, folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    shutil.copytree(saved, tmp_path / "bundle")
    return tmp_path / "bundle"


def edit_card(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / "card.json").read_text())
    content["graph"] = {**content["graph"], **changes.pop("graph", {})}
    (folder / "card.json").write_text(json.dumps({**content, **changes}))


def without_graph(folder: Path) -> Path:
    """As an earlier version wrote it."""
    for name in ("graph.xml", "graph.bin", "graph.json"):
        (folder / name).unlink()
    content = json.loads((folder / "card.json").read_text())
    del content["graph"]
    (folder / "card.json").write_text(json.dumps(content))
    return folder


def flip_last_byte(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def swap_pieces(path: Path) -> None:
    """The last two tensors of a layout change places."""
    pieces = json.loads(path.read_text())
    tensors = [place for place, piece in enumerate(pieces) if "stored" not in piece]
    *_, first, second = tensors
    pieces[first], pieces[second] = pieces[second], pieces[first]
    path.write_text(json.dumps(pieces))


def fill(path: Path, size: int) -> None:
    path.write_bytes(b" " * size)


def test_the_graph_gives_the_probabilities_of_torch(saved: Path) -> None:
    bundle = load_bundle(saved)
    assert bundle.ready
    found = OpenVinoEngine(bundle).probabilities(IMAGES)
    exact = TorchEngine(bundle).probabilities(IMAGES)
    assert np.abs(found - exact).max() <= 1e-5
    assert (found[:, 2] == 0).all()  # a class that the network does not know


def test_saving_does_not_change_the_network(tmp_path: Path) -> None:
    network = create("sequential", 3).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    card = replace(CARD, outputs=("a", "b", "c"), known=("a",))
    save_bundle(network, card, tmp_path / "bundle")
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_the_same_network_gives_the_same_graph_byte_for_byte(saved: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_bundle(create("sequential", 4), CARD, tmp_path / "again")
    for name in ("graph.xml", "graph.bin", "graph.json", "model.safetensors"):
        assert (saved / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "graph.bin").write_bytes(b"\0" * 100), "graph.bin has 100"),
        (lambda folder: flip_last_byte(folder / "graph.bin"), "graph.bin differs"),
        (lambda folder: (folder / "graph.json").unlink(), "graph.bin differs"),
        (lambda folder: (folder / "graph.json").write_text("[]"), "needs 0 stored bytes"),
        (lambda folder: (folder / "graph.json").write_text("{"), "graph.json: not a layout"),
        (lambda folder: swap_pieces(folder / "graph.json"), "graph.bin differs"),
        (lambda folder: fill(folder / "graph.json", 4_000_001), "graph.json: larger than 4 MB"),
        (lambda folder: (folder / "graph.xml").write_text("<net/>"), "graph.xml differs"),
        (lambda folder: (folder / "graph.bin").unlink(), "graph.bin: No such file"),
        (lambda folder: edit_card(folder, graph={"weights_sha256": "0"}), "other weights"),
        (lambda folder: edit_card(folder, known=["a"]), "other classes"),
        (lambda folder: edit_card(folder, outputs=["b", "a", "b", "c"]), "other classes"),
    ],
    ids=[
        "too few constants",
        "another constant",
        "no layout",
        "an empty layout",
        "broken layout",
        "another order",
        "large layout",
        "graph",
        "gone",
        "weights",
        "known",
        "outputs",
    ],
)
def test_a_graph_that_does_not_fit_is_refused_in_one_line(
    folder: Path, damage: Any, reason: str
) -> None:
    damage(folder)
    with pytest.raises(InputError, match=reason) as caught:
        OpenVinoEngine(load_bundle(folder))
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_link_out_of_the_bundle_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "graph.bin").rename(tmp_path / "elsewhere")
    (folder / "graph.bin").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="link out of the bundle"):
        OpenVinoEngine(load_bundle(folder))


def test_a_bundle_of_an_earlier_version_is_converted_where_torch_is(folder: Path) -> None:
    bundle = load_bundle(without_graph(folder))
    assert not bundle.ready
    found = OpenVinoEngine(bundle).probabilities(IMAGES)
    assert np.abs(found - TorchEngine(bundle).probabilities(IMAGES)).max() <= 1e-5
    before = (folder / "model.safetensors").read_bytes()
    add_graph(bundle, folder)
    assert (folder / "model.safetensors").read_bytes() == before
    np.testing.assert_array_equal(OpenVinoEngine(load_bundle(folder)).probabilities(IMAGES), found)


def test_without_torch_one_line_says_how_it_gets_its_graph(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = load_bundle(without_graph(folder))
    monkeypatch.setattr(openvino_engine, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"'marrowscope model convert' where torch is") as caught:
        choose_engine(bundle)
    assert "\n" not in str(caught.value)


def test_rewriting_keeps_weights_and_graph_and_adds_parts(folder: Path, tmp_path: Path) -> None:
    bundle = load_bundle(folder)
    parts = {**other_parts(bundle), CALIBRATION: b"{}"}
    rewrite_bundle(bundle, bundle.card, tmp_path / "new", parts)
    for path in folder.iterdir():
        assert (tmp_path / "new" / path.name).read_bytes() == path.read_bytes(), path.name
    assert (tmp_path / "new" / CALIBRATION).read_bytes() == b"{}"


def test_a_network_put_in_the_place_of_the_saved_one_does_not_get_its_graph(saved: Path) -> None:
    loaded = load_bundle(saved)
    torch.manual_seed(1)
    other = Bundle(create("sequential", 4).eval(), loaded.card, loaded.folder)
    found = OpenVinoEngine(other).probabilities(IMAGES)
    assert np.abs(found - TorchEngine(other).probabilities(IMAGES)).max() <= 1e-5
    assert np.abs(found - OpenVinoEngine(loaded).probabilities(IMAGES)).max() > 1e-3


def test_constants_that_the_weights_hold_are_not_stored_again(saved: Path) -> None:
    constants = load_bundle(saved).graph()[1]
    assert len(constants) > 1_200_000
    assert (saved / "graph.bin").stat().st_size < 2_000
    assert (saved / "graph.json").stat().st_size < 4_000


def test_a_bundle_whose_constants_are_all_in_one_file_is_read_as_before(folder: Path) -> None:
    found = load_bundle(folder).graph()
    (folder / "graph.json").unlink()
    (folder / "graph.bin").write_bytes(found[1])
    assert load_bundle(folder).graph() == found
    bundle = load_bundle(folder)
    rewrite_bundle(bundle, bundle.card, folder, other_parts(bundle))
    assert load_bundle(folder).graph() == found
    add_graph(bundle, folder)
    assert (folder / "graph.json").exists()
    assert load_bundle(folder).graph() == found


def test_half_precision_halves_the_weights_and_keeps_the_answers(
    folder: Path, tmp_path: Path
) -> None:
    bundle = load_bundle(folder)
    card = add_graph(bundle, tmp_path / "half", half=True)
    sizes = [(place / "model.safetensors").stat().st_size for place in (folder, tmp_path / "half")]
    assert sizes[1] < 0.52 * sizes[0]
    assert card.weights_sha256 != bundle.card.weights_sha256
    assert card.note == "Weights were rounded to half precision; metrics were measured before."
    half = load_bundle(tmp_path / "half")
    found = OpenVinoEngine(half).probabilities(IMAGES)
    assert np.abs(found - TorchEngine(half).probabilities(IMAGES)).max() <= 1e-5
    assert np.abs(found - OpenVinoEngine(bundle).probabilities(IMAGES)).max() <= 1e-3
    again = add_graph(half, tmp_path / "again", half=True)
    assert again == card  # what is rounded already stays as it is


def test_parts_that_were_made_for_the_exact_weights_do_not_go_with_the_rounded_ones(
    folder: Path, tmp_path: Path
) -> None:
    bundle = load_bundle(folder)
    facts = {"weights_sha256": bundle.card.weights_sha256}
    parts = {**other_parts(bundle), CALIBRATION: b"{}", "int8.xml": b"<net/>", "int8.bin": b"1"}
    rewrite_bundle(bundle, replace(bundle.card, int8=facts), tmp_path / "full", parts)
    card = add_graph(load_bundle(tmp_path / "full"), tmp_path / "half", half=True)
    assert card.int8 == {}
    names = {path.name for path in (tmp_path / "half").iterdir()}
    assert names == {"card.json", "graph.bin", "graph.json", "graph.xml", "model.safetensors"}


class Wavering(nn.Module):
    """Answers differently when it is traced."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        sign = 1.0 if torch.jit.is_tracing() else -1.0
        return images.mean(dim=(2, 3)) * 50 * sign


def test_a_graph_that_computes_something_else_is_not_kept(tmp_path: Path) -> None:
    card = Card("toy", "sequential", ("a", "b", "c"), ("a", "b", "c"))
    made = save_bundle(Wavering(), card, tmp_path / "bundle")
    assert "differ from torch's" in made.graph["missing"]
    assert not (tmp_path / "bundle" / "graph.xml").exists()
    bundle = load_bundle(tmp_path / "bundle")
    bundle.model = Wavering()  # what a loaded one would be
    engine, remark = choose_engine(bundle)
    assert engine.name == "torch cpu fp32"
    assert "PyTorch computes, more slowly" in str(remark)
