"""Learns tfg/features/sync/prior.safetensors anew: from 11 people of GRID (CC BY 4.0) and eight synthetic ones, from nothing else.

`TFG_ASSETS=FOLDER python -m benchmarks.sync_prior [--out FILE]`; minutes, most of them for the synthetic people. Prints the file's
sha256, which tfg/features/sync/prior.py holds.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from safetensors.numpy import save_file

from tfg import assets, overrides, parts
from tfg.clip.read import read_clip
from tfg.features.sync.jaw import jaw_drop
from tfg.features.sync.prior import FILE, SETTINGS, SoundAndJaw, fit_prior
from tfg.selection import features_of
from tfg.split import split
from tfg.types import Clip

LONG, SHORT = "grid_s1_79clips_237s.mp4", "grid_speakers"
SYNTHETIC_SEEDS = range(101, 109)  # apart from the seeds that studies use
SYNTHETIC_SECONDS = 60
FITS = {"logmel": (3.0, None), "whisper": (0.3, 32)}  # ridge, principal components


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FILE)
    out: Path = parser.parse_args().out
    videos = Path(os.environ["TFG_ASSETS"]) / "video"
    speaker = split(read_clip(videos / LONG), "1/11")
    groups = [
        ([speaker], "mediapipe"),
        ([read_clip(path) for path in sorted((videos / SHORT).iterdir())], "mediapipe"),
        ([_synthetic(seed) for seed in SYNTHETIC_SEEDS], "sidecar"),
    ]
    weights = {}
    for name, (ridge, components) in FITS.items():
        people = [[_sound_and_jaw(clip, name, face) for clip in clips] for clips, face in groups]
        weights[name] = fit_prior(people, name, ridge, components).weights
    save_file(weights, out)
    print(f"{assets.checksum(out)}  {out}")


def _synthetic(seed: int) -> Clip:
    seeds: Sequence[str] = [f"clip.synthetic.{part}_seed={seed}" for part in ("speech", "motion", "identity")]
    return parts.open_clip(overrides.composed([*seeds, f"clip.synthetic.seconds={SYNTHETIC_SECONDS}", "trainer=cpu"]))


def _sound_and_jaw(clip: Clip, audio: str, face: str) -> SoundAndJaw:
    """The training part of a clip."""
    settings = [f"audio.{key}={value}" for key, value in SETTINGS[audio].items()]
    config = overrides.composed([f"audio={audio}", *settings, f"face={face}", "trainer=cpu"])
    features = features_of(parts.construct(config.audio, "audio"), parts.construct(config.face, "face"), None, clip)
    stop = clip.num_reference_frames
    return features.sound()[:stop], jaw_drop(features.track(0, stop).landmarks)[0]


if __name__ == "__main__":
    main()
