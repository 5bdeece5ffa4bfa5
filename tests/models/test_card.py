"""Cards are checked field by field when they are read."""

from typing import Any

import pytest

from marrowscope.errors import InputError
from marrowscope.models.card import Card, card_from_dict

CARD = Card("toy", "sequential", ("LYT", "NGS"), ("LYT", "NGS"))


def as_json(**changes: Any) -> dict[str, Any]:
    return {**CARD.to_dict(), "outputs": ["LYT", "NGS"], "known": ["LYT", "NGS"], **changes}


def test_a_card_goes_to_plain_data_and_comes_back() -> None:
    assert card_from_dict(as_json(), "card.json") == CARD


def test_a_card_of_an_earlier_version_lacks_what_was_added_later() -> None:
    content = as_json()
    del content["graph"], content["int8"]
    assert card_from_dict(content, "card.json") == CARD


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, "this version reads format 1"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"outputs": "LYT"}, "outputs must be a list of class codes"),
        ({"views": True}, "views is True; expected int"),
        ({"views": 4}, "expected 1 or 8"),
        ({"outputs": ["LYT"], "known": ["LYT"]}, "1 outputs; expected 2"),
        ({"known": ["EBO"]}, "known must name classes that have an output"),
        ({"known": []}, "known must name classes"),
        ({"known": ["LYT", "LYT"]}, "known names a class twice"),
        ({"name": "a\x1b[2J"}, "control characters"),
        ({"data": {"images": {"LYT": "many"}}}, "number of images per class"),
        ({"metrics": {"macro_f1": "good"}}, "expected 0 to 1"),
        ({"input_size": 100}, "expected 250"),
        ({"microns_per_pixel": 0.0}, "microns_per_pixel is 0.0"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=r"^card\.json: ") as caught:
        card_from_dict(as_json(**changes), "card.json")
    assert words in str(caught.value)


def test_a_field_that_is_missing_is_named() -> None:
    content = as_json()
    del content["recipe"]
    with pytest.raises(InputError, match="field 'recipe' is missing"):
        card_from_dict(content, "card.json")
    with pytest.raises(InputError, match="expected a JSON object"):
        card_from_dict([], "card.json")
