"""Whatever a page sends is either an event or one line about what is wrong with it."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.review.readings.event_request import FieldError, parse_events
from marrowscope.review.refusals import RefusalError
from support.review_smears import event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)
NAMES = ("id", "kind", "cells", "code", "text", "of", "field", "x", "y", "box", "elapsed", "force")


@pytest.mark.parametrize(
    ("given_event", "told"),
    [
        ({**event("label", cells=[1], code="BLA"), "id": "short"}, "`id` is not 8 to 64"),
        (event("paint", cells=[1]), "`kind` is none of label, confirm"),
        (event("label", cells=[], code="BLA"), "`cells` is no list of 1 to 20000 ids"),
        (event("label", cells=[True], code="BLA"), "`cells` holds what is no id"),
        (event("label", cells=[0], code="BLA"), "`cells` holds what is no id"),
        (event("label", cells=[1], code=""), "`code` is no class"),
        (event("comment", cells=[1], text="x" * 2001), "no text of at most 2000 letters"),
        (event("comment", cells=[1], text="\x00"), "holds control characters"),
        (event("undo", of=None), "`of` is not the id of an event"),
        (event("add", code="BLA", x=1.0), "`x` and `y` must be numbers"),
        (event("add", code="BLA", x=1, y=1, box=[5, 5, 4, 9]), "`box` is empty"),
        (event("add", code="BLA", x=float("nan"), y=1), "a number or letter that cannot be"),
        (event("add", code="BLA", x=1e9, y=1), "`x` and `y` must be numbers"),
    ],
)
def test_a_wrong_field_is_named(given_event: dict[str, object], told: str) -> None:
    with pytest.raises(FieldError, match=told) as caught:
        parse_events([event("label", cells=[1], code="BLA"), given_event])
    assert str(caught.value).startswith("event 2: ")


def test_no_list_and_too_long_lists_are_refused() -> None:
    for bad in (None, {}, [], [event("label", cells=[1], code="BLA")] * 501):
        with pytest.raises(FieldError, match="`events` is no list of 1 to 500 events"):
            parse_events(bad)


def test_a_cell_named_twice_counts_once() -> None:
    (one,) = parse_events([event("label", cells=[4, 2, 4], code="BLA")])
    assert one.cells == (4, 2)


def test_the_time_it_took_does_not_make_another_event_of_it() -> None:
    sent = event("label", cells=[1], code="BLA")
    first, again = parse_events([{**sent, "elapsed": 1.5}, {**sent, "elapsed": 9.0}])
    assert first.digest == again.digest
    assert first.elapsed == 1.5


@settings(max_examples=100)
@given(
    st.dictionaries(st.sampled_from(NAMES), JSON),
    st.sampled_from(["label", "add", "undo", "comment"]),
)
def test_nothing_else_than_a_refusal_comes_of_nonsense(sent: dict[str, object], kind: str) -> None:
    with suppress(RefusalError):
        (one,) = parse_events([{"id": "event-12345", "kind": kind, **sent}])
        assert one.kind in ("label", "add", "undo", "comment", sent.get("kind"))
