"""From which sides a head is judged. Standard library only, for whoever reads the numbers of a view by name.

Positive yaw turns the head to the image's right, positive pitch brings the chin down, as everywhere in the project.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class View:
    """A pose of the head, in degrees."""

    yaw: int
    pitch: int

    @property
    def name(self) -> str:
        """Joins the names of metrics: `front`, `right30`, `left45_down20`."""
        parts = [f"right{self.yaw}" if self.yaw > 0 else f"left{-self.yaw}"] if self.yaw else []
        parts += [f"down{self.pitch}" if self.pitch > 0 else f"up{-self.pitch}"] if self.pitch else []
        return "_".join(parts) or "front"

    @property
    def title(self) -> str:
        """Joins the titles: `30 right, 20 down`."""
        parts = [f"{abs(self.yaw)} {'right' if self.yaw > 0 else 'left'}"] if self.yaw else []
        parts += [f"{abs(self.pitch)} {'down' if self.pitch > 0 else 'up'}"] if self.pitch else []
        return ", ".join(parts) or "front"


YAWS, PITCHES = (0, 15, 30, 45), (-20, 0, 20)
# Both signs of each yaw, and each sign with every |pitch|, at the cost of one: the sign alternates over the grid.
VIEWS = tuple(
    View(yaw=yaw if (row + column) % 2 else -yaw, pitch=pitch)
    for row, yaw in enumerate(YAWS)
    for column, pitch in enumerate(PITCHES)
)
