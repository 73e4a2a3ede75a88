"""For tests of `tfg live`: a head without a network, a server on a free port, and a page's side of the WebSocket."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, RejectConnection, Request, TextMessage

from tfg.features.audio.logmel import LogMel
from tfg.live import server
from tfg.live.address import listening_socket
from tfg.live.drive import Drive
from tfg.live.server import Live
from tfg.live.stream import HAS_PICTURE, HAS_SOUND, HEADER
from tfg.live.upload import Limits
from tfg.types import SAMPLES_PER_FRAME, Bytes, Floats

SECONDS = 30.0  # for one answer, on a busy machine
LOGMEL = LogMel(name="logmel", window_ms=40)


def drive() -> Drive:
    """Driven by log-mel features as they are."""
    channels = LOGMEL.channels
    return Drive(extractor=LOGMEL, lips=None, mean=np.zeros(channels, np.float32), std=np.ones(channels, np.float32))


class Lamp:
    """Renderer. A picture as bright as its frame is loud: what is heard and what is seen can be compared."""

    size = 16
    frames = 0

    def draw(self, windows: Floats, wanted: Sequence[int]) -> Bytes:
        self.frames += len(windows)
        loudness = np.clip(windows[list(wanted), 4].mean(axis=1) / 8 + 0.5, 0, 1)
        return np.repeat((255 * loudness).astype(np.uint8), self.size**2 * 3).reshape(-1, self.size, self.size, 3)


@contextmanager
def served(live: Live) -> Iterator[int]:
    """Its port."""
    bound = listening_socket(0)
    with bound, server.served(live, bound) as over:
        yield bound.getsockname()[1]
    assert over.is_set()


def live(**limits: Any) -> Live:
    """With a head that answers."""
    made = Live(Limits(**{"most_bytes": 1_000_000, "most_seconds": 20.0, **limits}), None)
    made.answer_with(Lamp(), drive(), 0.001)
    return made


RESET = 1006  # the code of RFC 6455 for an end without a reason


class Page:
    """An open WebSocket; `packets` are (frame, sound or None, JPEG or None)."""

    def __init__(self, port: int, *, host: str | None = None, origin: str | None = None) -> None:
        self.port = port
        self.packets: list[tuple[int, Floats | None, bytes | None]] = []
        self.texts: list[dict[str, Any]] = []
        self.closed: int | None = None
        self.status: int | None = None
        self._socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._wire = WSConnection(ConnectionType.CLIENT)
        named = host or f"127.0.0.1:{port}"
        headers = [(b"Origin", (origin or f"http://{named}").encode())]
        self._send(Request(host=named, target="/stream", extra_headers=headers))
        self._text, self._bytes = "", b""

    def next(self) -> None:
        """Take in what has come."""
        try:
            data = self._socket.recv(1 << 16)
        except ConnectionResetError:
            self.closed = RESET
            return
        self._wire.receive_data(data or None)
        for event in self._wire.events():
            if isinstance(event, AcceptConnection):
                self.status = 101
            elif isinstance(event, RejectConnection):
                self.status = self.closed = event.status_code
            elif isinstance(event, CloseConnection):
                self.closed = event.code
            elif isinstance(event, TextMessage):
                self._text += event.data
                if event.message_finished:
                    self.texts.append(json.loads(self._text))
                    self._text = ""
            elif isinstance(event, BytesMessage):
                self._bytes += bytes(event.data)
                if event.message_finished:
                    self._take(self._bytes)
                    self._bytes = b""

    def until(self, condition: Any) -> None:
        """Take in what comes, showing every frame at once, until `condition()`."""
        while not condition():
            before = len(self.packets)
            self.next()
            if len(self.packets) > before and self.closed is None:
                self.ask("shown", self.packets[-1][0])

    def ask(self, what: str, frame: int = 0) -> None:
        self._send(TextMessage(data=json.dumps({"do": what, "frame": frame})))

    def send(self, message: str | bytes) -> None:
        self._send(TextMessage(data=message) if isinstance(message, str) else BytesMessage(data=message))

    def post(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        headers = {"X-Session": self.texts[0]["session"], "Origin": f"http://127.0.0.1:{self.port}"}
        return asked(self.port, "POST", path, headers, body)

    def close(self) -> None:
        self._socket.close()

    def _send(self, event: Any) -> None:
        try:
            self._socket.sendall(self._wire.send(event))
        except (ConnectionResetError, BrokenPipeError):  # the server has ended it while this was under way
            self.closed = RESET

    def _take(self, packet: bytes) -> None:
        frame, flags = HEADER.unpack_from(packet)
        rest, sound = packet[HEADER.size :], None
        if flags & HAS_SOUND:
            sound = np.frombuffer(rest[: 2 * SAMPLES_PER_FRAME], "<i2") / np.float32(32767)
            rest = rest[2 * SAMPLES_PER_FRAME :]
        assert bool(rest) == bool(flags & HAS_PICTURE)
        self.packets.append((frame, sound, rest or None))


def asked(port: int, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, Any]:
    """Status, and the JSON or text of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, json.loads(content) if content.startswith("{") else content
