"""One frame after the other without end: utterances in turn, a resting mouth between them, no jump where they meet."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np

from tfg.data import AUDIO_WINDOW
from tfg.live.sources import Frame, Source
from tfg.types import SAMPLES_PER_FRAME, Floats

FADE = 4  # frames in which the mouth goes from rest to an utterance's first row, and from its last one to rest
BEFORE, AFTER = AUDIO_WINDOW // 2, AUDIO_WINDOW - AUDIO_WINDOW // 2 - 1  # rows of a window beside its frame's
MOST_WAITING = 4  # utterances


class Timeline:
    """`take` is for one thread; `add` and `clear` may be called from another."""

    def __init__(self, rest: Floats) -> None:
        self.rest = rest  # (channels,)
        self._lock = threading.Lock()
        self._waiting: deque[Source] = deque()
        self._source: Source | None = None
        self._rows: deque[Floats] = deque(
            [rest] * BEFORE
        )  # of the frames before the next one, and of those drawn ahead
        self._sounds: deque[Floats | None] = deque()
        self._last = rest

    def add(self, source: Source) -> bool:
        """Speak it after what is being spoken; False where too many wait already."""
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                return False
            self._waiting.append(source)
            return True

    def clear(self) -> None:
        """Fall silent: what is being spoken is broken off, what waits is dropped."""
        with self._lock:
            for source in [*self._waiting, *([self._source] if self._source else [])]:
                source.stop()
            self._waiting.clear()

    @property
    def is_speaking(self) -> bool:
        with self._lock:
            return self._source is not None or bool(self._waiting)

    @property
    def is_live(self) -> bool:
        """Whether the next frame is of a sound that is still being spoken."""
        source = self._source
        return source is not None and source.is_live

    def take(self, count: int) -> tuple[list[Floats | None], Floats]:
        """The next frames: their sounds, None for silence, and the windows (count, 8, channels) that drive their pictures."""
        while len(self._rows) < BEFORE + count + AFTER:
            self._draw()
        rows = [self._rows[i] for i in range(BEFORE + count + AFTER)]
        windows = np.stack([np.stack(rows[i : i + AUDIO_WINDOW]) for i in range(count)])
        for _ in range(count):
            self._rows.popleft()
        return [self._sounds.popleft() for _ in range(count)], windows

    def _draw(self) -> None:
        """Add the frames that come next: one, or those of a fade."""
        if self._source is None:
            with self._lock:
                self._source = self._waiting.popleft() if self._waiting else None
            if self._source is None:
                return self._append(None, self.rest)
            if (first := self._source.take()) is not None:
                self._fade(self._last, first.row)
                return self._append(first.sound, first.row)
        frame: Frame | None = self._source.take()
        if frame is not None:
            self._append(frame.sound, frame.row)
        elif self._source.is_over:
            self._source = None
            self._fade(self._last, self.rest)
        else:  # it is late: the mouth stays as it is
            self._append(None, self._last)
        return None

    def _append(self, sound: Floats | None, row: Floats) -> None:
        assert sound is None or sound.shape == (SAMPLES_PER_FRAME,)
        self._rows.append(row)
        self._sounds.append(sound)
        self._last = row

    def _fade(self, first: Floats, last: Floats) -> None:
        for number in range(1, FADE + 1):
            part = np.float32(number / (FADE + 1))
            self._append(None, (1 - part) * first + part * last)
