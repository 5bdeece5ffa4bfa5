"""Rules of where a path has an id."""

import pytest

from marrowscope.dataset.path_rules import path_rule
from marrowscope.errors import InputError


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("folder:-1", "BLA"), ("folder:-2", "P7"), ("folder:-9", None),
        ("name:*_{id}_*", "MUC12"), ("name:{id:3}_*", "BLA"), ("name:x{id}", None),
    ],
)  # fmt: skip
def test_where_an_id_stands(rule: str, found: str | None) -> None:
    assert path_rule(rule, "patient_from").find("/data/P7/BLA/BLA_MUC12_0001.jpg") == found


@pytest.mark.parametrize(
    "rule", ["", "folder", "folder:0", "folder:-0", "folder:+1", "name:", "name:(a+)+$",
             "name:{id}{id}", "name:***{id}", "name:{id"],
)  # fmt: skip
def test_rules_that_are_none_are_refused(rule: str) -> None:
    with pytest.raises(InputError, match="`patient_from`"):
        path_rule(rule, "patient_from")


def test_a_pattern_ends_on_a_long_name_that_nearly_fits() -> None:
    rule = path_rule("name:*a{id}a*b", "laboratory_from")
    assert rule.find("/d/" + "a" * 190 + ".jpg") is None
    assert rule.find("/d/" + "a" * 250 + "b.jpg") is None  # longer than a name of a file is


def test_a_folder_from_the_named_one_inwards() -> None:
    path = "/data/Munich/BLA/0001-1000/1.jpg"
    found = [path_rule(f"folder:{n}", "laboratory_from").find(path, "/data") for n in range(1, 5)]
    assert found == ["Munich", "BLA", "0001-1000", None]
    first = path_rule("folder:1", "laboratory_from")
    assert first.find("/data/1.jpg", "/data") is None  # in the named folder itself
    assert first.find("/elsewhere/BLA/1.jpg", "/data") is None
    assert first.find(path) is None  # a single image, in no named folder


def test_the_level_of_a_folder_among_those_around_a_file() -> None:
    inner = ["Munich", "BLA", "0001-1000"]
    levels = [path_rule(rule, "x").level_in(inner) for rule in ("folder:1", "folder:3", "folder:4")]
    assert levels == [3, 1, None]
    assert path_rule("folder:-2", "x").level_in(inner) == 2
