"""What a user says of images beside their paths."""

import pytest

from marrowscope.dataset.discovery_rules import NO_RULES, discovery_rules
from marrowscope.errors import InputError


def test_nothing_said_is_no_rule() -> None:
    assert discovery_rules() == NO_RULES


def test_a_name_is_tidied_like_other_ids() -> None:
    assert discovery_rules(laboratory="  Mu\u0308nchen   2 ").laboratory_name == "München 2"


@pytest.mark.parametrize("name", ["", "  ", "NA", "-"])
def test_a_name_that_stands_for_nothing_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"`laboratory` .*is no name"):
        discovery_rules(laboratory=name)


def test_an_error_names_the_argument_that_is_no_rule() -> None:
    with pytest.raises(InputError, match="`laboratory_from` folder"):
        discovery_rules(laboratory_from="folder")
