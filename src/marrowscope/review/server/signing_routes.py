"""Routes of agreement, sign-off, reports and the trail."""

from starlette.responses import Response

from marrowscope.errors import InputError
from marrowscope.review.database.chain_audit import audit
from marrowscope.review.readings.blinding import require_unblinded
from marrowscope.review.readings.final_labels import final_readings, reasons_against_signing
from marrowscope.review.readings.reader_agreement import reader_agreement
from marrowscope.review.readings.reader_statistics import reader_statistics
from marrowscope.review.readings.reading_access import FIRST, SECOND, find_reading, readings_of
from marrowscope.review.readings.worklist import reading_data, signatures_of, smear_facts
from marrowscope.review.refusals import ConflictError, ForbiddenError, NotFoundError
from marrowscope.review.server.endpoint import (
    KEEPERS,
    READERS,
    SIGNED_IN,
    SIGNERS,
    Endpoint,
)
from marrowscope.review.server.http_call import Call, json_response, text_field
from marrowscope.review.server.passwords import require_password
from marrowscope.review.server.people import SIGNER
from marrowscope.review.server.smear_routes import people_by_id
from marrowscope.review.signing.audit_trail import audit_trail, trail_csv
from marrowscope.review.signing.sign_smear import amend_smear, sign_smear, signed_smear

_LONGEST_REASON = 2_000


def agreement(call: Call) -> Response:
    """How far two readers agree."""
    smear = call.number("smear")
    with call.database.reading() as connection:
        require_unblinded(connection, call.person.id, smear)
        there = {one.role: one for one in readings_of(connection, smear)}
        pair = [there.get(role) for role in (FIRST, SECOND)]
        if not all(one is not None and one.submitted for one in pair):
            raise ConflictError("both readings have to be submitted", "not-submitted")
        first, second = (one for one in pair if one is not None)
        if not call.person.may(SIGNER) and call.person.id not in (first.reader, second.reader):
            raise ForbiddenError("only its readers and signers may see this")
        found = reader_agreement(connection, first, second)
    return json_response(found, call=call)


def statistics(call: Call) -> Response:
    """Drift of a reader over time: cells a day, seconds a cell, agreement."""
    asked = call.number("user")
    if asked != call.person.id and not call.person.may(SIGNER):
        raise ForbiddenError("you can see your own figures only")
    with call.database.reading() as connection:
        return json_response({"days": reader_statistics(connection, asked)})


def signable(call: Call) -> Response:
    """Whether a smear can be signed, and what is open."""
    smear = call.number("smear")
    with call.database.reading() as connection:
        facts = smear_facts(connection, smear, call.person.id, {})
        if facts["state"] == "signed":
            return json_response({"ready": False, "reasons": ["it is signed"], "reading": None})
        try:
            chosen = final_readings(connection, smear)
        except ConflictError as error:
            return json_response({"ready": False, "reasons": [str(error)], "reading": None})
        reasons = reasons_against_signing(connection, chosen)
    return json_response({"ready": not reasons, "reasons": reasons, "reading": chosen.base.id})


def sign(call: Call) -> Response:
    """Sign the count of a smear."""
    data, smear = call.json(), call.number("smear")
    meaning = text_field(data, "meaning", 500)
    if call.service.local is None:
        require_password(call.service, call.person, text_field(data, "password", 1_000))
    with call.database.reading() as connection:
        require_unblinded(connection, call.person.id, smear)
    sign_smear(call.database, smear, call.person.id, meaning, call.service.four_eyes)
    with call.database.reading() as connection:
        people = people_by_id(connection)
        return json_response(signatures_of(connection, smear, people)[-1], 201)


def amend(call: Call) -> Response:
    """Begin to amend a signed count."""
    reason = text_field(call.json(), "reason", _LONGEST_REASON)
    number = amend_smear(call.database, call.number("smear"), call.person.id, reason)
    with call.database.reading() as connection:
        found = reading_data(
            connection, find_reading(connection, number), call.person.id, people_by_id(connection)
        )
    return json_response(found, 201)


def signatures(call: Call) -> Response:
    """All versions of the signed count."""
    smear = call.number("smear")
    with call.database.reading() as connection:
        require_unblinded(connection, call.person.id, smear)
        found = signatures_of(connection, smear, people_by_id(connection))
    return json_response({"signatures": found}, call=call)


def report_page(call: Call) -> Response:
    """The report of a signed count, a page that holds all it shows."""
    data, _ = _report(call, "html_report", pictures=True)
    # The report styles itself, which the page of the review may not.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return Response(data, 200, headers, "text/html; charset=utf-8")


def report_pdf(call: Call) -> Response:
    """The report as PDF."""
    try:
        data, name = _report(call, "pdf_report", pictures=True)
    except NotFoundError:
        raise
    except InputError as error:
        raise NotFoundError(str(error), "no-pdf") from None
    return _file(data, "application/pdf", f"{name}.pdf")


def report_fhir(call: Call) -> Response:
    """The signed count as a FHIR bundle."""
    data, name = _report(call, "fhir_report")
    return _file(data, "application/fhir+json", f"{name}.fhir.json")


def report_data(call: Call) -> Response:
    """The signed count as plain data."""
    data, name = _report(call, "data_report")
    return _file(data, "application/json", f"{name}.json")


def report_dicom(call: Call) -> Response:
    """The reviewed cells as DICOM annotations over their slide."""
    data, name = _report(call, "dicom_report")
    return _file(data, "application/dicom", f"{name}.dcm")


def trail(call: Call) -> Response:
    """What was done with a smear, in words."""
    after = call.whole("after", 0, 0, 2**31 - 1) or 0
    limit = call.whole("limit", 500, 1, 5_000) or 500
    smear = call.number("smear")
    with call.database.reading() as connection:
        require_unblinded(connection, call.person.id, smear)
        found, following = audit_trail(connection, smear, after, limit)
    return json_response({"events": found, "next": following}, call=call)


def trail_table(call: Call) -> Response:
    """The trail as CSV."""
    smear = call.number("smear")
    with call.database.reading() as connection:
        require_unblinded(connection, call.person.id, smear)
        text = trail_csv(connection, smear)
    return _file(text.encode("utf-8", "replace"), "text/csv; charset=utf-8", "trail.csv")


def whole_audit(call: Call) -> Response:
    """Whether the database holds what was done."""
    found = audit(call.database)
    return json_response({
        "whole": found.whole, "chains": found.chains, "events": found.events,
        "signatures": found.signatures, "head": found.head, "problems": list(found.problems),
    })  # fmt: skip


def _report(call: Call, form: str, pictures: bool = False) -> tuple[bytes, str]:
    """A report, and the name of the smear."""
    # What draws reports takes a second to load, which a server should not need to start.
    from marrowscope.review.signing import signed_reports
    from marrowscope.review.signing.reviewed_count import reviewed_count

    number = call.number("signature")
    with call.database.reading() as connection:
        require_unblinded(connection, call.person.id, signed_smear(connection, number))
    made = reviewed_count(call.database, number, pictures)
    data: bytes = getattr(signed_reports, form)(made)
    return data, made.count.name


def _file(data: bytes, media_type: str, name: str) -> Response:
    plain = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in name)
    plain = plain.encode("ascii", "replace").decode().replace("?", "_")
    headers = {
        "Content-Disposition": f'attachment; filename="{plain}"',
        "Cache-Control": "no-store",
    }
    return Response(data, 200, headers, media_type)


_SMEAR, _SIGNATURE = "/api/smears/{smear}", "/api/signatures/{signature}"
ENDPOINTS = (
    Endpoint("GET", f"{_SMEAR}/agreement", agreement, READERS, "How far two readers agree."),
    Endpoint(
        "GET", "/api/readers/{user}/statistics", statistics, READERS,
        "Cells a day of a reader, seconds a cell, agreement with the final label.",
    ),
    Endpoint("GET", f"{_SMEAR}/signable", signable, READERS, "What is open before signing."),
    Endpoint(
        "POST", f"{_SMEAR}/sign", sign, SIGNERS, "Sign the count of a smear.", {},
        {"meaning": "of the signature, in words", "password": "of the signer, in a laboratory"},
    ),
    Endpoint(
        "POST", f"{_SMEAR}/amend", amend, SIGNERS, "Begin to amend a signed count.", {},
        {"reason": "why"},
    ),
    Endpoint("GET", f"{_SMEAR}/signatures", signatures, SIGNED_IN, "All signed versions."),
    Endpoint(
        "GET", f"{_SIGNATURE}/report.html", report_page, SIGNED_IN, "The report of a signed count.",
        gives="text/html",
    ),
    Endpoint(
        "GET", f"{_SIGNATURE}/report.pdf", report_pdf, SIGNED_IN, "The report as PDF.",
        gives="application/pdf",
    ),
    Endpoint(
        "GET", f"{_SIGNATURE}/fhir.json", report_fhir, SIGNED_IN, "The count as a FHIR bundle.",
        gives="application/fhir+json",
    ),
    Endpoint("GET", f"{_SIGNATURE}/count.json", report_data, SIGNED_IN, "The count as data."),
    Endpoint(
        "GET", f"{_SIGNATURE}/annotations.dcm", report_dicom, SIGNED_IN,
        "Reviewed cells as DICOM annotations.", gives="application/dicom",
    ),
    Endpoint(
        "GET", f"{_SMEAR}/trail", trail, SIGNED_IN, "What was done with a smear, in words.",
        {"after": "number of an event", "limit": "how many"},
    ),
    Endpoint(
        "GET", f"{_SMEAR}/trail.csv", trail_table, SIGNED_IN, "The trail as CSV.",
        gives="text/csv",
    ),
    Endpoint("GET", "/api/audit", whole_audit, KEEPERS, "Whether nothing was changed later."),
)  # fmt: skip
