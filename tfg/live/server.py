"""The addresses of `tfg live`: a page of four files, a WebSocket for its stream, two for text and files. Nothing else is there."""

from __future__ import annotations

import asyncio
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
from tfg.types import Floats, InputError

PAGE = Path(__file__).with_name("page")
FILES = {
    "/": ("index.html", "text/html"),
    "/live.css": ("live.css", "text/css"),
    "/live.js": ("live.js", "text/javascript"),
    "/sound.js": ("sound.js", "text/javascript"),
    "/microphone.js": ("microphone.js", "text/javascript"),
}
MOST_TEXT_BYTES = 8 * upload.MOST_CHARACTERS
GRACE = 2  # seconds for what is under way when the server is ended


class Live:
    """One head, one page at a time."""

    def __init__(self, renderer: Renderer, drive: Drive, limits: Limits, cost: float) -> None:
        self.renderer, self.drive, self.limits, self.cost = renderer, drive, limits, cost
        self.rest: Floats = drive.rest()
        self.session: Session | None = None
        self._reading = asyncio.Lock()

    def app(self, port: int) -> Guard:
        """The ASGI application for this port."""
        routes: list[Any] = [Route(path, _file(*named)) for path, named in FILES.items()]
        routes += [
            Route("/favicon.ico", _nothing),
            Route("/say", self.say, methods=["POST"]),
            Route("/sound", self.sound, methods=["POST"]),
            WebSocketRoute("/stream", self.stream),
        ]
        return Guard(Starlette(routes=routes), port)

    async def stream(self, websocket: WebSocket) -> None:
        await websocket.accept()
        if self.session is not None:
            await websocket.send_json({"kind": "refused", "line": BUSY})
            await websocket.close(REFUSED)
            return
        self.session = session = Session(websocket, self.renderer, self.drive, self.rest, self.cost)
        try:
            await session.run()
        finally:
            self.cost = session.stream.cost
            self.session = None

    async def say(self, request: Request) -> Response:
        return await self._answer(request, MOST_TEXT_BYTES, _text)

    async def sound(self, request: Request) -> Response:
        return await self._answer(request, self.limits.most_bytes, upload.read)

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


def server(app: Any) -> uvicorn.Server:
    """To be run with `listening_socket`."""
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
