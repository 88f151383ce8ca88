"""The web server: addresses, limits and headers around a `WebStudy`.

Rules of this file: everything that comes in is limited in size and rate and checked before the study sees it; no part
of an address becomes a file's name; nothing is loaded from another host.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from importlib.resources import files
from typing import Any

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from visavis.experiments import ObserverError, SessionError

from .messages import Answer, Begin, Enter, Intake, Message, Open, Tab, read
from .places import Refused
from .sitting import SittingOver
from .watching import watched
from .web_study import WebStudy

Scope = MutableMapping[str, Any]

MOST_BYTES = 64_000
"""Of what a page may send at once."""
HEADER_BYTES = 16_384
BODY_S = 30.0
"""The longest that a page may take to send it."""
ARRIVALS_A_MINUTE = 240
"""New arrivals from one address; a class behind one router comes in together."""
REQUESTS_A_MINUTE = 1200
"""By one participant's link: many times what a person needs, so that no link can keep the server from the others."""

_PAGE = {
    "page.css": "text/css",
    **{
        f"{name}.js": "text/javascript"
        for name in ("main", "session", "trial", "pages", "pixels", "layout", "keys", "outbox", "server", "watch")
    },
}
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "x-robots-tag": "noindex",
}
_STATUS = {"unknown_link": 404, "other_tab": 409, "too_fast": 429, "too_large": 413, "too_slow": 408}

_log = logging.getLogger("visavis.web")


def make_app(study: WebStudy, watch_key: str) -> Callable[..., Awaitable[None]]:
    """Return the ASGI application of a study.

    Parameters
    ----------
    study : WebStudy
    watch_key : str
        Of the experimenter's page.
    """
    arrivals, requests = _Rate(ARRIVALS_A_MINUTE), _Rate(REQUESTS_A_MINUTE)

    async def enter(request: Request) -> Response:
        if not arrivals.allows(_network(request.client.host if request.client else "")):
            raise Refused("too_fast")
        return await _answered(study.enter, await _read(request, Enter))

    async def texts(request: Request) -> Response:
        return _json(study.texts(request.query_params.get("lang", "")))

    async def act(request: Request) -> Response:
        token, action = request.path_params["token"], request.path_params["action"]
        study.places.by_token(token)
        if not requests.allows(token):
            raise Refused("too_fast")
        if action == "open":
            return await _answered(study.open, token, await _read(request, Open))
        if action == "begin":
            return await _answered(study.begin, token, await _read(request, Begin))
        if action == "answer":
            return await _answered(study.answer, token, await _read(request, Answer))
        if action not in ("more", "stop", "screen_out"):
            raise Refused("unknown_link")
        return await _answered(getattr(study, action), token, (await _read(request, Tab)).tab)

    async def image(request: Request) -> Response:
        content = await run_in_threadpool(study.image, request.path_params["image"])
        return Response(content, media_type="image/png", headers=_FOREVER)

    async def mask(request: Request) -> Response:
        size = request.path_params["width"], request.path_params["height"]
        return Response(await run_in_threadpool(study.mask, size), media_type="image/png", headers=_FOREVER)

    async def watch(request: Request) -> Response:
        _check_key(request, watch_key)
        return _file("watch.html", "text/html")

    async def watch_data(request: Request) -> Response:
        _check_key(request, watch_key)
        if request.method == "POST":
            study.intake = (await _read(request, Intake)).intake
        return await _answered(watched, study)

    routes = [
        Route("/", _page),
        Route("/p/{token}", _page),
        Route("/favicon.ico", _no_icon),
        Route("/page/{name}", _static),
        Route("/texts", texts),
        Route("/api/enter", enter, methods=["POST"]),
        Route("/api/p/{token}/{action}", act, methods=["POST"]),
        Route("/image/{image}.png", image),
        Route("/mask/{width:int}x{height:int}.png", mask),
        Route("/watch/{key}", watch),
        Route("/api/watch/{key}", watch_data, methods=["GET", "POST"]),
    ]
    handlers: Any = {
        Refused: _refuse,
        ValidationError: _invalid,
        SittingOver: _failed,
        SessionError: _failed,
        ObserverError: _wrong,
    }
    return _with_headers(Starlette(routes=routes, exception_handlers=handlers))


def serve(
    study: WebStudy, watch_key: str, host: str, port: int, ready: Callable[[str], None], *, sockets: int = 100
) -> None:
    """Serve a study until the process is interrupted.

    Parameters
    ----------
    study : WebStudy
        Closed at the end.
    watch_key : str
    host, port
        Port 0 takes a free one.
    ready : callable
        Called with the address once connections are taken.
    sockets : int
        Connections that may wait to be taken.
    """
    try:
        listening = socket.create_server((host, port), backlog=sockets)
        place = listening.getsockname()
        shown = f"[{place[0]}]" if ":" in place[0] else place[0]
        config = uvicorn.Config(
            make_app(study, watch_key),
            log_level="warning",
            access_log=False,
            server_header=False,
            http="h11",  # it reads no more than so many bytes of headers before the application can refuse them
            h11_max_incomplete_event_size=HEADER_BYTES,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        ready(f"http://{shown}:{place[1]}")
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        study.close()


_FOREVER = {"cache-control": "public, max-age=31536000, immutable"}


async def _answered(call: Callable[..., dict[str, Any]], *arguments: Any) -> Response:
    return _json(await run_in_threadpool(call, *arguments))


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, headers={"cache-control": "no-store"})


async def _page(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
    return _file("index.html", "text/html")


async def _no_icon(request: Request) -> Response:  # noqa: ARG001
    return Response(status_code=204, headers=_FOREVER)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _PAGE:
        raise Refused("unknown_link")
    return _file(name, _PAGE[name])


def _file(name: str, media_type: str) -> Response:
    content = files("visavis.observers.web").joinpath("page", name).read_bytes()
    return Response(content, media_type=media_type, headers={"cache-control": "no-cache"})


async def _read(request: Request, message: type[Message]) -> Message:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refused("bad_link")  # a form on another site cannot send this
    content = b""
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                content += part
                if len(content) > MOST_BYTES:
                    raise Refused("too_large")
    except TimeoutError:
        raise Refused("too_slow") from None
    return read(message, content)


def _check_key(request: Request, key: str) -> None:
    if not secrets.compare_digest(request.path_params["key"].encode(), key.encode()):
        raise Refused("unknown_link")


async def _refuse(request: Request, error: Any) -> Response:  # noqa: ARG001 - Starlette's signature
    return _json({"refused": error.reason}, _STATUS.get(error.reason, 403))


async def _invalid(request: Request, error: Any) -> Response:  # noqa: ARG001
    where = [".".join(map(str, problem["loc"])) + ": " + problem["msg"] for problem in error.errors()[:5]]
    return _json({"refused": "bad_link", "problems": where}, 422)


async def _wrong(request: Request, error: Any) -> Response:  # noqa: ARG001
    return _json({"refused": "bad_link", "problems": [str(error)]}, 422)


async def _failed(request: Request, error: Any) -> Response:
    _log.warning("%s: %s", request.url.path.rpartition("/")[2], error)
    return _json({"refused": "failed"}, 503)


def _with_headers(app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    headers = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]

    async def with_headers(scope: Scope, receive: Any, send: Any) -> None:
        async def sending(message: Scope) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *headers]
            await send(message)

        length = len(scope["raw_path"]) + sum(len(name) + len(value) for name, value in scope["headers"])
        if length + len(scope["query_string"]) > HEADER_BYTES:
            await _json({"refused": "too_large"}, 431)(scope, receive, sending)
        else:
            await app(scope, receive, sending)

    return with_headers


def _network(address: str) -> str:
    """Return what one sender is counted by: an IPv6 sender has a whole network of addresses."""
    with contextlib.suppress(ValueError):
        known = ipaddress.ip_address(address)
        if known.version == 6:
            return str(ipaddress.ip_network((known, 64), strict=False))
    return address


class _Rate:
    """At most so many a minute by each name; only the latest names are remembered."""

    def __init__(self, a_minute: int) -> None:
        self._a_minute = a_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, name: str) -> bool:
        now = time.monotonic()
        left, at = self._left.pop(name, (float(self._a_minute), now))
        left = min(float(self._a_minute), left + (now - at) * self._a_minute / 60)
        self._left[name] = (max(0.0, left - 1), now)
        if len(self._left) > 10_000:
            self._left.popitem(last=False)
        return left >= 1
