"""The FHIR bundle: valid R4, whole in itself, and with the numbers of the count."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fhirclient.models import bundle as fhir

from marrowscope.errors import InputError
from marrowscope.report.count.fhir import diagnostic_bundle
from support.counts import a_count

ISSUED = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return diagnostic_bundle(a_count(), ISSUED)


def resources(made: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = [entry["resource"] for entry in made["entry"]]
    return [one for one in found if one["resourceType"] == kind]


def references(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        if "reference" in data:
            yield data["reference"]
        for value in data.values():
            yield from references(value)
    elif isinstance(data, list):
        for value in data:
            yield from references(value)


def test_it_is_valid_r4(made: dict[str, Any]) -> None:
    # Strict: unknown fields, wrong types and missing fields raise.
    parsed = fhir.Bundle(made, strict=True)
    assert parsed.as_json() == json.loads(json.dumps(made))


def test_the_validator_can_fail(made: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(made))
    del broken["entry"][0]["resource"]["status"]
    with pytest.raises(Exception, match="status"):
        fhir.Bundle(broken, strict=True)


def test_a_class_that_the_model_does_not_know_has_no_value() -> None:
    made = diagnostic_bundle(a_count(fields=1, known=("PMO", "NGS", "EBO", "LYT")), ISSUED)
    by_text = {one["code"]["text"]: one for one in resources(made, "Observation")}
    unknown, known = by_text["plasma cell"], by_text["lymphocyte"]
    assert "valueQuantity" not in unknown
    assert unknown["dataAbsentReason"]["coding"][0]["code"] == "unsupported"
    assert "Wilson 95 % interval" not in {part["code"]["text"] for part in unknown["component"]}
    assert "valueQuantity" in known
    assert "valueQuantity" not in by_text["blasts"]


def test_the_conclusion_is_made_of_sentences(made: dict[str, Any]) -> None:
    conclusion = resources(made, "DiagnosticReport")[0]["conclusion"]
    assert ".." not in conclusion
    assert "wanted. " in conclusion
    assert conclusion.endswith(".")


def test_arguments_in_remarks_are_plain_words_in_it() -> None:
    said = replace(a_count(), remarks=("small fields; `taken_as=field` takes them for some",))
    (report,) = resources(diagnostic_bundle(said, ISSUED), "DiagnosticReport")
    assert "small fields; taken_as=field takes them for some" in report["conclusion"]
    assert "`" not in json.dumps(report)


def test_every_reference_leads_to_a_resource_of_the_bundle(made: dict[str, Any]) -> None:
    urls = {entry["fullUrl"] for entry in made["entry"]}
    assert len(urls) == len(made["entry"])
    assert set(references(made)) <= urls
    report = resources(made, "DiagnosticReport")[0]
    assert len(report["result"]) == len(resources(made, "Observation"))
    for entry in made["entry"]:
        assert entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}"
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", entry["resource"]["id"])


def test_the_numbers_are_those_of_the_count(made: dict[str, Any]) -> None:
    count = a_count()
    observed = {
        one["code"]["coding"][-1]["code"]: one for one in resources(made, "Observation")
    }  # fmt: skip
    total = 0.0
    for entry in count.differential.classes:
        one = observed[entry.code]
        assert one["valueQuantity"]["value"] == pytest.approx(entry.percent, abs=1e-3)
        assert one["valueQuantity"]["code"] == "%"
        parts = {part["code"]["text"]: part for part in one["component"]}
        assert parts["cells"]["valueQuantity"]["value"] == entry.count
        low = parts["Wilson 95 % interval"]["valueRange"]["low"]["value"]
        assert low == pytest.approx(100 * entry.counted.low, abs=1e-3)
        total += one["valueQuantity"]["value"]
    assert total == pytest.approx(100)
    rest = observed["not-classified"]
    assert rest["valueQuantity"]["value"] == count.differential.tally.unclassified
    assert observed["blasts"]["code"]["coding"][0]["code"] == "11150-0"


def test_every_resource_says_research_use_or_hangs_on_one_that_does(made: dict[str, Any]) -> None:
    assert "Research use only" in resources(made, "DiagnosticReport")[0]["conclusion"]
    assert "Research use only" in resources(made, "Device")[0]["note"][0]["text"]
    states = {one["status"] for one in resources(made, "Observation")}
    assert states == {"preliminary"}
    assert not resources(made, "Patient")


def test_the_same_count_gives_the_same_bundle_and_another_date_another(
    made: dict[str, Any],
) -> None:
    assert diagnostic_bundle(a_count(), ISSUED) == made
    later = diagnostic_bundle(a_count(), ISSUED.replace(year=2027))
    assert later["id"] != made["id"]


def test_a_date_without_zone_is_refused() -> None:
    with pytest.raises(InputError, match="time zone"):
        diagnostic_bundle(a_count(), datetime(2026, 3, 1, 12, 30))


def test_no_number_is_infinite_and_a_class_without_value_says_why(made: dict[str, Any]) -> None:
    json.dumps(made, allow_nan=False)
    for one in resources(made, "Observation"):
        assert ("valueQuantity" in one) != ("dataAbsentReason" in one)
