"""What a configuration takes of other people: which map, motion fields and heads, and whether they were learned from its own clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from tfg.features.clip_features import ClipFeatures
from tfg.prior_file import load_motion, load_people, load_prior, prior_path
from tfg.seen import Acquaintance, acquaintance
from tfg.types import Clip, Floats, InputError, UniversalMotion

if TYPE_CHECKING:
    from tfg.backbones.triplane.prior import TriplanePrior


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


def heads_file(config: DictConfig) -> Path | None:
    """Of other people's heads, for a backbone that starts from such (`backbone.prior`), or None; InputError where there is none."""
    weights = config.backbone.get("prior", {}).get("weights")
    if weights is None:
        return None
    if not (path := Path(str(weights)).expanduser()).is_file():
        raise InputError(
            f"backbone.prior.weights={weights}: no such file; `python -m experiments.pretrain_triplane` makes one, null takes none"
        )
    return path


def other_heads(config: DictConfig) -> TriplanePrior | None:
    """Other people's heads for a backbone that starts from such, or None without a file of them."""
    if (path := heads_file(config)) is None:
        return None
    from tfg.backbones.triplane.prior import load_triplane

    return load_triplane(path)


def names(config: DictConfig) -> list[str]:
    """Of the files of other people that a head is made with; none without."""
    lips = [] if config.prior.weights is None else [str(config.prior.name)]
    heads = heads_file(config)
    return lips if heads is None else [*lips, heads.stem]


def known(config: DictConfig, features: ClipFeatures, identity_seed: int | None) -> list[tuple[str, Acquaintance]]:
    """Each file's name, and which of its people a clip shows; `identity_seed`: of the embedded clip."""
    people = [] if config.prior.weights is None else [load_people(prior_path(config.prior.weights))]
    if (heads := other_heads(config)) is not None:
        people.append((heads.people, None))
    return [
        (name, acquaintance(*of_file, features, identity_seed))
        for name, of_file in zip(names(config), people, strict=True)
    ]


def check_encoder(axis: str, weights: str, people: list[dict[str, Any]], clip: Clip) -> None:
    """InputError where an audio encoder was learned from this very clip."""
    for person in people:
        if clip.identity in person["clips"]:
            raise InputError(
                f"{clip.path}: the encoder {axis}.weights={weights} was learned from this clip (as {person['name']}), so its scores "
                f"would say nothing; take other audio features, or set {axis}.allow_seen=true"
            )
