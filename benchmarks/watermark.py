"""How surely the watermark is found in videos as `tfg render` writes them, re-encoded and scaled; how often in videos without it.

`python -m benchmarks.watermark VIDEO... [--heads VIDEO...] [--out FILE]`: heads are rendered videos of trained heads, taken as they
are; of the others the middle is cut to 512 px, or their whole picture taken where it is smaller. The committed table is
benchmarks/watermark.md.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from tfg.clip.read import open_video
from tfg.clip.synthetic.generate import make_synthetic
from tfg.clip.synthetic.specification import SyntheticClip
from tfg.clip.write import write_video
from tfg.marking import watermark
from tfg.marking.watermark import BITS, FALSE_ALARM, Finding, decide, evidence_of, look, marked, plan
from tfg.record import provenance
from tfg.types import FPS, Bytes, Crop

FRAMES = 2 * FPS  # of each video
SHORT = 10  # frames: a glance
IDENTITIES = (0, 1, 2)  # of embedded clips
LARGE = 512  # pixels
QUALITIES = (23, 28, 33)  # constant rate factors of x264; tfg writes at 17
OTHER_KEYS = 1000
COLUMNS = ("as written", f"of it {SHORT} frames", *(f"CRF {quality}" for quality in QUALITIES), "half size, CRF 23")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One video: how it was marked, and what is found in it."""

    group: str
    found: Sequence[Finding]  # one a column
    fidelity: float  # dB, peak signal to noise ratio of the marked frames against the unmarked
    unmarked: Finding
    others: Sequence[int]  # matched bits of other keys in the unmarked video
    embed: float  # processor milliseconds a frame
    detect: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--heads", nargs="*", type=Path, default=[])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        trials = [
            trial(name, images, Path(folder)) for name, images in sources(options.heads, options.videos, Path(folder))
        ]
    text = report(trials, time.process_time() - began)
    if options.out is None:
        sys.stdout.write(text)
    else:
        options.out.write_text(text)


def sources(heads: Sequence[Path], videos: Sequence[Path], folder: Path):
    """(group, (frames, height, width, 3)) of every video."""
    for path in heads:
        images = _begin(path, None)
        yield f"heads, rendered, {images.shape[1]} px", images
    for size in (128, LARGE):
        for identity in IDENTITIES:
            spec = SyntheticClip(
                speech_seed=identity,
                motion_seed=identity,
                identity_seed=identity,
                num_poses=None,
                poses_seconds=None,
                motion_seconds=None,
                seconds=4.0,
                size=size,
            )
            yield f"embedded clip, {size} px", _begin(make_synthetic(spec, folder), None)
    for path in videos:
        height, width = open_video(path).shape[1:]
        if min(height, width) > LARGE:
            square = Crop(x=(width - LARGE) // 2, y=(height - LARGE) // 2, side=LARGE)
            yield f"footage, {LARGE} px of it", _begin(path, square)
        yield "footage, whole picture", _begin(path, None)


def _begin(path: Path, crop: Crop | None) -> Bytes:
    video = open_video(path)
    return video.frames(0, min(FRAMES, video.shape[0]), crop, LARGE if crop else None)


def trial(group: str, images: Bytes, folder: Path) -> Trial:
    began = time.process_time()
    made = np.stack([marked(image) for image in images])
    embedded = time.process_time()
    written, again = folder / "marked.mp4", folder / "again.mp4"
    write_video(written, made, None)
    frames = _begin(written, None)
    looked = time.process_time()
    found = [look(frames)]
    detected = time.process_time()
    found.append(look(frames[:SHORT]))
    for quality, scale in (*((quality, 1.0) for quality in QUALITIES), (23, 0.5)):
        encode(again, frames, quality, scale)
        found.append(look(_begin(again, None)))
    write_video(written, images, None)
    plain = _begin(written, None)
    total = np.sum([evidence_of(image) for image in plain], axis=0)
    keys = (f"another key {number}".encode() for number in range(OTHER_KEYS))
    error = np.mean((made.astype(np.float32) - images) ** 2)
    print(group, [finding.matched for finding in found], file=sys.stderr)
    return Trial(
        group=group,
        found=found,
        fidelity=10 * math.log10(255**2 / float(error)),
        unmarked=look(plain),
        others=[decide(total, len(plain), plan(*plain.shape[1:3], key)).matched for key in keys],
        embed=(embedded - began) / len(images) * 1000,
        detect=(detected - looked) / len(images) * 1000,
    )


def encode(path: Path, frames: Bytes, quality: int, scale: float) -> None:
    """H.264 by x264's medium preset at a constant rate factor, as an upload might be."""
    height, width = (round(extent * scale / 2) * 2 for extent in frames.shape[1:3])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": str(quality)})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(small, format="rgb24")))
        container.mux(stream.encode(None))


def report(trials: Sequence[Trial], seconds: float) -> str:
    needed = next(count for count in range(BITS + 1) if Finding(matched=count, frames=1).is_marked)
    commit, dirty = provenance.commit()
    lines = [
        "# The watermark",
        "",
        f"Videos of at most {FRAMES} frames, marked, written as `tfg render` does (H.264, CRF 17) and read back; then that",
        "file encoded again. Found: how many of the videos, and in brackets the fewest of the "
        f"{BITS} payload bits that agreed in one. {needed} must agree,",
        f"which an unmarked video does with a probability of {Finding(matched=needed, frames=1).chance:.1e} "
        f"(at most {FALSE_ALARM:g} is allowed). Made by `python -m benchmarks.watermark`.",
        "",
        f"Commit {commit}{' with changes' if dirty else ''}, {seconds:.0f} processor seconds.",
        "",
        f"| videos | number | {' | '.join(COLUMNS)} | dB | ms a frame, put in | looked for |",
        f"| --- |{' --: |' * (len(COLUMNS) + 4)}",
    ]
    for group in dict.fromkeys(trial.group for trial in trials):
        those = [trial for trial in trials if trial.group == group]
        cells = []
        for column in range(len(COLUMNS)):
            findings = [trial.found[column] for trial in those]
            hits = sum(finding.is_marked for finding in findings)
            cells.append(f"{hits}/{len(those)} ({min(finding.matched for finding in findings)})")
        fidelity, embed, detect = (
            np.mean([getattr(trial, name) for trial in those]) for name in ("fidelity", "embed", "detect")
        )
        lines.append(f"| {group} | {len(those)} | {' | '.join(cells)} | {fidelity:.1f} | {embed:.1f} | {detect:.1f} |")
    unmarked = [trial.unmarked for trial in trials]
    others = np.concatenate([trial.others for trial in trials])
    expected = len(others) * Finding(matched=needed, frames=1).chance
    tail = int((others >= 42).sum()), len(others) * Finding(matched=42, frames=1).chance
    lines += [
        "",
        f"Without a watermark, the same videos: {sum(finding.is_marked for finding in unmarked)} of {len(unmarked)} are "
        f"taken for marked; at most {max(finding.matched for finding in unmarked)} bits agree.",
        f"Of {len(others)} looks for {OTHER_KEYS} other keys in them {int((others >= needed).sum())} find one "
        f"({expected:.2g} expected); at most {others.max()} bits agree; mean {others.mean():.2f}, standard",
        f"deviation {others.std():.2f} (a fair coin: {BITS / 2:.0f}, {math.sqrt(BITS) / 2:.0f}); "
        f"42 bits or more in {tail[0]} ({tail[1]:.0f} expected).",
        "",
        f"Levels of 255: {watermark.WEAKEST:g} to {watermark.STRONGEST:g}, times {watermark.GAINS[0]:g} to "
        f"{watermark.GAINS[1]:g} by what the picture says itself; less in larger pictures. dB: the marked frames",
        "against the unmarked ones, before encoding. A cut picture is not found: cells are counted from its corner.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
