"""Every selector, backbone and metric once: its tag in the files, its name in print, and which direction is better."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Term:
    tag: str  # as in conf/ and result.json
    name: str  # as printed


@dataclass(frozen=True, kw_only=True)
class Metric:
    tag: str
    name: str
    better: str  # up | down | none (a diagnosis, not a score)
    digits: int

    @property
    def title(self) -> str:
        """Printed name with its arrow."""
        return self.name + {"up": " (up)", "down": " (down)", "none": ""}[self.better]


SELECTORS = (
    Term(tag="random", name="Random"),
    Term(tag="first", name="First"),
    Term(tag="audio", name="Audio"),
    Term(tag="camera", name="Camera"),
    Term(tag="lip", name="Lip"),
    Term(tag="lip_camera", name="Lip + camera"),
    Term(tag="isexplore", name="ISExplore"),
    Term(tag="at", name="At a given second"),
)

BACKBONES = (
    Term(tag="synctalk", name="SyncTalk"),
    Term(tag="instag", name="InsTaG"),
)

SOURCES = (
    Term(tag="static", name="Static (mean training frame)"),
    Term(tag="nearest", name="Nearest training frame"),
    Term(tag="truth", name="Ground truth"),
)

METRICS = (
    Metric(tag="psnr_face", name="PSNR face dB", better="up", digits=2),
    Metric(tag="ssim_face", name="SSIM face", better="up", digits=3),
    Metric(tag="psnr", name="PSNR dB", better="up", digits=2),
    Metric(tag="ssim", name="SSIM", better="up", digits=3),
    Metric(tag="lpips", name="LPIPS", better="down", digits=3),
    Metric(tag="lmd", name="LMD px", better="down", digits=2),
    Metric(tag="mouth_correlation", name="Mouth r", better="up", digits=2),
    Metric(tag="mouth_lag", name="Mouth lag frames", better="none", digits=1),
    Metric(tag="mouth_correlation_shuffled", name="Mouth r, audio shuffled", better="none", digits=2),
    Metric(tag="sync_c", name="Sync-C", better="up", digits=2),
    Metric(tag="sync_d", name="Sync-D", better="down", digits=2),
    Metric(tag="sync_c_listener", name="Sync-C own listener", better="up", digits=3),
    Metric(tag="sync_c_listener_shuffled", name="Sync-C own, audio shuffled", better="none", digits=3),
    Metric(tag="identity", name="Identity", better="up", digits=3),
    Metric(tag="flicker_mouth", name="Flicker mouth", better="down", digits=2),
)


def printed(terms: tuple[Term, ...], tag: str) -> str:
    """The printed name of a tag; KeyError where the vocabulary has no line for it."""
    return {term.tag: term.name for term in terms}[tag]
