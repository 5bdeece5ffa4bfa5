"""Events of a smear in words, for people."""

import csv
import io
import json
from typing import Any

from sqlalchemy import Connection, select

from marrowscope.review.database.tables import event, person, smear
from marrowscope.review.refusals import NotFoundError

_ALL = 10**9
_COLUMNS = ("seq", "time", "display", "reading", "kind", "text", "cells", "hash")


def audit_trail(
    connection: Connection, smear_id: int, after: int = 0, limit: int = _ALL
) -> tuple[list[dict[str, Any]], int | None]:
    """What was done with a smear, in its order, as data for JSON; and from where to go on.

    Args:
        connection: to the database.
        smear_id: id.
        after: number; later events come.
        limit: how many at most.

    Raises:
        NotFoundError: no such smear.
    """
    chain_id = connection.execute(
        select(smear.c.chain_id).where(smear.c.id == smear_id)
    ).scalar_one_or_none()
    if chain_id is None:
        raise NotFoundError(f"smear {smear_id}: no such smear")
    asked = (
        select(event, person.c.display)
        .outerjoin(person, person.c.id == event.c.person_id)
        .where(event.c.chain_id == chain_id, event.c.number > after)
        .order_by(event.c.number)
        .limit(min(limit, _ALL) + 1)
    )
    rows = list(connection.execute(asked))
    shown = rows[:limit]
    found = []
    for row in shown:
        content = json.loads(row.content)
        touched = {one[0] for name in ("changes", "comments") for one in content.get(name, ())}
        found.append({
            "seq": row.number, "time": row.time, "user": row.person_id,
            "display": row.display or "marrowscope", "reading": row.reading_id, "kind": row.kind,
            "text": _words(row.kind, content), "cells": len(touched), "hash": row.hash,
        })  # fmt: skip
    return found, shown[-1].number if len(rows) > limit else None


def trail_csv(connection: Connection, smear_id: int) -> str:
    """The whole trail of a smear as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(audit_trail(connection, smear_id)[0])
    return text.getvalue()


def _words(kind: str, content: dict[str, Any]) -> str:
    changes = content.get("changes", [])
    number = f"{len(changes)} cell{'s' if len(changes) != 1 else ''}"
    codes = sorted({str(new) for _, _, new in changes if new is not None})
    texts = {
        "new": f"{content.get('kind')} {content.get('name')} came in",
        "cells": f"{content.get('cells')} cells of {content.get('model') or 'no model'}",
        "begin": f"{content.get('role')} reading begun"
        + (", blinded" if content.get("blinded") else ""),
        "label": f"{number} labelled {', '.join(codes)}",
        "confirm": f"{number} confirmed as {', '.join(codes)}",
        "remove": f"{number} removed",
        "restore": f"{number} restored",
        "add": f"a cell added as {', '.join(codes)}",
        "comment": "comment",
        "undo": f"undone: {number or 'comment'}",
        "submit": "reading submitted",
        "reopen": f"reading reopened: {content.get('reason')}",
        "sign": f"signed, version {content.get('version')}: {content.get('meaning')}",
        "amend": f"amendment begun: {content.get('reason')}",
        "assign": "assigned" if content.get("to") else "no longer assigned",
        "failed": f"count failed: {content.get('reason')}",
        "retry": "count tried again",
        "export": f"exported as {content.get('format')}",
        "import": f"{number} labelled from {content.get('format')}",
    }
    return texts.get(kind, kind)
