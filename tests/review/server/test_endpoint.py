"""Whatever is sent to whatever route, the answer says what is wrong; the program does not fail."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marrowscope.review.database.connection import open_database
from marrowscope.review.database.schema_upgrade import upgrade_schema
from marrowscope.review.server.endpoint import SIGNED_IN, Endpoint
from marrowscope.review.server.route_table import ENDPOINTS
from support.review_client import Page, local_service
from support.review_smears import new_smear

IDS = st.sampled_from([0, 1, 2, 7, 2**31 - 1, 2**31, 2**63, 10**30])
NAMES = st.sampled_from(
    ["class", "place", "0.abc.jpg", "0_0.jpg", "cells.csv", "coco.json", "x", "%00", "..", "é"]
)
WORDS = st.sampled_from(
    ["first", "second", "adjudication", "label", "undo", "BLA", "?", "manual", "\0", "\ud800", ""]
)
VALUES = st.recursive(
    st.none() | st.booleans() | IDS | st.floats(allow_nan=False) | WORDS | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "kind", "cells", "code", "x", "y", "of", "text"]), inner
        )
    ),
    max_leaves=8,
)
TEXTS = st.sampled_from(["", "0", "1", "-1", "x", "9" * 30, "\0", "random", "size", "signed", "é"])


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """With a smear that has a first reading; on SQLite, for what is asked is the same."""
    folder: Path = tmp_path_factory.mktemp("review")
    opened = open_database(folder / "review.sqlite")
    upgrade_schema(opened)
    new_smear(opened, 6, folder)
    made = Page(local_service(opened))
    with made.client:
        made.post("/api/smears/1/readings", {"role": "first"}, 201)
        yield made
    opened.close()


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.name)
@given(data=st.data())
def test_no_request_is_answered_by_an_error_of_the_program(
    page: Page, endpoint: Endpoint, data: st.DataObject
) -> None:
    def part(name: re.Match[str]) -> str:
        return str(data.draw(NAMES if name[1] in ("name", "arrangement", "format") else IDS))

    path = re.sub(r"\{(\w+)\}", part, endpoint.path)
    query = data.draw(st.dictionaries(st.sampled_from([*endpoint.query, "no"]), TEXTS))
    names = st.sampled_from(list(endpoint.body or ["no"]))
    body = data.draw(st.dictionaries(names, VALUES) | VALUES)
    kind = endpoint.takes if endpoint.body is None else "application/json"
    headers = {"X-CSRF-Token": page.csrf, "Content-Type": kind}
    # Half letters travel as escapes, as a browser would send them.
    content = json.dumps(body).encode()
    answer = page.client.request(
        endpoint.method, path, params=query, headers=headers, content=content
    )
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()) >= {"error", "code"}


def test_signed_in_is_every_role() -> None:
    assert {"viewer", "reader", "signer", "admin"} == SIGNED_IN
