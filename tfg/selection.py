"""The first stage of a run, and all of `tfg select`: candidates with lazy features -> a selector -> the segment and its record."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
from omegaconf import DictConfig

from tfg import assets, parts
from tfg.features.clip_features import ClipFeatures
from tfg.features.cost import Cost
from tfg.record import identity
from tfg.selectors.base import Candidates, Selection
from tfg.selectors.candidates import candidates_for, frames_of
from tfg.selectors.report import selection_json
from tfg.selectors.voicing import LEAST_VOICED, voiced_frames
from tfg.types import FPS, SAMPLES_PER_FRAME, Clip, InputError


def select(
    config: DictConfig, built: parts.Parts, features: ClipFeatures, *, details: bool
) -> tuple[Selection, dict[str, Any], Cost]:
    """The chosen segment, the same as the JSON object that `tfg select` prints (with `details` also each score's notes), its cost."""
    clip = features.clip
    features = replace(features, audio=built.selector_audio)
    voiced = functools.cache(lambda: voiced_frames(clip.audio()[: clip.num_reference_frames * SAMPLES_PER_FRAME]))
    candidates = Candidates(
        starts=candidates_for(clip.num_reference_frames, config.seconds, config.stride_seconds, where=str(clip.path)),
        num_frames=frames_of(config.seconds),
        num_reference_frames=clip.num_reference_frames,
        audio=lambda: features.sound()[: clip.num_reference_frames],
        face=features.track,
        sample=lambda frames: features.sampled("samples of the training part", list(frames)),
        voiced=voiced,
        draw=config.seed,
        audio_name=built.selector_audio.name,
        where=str(clip.path),
    )
    rng = np.random.default_rng(identity.seed_for("selection", clip.identity))
    with features.costing() as cost:
        selection = built.selector.select(candidates, rng)
    segment = selection.segment
    if voiced()[segment.frames].mean() < LEAST_VOICED:
        spans = ", ".join(f"{piece.start / FPS:.1f} to {piece.stop / FPS:.1f}" for piece in segment.pieces)
        raise InputError(
            f"{clip.path}: no speech from {spans} s, the segment that "
            f"{selection.method} chose; cut the silence out, or use another selector"
        )
    return selection, selection_json(selection, cost.summary(), details=details), cost


def select_only(config: DictConfig) -> tuple[Selection, dict[str, Any]]:
    """`tfg select`: the selection of one configuration without a run, as object and as JSON."""
    built = parts.build(config)
    features = features_of(built.audio, built.face, built.masks, parts.open_clip(config))
    selection, chosen, _ = select(config, built, features, details=False)
    return selection, chosen


def features_of(audio: Any, face: Any, masks: Any, clip: Clip) -> ClipFeatures:
    """Lazy features of a clip, kept in the cache."""
    return ClipFeatures(clip=clip, audio=audio, face=face, masks=masks, root=assets.cache_root() / "features")
