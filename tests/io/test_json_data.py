import json
import math

import pytest

from marrowscope.io.json_data import finite, json_text


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
