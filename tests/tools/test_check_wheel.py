"""The check of the wheel finds what it is for; that the wheel is right, ``make wheel`` shows."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("check_wheel", ROOT / "tools" / "check_wheel.py")
assert SPEC is not None
assert SPEC.loader is not None
check_wheel = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_wheel)

BUNDLE = "marrowscope/models/bundles/one/"
WANTED = {
    "marrowscope/__init__.py", "marrowscope/report/templates/count.html",
    *(BUNDLE + name for name in ("card.json", "model.safetensors", "fp32.xml")),
}  # fmt: skip
HELD = WANTED | {"marrowscope-0.1.0.dist-info/METADATA"}
METADATA = """Metadata-Version: 2.4
Name: marrowscope
License-Expression: Apache-2.0
Requires-Dist: numpy>=1.26
Requires-Dist: torchvision-free>=1
Requires-Dist: torch>=2.5; extra == 'train'
"""


def test_a_whole_wheel_passes() -> None:
    check_wheel.check_content(HELD, WANTED)
    check_wheel.check_metadata(METADATA)


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (HELD - {"marrowscope/report/templates/count.html"}, "lacks 1 files: .*count.html"),
        (HELD | {"marrowscope/secret.env"}, "git does not know: marrowscope/secret.env"),
    ],
)
def test_a_file_too_few_or_too_many_is_named(held: set[str], said: str) -> None:
    with pytest.raises(check_wheel.WheelError, match=said):
        check_wheel.check_content(held, WANTED)


def test_a_model_without_a_graph_is_refused() -> None:
    graph = {BUNDLE + "fp32.xml"}
    with pytest.raises(check_wheel.WheelError, match=r"one lacks weights or a graph"):
        check_wheel.check_content(HELD - graph, WANTED - graph)


def test_a_core_that_brings_torch_is_refused() -> None:
    text = METADATA.replace("; extra == 'train'", "")
    with pytest.raises(check_wheel.WheelError, match=r"the core requires torch$"):
        check_wheel.check_metadata(text)


def test_the_sources_hold_templates_recipes_and_the_model() -> None:
    names = check_wheel.sources()
    suffixes = {Path(name).suffix for name in names}
    assert {".py", ".yaml", ".html", ".css", ".safetensors", ".json", ".typed"} <= suffixes | {
        "." + Path(name).name.partition(".")[2] for name in names
    }


def test_a_command_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(check_wheel.WheelError, match=r"ends with 3:\nno space left"):
        check_wheel.run(
            ["python3", "-c", "import sys; print('no space left', file=sys.stderr); sys.exit(3)"]
        )
