"""One page at a time: its WebSocket, the stream that renders for it, and what it may ask for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from tfg.live.drive import Drive
from tfg.live.head import Renderer
from tfg.live.sources import Known, Microphone, Source
from tfg.live.stream import HEADER, LEAD, NOT_SHOWN, Stream
from tfg.live.timeline import MOST_WAITING, Timeline
from tfg.types import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Floats, InputError

FIRST_ROWS_SECONDS = 60.0  # that the first frames of an utterance may take
MOST_PIECE = 25 * SAMPLES_PER_FRAME  # samples of a microphone in one message
BUSY = "another page has this head; close it and load this one again"
ENDED, REFUSED = 4000, 4409  # close codes


class Session:
    """What belongs to one open page."""

    def __init__(self, socket: WebSocket, renderer: Renderer, drive: Drive, rest: Floats, cost: float) -> None:
        self.token = secrets.token_urlsafe(16)
        self.drive = drive
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._packets: asyncio.Queue[bytes] = asyncio.Queue()  # few: the stream waits for the page
        self._microphone: Microphone | None = None
        self._is_over = False
        self.timeline = Timeline(rest)
        self.stream = Stream(renderer, self.timeline, self._hand_over, cost)

    async def run(self) -> None:
        """Until the page is gone or asks for what it may not."""
        size = self.stream.renderer.size
        await self._say(
            kind="ready", session=self.token, size=size, fps=FPS, rate=SAMPLE_RATE, lead=LEAD,
            header=HEADER.size, lookAhead=self.drive.look_ahead,
        )  # fmt: skip
        self.stream.begin()
        sending = asyncio.create_task(self._send_all())
        receiving = asyncio.create_task(self._receive_all())
        try:
            done, _ = await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except (WebSocketDisconnect, RuntimeError, OSError):
            pass  # the page is gone
        finally:
            self._is_over = True
            for task in (sending, receiving):
                task.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
            self.stream.close()
            await asyncio.to_thread(self.stream.join)

    async def speak(self, audio: Floats) -> float:
        """Let the head say it; its seconds. InputError where too much waits."""
        known = Known(audio, self.drive)
        known.begin()
        await asyncio.to_thread(known.wait, FIRST_ROWS_SECONDS)
        self._add(known)
        return len(audio) / SAMPLE_RATE

    def _add(self, source: Source) -> None:
        if source.failure is not None:
            raise InputError(f"it cannot be said: {source.failure}")
        if self._is_over:
            source.stop()
            raise InputError("the page is gone")
        if not self.timeline.add(source):
            source.stop()
            raise InputError(f"{MOST_WAITING} utterances wait already; let the head speak first, or press Stop")

    def _hand_over(self, packet: bytes) -> None:
        """Called by the rendering thread."""
        with contextlib.suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._packets.put_nowait, packet)

    async def _send_all(self) -> None:
        while packet := await self._packets.get():
            await self._socket.send_bytes(packet)
        await self._say(kind="failed", line=f"rendering has failed: {self.stream.failure}")
        await self._socket.close(ENDED)

    async def _receive_all(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            line = self._do(message)
            if line is not None:
                await self._say(kind="error", line=line)

    def _do(self, message: Any) -> str | None:
        """What the page asks for; one line where that cannot be."""
        if (piece := message.get("bytes")) is not None:
            return self._hear(piece)
        try:
            asked = json.loads(message.get("text") or "")
            name, value = asked["do"], asked.get("frame", NOT_SHOWN)
            action = self._actions[name]
        except (ValueError, LookupError, TypeError, AttributeError):
            return "the page asked for something unknown; load it again"
        if not isinstance(value, int):
            return "the page named no frame; load it again"
        try:
            action(self, value)
        except InputError as error:
            return str(error)
        return None

    def _hear(self, piece: bytes) -> str | None:
        if self._microphone is None:
            return None
        if not piece or len(piece) % (2 * SAMPLES_PER_FRAME) or len(piece) > 2 * MOST_PIECE:
            return "a piece of the microphone's sound has a wrong length"
        self._microphone.hear(np.frombuffer(piece, "<i2").astype(np.float32) / np.float32(2**15))
        return None

    def _shown(self, frame: int) -> None:
        self.stream.show(frame)

    def _keep_ahead(self, frame: int) -> None:
        self.stream.keep_ahead(frame)

    def _listen(self, frame: int) -> None:
        self._stop(frame)
        self._microphone = Microphone(self.drive)
        self._microphone.begin()
        self._add(self._microphone)

    def _stop(self, frame: int) -> None:
        self.timeline.clear()
        self._microphone = None

    _actions: ClassVar[dict[str, Callable[[Session, int], None]]] = {
        "shown": _shown,
        "lead": _keep_ahead,
        "listen": _listen,
        "stop": _stop,
    }

    async def _say(self, **values: Any) -> None:
        await self._socket.send_text(json.dumps(values))
