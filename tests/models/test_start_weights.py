"""Start weights: every tensor of the same network, the last layer only if it fits."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from marrowscope.errors import InputError
from marrowscope.models import create
from marrowscope.models.start_weights import load_start_weights


def made(outputs: int, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    return create("sequential", outputs)


def saved(model: torch.nn.Module, path: Path, without: str = "nothing") -> Path:
    save_file({name: t.contiguous() for name, t in model.state_dict().items()
               if not name.startswith(without)}, path)  # fmt: skip
    return path


def equal(one: torch.nn.Module, other: torch.nn.Module, names: list[str]) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return all(torch.equal(a[name], b[name]) for name in names)


def test_the_same_network_is_taken_over_whole(tmp_path: Path) -> None:
    source, target = made(3, 1), made(3, 2)
    left = load_start_weights(target, saved(source, tmp_path / "w.safetensors"))
    assert left == ()
    assert equal(source, target, list(source.state_dict()))


@pytest.mark.parametrize("case", ["no head", "other classes"])
def test_a_last_layer_that_is_missing_or_does_not_fit_stays_random(
    tmp_path: Path, case: str
) -> None:
    source, target = made(3 if case == "no head" else 5, 1), made(3, 2)
    before = target.head.weight.clone()
    path = saved(source, tmp_path / "w.safetensors", "head." if case == "no head" else "nothing")
    assert load_start_weights(target, path) == ("head.weight", "head.bias")
    assert torch.equal(target.head.weight, before)
    body = [name for name in source.state_dict() if not name.startswith("head.")]
    assert equal(source, target, body)


def broken(kind: str, path: Path) -> None:
    tensors = {name: t.contiguous() for name, t in made(3, 1).state_dict().items()}
    first = next(iter(tensors))
    if kind == "lacks":
        del tensors[first]
    elif kind == "has":
        tensors["blocks.0.weight"] = torch.zeros(2)
    elif kind == "expected":
        tensors[first] = tensors[first][:1].contiguous()
    elif kind == "not finite":
        tensors[first] = tensors[first] * float("nan")
    save_file(tensors, path)


@pytest.mark.parametrize("kind", ["lacks", "has", "expected", "not finite"])
def test_other_weights_are_refused_in_one_line_and_change_nothing(
    tmp_path: Path, kind: str
) -> None:
    path, target = tmp_path / "w.safetensors", made(3, 2)
    broken(kind, path)
    before = {name: t.clone() for name, t in target.state_dict().items()}
    with pytest.raises(InputError, match=kind) as caught:
        load_start_weights(target, path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert all(torch.equal(before[name], t) for name, t in target.state_dict().items())


def test_pickles_text_and_missing_files_are_refused(tmp_path: Path) -> None:
    torch.save(made(3, 1).state_dict(), tmp_path / "w.pt")
    (tmp_path / "note.safetensors").write_text("hello")
    for name, said in (("w.pt", "pickles are not read"), ("note.safetensors", "not a safetensors"),
                       ("gone", "No such file")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            load_start_weights(made(3, 1), tmp_path / name)
