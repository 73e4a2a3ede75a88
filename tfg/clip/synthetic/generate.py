"""The embedded clip: a parametric talking head speaking real sentences, as an ordinary mp4 with a sidecar of ground truth.

Speech, motion and person come from three independent seeds, which is the paper's simulation: the same motion with other audio, the
same audio with few poses.

One specification has one digest, of the mp4 and of the sidecar, on every processor, BLAS and number of threads (see `arithmetic`).
Another release of PyAV brings another x264, one of espeakng-loader another voice: they may write other bytes. Seeds and ids therefore
depend on `SyntheticClip.identity`.
"""

from __future__ import annotations

import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from tfg.clip.synthetic import draw
from tfg.clip.synthetic.mesh import make_person_mesh
from tfg.clip.synthetic.motion import HeadMotion, motion_of, rotations, translations
from tfg.clip.synthetic.person import make_person
from tfg.clip.synthetic.render import REST_TRANSLATION, DrawnFrame, FrameRenderer
from tfg.clip.synthetic.specification import VERSION, SyntheticClip
from tfg.clip.synthetic.speech import MOUTH_PARAMETERS, VISEMES, SpokenTrack, make_spoken_track
from tfg.clip.write import write_video
from tfg.record.files import is_sealed, put, remedy, seal
from tfg.record.ownership import objection
from tfg.types import NUM_LANDMARKS, UPPER_FACE, InputError

_MASKS = ("head", "mouth", "torso")  # of a DrawnFrame
_VERIFIED: set[tuple[Path, int, int]] = set()  # file, time of change and bytes of what this process found whole


def make_synthetic(spec: SyntheticClip, root: Path) -> Path:
    """The clip's mp4 under `root`, with its sidecar beside it under the same stem; made when it is not there, whole, yet.

    Of several processes one renders and the others wait. A file that differs from its checksum is named on stderr and made anew.
    """
    folder = Path(root) / spec.folder_name
    path = folder / "clip.mp4"
    if _is_whole(path):
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            if not _is_whole(path):
                for file in (path, path.with_suffix(".npz")):
                    if file.exists() and (fault := objection(file)):
                        print(f"{file} {fault}: not used, made anew", file=sys.stderr, flush=True)
                    elif file.exists() and not is_sealed(file):
                        print(f"{file}: differs from its checksum; it is made anew", file=sys.stderr, flush=True)
                write_synthetic(spec, path, _seal_own)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{folder}: cannot be written ({reason}); {remedy(error)} or set TFG_CACHE") from error
    return path


def write_synthetic(spec: SyntheticClip, path: Path, place: Callable[[Path, Path], Path] = put) -> None:
    """The clip as `path`, its sidecar beside it as `.npz`; `place` moves each finished file to its name, the mp4 last.

    Until then both are in the folder `.<name>.part`; what a killed process left there is removed.
    """
    unfinished = path.with_name(f".{path.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        track = make_spoken_track(spec.speech_seed, spec.num_frames)
        motion = motion_of(spec)
        renderer = FrameRenderer(make_person_mesh(make_person(spec.identity_seed), spec.size), spec.size)
        per_frame = _per_frame(spec)
        video, sidecar = unfinished / "clip.mp4", unfinished / "clip.npz"
        write_video(video, _pictures(spec, renderer, track, motion, per_frame), track.audio, exact=True)
        _write_arrays(sidecar, {**_of_clip(renderer, track, motion), **per_frame})
        place(sidecar, path.with_suffix(".npz"))
        place(video, path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _seal_own(partial: Path, path: Path) -> Path:
    """`seal`, for this user alone whatever the umask."""
    partial.chmod(0o600)
    return seal(partial, path)


def _is_whole(path: Path) -> bool:
    """Whether mp4 and sidecar are there as they were made; read once a process, unless they change."""
    try:
        stamps = [(file, file.stat().st_mtime_ns, file.stat().st_size) for file in (path, path.with_suffix(".npz"))]
    except OSError:
        return False
    if not _VERIFIED.issuperset(stamps):
        if not all(not objection(file) and is_sealed(file) for file, _, _ in stamps):
            return False
        _VERIFIED.update(stamps)
    return True


def render(
    spec: SyntheticClip, renderer: FrameRenderer, track: SpokenTrack, motion: HeadMotion
) -> Iterator[DrawnFrame]:
    """The frames in order, drawn on all cores where they are many."""
    if (processes := draw.processes_for(spec)) > 1:
        return draw.drawn_elsewhere(spec, processes)
    return draw.drawn(renderer, track, motion, range(spec.num_frames))


def _per_frame(spec: SyntheticClip) -> dict[str, NDArray[np.generic]]:
    """The sidecar's arrays that drawing fills: landmarks (n, 68, 2) in pixels; head_mask, mouth_mask and torso_mask, np.packbits
    along the last axis (n, size, ceil(size / 8))."""
    packed = (spec.num_frames, spec.size, draw.packed_width(spec.size))
    return {
        "landmarks": np.empty((spec.num_frames, NUM_LANDMARKS, 2), np.float32),
        **{f"{name}_mask": np.empty(packed, np.uint8) for name in _MASKS},
    }


def _pictures(
    spec: SyntheticClip,
    renderer: FrameRenderer,
    track: SpokenTrack,
    motion: HeadMotion,
    per_frame: dict[str, NDArray[np.generic]],
) -> Iterator[NDArray[np.uint8]]:
    """Pictures for the writer; landmarks and masks of each go to `per_frame`, the progress to stderr."""
    began = shown = time.monotonic()
    seconds = f"{spec.seconds:g} s at {spec.size} x {spec.size}"
    print(f"Making the embedded clip, once: {seconds} ...", file=sys.stderr, flush=True)
    for count, frame in enumerate(render(spec, renderer, track, motion), start=1):
        per_frame["landmarks"][count - 1] = frame.landmarks
        for name in _MASKS:
            per_frame[f"{name}_mask"][count - 1] = np.packbits(getattr(frame, name), axis=-1)
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            print(f"  frame {count} of {spec.num_frames}", file=sys.stderr, flush=True)
        yield frame.image
    print(f"  done in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _of_clip(renderer: FrameRenderer, track: SpokenTrack, motion: HeadMotion) -> dict[str, NDArray[np.generic]]:
    """The sidecar's other arrays; conventions of tfg.types."""
    rotation = rotations(motion.pose)
    translation = translations(motion.pose, rotation, np.array(REST_TRANSLATION))
    return {
        "version": np.array(VERSION, np.int64),
        "size": np.array(renderer.size, np.int64),
        "focal": np.array(renderer.focal, np.float32),
        "rotation": rotation.astype(np.float32),  # (n, 3, 3)
        "translation": translation.astype(np.float32),  # (n, 3)
        "face_shape": renderer.mesh.face_shape(),  # (68, 3) head space, eyes open, mouth closed
        "upper": motion.upper,  # (n, 7)
        "upper_names": np.array(UPPER_FACE),
        "gaze": motion.gaze,  # (n, 2) radians
        "mouth": track.mouth,  # (n, 7)
        "mouth_names": np.array(MOUTH_PARAMETERS),
        "visemes": track.visemes,  # (n,)
        "viseme_names": np.array(VISEMES),
        "phonemes": np.array(track.phonemes),  # (m,)
        "phoneme_times": track.phoneme_times.astype(np.float32),  # (m, 2) seconds
    }


def _write_arrays(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """An npz whose bytes depend on the arrays alone: not compressed, since zlib's output is another in another build of Python."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o600 << 16
            entry.file_size = array.nbytes  # about; where it is large the headers must be those of a large member
            with archive.open(entry, "w") as member:
                np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
