"""Checkpoint files: what is read, and what is refused without running it."""

import os
from pathlib import Path

import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.models.checkpoint_files import read_checkpoint
from support.vit_weights import random_vit, write_weights


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("harm",)


def test_a_pickle_that_could_run_code_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"teacher": random_vit().state_dict(), "more": Harmful()}, "w.pth")
    with pytest.raises(InputError, match="convert it to safetensors"):
        read_checkpoint(Path("w.pth"))
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04broken", b"\x80\x02broken"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_what_is_no_weights_file_is_one_line(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_checkpoint(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_cut_short_is_one_line(tmp_path: Path) -> None:
    path = write_weights(tmp_path, size=None)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match="damaged"):
        read_checkpoint(path)


def test_other_files_and_no_tensors_are_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "w.pt")
    torch.save({"w": torch.zeros(1).expand(10**12)}, tmp_path / "wide.pt")
    (tmp_path / "table.csv").write_text("a,b")
    for name, said in (("w.pt", "holds no tensors"), ("table.csv", "expected one of .safetensors"),
                       ("gone.pth", "no such file"), ("wide.pt", "a plain tensor")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            read_checkpoint(tmp_path / name)
