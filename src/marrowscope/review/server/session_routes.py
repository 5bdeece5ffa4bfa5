"""Routes about who asks: session, sign-in, vocabulary, people."""

from starlette.responses import Response

from marrowscope._about import RESEARCH_USE_ONLY, __version__
from marrowscope.differential.count_roles import BLASTS
from marrowscope.differential.decision_thresholds import BLAST_DECISIONS, TARGET_CELLS
from marrowscope.morphology import CLASSES, LINEAGE_COLOURS, TOLERATED
from marrowscope.review.database.label_rows import UNIDENTIFIED
from marrowscope.review.readings.reading_cycle import STATES
from marrowscope.review.server.endpoint import EVERYBODY, SIGNED_IN, Data, Endpoint
from marrowscope.review.server.http_call import Call, json_response


def session(call: Call) -> Response:
    """Who asks, and what the page needs to know of the server."""
    visitor, service = call.visitor, call.service
    return json_response({
        "mode": "local" if service.local is not None else "server",
        "signed_in": visitor is not None,
        "user": None if visitor is None else visitor.to_dict(),
        "csrf": call.csrf,
        "version": __version__,
        "research_use_only": RESEARCH_USE_ONLY,
        "password_to_sign": service.local is None,
        "four_eyes": service.four_eyes,
        "can_count": service.enqueue is not None,
    })  # fmt: skip


def vocabulary(call: Call) -> Response:
    """Classes, what may be decided, and the keys that stand for them."""
    return json_response({
        "classes": [_class_data(place) for place in range(len(CLASSES))],
        "unidentified": UNIDENTIFIED,
        "blasts": list(BLASTS),
        "decisions": list(BLAST_DECISIONS),
        "target": TARGET_CELLS,
        "states": list(STATES),
        "keys": default_keys(),
    })  # fmt: skip


def default_keys() -> dict[str, str]:
    """One key per class: the first letter of its code or name that is free, then any letter."""
    taken: dict[str, str] = {}
    for one in CLASSES:
        wanted = [*one.code.lower(), *one.name.lower(), *"abcdefghijklmnopqrstuvwxyz"]
        key = next(letter for letter in wanted if letter.isalpha() and letter not in taken)
        taken[key] = one.code
    return {code: key for key, code in taken.items()}


def _class_data(place: int) -> Data:
    one = CLASSES[place]
    beside = [
        other.code
        for other in CLASSES
        if one.series is not None
        and other.series == one.series
        and other.code != one.code
        and abs((other.maturity or 0) - (one.maturity or 0)) <= 1
    ]
    mixed_up = [code for pair in TOLERATED if one.code in pair for code in pair - {one.code}]
    order = [other.code for other in CLASSES]
    return {
        "code": one.code,
        "name": one.name,
        "lineage": one.lineage.value,
        "series": one.series,
        "maturity": one.maturity,
        "role": one.role.value,
        "colour": LINEAGE_COLOURS[one.lineage],
        "neighbours": sorted({*beside, *mixed_up}, key=order.index),
    }


ENDPOINTS = (
    Endpoint("GET", "/api/session", session, EVERYBODY, "Who asks, and the token for forms."),
    Endpoint("GET", "/api/vocabulary", vocabulary, SIGNED_IN, "Classes, states and keys."),
)
