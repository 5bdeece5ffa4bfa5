"""Frozen backbones: last layers fitted on features, features kept, runs that go on."""

import json
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from marrowscope.dataset.indexing import index
from marrowscope.dataset.splitting import hold_out
from marrowscope.errors import InputError
from marrowscope.models.backbone import VIT, backbone_from_file
from marrowscope.models.bundle import load_bundle
from marrowscope.models.outputs import OutputMap
from marrowscope.training.linear_probe import backbone_features as module
from marrowscope.training.linear_probe.backbone_features import backbone_features
from marrowscope.training.linear_probe.probe_heads import output_shares
from marrowscope.training.recipe import Recipe, load_recipe
from marrowscope.training.train import train
from support.vit_weights import write_weights

pytestmark = pytest.mark.usefixtures("without_graph")
RECIPE = load_recipe("finetune", ["epochs=2", "target_per_class=8", "batch_size=8"])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Twelve reddish and twelve bluish images, labelled with two of the 21 classes, split."""
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for code, colour in (("LYT", (90, 120, 200)), ("NGS", (200, 120, 90))):
        (folder / code).mkdir()
        for number in range(12):
            image = random.normal(colour, 30, (250, 250, 3)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / code / f"{number}.png"), image)
    return hold_out(index([folder]), 0.25).table


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights"))


OUTPUTS = OutputMap(("A", "B", "B", "C", "Z"), frozenset("ABC"))
SHARES = output_shares(OUTPUTS, ("A", "B", "C"))


def test_outputs_of_one_class_share_and_unknown_ones_get_nothing() -> None:
    wanted = [[1, 0, 0, 0, 0], [0, 0.5, 0.5, 0, 0], [0, 0, 0, 1, 0]]
    np.testing.assert_array_equal(SHARES, wanted)


def test_features_are_computed_once_and_shared_between_runs(
    table: pl.DataFrame, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = backbone_from_file(VIT, weights, 2).eval()
    first = backbone_features(network, table[:10], "a" * 64, tmp_path)
    computed = []
    original = module._computed
    monkeypatch.setattr(
        module, "_computed", lambda *rest: computed.extend(rest[2]) or original(*rest)
    )
    both = backbone_features(network, table, "a" * 64, tmp_path)
    np.testing.assert_array_equal(both[:10], first)
    assert len(computed) == table.height - 10
    backbone_features(network, table[:3], "b" * 64, tmp_path)  # other weights: nothing is known
    assert len(computed) == table.height - 10 + 3


def test_a_damaged_file_of_kept_features_is_named(
    table: pl.DataFrame, weights: Path, tmp_path: Path
) -> None:
    (tmp_path / f"{'a' * 16}-x.parquet").write_bytes(b"PAR1")
    network = backbone_from_file(VIT, weights, 2).eval()
    with pytest.raises(InputError, match="damaged file of kept features"):
        backbone_features(network, table, "a" * 64, tmp_path)


@pytest.mark.parametrize("head", ["linear", "knn"])
def test_a_frozen_run_tells_two_kinds_apart_and_can_be_asked_again(
    table: pl.DataFrame, weights: Path, tmp_path: Path, head: str
) -> None:
    run = tmp_path / "run"
    done = train(table, VIT, Recipe(), run, weights=weights, head=head)
    assert done.metrics["macro_f1"] == 1.0  # colours alone tell them, even with random weights
    bundle = load_bundle(run / "bundle")
    assert bundle.card.recipe["head"] == head
    assert bundle.card.recipe["transform"]["size"] == 56
    assert "to 56 px (bicubic)" in bundle.card.preprocessing
    again = train(table, VIT, Recipe(), run, weights=weights, head=head, resume=True)
    assert again.metrics == done.metrics


def test_another_head_weights_or_transform_is_no_resume(
    table: pl.DataFrame, weights: Path, tmp_path: Path
) -> None:
    own = write_weights(tmp_path / "own")
    train(table, VIT, Recipe(), tmp_path / "run", weights=own, head="knn")
    for change, named in (("head", "head"), ("weights", "weights_sha256"),
                          ("transform", "transform_sha256")):  # fmt: skip
        if change == "transform":
            (tmp_path / "own" / "tiny.json").write_text(json.dumps({"size": 70}))
        other = write_weights(tmp_path / "other", seed=5) if change == "weights" else own
        head = "linear" if change == "head" else "knn"
        with pytest.raises(InputError, match=f"another {named}"):
            train(table, VIT, Recipe(), tmp_path / "run", weights=other, head=head, resume=True)


def test_fine_tuning_moves_the_backbone_more_slowly_than_the_last_layer(
    table: pl.DataFrame, weights: Path, tmp_path: Path
) -> None:
    moved = {}
    for rate in ("0", "0.03"):
        recipe = load_recipe("finetune", ["epochs=2", "target_per_class=8", "batch_size=8",
                                          "average=0", f"body_rate={rate}"])  # fmt: skip
        run = tmp_path / rate
        train(table, VIT, recipe, run, weights=weights, head="finetune")
        trained = load_bundle(run / "bundle").model.state_dict()
        start = backbone_from_file(VIT, weights, 22).state_dict()
        moved[rate] = {
            name: float((trained[name] - start[name]).abs().max())
            for name in ("trunk.norm.bias", "trunk.blocks.0.mlp.fc1.bias")
        }
    assert set(moved["0"].values()) == {0.0}
    # Adam moves a value by its learning rate per step at most, or a little more.
    assert all(0 < value < 4 * 2 * 0.03 * 0.001 for value in moved["0.03"].values())


def test_a_fine_tuning_that_was_stopped_ends_with_the_same_bits(
    table: pl.DataFrame, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from marrowscope.training.networks.finetuning import FinetuneModule

    def run(name: str, **more: object) -> bytes:
        train(table, VIT, RECIPE, tmp_path / name, name="n", weights=weights, head="finetune",
              checkpoint_steps=1, **more)  # type: ignore[arg-type]  # fmt: skip
        return (tmp_path / name / "bundle" / "model.safetensors").read_bytes()

    whole = run("whole")
    original = FinetuneModule.training_step

    def failing(self: FinetuneModule, batch: tuple[object, ...], index: int) -> torch.Tensor:
        if self.trainer.global_step == 3:
            raise KeyboardInterrupt
        return original(self, batch, index)

    monkeypatch.setattr(FinetuneModule, "training_step", failing)
    with pytest.raises((KeyboardInterrupt, InputError)):
        run("parts")
    monkeypatch.setattr(FinetuneModule, "training_step", original)
    assert run("parts", resume=True) == whole
