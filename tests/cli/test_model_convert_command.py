"""model convert: a bundle of an earlier version gets its graph."""

import json
from pathlib import Path

import pytest

from marrowscope.models import bundle_writer, create
from marrowscope.models.bundle import load_bundle
from marrowscope.models.bundle_writer import save_bundle
from marrowscope.models.card import Card
from support.command_shell import Shell


def test_a_bundle_without_a_graph_gets_one_beside_the_same_weights(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Card("toy", "sequential", ("BLA", "LYT"), ("BLA", "LYT"))
    with monkeypatch.context() as patch:
        patch.setattr(bundle_writer, "make_graph", lambda model, card: ({}, {}))
        save_bundle(create("sequential", 2), card, tmp_path / "old")
    assert not load_bundle(tmp_path / "old").ready
    out, said = shell("model", "convert", tmp_path / "old", "-o", tmp_path / "new", "--json")
    assert json.loads(out)["bundle"] == str(tmp_path / "new")
    assert f"toy: the graph computes the network's probabilities without torch → {tmp_path}" in said
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("old", "new")]
    assert weights[0] == weights[1]
    assert load_bundle(tmp_path / "new").ready


def test_a_model_that_is_not_there_is_one_line(shell: Shell) -> None:
    said = shell("model", "convert", "no-such-model", status=1).err
    assert said.startswith("marrowscope: no-such-model: neither a bundle folder nor a shipped")


def test_half_needs_another_folder(tmp_path: Path, shell: Shell) -> None:
    card = Card("toy", "sequential", ("BLA", "LYT"), ("BLA", "LYT"))
    save_bundle(create("sequential", 2), card, tmp_path / "full")
    before = {path.name: path.read_bytes() for path in (tmp_path / "full").iterdir()}
    for more in ([], ["-o", tmp_path / "full"]):
        said = shell("model", "convert", tmp_path / "full", "--half", *more, status=1).err
        assert "rounded weights do not replace the exact ones" in said
        assert "--output" in said
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "full").iterdir()}
    said = shell("model", "convert", tmp_path / "full", "--half", "-o", tmp_path / "half").err
    assert "int8 part and calibration" in said
    assert "rounded to half precision" in load_bundle(tmp_path / "half").card.note
