"""From the last cell to the signed report, and back by an amendment."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from marrowscope.extras import missing_modules
from marrowscope.review.database.connection import Database
from marrowscope.review.server import exchange_routes, signing_routes
from marrowscope.review.server.people import READER
from support.review_client import Page, local_service
from support.review_signing import read_by
from support.review_smears import event, new_smear


@pytest.fixture
def page(database: Database, tmp_path: Path, blank_figures: None) -> Iterator[Page]:
    new_smear(database, 6, tmp_path)
    made = Page(local_service(database))
    with made.client:
        yield made


@pytest.fixture
def other(page: Page) -> Page:
    return Page(local_service(page.service.database, "berta"))


def reviewed(page: Page) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    every = event("confirm", cells=[1, 2, 3, 4, 5, 6], force=True)
    page.post("/api/readings/1/events", {"events": [every, event("label", cells=[1], code="PMO")]})


def test_from_the_last_cell_to_the_report(page: Page) -> None:
    assert page.get("/api/smears/1/signable")["reasons"] == ["nobody has read this smear yet"]
    reviewed(page)
    assert page.get("/api/smears/1/signable") == {"ready": True, "reasons": [], "reading": 1}
    signed = page.post("/api/smears/1/sign", {"meaning": "reviewed and approved"}, 201)
    assert (signed["version"], signed["display"], signed["amends"]) == (1, "anna", None)
    assert page.get("/api/smears/1")["state"] == "signed"
    report = page.client.get("/api/signatures/1/report.html")
    text = " ".join(report.text.split())
    assert "Signed by anna on" in text
    assert "1 of 6 answers of the model were changed" in text
    assert "Changed: blast to promyelocyte 1." in text
    assert "sandbox" in report.headers["content-security-policy"]
    data = page.get("/api/signatures/1/count.json")
    assert data["differential"]["countable"] == 6
    counts = {one["code"]: one["count"] for one in data["differential"]["classes"]}
    assert (counts["PMO"], counts["BLA"]) == (1, 1)
    bundle = page.get("/api/signatures/1/fhir.json")
    assert bundle["resourceType"] == "Bundle"
    assert page.get("/api/signatures/1/annotations.dcm", 404)["code"] == "no-dicom"
    assert page.get("/api/signatures/9/count.json", 404)["code"] == "not-found"


@pytest.mark.skipif(bool(missing_modules("pdf")), reason="WeasyPrint is not installed")
def test_the_report_as_pdf(page: Page) -> None:
    reviewed(page)
    page.post("/api/smears/1/sign", {"meaning": "seen"}, 201)
    answer = page.client.get("/api/signatures/1/report.pdf")
    assert answer.content.startswith(b"%PDF")


def test_an_amendment_marks_the_first_report_as_superseded(page: Page) -> None:
    reviewed(page)
    assert page.post("/api/smears/1/amend", {"reason": "x"}, 409)["code"] == "not-signed"
    page.post("/api/smears/1/sign", {"meaning": "seen"}, 201)
    assert page.post("/api/smears/1/amend", {}, 422)
    amendment = page.post("/api/smears/1/amend", {"reason": "cell 2 is a band"}, 201)
    assert (amendment["role"], amendment["decided"]) == ("amendment", 6)
    sent = {"events": [event("label", cells=[2], code="NGB")]}
    page.post(f"/api/readings/{amendment['id']}/events", sent)
    second = page.post("/api/smears/1/sign", {"meaning": "seen"}, 201)
    assert (second["version"], second["amends"], second["reason"]) == (2, 1, "cell 2 is a band")
    old, new = (page.client.get(f"/api/signatures/{one}/report.html").text for one in (1, 2))
    assert "Superseded by version 2 of this report." in old
    assert "Superseded" not in new
    assert "This version amends version 1: cell 2 is a band" in new
    versions = page.get("/api/smears/1/signatures")["signatures"]
    assert [one["version"] for one in versions] == [1, 2]


def test_the_trail_says_in_words_what_was_done(page: Page) -> None:
    reviewed(page)
    page.post("/api/smears/1/sign", {"meaning": "seen"}, 201)
    found = page.get("/api/smears/1/trail")
    assert [one["text"] for one in found["events"]] == [
        "table smear came in", "6 cells of a-model", "first reading begun",
        "6 cells confirmed as BLA, EBO, NGS", "1 cell labelled PMO", "signed, version 1: seen",
    ]  # fmt: skip
    piece = page.get("/api/smears/1/trail", limit=2)
    assert piece["next"] == 2
    rows = list(csv.DictReader(io.StringIO(page.client.get("/api/smears/1/trail.csv").text)))
    assert [row["kind"] for row in rows][-1] == "sign"
    assert page.get("/api/audit")["whole"] is True


def test_agreement_waits_for_both_readers(page: Page, other: Page, database: Database) -> None:
    reviewed(page)
    other.post("/api/smears/1/readings", {"role": "second"}, 201)
    assert other.get("/api/smears/1/agreement", 403)["code"] == "blinded"
    assert other.get("/api/smears/1/trail", 403)["code"] == "blinded"
    assert page.get("/api/smears/1/agreement", 409)["code"] == "not-submitted"
    page.post("/api/readings/1/submit")
    person = other.get("/api/session")["user"]["id"]
    read_by(database, 1, "second", person, PMO=[1], NGS=[2, 3, 5], BLA=[4], EBO=[6])
    found = page.get("/api/smears/1/agreement")
    assert (found["cells"], found["agreed"]) == (6, 5)
    # Observed 5/6; expected by chance (1·1 + 2·3 + 2·1 + 1·1) / 36 = 10/36.
    assert found["kappa"]["value"] == pytest.approx((5 / 6 - 10 / 36) / (1 - 10 / 36), abs=1e-4)
    classes = {one["code"]: one for one in found["classes"]}
    assert classes["NGS"]["positive_agreement"] == 0.8
    assert set(found["weighted"]) == {"granulocytic", "erythroid"}
    third = page.post("/api/smears/1/readings", {"role": "adjudication"}, 201)
    data = page.get(f"/api/readings/{third['id']}/cells")
    assert data["columns"]["id"] == [3]
    votes = [data["codes"][place] for place in data["columns"]["votes"][0]]
    assert sorted(votes) == ["EBO", "NGS"]


def test_figures_of_a_reader(page: Page) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    sent = [{**event("label", cells=[cell], code="BLA"), "elapsed": 2.0} for cell in (1, 2)]
    page.post("/api/readings/1/events", {"events": sent})
    (day,) = page.get("/api/readers/1/statistics")["days"]
    assert (day["cells"], day["seconds_per_cell"], day["agreement"]) == (2, 2.0, None)


def test_exports_and_imports(page: Page) -> None:
    reviewed(page)
    table = page.client.get("/api/smears/1/export/cells.csv")
    assert "attachment" in table.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["label"] for row in rows] == ["PMO", "NGS", "EBO", "BLA", "NGS", "EBO"]
    assert {row["annotator"] for row in rows} == {"anna"}
    tasks = page.get("/api/smears/1/export/label-studio.json")
    tasks[1]["annotations"][0]["result"][0]["value"]["choices"] = ["band neutrophil"]
    tasks.append({"data": {"cell_id": "none"}, "annotations": tasks[0]["annotations"]})
    done = page.client.post(
        "/api/smears/1/import/label-studio.json", params={"reading": 1},
        content=json.dumps(tasks).encode(), headers={"X-CSRF-Token": page.csrf},
    ).json()  # fmt: skip
    assert done == {"matched": 6, "changed": 1, "unmatched": ["none (PMO)"], "unmatched_number": 1}
    cell = page.get("/api/cells/2", reading=1)
    assert cell["label"] == "NGB"
    assert page.get("/api/smears/1/export/none.csv", 404)
    texts = [one["text"] for one in page.get("/api/smears/1/trail")["events"]]
    assert texts[-3:] == [
        "exported as cells.csv", "exported as label-studio.json",
        "1 cell labelled from label-studio.json",
    ]  # fmt: skip


def test_no_route_that_writes_is_for_those_who_only_look() -> None:
    for one in (*signing_routes.ENDPOINTS, *exchange_routes.ENDPOINTS):
        if one.method != "GET":
            assert one.roles is not None
            assert "viewer" not in one.roles, one.name
    exports = next(one for one in exchange_routes.ENDPOINTS if one.method == "GET")
    assert exports.roles is not None
    assert READER in exports.roles
