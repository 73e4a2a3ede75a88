"""The addresses of `tfg live`: the files of a page, a WebSocket for its stream, two for text and files, two pictures of a training.

Nothing else is there.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn
import wsproto  # what uvicorn speaks WebSocket with
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tfg.live import upload
from tfg.live.drive import Drive
from tfg.live.guard import Guard
from tfg.live.head import Renderer
from tfg.live.session import BUSY, MOST_PIECE, REFUSED, Session
from tfg.live.upload import Limits
from tfg.live.watched import MADE, TRUTH, Watched
from tfg.types import Floats, InputError

PAGE = Path(__file__).with_name("page")
FILES = {
    "/": ("index.html", "text/html"),
    "/live.css": ("live.css", "text/css"),
    "/live.js": ("live.js", "text/javascript"),
    "/sound.js": ("sound.js", "text/javascript"),
    "/microphone.js": ("microphone.js", "text/javascript"),
    "/training.js": ("training.js", "text/javascript"),
}
MOST_TEXT_BYTES = 8 * upload.MOST_CHARACTERS
GRACE = 2  # seconds for what is under way when the server is ended


@dataclass(frozen=True, kw_only=True)
class Open:
    """A head that answers."""

    renderer: Renderer
    drive: Drive
    rest: Floats  # the row of silence
    cost: float  # seconds of its first picture


class Live:
    """One head, one page at a time; before there is a head the training that it comes from, to several pages."""

    def __init__(self, limits: Limits, watched: Watched | None) -> None:
        self.limits, self.watched = limits, watched
        self.open: Open | None = None
        self.session: Session | None = None
        self._reading = asyncio.Lock()

    def answer_with(self, renderer: Renderer, drive: Drive, cost: float) -> None:
        """From now on; pages that look at the training come back for the head. `cost`: seconds of a picture. For any thread."""
        self.open = Open(renderer=renderer, drive=drive, rest=drive.rest(), cost=cost)
        if self.watched is not None:
            self.watched.ended(None)

    def app(self, port: int) -> Guard:
        """The ASGI application for this port."""
        routes: list[Any] = [Route(path, _file(*named)) for path, named in FILES.items()]
        routes += [
            Route("/favicon.ico", _nothing),
            *(Route(f"/{name}.jpg", self._picture(name)) for name in (MADE, TRUTH)),
            Route("/say", self.say, methods=["POST"]),
            Route("/sound", self.sound, methods=["POST"]),
            WebSocketRoute("/stream", self.stream),
        ]
        return Guard(Starlette(routes=routes), port)

    async def stream(self, websocket: WebSocket) -> None:
        await websocket.accept()
        if self.open is None:
            assert self.watched is not None, "neither a head nor a training"
            await self.watched.show(websocket)
            return
        if self.session is not None:
            await websocket.send_json({"kind": "refused", "line": BUSY})
            await websocket.close(REFUSED)
            return
        head = self.open
        self.session = session = Session(websocket, head.renderer, head.drive, head.rest, head.cost)
        try:
            await session.run()
        finally:
            self.open = replace(head, cost=session.stream.cost)
            self.session = None

    async def say(self, request: Request) -> Response:
        return await self._answer(request, MOST_TEXT_BYTES, _text)

    async def sound(self, request: Request) -> Response:
        return await self._answer(request, self.limits.most_bytes, upload.read)

    def _picture(self, name: str) -> Any:
        async def answer(request: Request) -> Response:
            found = None if self.watched is None else self.watched.picture(name)
            return Response(status_code=404) if found is None else Response(found, media_type="image/jpeg")

        return answer

    async def _answer(self, request: Request, most: int, make: Any) -> Response:
        """Let the head of this page's session say what `make` makes of the body."""
        session = self.session
        if session is None or request.headers.get("x-session") != session.token:
            return _error(BUSY if session else "the page has no stream; load it again", 409)
        if self._reading.locked():
            return _error("something else is being read; wait until it is", 409)
        async with self._reading:
            try:
                body = await _body(request, most)
                audio = await asyncio.to_thread(make, body, self.limits)
                seconds = await session.speak(audio)
            except InputError as error:
                return _error(str(error), 400)
            except ClientDisconnect:
                return _error("the page is gone", 400)
        return JSONResponse({"seconds": seconds})


@contextmanager
def served(live: Live, bound: socket.socket) -> Iterator[threading.Event]:
    """Inside the block the page is served, by a thread of its own, until the event that is given.

    To be waited for: a join that Ctrl-C interrupts takes the thread for ended (Python 3.11).
    """
    running, over = _server(live.app(bound.getsockname()[1])), threading.Event()

    def serve() -> None:
        try:
            running.run(sockets=[bound])
        finally:
            over.set()

    thread = threading.Thread(target=serve, name="serving")
    thread.start()
    try:
        yield over
    finally:
        running.should_exit = True
        thread.join()


def _server(app: Any) -> uvicorn.Server:
    assert wsproto
    config = uvicorn.Config(
        app,
        ws="wsproto",
        ws_max_size=4 * MOST_PIECE,
        http="h11",
        loop="asyncio",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
    )
    return uvicorn.Server(config)


def _file(name: str, kind: str) -> Any:
    async def give(request: Request) -> Response:
        return Response((PAGE / name).read_bytes(), media_type=kind)

    return give


async def _nothing(request: Request) -> Response:
    return Response(status_code=204)


def _text(body: bytes, limits: Limits) -> Floats:
    try:
        return upload.spoken(body.decode("utf-8"), limits)
    except UnicodeDecodeError:
        raise InputError("the text is not UTF-8") from None


async def _body(request: Request, most: int) -> bytes:
    """The whole body; InputError as soon as it is larger than it may be."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise InputError(f"it is larger than {most / 1e6:g} MB, which is the most")
        pieces.append(piece)
    return b"".join(pieces)


def _error(line: str, status: int) -> Response:
    return JSONResponse({"error": line}, status)
