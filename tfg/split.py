"""Which end of a clip is held out: never selected, trained or fitted on. `split.held_out` of conf/ says how much."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from fractions import Fraction

from tfg.types import FPS, Clip, InputError

KEY = "split.held_out"


def split(clip: Clip, held_out: object, key: str = KEY) -> Clip:
    """The clip with its last frames held out; InputError, which names `key`, for no amount or one that leaves nothing to train on."""
    amount = amount_of(held_out, key)
    stop = math.floor(clip.num_frames * (1 - amount)) if amount < 1 else clip.num_frames - round(amount * FPS)
    if stop < 1:
        raise InputError(
            f"{clip.path}: {key}={held_out} holds out all of its {clip.num_frames / FPS:.2f} s; hold out less, or use a longer clip"
        )
    return replace(clip, num_reference_frames=stop)


def amount_of(held_out: object, key: str = KEY) -> Fraction:
    """A share of the clip where it is below 1, else seconds; exact, so that 1/11 of 11 frames is one frame."""
    text = str(held_out)
    amount = Fraction(text) if re.fullmatch(r"\d+(\.\d+)?|\d+/0*[1-9]\d*", text) else Fraction(0)
    if amount <= 0:
        raise InputError(
            f"{key}={held_out}: must be a share of the clip below 1, such as 1/11, or seconds from 1 on, such as 60"
        )
    return amount
