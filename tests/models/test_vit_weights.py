"""Files with vision transformers: published layouts are one network; others are refused."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.models.checkpoint_files import read_checkpoint
from marrowscope.models.vit import VisionTransformer
from marrowscope.models.vit_weights import resize_position_embeddings, vit_from_weights
from support.vit_weights import TINY, random_vit, write_safetensors, write_weights

Tensors = dict[str, torch.Tensor]


def loaded(path: Path, size: int = 56) -> VisionTransformer:
    return vit_from_weights(read_checkpoint(path), size, str(path))


def in_chunks(name: str) -> str:
    return name.replace("blocks.", "blocks.0.", 1) if name.startswith("blocks.") else name


@pytest.mark.parametrize(
    "layout",
    ["bare", "safetensors", "teacher.backbone", "model.teacher", "module", "chunks", "student"],
)
def test_every_layout_gives_the_same_network(tmp_path: Path, layout: str) -> None:
    own = random_vit()
    state: Tensors = {**own.state_dict(), "mask_token": torch.zeros(1, 64)}
    path = tmp_path / "w.pth"
    if layout == "safetensors":
        path = write_safetensors(state, tmp_path / "w.safetensors")
    elif layout == "bare":
        torch.save(state, path)
    elif layout == "teacher.backbone":
        path = write_weights(tmp_path, size=None)
    elif layout == "chunks":
        torch.save({in_chunks(name): tensor for name, tensor in state.items()}, path)
    elif layout == "student":  # the teacher is taken where both are there
        other = {f"backbone.{n}": t for n, t in random_vit(seed=1).state_dict().items()}
        wrapped = {f"backbone.{n}": t for n, t in state.items()}
        torch.save({"student": other, "teacher": wrapped, "epoch": 3}, path)
    elif layout == "module":
        torch.save({"state_dict": {f"module.{n}": t for n, t in state.items()}}, path)
    else:
        torch.save({"model": {f"teacher.backbone.{n}": t for n, t in state.items()}}, path)
    images = torch.rand(1, 3, 56, 56)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(path)(images), own(images), atol=0, rtol=0)


def test_kind_and_size_follow_from_the_shapes_alone() -> None:
    shape = replace(TINY, width=128, depth=3, hidden=96, gated=True, registers=2, scaled=False)
    assert vit_from_weights(random_vit(shape).state_dict(), 56, "w").shape == shape


def test_half_precision_weights_are_widened() -> None:
    halves = {name: tensor.half() for name, tensor in random_vit().state_dict().items()}
    assert all(p.dtype == torch.float32 for p in vit_from_weights(halves, 56, "w").parameters())


def cubic(distance: float, sharpness: float) -> float:
    """The kernel of cubic convolution (Keys 1981)."""
    d = abs(distance)
    if d < 1:
        return (sharpness + 2) * d**3 - (sharpness + 3) * d**2 + 1
    return sharpness * (d**3 - 5 * d**2 + 8 * d - 4) if d < 2 else 0.0


def transformers_names(state: Tensors) -> Tensors:
    """As the library transformers saves DINOv2, below the name of a classifier."""
    found: Tensors = {"classifier.weight": torch.zeros(3, 128)}
    for name, tensor in state.items():
        inside = re.match(r"blocks\.(\d+)\.attn\.qkv\.(\w+)", name)
        if inside:
            for part, third in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                place = f"dinov2.encoder.layer.{inside[1]}.attention.attention"
                found[f"{place}.{part}.{inside[2]}"] = third
            continue
        for ours, theirs in (
            ("cls_token", "embeddings.cls_token"), ("pos_embed", "embeddings.position_embeddings"),
            ("register_tokens", "embeddings.register_tokens"),
            ("attn.proj", "attention.output.dense"),
            ("patch_embed.proj", "embeddings.patch_embeddings.projection"),
            ("ls1.gamma", "layer_scale1.lambda1"), ("ls2.gamma", "layer_scale2.lambda1"),
            ("mlp.w12", "mlp.weights_in"), ("mlp.w3", "mlp.weights_out"),
            ("blocks.", "encoder.layer."),
        ):  # fmt: skip
            name = name.replace(ours, theirs)
        name = re.sub(r"^norm\.", "layernorm.", name)
        found[f"dinov2.{name}"] = tensor
    return found


@pytest.mark.parametrize("gated", [False, True])
def test_the_names_of_transformers_are_the_same_network(tmp_path: Path, gated: bool) -> None:
    own = random_vit(replace(TINY, gated=gated, registers=2))
    path = write_safetensors(transformers_names(own.state_dict()), tmp_path / "w.safetensors")
    images = torch.rand(1, 3, 56, 56)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(path)(images), own(images), atol=0, rtol=0)


def test_a_key_that_is_missing_under_those_names_is_named() -> None:
    state = transformers_names(random_vit().state_dict())
    del state["dinov2.encoder.layer.1.attention.attention.key.bias"]
    with pytest.raises(InputError, match=r"tensor blocks\.1\.attn\.qkv\.bias is missing"):
        vit_from_weights(state, 56, "w")


@pytest.mark.parametrize("antialias", [False, True])
def test_places_are_moved_as_in_the_published_code(antialias: bool) -> None:
    """From 9×9 to 6×6 by hand, in the middle: sharpness −.75, or −.5 and widened by 9/6."""
    profile = torch.rand(9, generator=torch.Generator().manual_seed(2))
    places = profile[:, None].expand(9, 9).reshape(1, 81, 1)
    first = torch.tensor([[[7.0]]])
    found = resize_position_embeddings(torch.cat((first, places), dim=1), 6, antialias)
    assert found.shape == (1, 37, 1)
    assert found[0, 0, 0] == 7
    sharpness, wide = (-0.5, 1.5) if antialias else (-0.75, 1.0)
    for row in (2, 3):
        centre = (row + 0.5) * (9 / 6 if antialias else 9 / 6.1)
        weights = [cubic((place + 0.5 - centre) / wide, sharpness) for place in range(9)]
        wanted = sum(w * float(v) for w, v in zip(weights, profile, strict=True)) / sum(weights)
        assert float(found[0, 1 + 6 * row + 2, 0]) == pytest.approx(wanted, abs=1e-5)


def test_the_same_grid_is_left_as_it_is() -> None:
    places = torch.rand(1, 17, 8)
    assert resize_position_embeddings(places, 4, antialias=True) is places


def test_an_input_larger_than_the_training_s_works() -> None:
    network = vit_from_weights(random_vit().state_dict(), 112, "w")
    assert network(torch.rand(1, 3, 112, 112)).shape == (1, 64)


def spoiled(how: str, state: Tensors) -> Tensors:
    if how == "is missing":
        del state["blocks.1.attn.qkv.weight"]
    elif how == "unexpected tensor extra.weight":
        state["extra.weight"] = torch.zeros(2)
    elif how == "expected \\(192, 64\\)":
        state["blocks.1.attn.qkv.weight"] = torch.zeros(192, 32)
    elif how == "not finite":
        state["norm.weight"] = state["norm.weight"] * float("nan")
    elif how == "square number":
        state["pos_embed"] = torch.zeros(1, 12, 64)
    elif how == "multiple":
        state["cls_token"] = torch.zeros(1, 1, 65)
    elif how == "depth is":
        state["blocks.900.norm1.weight"] = torch.zeros(64)
    elif how == "dimensions":
        state["pos_embed"] = torch.zeros(17, 64)
    else:
        state = {"layer1.weight": torch.zeros(3)}
    return state


@pytest.mark.parametrize(
    "how",
    ["is missing", "unexpected tensor extra.weight", "expected \\(192, 64\\)", "not finite",
     "square number", "multiple", "depth is", "dimensions", "no vision transformer"],
)  # fmt: skip
def test_another_network_is_refused_by_its_first_difference(tmp_path: Path, how: str) -> None:
    path = tmp_path / "w.pth"
    torch.save(spoiled(how, dict(random_vit().state_dict())), path)
    with pytest.raises(InputError, match=how) as caught:
        loaded(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_patches_that_do_not_fill_the_input_are_refused_with_the_remedy() -> None:
    with pytest.raises(InputError, match="patches of 14 px do not fill an input of 225"):
        vit_from_weights(random_vit().state_dict(), 225, "w")
