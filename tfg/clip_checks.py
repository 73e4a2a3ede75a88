"""Whether a clip can be used, before anything runs: long enough, with speech, of a person that no prior was learned from."""

from __future__ import annotations

import functools
from pathlib import Path

from omegaconf import DictConfig

from tfg import assets, parts, priors
from tfg.clip.limits import MediaLimits, limits_of
from tfg.features.clip_features import ClipFeatures
from tfg.seen import Acquaintance
from tfg.selectors.at import At
from tfg.selectors.candidates import candidates_for, frames_of
from tfg.selectors.pieces import Pieces
from tfg.selectors.voicing import voiced_frames
from tfg.types import Clip, InputError


def check_clip(config: DictConfig) -> None:
    """Open the clip; InputError where it cannot be used, holds no segment of that length, or no speech."""
    from tfg.features.face.crop import read_crop

    clip = parts.open_clip(config)
    read_crop(config.clip.crop, clip)
    candidates_for(clip.num_reference_frames, config.seconds, config.stride_seconds, where=str(clip.path))
    if isinstance(selector := parts.construct(config.selector, "selector"), At | Pieces):
        selector.check(frames_of(config.seconds), clip.num_reference_frames, str(clip.path))
    if not _has_speech(clip.path, clip.digest, limits_of(config.clip)):
        raise InputError(
            f"{clip.path}: no speech in its sound, only silence or noise; give a video of someone speaking"
        )
    check_unseen(config, clip)


def check_unseen(config: DictConfig, clip: Clip) -> None:
    """InputError where the prior was learned from this person, or an encoder from this clip, and no `allow_seen` permits it."""
    if priors.names(config) and not config.prior.allow_seen:
        audio, face, masks = parts.extractors(config)
        features = ClipFeatures(clip=clip, audio=audio, face=face, masks=masks, root=assets.cache_root() / "features")
        name, found = seen_by_prior(config, features)
        if found.person is not None:
            raise InputError(
                f"{clip.path}: the prior {name} was learned from this person (as {found.person}: {found.why}), so its "
                "scores would say nothing; take another prior or none, or set prior.allow_seen=true"
            )
    for axis in ("audio", "selector_audio"):
        if not config[axis].get("allow_seen", True):
            priors.check_encoder(axis, str(config[axis].weights), parts.construct(config[axis], axis).people, clip)


def seen_by_prior(config: DictConfig, features: ClipFeatures) -> tuple[str, Acquaintance]:
    """Which person of the configuration's priors, one at least, a clip shows, and by which prior; of nobody the first prior's."""
    seed = config.clip.synthetic.identity_seed if config.clip.path is None else None
    return min(priors.known(config, features, seed), key=lambda named: named[1].person is None)


@functools.cache
def _has_speech(path: Path, digest: str, limits: MediaLimits) -> bool:
    """Whether a file holds any voiced sound; computed once for all cells of a sweep."""
    from tfg.clip.sound import read_audio

    return bool(voiced_frames(read_audio(path, limits=limits)).any())
