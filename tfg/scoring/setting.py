"""What the scores of a head depend on beside the head. Nothing here imports torch: the name of a scores file is wanted early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tfg import assets
from tfg.metrics.listener import features
from tfg.types import InputError

# Raised with every change of the code that can move a number of an unchanged head.
SCORING_VERSION = 4
# Switch -> the asset that its metrics need.
WEIGHTS = {"lpips": "lpips_alex", "syncnet": "syncnet", "identity": "mobilefacenet", "fid": "inception_fid"}


VIEWS_VERSION = 1  # the same of metrics.views alone, without which a head's scores do not depend on it
NO_VIEWS = "none"
VIEWS = (
    NO_VIEWS,
    "world",
    "camera",
)  # values of metrics.views: what lights stay with while the camera goes round the head


def check_views(views: object, clip: Mapping[str, Any]) -> None:
    """InputError for a value of `metrics.views` that is none, or that needs other poses of the head's `clip` configuration."""
    if views not in VIEWS:
        raise InputError(f"metrics.views={views}: allowed are {', '.join(VIEWS)}")
    if views != NO_VIEWS and clip.get("path") is None and clip.get("cameras", "fitted") != "sidecar":
        raise InputError(
            f"metrics.views={views}: the embedded clip is drawn from the side at true poses, which a head of fitted ones does not "
            "have; train it with clip.cameras=sidecar"
        )


@dataclass(frozen=True, kw_only=True)
class Switches:
    """The metrics that cost time or need files; the others are always scored. conf/metrics/ has the choices."""

    lpips: bool
    listener: bool
    syncnet: bool
    identity: bool
    fid: bool


def setting(switches: Switches) -> dict[str, Any]:
    """Plain JSON: version, switches, version of the fitted listener, and sha256 of the weights that each switch would use now.

    A version or sum is None where its metrics are switched off, a sum also where the file is not here.
    """
    return {
        "version": SCORING_VERSION,
        "switches": asdict(switches),
        "listener": features.VERSION if switches.listener else None,
        "weights": {switch: _weights(name) if getattr(switches, switch) else None for switch, name in WEIGHTS.items()},
    }


def _weights(name: str) -> str | None:
    path = assets.usable(assets.asset(name))
    return None if path is None else assets.checksum(path)
