"""What the page asks first: who one is, and what classes there are."""

from marrowscope.morphology import CODES, TOLERATED
from marrowscope.review.database.connection import Database
from marrowscope.review.server.session_routes import default_keys
from support.review_client import page_of


def test_the_session_names_the_person_and_roles(database: Database) -> None:
    with page_of(database) as page:
        found = page.get("/api/session")
    assert found["user"]["name"] == "anna"
    assert found["user"]["roles"] == ["viewer", "reader", "signer", "admin"]
    assert (found["mode"], found["password_to_sign"]) == ("local", False)


def test_the_vocabulary_has_all_classes_with_their_neighbours(database: Database) -> None:
    with page_of(database) as page:
        found = page.get("/api/vocabulary")
    classes = {one["code"]: one for one in found["classes"]}
    assert tuple(classes) == CODES
    for pair in TOLERATED:
        first, second = sorted(pair)
        assert second in classes[first]["neighbours"]
    assert classes["MYB"]["neighbours"] == ["PMO", "FGC", "MMZ"]
    assert found["unidentified"] not in classes


def test_every_class_has_a_key_of_its_own() -> None:
    keys = default_keys()
    assert set(keys) == set(CODES)
    assert len(set(keys.values())) == len(CODES)
    assert all(len(key) == 1 and key.isalpha() for key in keys.values())
