import json
import math

import pytest

from marrowscope.io.json_data import JsonError, finite, json_text, parse_json


def test_numbers_that_json_cannot_write_become_null_at_any_depth() -> None:
    data = {"a": math.nan, "b": [1.5, (math.inf, {"c": -math.inf})], "d": "nan", "e": None}
    assert finite(data) == {"a": None, "b": [1.5, [None, {"c": None}]], "d": "nan", "e": None}


def test_text_keeps_its_letters_and_ends_with_a_newline() -> None:
    text = json_text({"name": "Erythroblast, früh"})
    assert "früh" in text
    assert text.endswith("}\n")
    assert json.loads(text) == {"name": "Erythroblast, früh"}


def test_a_number_that_is_not_finite_is_an_error_and_not_the_word_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"a": math.nan})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a": 1, "a": 2}', "'a' stands there twice"),
        (b'{"a": NaN}', "not finite"),
        (b'{"a": -1e999}', "not finite"),
        (b"1" * 20, "20 digits"),
        (b"[" * 41 + b"]" * 41, "too deeply"),
        (b"[" * 100_000, "too deeply"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b"{", "line 1"),
    ],
)
def test_json_of_others_is_bounded(text: bytes, reason: str) -> None:
    with pytest.raises(JsonError, match=reason):
        parse_json(text)


def test_ordinary_json_is_read() -> None:
    assert parse_json(b'{"a": [1, 2.5, null, true], "b": {"c": "\xc3\xbc"}}') == {
        "a": [1, 2.5, None, True],
        "b": {"c": "ü"},
    }
