"""All routes together: the application that uvicorn serves, and tests call."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from marrowscope.errors import InputError
from marrowscope.review.refusals import ForbiddenError, NotFoundError, RefusalError
from marrowscope.review.server.api_document import document_page, openapi
from marrowscope.review.server.endpoint import Endpoint
from marrowscope.review.server.http_call import Call, NotSignedInError, json_response, refused
from marrowscope.review.server.page_files import PageFile, page_files
from marrowscope.review.server.request_guard import (
    known_visitor,
    read_body,
    require_host,
    require_own_page,
    with_headers,
)
from marrowscope.review.server.route_table import ENDPOINTS
from marrowscope.review.server.service import Service
from marrowscope.review.server.sessions import begin_session, same, set_cookie

_log = logging.getLogger("marrowscope.review")
_Answer = Callable[[Request], Awaitable[Response]]


def review_app(service: Service) -> Starlette:
    """The application of a server."""
    files = page_files()
    routes = [
        Route("/", _guarded(service, _entrance(service, files)), methods=["GET"]),
        Route("/page/{path:path}", _guarded(service, _page(files)), methods=["GET"]),
        Route("/docs", _guarded(service, _documents), methods=["GET"]),
        Route("/api/openapi.json", _guarded(service, _openapi), methods=["GET"]),
        *(_route(service, one) for one in ENDPOINTS),
        Route(
            "/{path:path}",
            _guarded(service, _nothing),
            methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        ),
    ]
    return Starlette(routes=routes)


def _route(service: Service, endpoint: Endpoint) -> Route:
    path = endpoint.path
    for name in ("smear", "reading", "cell", "user", "signature", "field", "level"):
        path = path.replace(f"{{{name}}}", f"{{{name}:int}}")

    async def answer(request: Request) -> Response:
        body = await read_body(request, endpoint.limit)
        return await run_in_threadpool(_handle, service, endpoint, request, body)

    return Route(path, _guarded(service, answer), methods=[endpoint.method], name=endpoint.name)


def _handle(service: Service, endpoint: Endpoint, request: Request, body: bytes) -> Response:
    visitor, csrf = known_visitor(service, request)
    call = Call(service, request, body, visitor, csrf)
    require_own_page(request, csrf)
    if endpoint.roles is not None:
        if visitor is None:
            raise NotSignedInError(
                "open the link that the command printed" if service.local else "sign in first"
            )
        if visitor.roles.isdisjoint(endpoint.roles):
            raise ForbiddenError("your roles do not allow this")
    return endpoint.handler(call)


def _guarded(service: Service, answer: _Answer) -> _Answer:
    """Errors become answers, and every answer carries the headers."""

    async def guarded(request: Request) -> Response:
        try:
            require_host(service, request)
            response = await answer(request)
        except RefusalError as error:
            response = refused(error)
        except InputError as error:
            told = " ".join(str(error).split())
            response = json_response({"error": told, "code": "bad-input"}, 400)
        except DBAPIError as error:
            _log.exception("the database failed")
            told = f"the database cannot do this now: {error.orig}"
            response = json_response({"error": " ".join(told.split()), "code": "database"}, 503)
        except Exception:
            _log.exception("%s %s failed", request.method, request.url.path)
            told = "an error in the program; the server's log says which"
            response = json_response({"error": told, "code": "internal"}, 500)
        return with_headers(response)

    return guarded


def _entrance(service: Service, files: Mapping[str, PageFile]) -> _Answer:
    """The page; with the token of the link the browser is signed in first."""

    async def answer(request: Request) -> Response:
        token = request.query_params.get("token")
        if token is None or service.local is None:
            return _file(request, files["index.html"])
        if not same(token, service.token):
            raise NotSignedInError("this link is of an earlier start; open the one printed last")
        cookie = await run_in_threadpool(begin_session, service.database, service.local.id)
        response = RedirectResponse("/", 303)
        set_cookie(response, service, cookie)
        return response

    return answer


def _page(files: Mapping[str, PageFile]) -> _Answer:
    async def answer(request: Request) -> Response:
        found = files.get(request.path_params["path"])
        if found is None:
            raise NotFoundError("the page has no such file")
        return _file(request, found)

    return answer


def _file(request: Request, found: PageFile) -> Response:
    headers = {"ETag": found.tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == found.tag:
        return Response(status_code=304, headers=headers)
    return Response(found.data, headers=headers, media_type=found.media_type)


async def _documents(request: Request) -> Response:
    return Response(document_page(ENDPOINTS), media_type="text/html; charset=utf-8")


async def _openapi(request: Request) -> Response:
    return json_response(openapi(ENDPOINTS))


async def _nothing(request: Request) -> Response:
    raise NotFoundError(f"{request.method} {request.url.path}: no such route", "no-such-route")
