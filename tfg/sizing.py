"""`clip.size=auto` of a video: where its face is says how large it is."""

from __future__ import annotations

from omegaconf import DictConfig

from tfg import overrides, parts, picture_size
from tfg.features.base import FaceExtractor
from tfg.picture_size import PictureSize
from tfg.types import Clip


def native_size(clip: Clip, face: FaceExtractor, crop: object) -> PictureSize:
    """Of the square that a head of this clip would be trained on under a `clip.crop`; faces are read through the cache."""
    from tfg.features.face.crop import read_crop
    from tfg.features.portrait import frame_face
    from tfg.selection import features_of

    framed = frame_face(features_of(None, face, None, clip), read_crop(crop, clip))
    return picture_size.of_side(framed.clip.crop.side)


def taken(config: DictConfig) -> PictureSize:
    """The size of a configuration's pictures; InputError where a face must be found for it and is not."""
    if picture_size.is_open(config):
        return native_size(parts.open_clip(config), parts.construct(config.face, "face"), config.clip.crop)
    pixels = picture_size.of(config)
    own = config.clip.size == picture_size.AUTO
    return PictureSize(
        pixels=pixels, why=f"{pixels} px, {'the size of the embedded clip' if own else 'as clip.size says'}"
    )


def sized(config: DictConfig, size: PictureSize | None = None) -> DictConfig:
    """The configuration with a number for `clip.size`, what names of runs are made of; `size`: as `taken` found it before."""
    plain = parts.plain(config)
    plain["clip"]["size"] = (size or taken(config)).pixels
    return overrides.literal(plain)
