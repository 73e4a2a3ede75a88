"""What conf/backbone/talk3d.yaml sets of the delta planes: the U-Net, its attention, its tokens. No torch, as `settings.py`.

The YAML holds every value and the paper's own; nothing has a default here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tfg.types import InputError


@dataclass(frozen=True, kw_only=True)
class AttentionShape:
    """Size of the transformer at the U-Net's bottleneck."""

    blocks: int  # 0: the tokens' sum is added to every pixel alike
    heads: int
    head_width: int

    def __post_init__(self) -> None:
        for name, least in (("blocks", 0), ("heads", 1), ("head_width", 1)):
            if getattr(self, name) < least:
                raise InputError(f"backbone.attention.{name}={getattr(self, name)} must be at least {least}")


@dataclass(frozen=True, kw_only=True)
class UnetShape:
    """Size of the U-Net."""

    widths: tuple[int, ...]  # channels of a plane at each scale after the first, whose channels are the planes' own

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        if not self.widths or min(self.widths) < 1:
            raise InputError(f"backbone.unet.widths={list(self.widths)} must be one number from 1 up, or several")

    def check_planes(self, resolution: int) -> None:
        """InputError where planes of so many pixels of a side cannot be halved once a width."""
        if resolution % 2 ** len(self.widths):
            raise InputError(
                f"backbone.unet.widths={list(self.widths)}: planes of {resolution} pixels cannot be halved {len(self.widths)} times"
            )


@dataclass(frozen=True, kw_only=True)
class TokenShape:
    """Which tokens there are, and their encoders."""

    audio: bool
    eye: bool
    empty: bool  # a learned one that depends on nothing
    angle: bool
    landmarks: bool
    width: int
    audio_hidden: tuple[int, ...]  # widths in the per-frame audio encoder
    dropout: float  # of audio inputs and hidden units
    noise: float  # standard deviations added to normalised audio features in training
    shift: float  # frames, largest random time shift of an audio window in training
    eye_frequencies: int
    angle_frequencies: int
    landmark_frequencies: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "audio_hidden", tuple(self.audio_hidden))
        if not any((self.audio, self.eye, self.empty, self.angle, self.landmarks)):
            raise InputError("backbone.tokens: audio, eye, empty, angle and landmarks are all off; leave one on")
        if self.width < 1 or any(width < 1 for width in self.audio_hidden):
            raise InputError("backbone.tokens.width and backbone.tokens.audio_hidden must be at least 1")
        if not 0 <= self.dropout < 1:
            raise InputError(f"backbone.tokens.dropout={self.dropout} must lie in [0, 1)")
        for name in ("noise", "shift", "eye_frequencies", "angle_frequencies", "landmark_frequencies"):
            if getattr(self, name) < 0:
                raise InputError(f"backbone.tokens.{name}={getattr(self, name)} is negative: give 0 or more")
