"""What the scores of a head depend on beside the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfg import assets

SCORING_VERSION = 1
_WEIGHTS = {"lpips": "lpips_alex", "syncnet": "syncnet", "identity": "mobilefacenet", "fid": "inception_fid"}


@dataclass(frozen=True, kw_only=True)
class Switches:
    lpips: bool
    listener: bool
    syncnet: bool
    identity: bool
    fid: bool
    shuffled_audio: bool = True


def setting(switches: dict[str, bool]) -> dict[str, Any]:
    weights = {}
    for switch, name in _WEIGHTS.items():
        path = assets.locate(assets.asset(name)) if switches[switch] else None
        weights[name] = None if path is None else assets.checksum(path)
    return {"switches": dict(switches), "weights": weights, "version": SCORING_VERSION}
