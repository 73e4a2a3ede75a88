"""The C2PA manifest of a rendering: made by tfg of this version, by trained algorithmic media; signed by this machine.

https://spec.c2pa.org, written and checked by c2pa-python, which fetches nothing here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfg.marking import certificate
from tfg.record.files import put
from tfg.types import InputError

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
NONE, VALID, INVALID = "none", "valid", "invalid"
_OFFLINE = {"remote_manifest_fetch": False, "ocsp_fetch": False}
_UNTRUSTED = "signingCredential.untrusted"  # says nothing against a file: everybody's authority is their own


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a file's manifest says."""

    state: str  # NONE; VALID: signed, and nothing of the file has changed since; INVALID
    generator: str = ""  # program and version that made it
    is_generated: bool = False  # it says that the video was made by trained algorithmic media
    is_own: bool = False  # signed by this machine
    problem: str = ""  # of an invalid one


def check() -> None:
    """InputError where nothing can be signed."""
    _library()


def sign(source: Path, path: Path, version: str) -> None:
    """An mp4 with its manifest, whole or not at all. `version`: tfg's."""
    c2pa, signer = _library(), certificate.own()
    made_by = {"name": "tfg", "version": version}
    action = {"action": "c2pa.created", "digitalSourceType": TRAINED, "softwareAgent": made_by}
    manifest = {
        "claim_generator_info": [made_by],
        "title": path.name,
        "format": "video/mp4",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    information = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, signer.chain, signer.key, None)
    partial = path.with_name(f".{path.name}.{os.getpid()}.signed.part")
    settings = {"verify": _OFFLINE, "builder": {"thumbnail": {"enabled": False}}}
    try:
        with (
            c2pa.Signer.from_info(information) as signing,
            c2pa.Context.from_dict(settings) as context,
            c2pa.Builder(manifest, context) as builder,
            source.open("rb") as unsigned,
            partial.open("w+b") as signed,
        ):
            builder.sign(signing, "video/mp4", unsigned, signed)
        put(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: Path) -> Manifest:
    """The manifest in a file; NONE also in a format that can hold none."""
    c2pa, here = _library(), certificate.kept()
    trust = {} if here is None else {"trust": {"user_anchors": here.authority.decode()}}
    settings = {"verify": {**_OFFLINE, "verify_trust": here is not None}, **trust}
    try:
        with c2pa.Context.from_dict(settings) as context, path.open("rb") as file:
            reader = c2pa.Reader.try_create(file, context=context)
            if reader is None:
                return Manifest(state=NONE)
            with reader:
                return _summary(reader.get_active_manifest() or {}, reader.get_validation_state(), _faults(reader))
    except c2pa.C2paError.NotSupported:
        return Manifest(state=NONE)
    except c2pa.C2paError as error:
        return Manifest(state=INVALID, problem=" ".join(str(error).split()))


def _summary(active: dict[str, Any], state: str | None, faults: list[str]) -> Manifest:
    makers = active.get("claim_generator_info") or [{}]
    actions = [
        action
        for assertion in active.get("assertions", [])
        if assertion.get("label", "").startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    return Manifest(
        state=VALID if state in ("Valid", "Trusted") else INVALID,
        generator=" ".join(str(makers[0].get(part, "")) for part in ("name", "version")).strip(),
        is_generated=any(action.get("digitalSourceType") == TRAINED for action in actions),
        is_own=state == "Trusted",
        problem="" if state in ("Valid", "Trusted") else "; ".join(faults),
    )


def _faults(reader: Any) -> list[str]:
    failures = (reader.get_validation_results() or {}).get("activeManifest", {}).get("failure", [])
    return [f"{fault['code']}" for fault in failures if fault["code"] != _UNTRUSTED]


def _library() -> Any:
    try:
        import c2pa
    except (ImportError, OSError, RuntimeError) as error:  # its native library may not fit the machine
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"c2pa-python cannot be loaded ({reason}); `pip install c2pa-python`, or render with --no-mark"
        ) from error
    return c2pa
