"""Utterances: frames of sound with the rows that they drive a head with, made in a thread of their own while others are rendered."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tfg.live.drive import Drive, Spoken
from tfg.types import SAMPLES_PER_FRAME, Floats

MOST_BACKLOG = 12  # frames that a microphone may be behind before its oldest are dropped
KEPT_BACKLOG = 4  # frames that are kept then
MOST_UNREAD = 50  # frames of a microphone that wait for their rows at most


@dataclass(frozen=True, kw_only=True)
class Frame:
    """40 ms: the sound that is heard, and what drives the mouth meanwhile."""

    sound: Floats | None  # (640,); None: silence
    row: Floats  # (channels,)


class Source:
    """Frames in turn; `begin` starts their making, `stop` ends it. Each method may be called from any thread."""

    is_live = False  # whether frames come as fast as they are spoken and no faster

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frames: deque[Frame] = deque()
        self._over = False
        self.failure: str | None = None
        self._thread = threading.Thread(target=self._make_all, daemon=True, name=type(self).__name__)

    def begin(self) -> None:
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether the first frames are there, or never will be, within so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._frames) or self._over, seconds)

    def take(self) -> Frame | None:
        """The next frame; None where there is none yet."""
        with self._changed:
            return self._frames.popleft() if self._frames else None

    @property
    def is_over(self) -> bool:
        """Whether all frames have been taken and no other will come."""
        with self._changed:
            return self._over and not self._frames

    def stop(self) -> None:
        """No further frame."""
        with self._changed:
            self._frames.clear()
            self._over = True
            self._changed.notify_all()

    def _make_all(self) -> None:
        try:
            for frames in self._blocks():
                with self._changed:
                    if self._over:
                        return
                    self._frames.extend(frames)
                    self._shorten()
                    self._changed.notify_all()
        except Exception as error:
            self.failure = (str(error).splitlines() or [""])[0] or type(error).__name__
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _blocks(self) -> Iterator[list[Frame]]:
        raise NotImplementedError

    def _shorten(self) -> None:
        """What to do with a backlog; nothing where the sound is known."""


class Known(Source):
    """An utterance whose sound is known whole; its rows are those of `tfg render`."""

    def __init__(self, audio: Floats, drive: Drive) -> None:
        super().__init__()
        self.audio, self.drive = audio, drive

    def _blocks(self) -> Iterator[list[Frame]]:
        place = 0
        for rows in self.drive.known(self.audio):
            sounds = self.audio[place : place + len(rows) * SAMPLES_PER_FRAME].reshape(len(rows), SAMPLES_PER_FRAME)
            place += len(rows) * SAMPLES_PER_FRAME
            yield [Frame(sound=sound, row=row) for sound, row in zip(sounds, rows, strict=True)]


class Microphone(Source):
    """What is being spoken; each frame is there as soon as the look-ahead allows."""

    is_live = True

    def __init__(self, drive: Drive) -> None:
        super().__init__()
        self.drive = drive
        self._heard: deque[Floats] = deque(maxlen=MOST_UNREAD)

    def hear(self, samples: Floats) -> None:
        """(640 k,) samples in [-1, 1] that follow those before."""
        with self._changed:
            self._heard.extend(samples.reshape(-1, SAMPLES_PER_FRAME))
            self._changed.notify_all()

    def _blocks(self) -> Iterator[list[Frame]]:
        spoken, sounds = Spoken(self.drive), deque[Floats]()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._heard) or self._over)
                if self._over:
                    return
                pieces = list(self._heard)
                self._heard.clear()
            sounds.extend(pieces)
            for rows in spoken.push(np.concatenate(pieces)):
                yield [Frame(sound=sounds.popleft(), row=row) for row in rows]

    def _shorten(self) -> None:
        if len(self._frames) > MOST_BACKLOG:
            while len(self._frames) > KEPT_BACKLOG:
                self._frames.popleft()
