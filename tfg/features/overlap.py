"""A function of neighbouring frames computed while its input arrives: in blocks that overlap by what a frame depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfg.types import Floats

PHASE = 5  # a buffer begins at a multiple of so many frames: 80 mel rows a second fall on 25 frames in this period


class Overlapped:
    """Rows of `function`, one a frame, that are final: `ahead` frames of input after each of them have arrived.

    `function`: (n * unit, ...) -> (n, channels), of which row i depends on frames [i - past, i + ahead] alone, and on where the
    input ends only if it does. Then the rows are those of the whole input, whatever pieces it comes in.
    """

    def __init__(
        self,
        function: Callable[[Floats], Floats],
        *,
        unit: int,
        past: int,
        ahead: int,
        least: int = 1,
        block: int = 50,
    ) -> None:
        self.function = function
        self.unit = unit  # values of the input that make a frame
        self.past = past  # frames
        self.ahead = ahead  # frames
        self.least = least  # rows that one call of the function is made for, at least
        self.block = block  # rows that one call of the function is made for, at most
        self._kept: NDArray[Any] | None = None  # input from frame `_first` on
        self._first = 0  # frame
        self._given = 0  # rows

    def push(self, values: Floats) -> list[Floats]:
        """The rows that this piece of the input completes, in blocks."""
        self._kept = values if self._kept is None else np.concatenate([self._kept, values])
        blocks = []
        while (ready := self._frames - self.ahead - self._given) >= self.least:
            last = self._given + min(ready, self.block)
            blocks.append(self._rows(last, (last + self.ahead - self._first) * self.unit))
            first = max(0, self._given - self.past) // PHASE * PHASE
            self._kept = self._kept[(first - self._first) * self.unit :]
            self._first = first
        return blocks

    def finish(self) -> list[Floats]:
        """The rows that are left when the input has ended."""
        return [self._rows(self._frames, None)] if self._kept is not None and self._frames > self._given else []

    @property
    def _frames(self) -> int:
        """Whole frames that have arrived."""
        return self._first + (0 if self._kept is None else len(self._kept) // self.unit)

    def _rows(self, last: int, stop: int | None) -> Floats:
        assert self._kept is not None
        rows = self.function(self._kept[:stop])[self._given - self._first : last - self._first]
        self._given = last
        return rows


def in_blocks(stream: Overlapped, values: Floats) -> Iterator[Floats]:
    """The rows of an input that is known whole, each block computed when it is asked for."""
    piece = stream.block * stream.unit
    for first in range(0, len(values), piece):
        yield from stream.push(values[first : first + piece])
    yield from stream.finish()
