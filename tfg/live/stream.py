"""The thread that renders: always a little ahead of what the page has shown, with fewer pictures where they take too long.

Sound goes with the frame that it belongs to, in one packet, so that neither can overtake the other.
"""

from __future__ import annotations

import struct
import sys
import threading
import time
from collections.abc import Callable

import numpy as np

from tfg.live.head import Renderer
from tfg.live.timeline import Timeline
from tfg.types import FPS, Bytes, Floats

LEAD = 10  # frames that the page has at most before it shows them; more where it has run out of them
MOST_LEAD = 50
BLOCK = 4  # frames rendered at once
JPEG_QUALITY = 90
HEADER = struct.Struct("<IBxxx")  # frame; HAS_SOUND and HAS_PICTURE
HAS_SOUND, HAS_PICTURE = 1, 2
SPARE = 0.9  # share of the time that pictures may take where they take too long
SMOOTHED = 0.2  # weight of the newest block in the time of a picture
NOT_SHOWN = -1


class Stream:
    """Packets of one page. `show`, `close` and the timeline's `add` and `clear` may be called from any thread."""

    def __init__(
        self, renderer: Renderer, timeline: Timeline, send: Callable[[bytes], None], first_cost: float
    ) -> None:
        self.renderer, self.timeline, self.send = renderer, timeline, send
        self.cost = first_cost  # seconds of a picture
        self.failure: str | None = None
        self._changed = threading.Condition()
        self._shown = NOT_SHOWN
        self._sent = 0  # frames
        self._lead = LEAD
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="rendering")

    def begin(self) -> None:
        self._thread.start()

    def show(self, frame: int) -> None:
        """The page has come to this frame."""
        with self._changed:
            self._shown = min(max(self._shown, frame), self._sent - 1)
            self._changed.notify_all()

    def keep_ahead(self, frames: int) -> None:
        """The page wants so many frames before it shows them."""
        with self._changed:
            self._lead = min(max(frames, LEAD), MOST_LEAD)
            self._changed.notify_all()

    def close(self) -> None:
        """End; what is being spoken is broken off."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.timeline.clear()

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._wait_for_room():
                self._block()
        except Exception as error:
            self.failure = (str(error).splitlines() or [""])[0] or type(error).__name__
            print(f"tfg: rendering has failed: {self.failure}", file=sys.stderr)
            self.send(b"")

    def _wait_for_room(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._sent - self._shown - 1 <= self._lead - BLOCK)
            return not self._closed

    def _block(self) -> None:
        wanted = pictures_wanted(self.cost, self._sent - self._shown - 1, is_first=self._shown == NOT_SHOWN)
        sounds, windows = self.timeline.take(BLOCK)
        began = time.perf_counter()
        images = self.renderer.draw(windows, wanted)
        drawn = dict(zip(wanted, map(jpeg, images), strict=True))
        if wanted:
            spent = (time.perf_counter() - began) / len(wanted)
            self.cost += SMOOTHED * (spent - self.cost)
        for row, sound in enumerate(sounds):
            self.send(packet(self._sent + row, sound, drawn.get(row)))
        with self._changed:
            self._sent += BLOCK


def pictures_wanted(cost: float, ahead: int, *, is_first: bool) -> list[int]:
    """Which of the next BLOCK frames get a picture of their own, so that sound never waits: rows, evenly spread.

    `cost`: seconds of a picture. `ahead`: frames that the page has and has not shown. `is_first`: nothing has been shown.
    """
    seconds = BLOCK / FPS
    if is_first or cost * BLOCK <= SPARE * seconds:
        return list(range(BLOCK))
    if cost > ahead / FPS:
        return []  # not even one in time
    count = min(max(int(SPARE * seconds / cost), 1), BLOCK - 1)
    return [row * BLOCK // count for row in range(count)]


def packet(frame: int, sound: Floats | None, picture: bytes | None) -> bytes:
    """Frame number, 40 ms of 16 bit sound unless it is silent, and a JPEG unless the one before stays."""
    flags = (HAS_SOUND if sound is not None else 0) | (HAS_PICTURE if picture is not None else 0)
    samples = b"" if sound is None else np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    return HEADER.pack(frame, flags) + samples + (picture or b"")


def jpeg(image: Bytes) -> bytes:
    """(size, size, 3) RGB."""
    import cv2

    done, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return encoded.tobytes()
