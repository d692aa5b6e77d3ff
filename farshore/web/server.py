"""The page's server: on loopback, for one rehearsal, and for whoever has its address.

A page of another site can reach loopback, too, but it does not know the token in the path, may not be the
origin of an act, and cannot make its own name stand for this host.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ..simulate.by_hand import DOES
from .leading import CONTROLS, Leading

LOOPBACK = "127.0.0.1"
ASSETS = {
    "": ("index.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
"""By path: the file of page/, and its type."""
DOCUMENTS = {"html": "text/html", "json": "application/json", "md": "text/markdown"}
LONGEST_ACT = 2_000
"""Bytes."""
MOST_READERS = 4
"""Pages that show it at once: a browser has six connections to a host, and needs one to act."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
STOPS_SECONDS = 5.0
Handler = Callable[[Request], Awaitable[Response]]


class _Loop(asyncio.SelectorEventLoop):
    """Its time is real, whatever the twin does to Python's other clocks."""

    def time(self) -> float:
        return time.perf_counter()


class Server:
    """A context manager: it serves from its beginning to its end, in a thread of its own."""

    def __init__(self, leading: Leading, port: int = 0) -> None:
        """Of the system's own choice, where no port is given. Raises OSError where it is taken."""
        self._leading, self._token = leading, secrets.token_urlsafe(24)
        self._socket = socket.create_server((LOOPBACK, port))
        self.port = int(self._socket.getsockname()[1])
        routes = [
            *(Route(f"/{self._token}/{name}", self._asset(name), methods=["GET"]) for name in ASSETS),
            Route(f"/{self._token}/events", self._events, methods=["GET"]),
            Route(f"/{self._token}/act", self._act, methods=["POST"]),
            Route(f"/{self._token}/report.{{ending}}", self._report, methods=["GET"]),
        ]
        guarded = _Guard(Starlette(routes=routes), self.port)
        self._server = uvicorn.Server(
            uvicorn.Config(
                guarded,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="farshore-web", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/{self._token}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leading.mailbox.close()
        self._server.should_exit = True
        self._thread.join(STOPS_SECONDS)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(self._server.serve(sockets=[self._socket]))

    def _asset(self, name: str) -> Handler:
        file, kind = ASSETS[name]
        content = files(__package__).joinpath("page", file).read_bytes()

        async def answer(request: Request) -> Response:
            return Response(content, media_type=kind)

        return answer

    async def _events(self, request: Request) -> Response:
        """Whoever comes, or comes back, gets the whole present state first: no event is ever missed."""
        if self._leading.mailbox.readers >= MOST_READERS:
            return PlainTextResponse(f"{MOST_READERS} pages are open already: close one", 503)
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        async for letter in self._leading.mailbox.letters():
            yield ": still here\n\n" if letter is None else f"id: {letter[0]}\ndata: {letter[1]}\n\n"

    async def _act(self, request: Request) -> Response:
        given = await _json(request)
        if isinstance(given, str):
            return PlainTextResponse(given, 400)
        do, what, how = (str(given.get(name, "")) for name in ("do", "what", "how"))
        if do not in (*DOES, *CONTROLS):
            return PlainTextResponse(f"do is one of {', '.join((*DOES, *CONTROLS))}", 400)
        if refusal := self._leading.refusal(do, what, how):
            return PlainTextResponse(refusal, 400)
        if not self._leading.do(do, what, how):
            return PlainTextResponse("too much waits already: try again", 503)
        return Response(status_code=202)

    async def _report(self, request: Request) -> Response:
        name = f"report.{request.path_params['ending']}"
        text = self._leading.documents.get(name)
        if text is None:
            return PlainTextResponse("there is a report once the rehearsal has ended", 404)
        kind = DOCUMENTS[name.partition(".")[2]]
        return Response(
            text, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )


class _Guard:
    """Around everything: who asks by another name, or acts from another origin, is refused."""

    def __init__(self, app: Any, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in (LOOPBACK, "localhost")}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sends(message: Any) -> None:
            if message["type"] == "http.response.start":
                more = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if refused := self._refusal(scope["method"], headers):
            await PlainTextResponse(refused, 403)(scope, receive, sends)
            return
        await self._app(scope, receive, sends)

    def _refusal(self, method: str, headers: dict[str, str]) -> str:
        if headers.get("host", "") not in self._hosts:
            return f"this is no {headers.get('host', 'host')}: use the address that farshore printed"
        origin = headers.get("origin", "" if method == "POST" else None)
        if origin is not None and origin not in self._origins:
            return "only the page that this rehearsal serves may do that"
        return ""


async def _json(request: Request) -> dict[str, Any] | str:
    """An act, or what is wrong with it."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return "an act is application/json"
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_ACT:
            return f"an act has {LONGEST_ACT} bytes at most"
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        given = None
    return given if isinstance(given, dict) else 'an act is an object: {"do": "pull", "what": "us-east-1"}'
