"""What every request has to pass before a handler sees it, and what every answer carries."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from marrowscope.review.refusals import ForbiddenError, RefusalError
from marrowscope.review.server.http_call import TooLargeError
from marrowscope.review.server.people import Person
from marrowscope.review.server.service import Service
from marrowscope.review.server.sessions import find_session, same

_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:",
    "font-src 'self'", "connect-src 'self'", "worker-src 'self'", "manifest-src 'self'",
    "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
))  # fmt: skip
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_SAFE = {"GET", "HEAD", "OPTIONS"}


class WrongHostError(RefusalError):
    """Asked by another name than ours, as a page of another site would (DNS rebinding)."""

    status, code = 421, "wrong-host"


def require_host(service: Service, request: Request) -> None:
    """Refuse requests that were meant for another host.

    Raises:
        WrongHostError: it is none of ours.
    """
    if not service.hosts:
        return
    given = request.headers.get("host", "")
    try:
        name = urlsplit(f"//{given}").hostname
    except ValueError:
        name = None
    if name not in service.hosts:
        raise WrongHostError("this server answers to its own address only")


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body.

    Raises:
        TooLargeError: it is longer than allowed; no more than that is read.
    """
    told = f"the body is larger than {limit // 1_000_000} MB"
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length[:19]) > limit:
        raise TooLargeError(told)
    parts, total = [], 0
    async for part in request.stream():
        total += len(part)
        if total > limit:
            raise TooLargeError(told)
        parts.append(part)
    return b"".join(parts)


def known_visitor(service: Service, request: Request) -> tuple[Person | None, str | None]:
    """Who asks, by token or cookie, and the token against forgery that belongs to the cookie."""
    given = request.headers.get("authorization", "")
    kind, _, token = given.partition(" ")
    if kind.lower() == "bearer":
        if service.local is None:
            known = find_session(service.database, token.strip())
            return (None, None) if known is None else (known[0], None)
        return (service.local if same(token.strip(), service.token) else None), None
    cookie = request.cookies.get(service.cookie)
    found = find_session(service.database, cookie) if cookie else None
    return (None, None) if found is None else found


def require_own_page(request: Request, csrf: str | None) -> None:
    """Refuse what a page of another site made a browser send.

    Args:
        request: that may change something.
        csrf: token of the session; None: the request does not rest on a cookie.

    Raises:
        ForbiddenError: it does not come from our page.
    """
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        raise ForbiddenError("sent by a page of another site", "other-site")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise ForbiddenError("sent by a page of another site", "other-site")
    if csrf is not None and not same(request.headers.get("x-csrf-token", ""), csrf):
        raise ForbiddenError("the token against forgery is missing; reload the page", "csrf")


def with_headers(response: Response) -> Response:
    """An answer with what keeps it from being used otherwise than meant."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
