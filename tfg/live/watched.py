"""A run that is looked at while it trains: the newest of it, and the stream of a page that looks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from tfg.live.stream import jpeg
from tfg.progress import HowFar
from tfg.types import Bytes

SECONDS_BETWEEN_LOOKS = 0.25
MOST_PAGES = 8
TOO_MANY = f"{MOST_PAGES} pages look at this training already; close one"
OVER, REFUSED = 4001, 4409  # close codes
MADE, TRUTH = "made", "truth"  # the two pictures


class Watched:
    """Follower of one run; every other method is for the server's thread."""

    def __init__(self, name: str) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, Any] = {"name": name, "stage": None, "line": None, "work": None, "step": None}
        self._chosen: dict[str, Any] | None = None
        self._pictures: dict[str, bytes] = {}
        self._version = 0
        self._end: dict[str, Any] | None = None
        self._pages = 0

    def line(self, text: str) -> None:
        self._set(line=text)

    def stage(self, name: str) -> None:
        self._set(stage=name, work=None)

    def advanced(self, how_far: HowFar) -> None:
        left = (how_far.total - how_far.done) / how_far.rate if how_far.rate > 0 else None
        self._set(work={**vars(how_far), "secondsLeft": left})

    def selected(self, chosen: Mapping[str, Any]) -> None:
        names = ("start", "diversity", "motion_complexity", "score")
        scores = [{name: score[name] for name in names} for score in chosen["scores"]]
        kept = [name for name in ("start", "seconds", "method", "pieces", "piece_seconds") if name in chosen]
        self._chosen = {name: chosen[name] for name in kept} | {"scores": scores}
        self._set()

    def pictured(self, step: int, made: Bytes, truth: Bytes) -> None:
        if TRUTH not in self._pictures:
            self._pictures[TRUTH] = jpeg(truth)
        self._pictures[MADE] = jpeg(made)
        self._set(step=step)

    def ended(self, line: str | None) -> None:
        """The run is over: there is a head, or `line` says why there is none."""
        self._end = {"kind": "trained"} if line is None else {"kind": "failed", "line": line}

    def picture(self, name: str) -> bytes | None:
        """A JPEG: MADE or TRUTH."""
        return self._pictures.get(name)

    async def show(self, socket: WebSocket) -> None:
        """To an accepted page, until the run is over or the page is gone."""
        if self._pages >= MOST_PAGES:
            await socket.send_json({"kind": "refused", "line": TOO_MANY})
            await socket.close(REFUSED)
            return
        self._pages += 1
        gone = asyncio.create_task(_gone(socket))
        try:
            await self._tell(socket, gone)
        except (WebSocketDisconnect, RuntimeError, OSError):
            pass  # the page is gone
        finally:
            self._pages -= 1
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)

    async def _tell(self, socket: WebSocket, gone: asyncio.Task[None]) -> None:
        known, has_chosen = -1, False
        while not gone.done():
            end = self._end
            with self._lock:
                newest, version = dict(self._newest), self._version
            if self._chosen is not None and not has_chosen:
                await socket.send_json({"kind": "selection", **self._chosen})
                has_chosen = True
            if version != known:
                await socket.send_json({"kind": "training", **newest})
                known = version
            if end is not None:
                await socket.send_json(end)
                await socket.close(OVER)
                return
            await asyncio.wait({gone}, timeout=SECONDS_BETWEEN_LOOKS)

    def _set(self, **values: Any) -> None:
        with self._lock:
            self._newest.update(values)
            self._version += 1


async def _gone(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
