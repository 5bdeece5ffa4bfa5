"""What a training starts with: checked before anything is done."""

from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.training.run_setup import choose_starting_point, default_recipe

FILE = Path("weights.safetensors")


def test_a_backbone_gets_a_linear_head_unless_another_is_asked_for() -> None:
    assert choose_starting_point("vit", FILE, None).is_linear_probe
    assert choose_starting_point("vit", FILE, "knn").is_linear_probe
    assert not choose_starting_point("timm:vit_small", FILE, "finetune").is_linear_probe
    assert not choose_starting_point("resnext50", None, None).is_linear_probe


def test_only_backbones_have_a_recipe_of_their_own() -> None:
    assert default_recipe("vit") == "finetune"
    assert default_recipe("resnext50") == "default"


@pytest.mark.parametrize(
    ("model", "weights", "head", "words"),
    [
        ("vit", None, None, "`model` vit: needs `weights`"),
        ("vit", FILE, "tree", "`head` tree: expected"),
        ("resnet18", None, None, "`model` resnet18: choose one of"),
        ("resnext50", None, "knn", "`head` knn: only for `model=vit`"),
        ("features", FILE, None, "is not a network and has no start"),
    ],
)
def test_what_does_not_fit_is_refused(
    model: str, weights: Path | None, head: str | None, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        choose_starting_point(model, weights, head)


def test_weights_that_cannot_be_read_have_no_identity(tmp_path: Path) -> None:
    start = choose_starting_point("resnext50", tmp_path / "none.safetensors", None)
    with pytest.raises(InputError, match=r"none\.safetensors"):
        start.identity()
    path = tmp_path / "some.safetensors"
    path.write_bytes(b"a")
    first = choose_starting_point("resnext50", path, None).identity()
    path.write_bytes(b"b")
    assert choose_starting_point("resnext50", path, None).identity() != first
