"""Files of names and codes."""

from pathlib import Path

import pytest

from marrowscope.dataset.class_name_file import NamedClass, name_key, read_class_names
from marrowscope.errors import InputError

LINES = [NamedClass("BA", "BAS"), NamedClass("IG", None), NamedClass("no", "MON")]


def test_lines_of_yaml_and_of_a_list_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "n.yaml").write_text("\ufeffBA: BAS\nIG: null\nno: MON\n", "utf-8")
    (tmp_path / "n.csv").write_text("name;code\nBA;BAS\nIG;\nno;MON\n")
    assert read_class_names(tmp_path / "n.yaml") == LINES
    assert [(name, code or None) for name, code in read_class_names(tmp_path / "n.csv")] == LINES


def test_case_and_blanks_make_no_other_name() -> None:
    assert name_key("  Band  CELL ") == name_key("band cell")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("n.yaml", "", "names no class"), ("n.yaml", "A: B\na: C\n", "'a' is listed twice"),
        ("n.yaml", "A: B\nA: C\n", "'A' is listed twice"), ("n.yaml", "A: [B]\n", "expected lines"),
        ("n.yaml", "{", "cannot be read as YAML"), ("n.csv", "", "names no class"),
        ("n.csv", "name,other\nA,B\n", "has no column code"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_said_in_one_line(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        read_class_names(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert len(str(caught.value).splitlines()) == 1
