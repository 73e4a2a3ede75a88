"""What a configuration takes of other people: which map, which motion fields, and whether they were learned from its own clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from tfg.features.clip_features import ClipFeatures
from tfg.prior_file import load_motion, load_people, load_prior, prior_path
from tfg.seen import Acquaintance, acquaintance
from tfg.types import Clip, Floats, InputError, UniversalMotion


def audio_setting(config: DictConfig) -> str:
    """Which audio features a prior must be of: their name, and of Whisper the layer."""
    return "-".join(str(config.audio[key]) for key in ("name", "layer") if key in config.audio)


def lip_prior(config: DictConfig) -> Floats | None:
    """Other people's map of sound to lip motion for a head that is driven by lips, or None without a prior."""
    weights = config.prior.weights
    if weights is None or config.conditioning != "lips":
        return None
    return load_prior(prior_path(weights), audio_setting(config)).weights


def universal_motion(config: DictConfig) -> UniversalMotion | None:
    """Other people's motion fields for a head that is driven by audio features, or None without a prior."""
    weights = config.prior.weights
    if weights is None or config.conditioning != "audio":
        return None
    return load_motion(prior_path(weights), audio_setting(config))


def known_in(path: Path, features: ClipFeatures, identity_seed: int | None) -> Acquaintance:
    """Which of a prior's people a clip shows; `identity_seed`: of the embedded clip."""
    return acquaintance(*load_people(path), features, identity_seed)


def check_encoder(axis: str, weights: str, people: list[dict[str, Any]], clip: Clip) -> None:
    """InputError where an audio encoder was learned from this very clip."""
    for person in people:
        if clip.identity in person["clips"]:
            raise InputError(
                f"{clip.path}: the encoder {axis}.weights={weights} was learned from this clip (as {person['name']}), so its scores "
                f"would say nothing; take other audio features, or set {axis}.allow_seen=true"
            )
