"""Bundles: whole round trip, and every kind of damage is one line."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from marrowscope.errors import InputError
from marrowscope.models import bundle, create
from marrowscope.models.bundle import available, load_bundle
from marrowscope.models.bundle_writer import save_bundle
from marrowscope.models.card import Card

CARD = Card("test", "sequential", ("a", "b", "c"), ("a", "c"), views=8, metrics={"macro_f1": 0.5})


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "bundle"
    torch.manual_seed(0)
    save_bundle(create("sequential", 3), CARD, folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    shutil.copytree(saved, tmp_path / "bundle")
    return tmp_path / "bundle"


def edit_card(folder: Path, **changes: object) -> None:
    content = json.loads((folder / "card.json").read_text())
    for key, value in changes.items():
        if value is ...:
            del content[key]
        else:
            content[key] = value
    (folder / "card.json").write_text(json.dumps(content))


def edit_weights(folder: Path, change) -> None:
    """Change tensors and give the card the new checksum, as somebody with bad intent would."""
    import hashlib

    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    edit_card(folder, weights_sha256=digest)


def test_what_is_saved_is_loaded(folder: Path) -> None:
    found = load_bundle(folder)
    names = {"model.safetensors", "card.json", "graph.xml", "graph.bin", "graph.json"}
    assert {path.name for path in folder.iterdir()} == names
    assert found.card.metrics == {"macro_f1": 0.5}
    assert found.card.version
    assert found.outputs.classes == ("a", "b", "c")
    assert not found.model.training
    torch.manual_seed(0)
    original = create("sequential", 3).eval()
    images = torch.rand(2, 3, 250, 250)
    with torch.inference_mode():
        torch.testing.assert_close(found.model(images), original(images), rtol=0, atol=0)


def test_saving_again_replaces_the_bundle_and_leaves_nothing_beside_it(folder: Path) -> None:
    save_bundle(create("sequential", 3), replace(CARD, note="second"), folder)
    assert load_bundle(folder).card.note == "second"
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 99}, "format is 99"),
        ({"outputs": ...}, "'outputs' is missing"),
        ({"extra": 1}, "unknown field 'extra'"),
        ({"views": 5}, "views is 5"),
        ({"views": "8"}, "expected int"),
        ({"outputs": "abc"}, "list of class codes"),
        ({"outputs": ["a"]}, "1 outputs"),
        ({"known": ["z"]}, "known must name"),
        ({"known": []}, "known must name"),
        ({"architecture": "os.system"}, "architecture 'os.system' is unknown"),
        ({"outputs": ["a", "b", "c", "d"]}, "head.bias is"),
        ({"input_size": 9999}, "input_size"),
        ({"weights_sha256": "0" * 64}, "checksum"),
        ({"microns_per_pixel": 0}, "microns_per_pixel"),
        ({"recipe": []}, "recipe is"),
        ({"known": ["a", "a"]}, "twice"),
        ({"outputs": ["a", "\x1b[2J", "c"]}, "control characters"),
        ({"outputs": ["a", "", "c"]}, "empty"),
        ({"name": "a\nb"}, "control characters"),
        ({"name": "\ud800"}, "control characters"),
        ({"data": {"images": [1, 2]}}, r"data\.images"),
        ({"data": {"images": {"a": "many"}}}, r"data\.images"),
        ({"metrics": {"macro_f1": "good"}}, "macro_f1"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(folder: Path, changes: dict, reason: str) -> None:
    edit_card(folder, **changes)
    with pytest.raises(InputError, match=reason) as caught:
        assert load_bundle(folder).model
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_weights_that_do_not_fit_are_refused(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.pop("head.bias"))
    with pytest.raises(InputError, match=r"head\.bias is missing"):
        assert load_bundle(folder).model


def test_an_unexpected_tensor_is_refused(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.update(spy=torch.zeros(1)))
    with pytest.raises(InputError, match="unexpected tensor spy"):
        assert load_bundle(folder).model


def test_another_type_or_shape_is_refused(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.update({"head.bias": tensors["head.bias"].half()}))
    with pytest.raises(InputError, match=r"head\.bias is \(3,\) torch\.float16"):
        assert load_bundle(folder).model


def test_values_that_are_not_finite_are_refused(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors["head.bias"].fill_(float("nan")))
    with pytest.raises(InputError, match="not finite"):
        load_bundle(folder)


def test_negative_variances_are_refused(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors["pool_norm.running_var"].fill_(-1))
    with pytest.raises(InputError, match=r"pool_norm\.running_var holds negative variances"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["card.json", "model.safetensors"])
def test_a_pipe_is_refused_and_not_waited_for(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(InputError, match="not a regular file"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["card.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{name}: No such file"):
        load_bundle(folder)


def test_a_file_over_the_limit_is_not_read(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(bundle, "MAX_WEIGHT_BYTES", 1000)
    with pytest.raises(InputError, match="larger than"):
        load_bundle(folder)


@pytest.mark.parametrize("cut", [0, 10, 5000])
def test_truncated_weights_are_refused(folder: Path, cut: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match="not a safetensors file"):
        load_bundle(folder)


def test_a_pickle_in_the_place_of_the_weights_is_never_opened(folder: Path, tmp_path: Path) -> None:
    import hashlib
    import pickle

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "owned",))

    (folder / "model.safetensors").write_bytes(pickle.dumps(Evil()))
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    edit_card(folder, weights_sha256=digest)
    with pytest.raises(InputError, match="not a safetensors file"):
        load_bundle(folder)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "[" * 100_000, '{"format": ' + "9" * 5000 + "}"]
)
def test_a_card_that_is_no_card_is_refused(folder: Path, text: str) -> None:
    (folder / "card.json").write_text(text)
    with pytest.raises(InputError, match=r"card\.json"):
        load_bundle(folder)


def test_a_link_out_of_the_bundle_is_refused(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    (folder / "card.json").rename(secret)
    (folder / "card.json").symlink_to(secret)
    with pytest.raises(InputError, match="link out of the bundle"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["nothing", "../bundles", "", ".", "/etc/passwd", "a/b"])
def test_a_name_that_is_no_bundle_is_refused(name: str, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        load_bundle(name)


def test_every_shipped_bundle_loads_and_says_what_it_is() -> None:
    for card in available():
        assert load_bundle(card.name).card == card
        assert "esearch use only" in card.intended_use
        assert card.metrics
        assert card.note


def test_a_package_without_bundles_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(bundle, "_shipped_folder", lambda: tmp_path / "bundles")
    assert available() == []
    with pytest.raises(InputError, match=r"shipped: none"):
        load_bundle("sequential-mll7")
