"""The exchangeable parts of a run: built, checked and opened from a composed configuration. Only this file calls hydra's instantiate.

Only classes that conf/ itself names as `_target_` are ever built, whatever a command line or a foreign run folder says.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from tfg import assets, picture_size, priors
from tfg.clip.limits import limits_of
from tfg.features.audio import lipsync
from tfg.features.base import AudioExtractor, FaceExtractor, MaskExtractor
from tfg.features.true_cameras import FITTED, check_cameras
from tfg.landmarks import LIP_CHANNELS
from tfg.prior_file import SHIPPED, UNIVERSAL
from tfg.record import identity
from tfg.scoring.setting import check_views
from tfg.selectors.base import Selector
from tfg.split import split
from tfg.targets import refuse_foreign
from tfg.torso.settings import settings_of as torso_settings
from tfg.types import FPS, Clip, InputError, Portrait, Segment

if TYPE_CHECKING:
    from tfg.backbones.base import Backbone

AUTO = "auto"
CONDITIONINGS = ("audio", "lips")  # what drives a head: the audio features, or the lip motion predicted from them
_SHIPPED = {UNIVERSAL: SHIPPED, lipsync.SHIPPED: lipsync.FILE}  # come with tfg, by the name in conf/
MOST_OFFSET = 15  # frames, of a sound against its pictures


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a run selects and trains with, checked but not loaded."""

    audio: AudioExtractor  # what a head is driven by
    selector_audio: AudioExtractor  # what the selector ranks segments by
    face: FaceExtractor
    masks: MaskExtractor
    selector: Selector


def build(config: DictConfig) -> Parts:
    """Construct the parts; their own checks name the config key."""
    axes = ("audio", "selector_audio", "face", "masks", "selector")
    return Parts(**{axis: construct(config[axis], axis) for axis in axes})


def extractors(config: DictConfig) -> tuple[AudioExtractor, FaceExtractor, MaskExtractor]:
    """Audio, face and masks of a head's configuration, which has no selector."""
    audio, face, masks = (construct(config[axis], axis) for axis in ("audio", "face", "masks"))
    return audio, face, masks


def check(config: DictConfig) -> None:
    """Build every part but the backbone: a wrong value or missing weight stops a sweep before it starts.

    InputError names the key or file. No torch is needed for it: see `check_backbone`.
    """
    from tfg.trackers import choose

    build(config)
    torso_settings(config.torso)
    check_views(config.metrics.views, config.clip)
    check_cameras(config.clip.get("cameras", FITTED), config.clip.crop, config.face.name)
    _check_settings(config)
    weights_of(config)
    choose.check(config.tracker)


def check_backbone(config: DictConfig) -> None:
    """Construct the backbone once for its own checks."""
    channels = LIP_CHANNELS if config.conditioning == "lips" else construct(config.audio, "audio").channels
    size = picture_size.of(config)
    backbone(config, size=size, focal=float(size), audio_channels=channels)


def _check_settings(config: DictConfig) -> None:
    """The backbone's groups of keys by their own checks, and its other keys by `check_head` in the settings.py of its room."""
    refuse_foreign(config.backbone, "backbone")
    universal = priors.universal_motion(config)
    values: dict[str, Any] = {
        "size": picture_size.of(config),
        "lip_driven": config.conditioning == "lips",
        "universal": None if universal is None else universal.shape,
    }
    for key, node in config.backbone.items():
        grouped = isinstance(node, DictConfig) and "_target_" in node
        if key == "perceptual" and not (grouped or node is None):
            raise InputError(
                f"backbone.perceptual={node}: give null, or the two lines of conf/backbone/blocks/lpips.yaml"
            )
        values[str(key)] = construct(node, f"backbone.{key}") if grouped and key != "perceptual" else node
    room = str(config.backbone._target_).rsplit(".", 2)[0]
    check_head = importlib.import_module(f"{room}.settings").check_head
    check_head(**{name: values[name] for name in inspect.signature(check_head).parameters})


def weights_of(config: DictConfig) -> None:
    """InputError with the remedy where pretrained weights that the configuration names are not here."""
    for axis in ("audio", "selector_audio", "face", "masks"):
        if "weights" in config[axis]:
            if not isinstance(weights := config[axis].weights, str):
                raise InputError(f"{axis}.weights={weights}: give a name of `tfg assets`, or a path")
            if weights != lipsync.SHIPPED:
                assets.located(weights)
    if config.conditioning not in CONDITIONINGS:
        raise InputError(f"conditioning={config.conditioning}: allowed are {', '.join(CONDITIONINGS)}")
    priors.lip_prior(config)
    priors.universal_motion(config)
    priors.heads_file(config)


def make_backbone(config: DictConfig, portrait: Portrait) -> Backbone:
    """An untrained backbone for pictures of this portrait's size, focal length and audio feature."""
    cameras = portrait.cameras
    return backbone(config, size=cameras.size, focal=cameras.focal, audio_channels=portrait.audio.shape[1])


def backbone(config: DictConfig, *, size: int, focal: float, audio_channels: int) -> Backbone:
    """An untrained backbone for `size` x `size` pictures, a focal length in pixels and so many channels of what drives it."""
    refuse_foreign(config.backbone, "backbone")
    settings = {key: value for key, value in config.backbone.items() if key != "name"}
    lip_driven = config.conditioning == "lips"
    given = {"size": size, "focal": focal, "audio_channels": audio_channels, "lip_driven": lip_driven}
    made: Backbone = construct(settings, "backbone", **given)
    for learned in (priors.universal_motion(config), priors.other_heads(config)):
        if learned is not None:
            made.adopt(learned)
    return made


def construct(settings: Any, key: str, **values: Any) -> Any:
    """hydra's instantiate for targets of conf/ alone, with the InputError of a part's own check instead of hydra's wrapping of it."""
    refuse_foreign(settings, key)
    try:
        return instantiate(settings, **values)
    except InstantiationException as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, InputError):
            cause = cause.__cause__
        if cause is None and isinstance(error.__cause__, TypeError):  # a missing or unknown parameter
            raise InputError(f"{key}: {error.__cause__}; `python run.py --cfg job` shows what it takes") from error
        raise cause or error from error


def open_clip(config: DictConfig) -> Clip:
    """The video of `clip.path`, or the embedded clip, made once and cached; its end is held out as `split.held_out` says.

    What only the video can say, and is found by `in_time` and `sizing`, is not in it yet.
    """
    clip = split(_whole_clip(config), config.split.held_out)
    offset = config.clip.sound_offset
    return replace(clip, sound_offset=0 if offset == AUTO else sound_offset(offset))


def sound_offset(given: object) -> int:
    """`clip.sound_offset` as frames; InputError for anything but `auto` and a whole number of at most 15 either way."""
    if isinstance(given, bool) or not isinstance(given, int) or abs(given) > MOST_OFFSET:
        raise InputError(
            f"clip.sound_offset={given}: give auto, or the frames by which the sound is late, from -{MOST_OFFSET} to {MOST_OFFSET}"
        )
    return given


def _whole_clip(config: DictConfig) -> Clip:
    from tfg.clip.read import read_clip

    size = picture_size.of(config)
    limits = limits_of(config.clip)
    if config.clip.path is not None:
        given, name = str(config.clip.path), config.clip.name
        return read_clip(given, size=size, name=name, identity=clip_identity(config), limits=limits)
    from tfg.clip.synthetic.generate import make_synthetic

    spec = embedded(config)
    path = make_synthetic(spec, assets.cache_root() / "clips")
    return read_clip(path, size=size, name=clip_name(config), identity=spec.identity)


def clip_name(config: DictConfig) -> str:
    """What a clip is called in the names of runs: `clip.name`, else the file's stem."""
    if config.clip.name is not None:
        return str(config.clip.name)
    return "embedded" if config.clip.path is None else Path(str(config.clip.path)).stem


def clip_identity(config: DictConfig) -> str:
    """What seeds and names depend on: the embedded clip's specification, which need not have been made, or a video's bytes."""
    if config.clip.path is None:
        return embedded(config).identity
    path = Path(str(config.clip.path)).expanduser()
    if not path.exists():
        raise InputError(f"{config.clip.path}: no such file; check its path")
    if not path.is_file():
        raise InputError(f"{config.clip.path}: is a directory; give a video with sound that a media player can play")
    beside = path.with_suffix(".npz")
    if "sidecar" in (config.face.name, config.masks.name) and beside.is_file():  # then the truth beside it is read too
        return f"{assets.checksum(path)}+{assets.checksum(beside)}"
    return assets.checksum(path)


def run_folder(config: DictConfig) -> Path:
    """Where a run of this configuration lives, whether or not it has started; of a video, once its size is found."""
    assert not picture_size.is_open(config), "clip.size=auto has no name before sizing.sized"
    values = plain(config)
    values["clip"]["size"] = picture_size.of(config)
    return folder_named(values, config)


def folder_named(values: dict[str, Any], config: DictConfig) -> Path:
    """The same of plain values that have a number for `clip.size`; `config`: of the same clip."""
    name = identity.run_id(values, clip_name(config), clip_identity(config), weights_checksum)
    return known_folder(Path(values["results"]), name)


def known_folder(root: Path, name: str) -> Path:
    """`root / name`, or the folder there that differs from it in the clip's name alone: a renamed video is the same video."""
    if not (root / name).exists():
        first, digest = name.split("-", 1)[0], name.rsplit("-", 1)[1]
        if found := sorted(root.glob(f"{first}-*-{digest}")):
            return found[0]
    return root / name


def head_name(config: DictConfig, clip: Clip, segment: Segment) -> str:
    """The folder name of the head that this configuration trains on a segment."""
    return identity.head_id(plain(config), clip.name, clip.identity, segment.numbers, weights_checksum, fps=FPS)


def weights_checksum(weights: str) -> str:
    """sha256 of pretrained weights given as a name of `tfg assets`, as a path, or as a file that comes with tfg."""
    return assets.checksum(_SHIPPED.get(weights) or assets.located(weights))


def plain(config: DictConfig) -> dict[str, Any]:
    """Resolved, as dictionaries and lists."""
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def embedded(config: DictConfig) -> Any:
    """The specification of the embedded clip."""
    from tfg.clip.synthetic.specification import SyntheticClip

    return SyntheticClip(**config.clip.synthetic, size=picture_size.of(config))
