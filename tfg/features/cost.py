"""What a block of work costs when every feature it uses is made anew, wherever the feature comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tfg.features.cache import Entry
from tfg.record.costs import GIVEN
from tfg.record.meter import Spent

AUDIO, FACES, MASKS = "audio", "faces", "masks"
UNUSED = "not used"
NOTHING = Spent()


@dataclass(kw_only=True)
class Cost:
    """A block's own work and that of each feature it used, as first measured: the same whether or not it was cached."""

    sources: dict[str, str]  # feature -> name of its extractor
    cold: Spent = NOTHING  # processor seconds are not known where those of an entry are not
    waited: Spent = NOTHING  # in feature calls, cached or not
    looked_at: set[int] = field(default_factory=set)  # frames whose faces were used
    cached: Counter[str] = field(default_factory=Counter)  # feature -> frames that the cache had
    extracted: Counter[str] = field(default_factory=Counter)  # feature -> frames computed in this block
    counted: set[tuple[str, int | str]] = field(
        default_factory=set
    )  # entries: feature, first frame or what is read off some

    @property
    def frames(self) -> int:
        return len(self.looked_at)

    def add(self, feature: str, part: int | str, entry: Entry, frames: Sequence[int]) -> None:
        """Count an entry once, however often it is used; `frames` of it were used. `part`: its first frame, or what it is."""
        if feature == FACES:
            self.looked_at.update(frames)
        if (feature, part) not in self.counted:
            self.counted.add((feature, part))
            self.cold += entry.spent
            (self.cached if entry.was_there else self.extracted)[feature] += len(frames)

    def origin(self, feature: str) -> str:
        """Where a feature came from: its extractor, the sidecar (which costs nothing), or that it was not used."""
        if not self.cached[feature] and not self.extracted[feature]:
            return UNUSED
        name = self.sources[feature]
        return GIVEN if name == "sidecar" else f"read by {name}"

    def summary(self) -> dict[str, Any]:
        """For a selection's record: the cost of making it anew, and whether that includes reading faces."""
        return {**self.cold.rounded(), "frames": self.frames, FACES: self.origin(FACES)}

    def notes(self) -> dict[str, Any]:
        """For a stage's record: the cost of making it anew, and how much of it this run really did."""
        return {
            **self.cold.rounded("cold_"),
            "cached_frames": dict(self.cached),
            "extracted_frames": dict(self.extracted),
            FACES: self.origin(FACES),
            MASKS: self.origin(MASKS),
        }
