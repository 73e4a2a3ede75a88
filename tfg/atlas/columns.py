"""Every column of an atlas once: its name, what it is, and whether a selector may look at it. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

KEY, FEATURE, SCORE, COST = "key", "feature", "score", "cost"
SOUND, FACES, ALL_FACES = "sound", "faces", "all faces"
COMPONENTS = 5  # k of the cumulative variance; with 1, the default of conf/, it is the explained variance
MEASURES = {
    "pairs": "mean Euclidean distance over all unordered pairs of the segment's audio vectors",
    "consecutive": "mean Euclidean distance of consecutive audio vectors",
    "centroid": "mean Euclidean distance of audio vectors to their mean",
    "explained_variance": "1 - explained-variance ratio of the first principal component",
    "cumulative_variance": f"1 - mean over j <= {COMPONENTS} of the cumulative explained-variance ratio",
    "semantic_entropy": "entropy in nats over 20 k-means clusters of all audio vectors of the training part",
}
THRESHOLDS = ("0.15", "0.20", "0.25", "0.30", "0.35", "0.40", "0.45")  # cycles per frame, Nyquist 0.5
# Readings of motion complexity that can differ: the camera is one signal, and lips are one group.
READINGS = {
    "lips": tuple(product(("pooled", "mean_of_ratios"), ("radial", "xy"))),
    "camera": (("", ""),),
    "both": tuple(product(("pooled", "mean_of_groups", "mean_of_ratios"), ("radial", "xy"))),
}
PREPARED = {"linear": "after removing a line", "hann": "under a Hann window"}  # at 0.25, pooled, radial alone
POSE_DEGREES = 2.0  # tolerance of a cluster of poses (METHODS 10.3)

PICTURES = ("psnr", "psnr_face", "psnr_mouth", "ssim", "ssim_face", "ssim_mouth")
PERCEPTUAL = ("lpips", "lpips_face", "lpips_mouth", "identity", "fid")
PLACES = ("lmd", "lmd_normalised")
LIPS = ("mouth_correlation", "mouth_lag", "closure_recall", "closure_precision", "mouth_amplitude")
LISTENER = ("sync_c_listener", "sync_d_listener", "sync_offset_listener")
SYNCNET = ("sync_c", "sync_d", "sync_offset", "sync_c_crop", "sync_d_crop", "sync_offset_crop")
EXPRESSION = (
    *("blendshape_error_lower", "blendshape_error_upper", "head_pose_error", "head_jitter", "head_jitter_ratio"),
    *("blink_rate", "blink_rate_difference", "lid_correlation", "lid_amplitude", "flicker", "flicker_mouth"),
)
METRICS = (*PICTURES, "psnr_face_near", "psnr_torso", *PERCEPTUAL, *PLACES, *LIPS, *LISTENER, *SYNCNET, *EXPRESSION)
_SPOKEN = (*PICTURES, *PLACES, *LIPS, *LISTENER)
CONTROLS = {  # beside the head: what of it is scored
    "mute": _SPOKEN,
    "rolled": _SPOKEN,
    "still": (*LIPS, *LISTENER),
    "static": tuple(name for name in METRICS if name not in ("psnr_face_near", "psnr_torso")),
    "nearest": tuple(name for name in METRICS if name not in ("psnr_face_near", "psnr_torso")),
    "truth": (*LIPS, *LISTENER, *SYNCNET, *EXPRESSION),
}
GAINS = ("psnr_mouth", "lmd", "mouth_correlation", "sync_c_listener", "sync_share")
POSE_GAP = {  # entry of a result -> column
    "mean_degrees": "pose_gap",
    "p90_degrees": "pose_gap_p90",
    "mean_shift": "pose_shift",
    "p90_shift": "pose_shift_p90",
    **{name: name for name in ("mouth_coverage", "width_coverage", "blink_coverage", "brow_coverage")},
    **{name: name for name in ("rigid_mouth_r", "rigid_mouth_amplitude")},
}


@dataclass(frozen=True, kw_only=True)
class Column:
    name: str
    role: str  # KEY: which head; FEATURE: of its segment, which a selector may use; SCORE: of the held-out part; COST
    definition: str
    # Of a FEATURE: SOUND of the training part, FACES of the segment, ALL_FACES of the training part.
    reads: str | None = None


def motion_name(signals: str, threshold: str, aggregation: str, coordinates: str, prepared: str = "") -> str:
    """`mc_both_0.25_pooled_radial`; `mc_camera_0.25`, whose one signal has no other reading."""
    return "_".join(filter(None, ("mc", signals, threshold, aggregation, coordinates, prepared)))


def _keys() -> Iterator[Column]:
    for name, definition in {
        "person": "name of the person, as experiments/atlas.py has it",
        "kind": "real | synthetic",
        "tuned": "true where settings were chosen on this person",
        "backbone": "instag | synctalk | talk3d",
        "px": "pixels of the square picture's side",
        "start": "first second of the segment",
        "seconds": "length of the segment",
        "full": "true where the segment is the whole training part",
        "seed": "of initialisation and order of training",
        "growth": "trainer.growth: steps grow with this power of the length beyond 5 s",
        "steps": "training steps",
        "audio": "features that the head is driven by, and that `audio_...` is of",
        "prior": "name of the prior's file, none without one",
        "head": "folder of the head, whose hash stands for its configuration",
        "commit": "of the training; + where the tree had changes",
        "scored_at": "commit of the scoring",
        "machine": "processor, cores and Python that trained",
    }.items():
        yield Column(name=name, role=KEY, definition=definition)


def _features() -> Iterator[Column]:
    for prefix, features in {"audio": "the column audio", "logmel": "log-mel"}.items():
        for measure, definition in MEASURES.items():
            yield _feature(f"{prefix}_{measure}", f"{definition}; features: {features}", SOUND)
    for threshold, (signals, readings) in product(THRESHOLDS, READINGS.items()):
        for aggregation, coordinates in readings:
            how = f", {aggregation.replace('_', ' ')}, {coordinates}" if aggregation else ""
            yield _feature(
                motion_name(signals, threshold, aggregation, coordinates),
                f"share of rFFT amplitude above {threshold} cycles a frame, {signals}{how}",
                FACES,
            )
    for signals, (prepared, how) in product(READINGS, PREPARED.items()):
        aggregation, coordinates = READINGS[signals][0]
        default = motion_name(signals, "0.25", aggregation, coordinates)
        yield _feature(motion_name(signals, "0.25", aggregation, coordinates, prepared), f"{default} {how}", FACES)
    for signals in READINGS:
        yield _feature(
            f"motion_amplitude_{signals}",
            f"pixels: mean summed one-sided amplitude of the radial signals, {signals}",
            FACES,
        )
    for name, definition in {
        "voiced_share": "share of the segment's frames with voiced speech",
        "audio_gap": "mean over the training part's audio vectors (column audio) of the distance to the nearest of the segment",
        "mouth_range": "98th less 2nd percentile of the mouth opening, in median eye distances of the training part",
        "mouth_share": "share of the training part's range of mouth opening (2nd to 98th percentile) that the segment's covers",
        "mouth_closed": "share of frames whose mouth opening is below a quarter of its 90th percentile in the training part",
        "pose_clusters": f"clusters of head rotations by greedy covering within {POSE_DEGREES:g} degrees, in time order",
        "pose_spread": "degrees: mean angle of the segment's head rotations to their mean",
        "reference_gap": "degrees: mean over the training part's frames of the angle to the nearest head rotation of the segment",
        "pose_mouth_r2": "share of the variance of the mouth opening that a linear map of the six numbers of the pose explains",
    }.items():
        yield _feature(name, definition, SOUND if name in ("voiced_share", "audio_gap") else ALL_FACES)


def _feature(name: str, definition: str, reads: str) -> Column:
    return Column(name=name, role=FEATURE, definition=definition, reads=reads)


def _scores() -> Iterator[Column]:
    for name in METRICS:
        yield Column(name=name, role=SCORE, definition="of the head on the held-out part (docs/metrics.md)")
    for control, names in CONTROLS.items():
        for name in names:
            yield Column(name=f"{name}_{control}", role=SCORE, definition=f"{name} of the control {control}")
    for name, end in product(GAINS, ("", "_low", "_high")):
        what = f"end of its 95 % interval over frames: {end[1:]}" if end else "head minus mute control"
        if name == "sync_share" and not end:
            what = "(head - mute) / (truth - mute) of sync_c_listener, where the listener tells truth from mute"
        yield Column(name=f"gain_{name}{end}", role=SCORE, definition=what)
    for entry, name in POSE_GAP.items():
        yield Column(name=name, role=SCORE, definition=f"{entry} of the held-out part (tfg/scoring/pose_gap.py)")


def _costs() -> Iterator[Column]:
    for name, definition in {
        "audio_seconds": "by the clock: audio features (column audio) of the whole clip, made anew",
        "faces_seconds": "by the clock: reading the segment's faces at the training part's mean, made anew; empty with a sidecar",
        "features_train_seconds": "by the clock: all that the head was shown of its segment, made anew",
        "features_train_processor_seconds": "the same, where it is known",
        "training_processor_seconds": "of the training",
        "training_seconds": "of the training, by the clock",
        "metrics_seconds": "of the scoring with its controls, by the clock",
        "training_peak_mb": "most memory of the process while it trained",
    }.items():
        yield Column(name=name, role=COST, definition=definition)


COLUMNS = (*_keys(), *_features(), *_scores(), *_costs())
"""In the order of the CSV."""

NAMED = {column.name: column for column in COLUMNS}
FEATURES = tuple(column.name for column in COLUMNS if column.role == FEATURE)
