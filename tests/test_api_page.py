"""The examples of docs/api.md run, on cells and fields that are drawn for them."""

import doctest
import inspect
from pathlib import Path

import marrowscope as ms

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"


def test_the_examples_of_the_api_page_are_true(tmp_path: Path) -> None:
    # The fence that ends an example would be taken for its output; the page has a line before it.
    failed, tried = doctest.testfile(
        str(PAGE), module_relative=False, globs={"home": tmp_path},
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )  # fmt: skip
    assert tried > 25
    assert failed == 0


def test_every_exported_function_has_its_signature_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    functions = [name for name in ms.__all__ if inspect.isfunction(getattr(ms, name))]
    assert [name for name in functions if f"\n{name}(" not in text] == []
