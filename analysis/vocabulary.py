"""Every selector, backbone and source once: its tag in the files and its name in print; and which metrics tables show.

A metric's own facts (title, unit, direction, digits) stand in the results; here is how print shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfg.record.metrics import titled


@dataclass(frozen=True, kw_only=True)
class Term:
    tag: str  # as in conf/ and result.json
    name: str  # as printed


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The facts of a metric, from its entry in a result."""

    tag: str
    name: str  # title and unit
    better: str  # up | down | none (a diagnosis, not a score)
    digits: int

    @classmethod
    def of(cls, tag: str, entry: Mapping[str, Any]) -> Metric:
        return cls(tag=tag, name=titled(entry), better=entry["better"], digits=int(entry["digits"]))

    @property
    def title(self) -> str:
        """Printed name with its direction in words, for tables in CSV and LaTeX."""
        return self.name + {"up": " (up)", "down": " (down)", "none": ""}[self.better]


SELECTORS = (
    Term(tag="random", name="Random"),
    Term(tag="first", name="First"),
    Term(tag="audio", name="Audio"),
    Term(tag="camera", name="Camera"),
    Term(tag="lip", name="Lip"),
    Term(tag="lip_camera", name="Lip + camera"),
    Term(tag="isexplore", name="ISExplore"),
    Term(tag="pose_coverage", name="Pose coverage"),
    Term(tag="speech_coverage", name="Speech coverage"),
    Term(tag="decorrelated", name="Decorrelated"),
    Term(tag="linear", name="Linear"),
    Term(tag="pieces", name="Pieces"),
    Term(tag="at", name="At a given second"),
)

BACKBONES = (
    Term(tag="synctalk", name="SyncTalk"),
    Term(tag="instag", name="InsTaG"),
    Term(tag="talk3d", name="Talk3D"),
)

SOURCES = (
    Term(tag="static", name="Static (mean training frame)"),
    Term(tag="nearest", name="Nearest training frame"),
    Term(tag="mute", name="Mute (mean training audio)"),
    Term(tag="rolled", name="Rolled (audio at another time)"),
    Term(tag="still", name="Still (one training pose)"),
    Term(tag="shuffled", name="Shuffled audio"),
    Term(tag="truth", name="Ground truth"),
)

METRICS = (
    "psnr_face",
    "psnr_face_near",
    "psnr_torso",
    "psnr_mouth",
    "ssim_face",
    "psnr",
    "ssim",
    "lpips",
    "lmd",
    "mouth_correlation",
    "mouth_lag",
    "closure_recall",
    "mouth_amplitude",
    "gain_psnr_mouth",
    "gain_mouth_correlation",
    "gain_sync_share",
    "pose_gap",
    "sync_c",
    "sync_d",
    "sync_c_listener",
    "identity",
    "flicker_mouth",
)
"""Columns of a table, in this order."""


def printed(terms: tuple[Term, ...], tag: str) -> str:
    """The printed name of a tag; KeyError where the vocabulary has no line for it."""
    return {term.tag: term.name for term in terms}[tag]
