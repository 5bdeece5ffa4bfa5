"""The interface described, without a network: OpenAPI for programs, a plain page for people."""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from marrowscope._about import RESEARCH_USE_ONLY, __version__
from marrowscope.review.server.endpoint import Endpoint

_IN_PATH = re.compile(r"\{(\w+)\}")
_TEXTS = {"arrangement", "name", "format"}  # in paths; all others are ids


def openapi(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The description of all routes (OpenAPI 3.1)."""
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "marrowscope review",
            "version": __version__,
            "description": RESEARCH_USE_ONLY,
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "marrowscope_session"},
            },
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["error", "code"],
                    "properties": {"error": {"type": "string"}, "code": {"type": "string"}},
                }
            },
        },
        "security": [{"token": []}, {"cookie": []}],
    }


def document_page(endpoints: Sequence[Endpoint]) -> str:
    """All routes as a page for people."""
    rows = "\n".join(_row(one) for one in endpoints)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<title>marrowscope review: HTTP interface</title></head><body>"
        f"<h1>HTTP interface of marrowscope review {escape(__version__)}</h1>"
        f"<p>{escape(RESEARCH_USE_ONLY)} For programs: "
        '<a href="/api/openapi.json">OpenAPI</a>. Scripts send '
        "<code>Authorization: Bearer TOKEN</code>; pages send the cookie and, to change something, "
        "<code>X-CSRF-Token</code> with the token of <code>/api/session</code>.</p>"
        "<table><thead><tr><th>route</th><th>does</th><th>query</th><th>body</th><th>roles</th>"
        f"</tr></thead><tbody>{rows}</tbody></table></body></html>"
    )


def _row(one: Endpoint) -> str:
    def listed(names: Any) -> str:
        return "<br>".join(
            f"<code>{escape(name)}</code> {escape(text)}" for name, text in (names or {}).items()
        )

    roles = "everybody" if one.roles is None else ", ".join(sorted(one.roles))
    return (
        f"<tr><td><code>{escape(one.name)}</code></td><td>{escape(one.summary)}</td>"
        f"<td>{listed(one.query)}</td><td>{listed(one.body)}</td><td>{roles}</td></tr>"
    )


def _operation(one: Endpoint) -> dict[str, Any]:
    answer = "201" if one.method == "POST" and one.path.endswith(("/readings", "/sign")) else "200"
    schema = {"type": "object"} if one.gives == "application/json" else {}
    found: dict[str, Any] = {
        "summary": one.summary,
        "operationId": f"{one.method.lower()}{re.sub('[^A-Za-z0-9]+', '_', one.path)}",
        "parameters": [
            *(
                {
                    "name": name, "in": "path", "required": True,
                    "schema": {"type": "string"} if name in _TEXTS
                    else {"type": "integer", "minimum": 0 if name == "level" else 1},
                }
                for name in _IN_PATH.findall(one.path)
            ),
            *(
                {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
                for name, text in one.query.items()
            ),
        ],
        "responses": {
            answer: {"description": "done", "content": {one.gives: {"schema": schema}}},
            "default": {
                "description": "not done, and why",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
        "x-roles": ["everybody"] if one.roles is None else sorted(one.roles),
    }  # fmt: skip
    if one.roles is None:
        found["security"] = []
    if one.body is not None:
        properties = {name: {"description": text} for name, text in one.body.items()}
        body: dict[str, Any] = {"schema": {"type": "object", "properties": properties}}
        found["requestBody"] = {"content": {"application/json": body}}
    elif one.takes != "application/json":
        found["requestBody"] = {"content": {one.takes: {}}}
    return found
