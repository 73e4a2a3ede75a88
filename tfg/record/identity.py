"""Who a run is: its id from the resolved configuration, and seeds by name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

# Values that change where or how fast a run happens, never what it computes.
_NOT_SCIENCE = {
    "": ("tracker", "results", "group", "hydra"),
    "clip": ("path", "sidecar"),
    "trainer": ("device", "checkpoint_every", "progress"),
    "audio": ("weights",),
    "face": ("weights", "workers"),
    "masks": ("weights", "workers"),
    "backbone": ("engine", "perceptual_weights"),
    "metrics": ("weights",),
}


def science(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a resolved configuration that the results depend on."""
    kept = {}
    for key, value in config.items():
        if key in _NOT_SCIENCE[""]:
            continue
        if isinstance(value, Mapping):
            kept[key] = {k: v for k, v in value.items() if k not in _NOT_SCIENCE.get(key, ())}
        else:
            kept[key] = value
    return kept


def run_id(config: Mapping[str, Any], clip_name: str, clip_digest: str) -> str:
    """`<selector>-<backbone>-<clip>-<seconds>s-seed<k>-<hash>`; the hash covers every scientific value and the clip's bytes."""
    described = {"config": science(config), "clip": clip_digest}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:8]
    clip = re.sub(r"[^A-Za-z0-9_]+", "_", clip_name)[:40]
    parts = (config["selector"]["name"], config["backbone"]["name"], clip, f"{config['seconds']:g}s")
    return "-".join([*parts, f"seed{config['seed']}", digest])


def seed_for(purpose: str, *names: object) -> int:
    """A 32-bit seed that depends on exactly the things named, so that runs are paired where they should be."""
    digest = hashlib.sha256(json.dumps([purpose, *map(str, names)]).encode()).digest()
    return int.from_bytes(digest[:4], "little")
