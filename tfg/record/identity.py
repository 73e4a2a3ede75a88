"""Who a run, a head and their scores are: names from what their numbers depend on, and seeds by name.

A *head* is one segment trained with one configuration; a *run* is a selection and the head it leads to. What changes only where, how
fast or under which label something happens is in EXCLUDED; weights count by their checksum, a clip by its identity, a class by
the option's name and never by its place in the code.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tfg.record.checks import value_at

# Keys of conf/ that no result depends on: dotted, a group stands for all below it.
EXCLUDED = (
    "tracker",
    "results",
    "estimate",
    "group",
    "sweep",
    "start",  # of selector=at, where it is `selector.start`
    "trainer",  # its profile decides values of the backbone and the picture's size, which count
    "metrics",  # a head's scores lie beside it, one file a setting
    "torso",  # likewise; no head is trained over it
    "clip.path",
    "clip.name",
    "clip.limits",
    "clip.synthetic",  # of the clip's identity
    "face.workers",
    "masks.workers",
    "backbone.engine",  # but for one that rounds to half precision
    "backbone.precision",  # of rendering: pictures 75 dB alike (docs/engines.md)
)
# Keys that came later, and the value that says what was done before there was the key: with it, names stay as they were.
LATER = {"clip.cameras": "fitted"}
LIPS_VERSION = 3  # of how heads are driven by lip motion: heads of another one are other heads
ONLY_OF_THE_CHOICE = ("selector", "selector_audio", "seconds", "stride_seconds")
_NAME_LENGTH = 40  # characters kept of a clip's name

Checksum = Callable[[str], str]
Pieces = Sequence[tuple[int, int]]  # of a segment in the order of time: first frame and frames of each


def run_science(config: Mapping[str, Any], clip: str, checksum: Checksum) -> dict[str, Any]:
    """What a run's numbers depend on: every value of a resolved configuration but EXCLUDED, and the clip's identity.

    `checksum`: file or name of pretrained weights -> sha256.
    """
    driven_by_lips = config.get("conditioning") == "lips"
    made_by: dict[str, Any] = {"lips version": LIPS_VERSION} if driven_by_lips else {}
    if config["backbone"].get("engine") == "tinycudann":
        made_by["perceptrons"] = "float16"
    return {"clip identity": clip, **made_by, **kept(config, checksum)}


def head_science(config: Mapping[str, Any], clip: str, segment: Pieces, checksum: Checksum) -> dict[str, Any]:
    """The same of a head: nothing of how its segment was chosen. A segment in one piece is that piece, else a list of them."""
    of_run = run_science(config, clip, checksum)
    kept = {key: value for key, value in of_run.items() if key not in ONLY_OF_THE_CHOICE}
    pieces = [list(piece) for piece in segment]
    return {**kept, "segment": pieces[0] if len(pieces) == 1 else pieces}


def kept(node: Mapping[str, Any], checksum: Checksum, prefix: str = "") -> dict[str, Any]:
    """The values of a configuration, or of some of its groups, that a result depends on: none of EXCLUDED, weights by checksum."""
    values: dict[str, Any] = {}
    for key, value in node.items():
        if f"{prefix}{key}" in EXCLUDED or key == "_target_" or LATER.get(f"{prefix}{key}", NotImplemented) == value:
            continue
        if isinstance(value, Mapping):
            values[key] = kept(value, checksum, f"{prefix}{key}.")
        elif key == "weights" and isinstance(value, str):
            values[key] = checksum(value)
        else:
            values[key] = value
    return values


def run_id(config: Mapping[str, Any], clip_name: str, clip: str, checksum: Checksum) -> str:
    """`<selector>-<backbone>-<audio>-<clip>-<seconds>s-seed<k>-<hash>`, the hash of `run_science`."""
    parts = (*(config[axis]["name"] for axis in ("selector", "backbone", "audio")), _file_safe(clip_name))
    return _named(parts, config["seconds"], config["seed"], run_science(config, clip, checksum))


def head_id(
    config: Mapping[str, Any],
    clip_name: str,
    clip: str,
    segment: Pieces,
    checksum: Checksum,
    *,
    fps: int,
) -> str:
    """`<backbone>-<clip>-<start>s-<seconds>s-seed<k>-<hash>`, the hash of `head_science`; of n pieces `<start>s_<n>pieces`."""
    first = f"{segment[0][0] / fps:g}s" + (f"_{len(segment)}pieces" if len(segment) > 1 else "")
    parts = (config["backbone"]["name"], _file_safe(clip_name), first)
    seconds = sum(num_frames for _, num_frames in segment) / fps
    return _named(parts, seconds, config["seed"], head_science(config, clip, segment, checksum))


def sweep_id(runs: Iterable[str]) -> str:
    """8 hexadecimal digits of the ids of a sweep's runs, in whatever order."""
    return hashlib.sha256("\n".join(sorted(runs)).encode()).hexdigest()[:8]


def digest_of(described: Any) -> str:
    """8 hexadecimal digits of plain values; 5 and 5.0 are one number."""
    return hashlib.sha256(json.dumps(_plain(described), sort_keys=True).encode()).hexdigest()[:8]


def varied(config: Mapping[str, Any]) -> dict[str, str]:
    """Axis -> value of this run, for the keys that vary in its sweep (`sweep.axes`); an option by its name."""
    return {axis: shown(config, axis) for axis in config.get("sweep", {}).get("axes", ())}


def label(config: Mapping[str, Any]) -> str:
    """`<selector> <backbone>` and every other axis that varies in the sweep: what a run is called in tables and in the tracker."""
    others = {axis: value for axis, value in varied(config).items() if axis not in ("selector", "backbone")}
    names = (config["selector"]["name"], config["backbone"]["name"])
    return " ".join([*names, *(f"{axis}={value}" for axis, value in others.items())])


def shown(config: Mapping[str, Any], axis: str) -> str:
    """A key's value in few letters, an option by its name; ValueError where the configuration lacks it."""
    value = value_at(config, axis.replace("/", "."))
    if isinstance(value, Mapping):
        return str(value.get("name", axis))
    return f"{value:g}" if isinstance(value, float) else str(value)


def seed_for(purpose: str, *names: object) -> int:
    """A 32-bit seed that depends on exactly the things named, so that runs are paired where they should be."""
    digest = hashlib.sha256(json.dumps([purpose, *map(str, names)]).encode()).digest()
    return int.from_bytes(digest[:4], "little")


def _named(parts: tuple[str, ...], seconds: float, seed: int, science: dict[str, Any]) -> str:
    return "-".join([*parts, f"{seconds:g}s", f"seed{seed}", digest_of(science)])


def _file_safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:_NAME_LENGTH] or "clip"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(child) for child in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
