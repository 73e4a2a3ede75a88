"""A segment of several pieces from selection to scores: one head however it was chosen, and nothing that crosses a joint."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from end_to_end import CLIP, INSTAG, own_cache, run_py, shared_cache, tfg

from tfg import heads, overrides, parts, sizing
from tfg.features import portrait
from tfg.features.clip_features import ClipFeatures
from tfg.features.portrait import observe, portraits
from tfg.record.results import HEADS, RunResult
from tfg.selection import features_of
from tfg.types import FaceTrack, InputError, Segment

QUICK = ["metrics=quick", *CLIP, *INSTAG]


def test_pieces_are_trained_rendered_scored_and_found_by_their_starts(tmp_path_factory, tmp_path: Path) -> None:
    cache = shared_cache(tmp_path_factory.getbasetemp())
    done = run_py("selector=pieces", "metrics.controls=true", *QUICK, cache=cache, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("results/pieces-*/result.json")
    made = RunResult.read(path)
    pieces = made.selection["pieces"]
    assert len(pieces) > 1
    assert sum(piece["seconds"] for piece in pieces) == made.selection["seconds"] == 3
    folder = tmp_path / "results" / HEADS / made.head
    assert f"-{pieces[0]['start']:g}s_{len(pieces)}pieces-3s-seed0-" in made.head
    assert made.metrics["psnr_face"]["value"] is not None
    assert made.controls["nearest"]["psnr_face"]["value"] is not None
    assert len(heads.read(folder)[1].segment["pieces"]) == len(pieces)

    # The same seconds, given one by one: the head is found.
    starts = [score["start"] for score in made.selection["scores"] if score["score"] is not None]
    given = run_py("selector=at", f"start={starts[::-1]}".replace(" ", ""), *QUICK, cache=cache, cwd=tmp_path)
    assert given.returncode == 0, given.stderr
    assert f"the head of this segment was found: {made.head}" in given.stderr
    assert len(list((tmp_path / "results" / HEADS).iterdir())) == 1

    # It speaks, and is no other head when its pieces are edited.
    said = tfg(
        "render",
        "--run",
        str(folder),
        "--audio",
        str(folder / "truth.mp4"),
        "-o",
        "said.mp4",
        cache=cache,
        cwd=tmp_path,
    )
    assert said.returncode == 0, said.stderr
    record = json.loads((folder / "head.json").read_text())
    record["segment"]["pieces"][0]["num_frames"] += 1
    (folder / "head.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="is not what it was trained with"):
        heads.read(folder)


@pytest.fixture
def features(tmp_path_factory, monkeypatch) -> ClipFeatures:
    own_cache(tmp_path_factory.getbasetemp(), monkeypatch)
    config = sizing.sized(
        overrides.composed([*CLIP, "face=sidecar", "masks=sidecar", "prior=none", "metrics=quick", "selector=first"])
    )
    built = parts.build(config)
    return features_of(built.audio, built.face, built.masks, parts.open_clip(config))


def test_what_is_observed_of_pieces_is_what_is_observed_of_each(features: ClipFeatures) -> None:
    starts = (10, 100, 200)
    together = observe(features, Segment.joined(starts, 8))
    each = [observe(features, Segment.whole(start=start, num_frames=8)) for start in starts]
    assert together.frames.tolist() == [*range(10, 18), *range(100, 108), *range(200, 208)]
    for name in ("images", "landmarks", "upper", "audio"):
        np.testing.assert_array_equal(getattr(together, name), np.concatenate([getattr(one, name) for one in each]))
    np.testing.assert_array_equal(together.masks.head, np.concatenate([one.masks.head for one in each]))


def test_a_frame_without_a_face_is_bridged_within_its_piece(features: ClipFeatures, monkeypatch) -> None:
    read = ClipFeatures.track

    def blinded(self: ClipFeatures, start: int, stop: int) -> FaceTrack:
        track = read(self, start, stop)
        hidden = np.isin(np.arange(start, stop), (17, 100))  # on both sides of the joint
        return FaceTrack(
            **{
                **{name: getattr(track, name) for name in ("start", "upper", "blendshapes", "head_rotation")},
                "num_faces": np.where(hidden, 0, track.num_faces),
                "landmarks": np.where(hidden[:, None, None], np.nan, track.landmarks).astype(np.float32),
            }
        )

    whole = observe(features, Segment.joined((10, 100), 8)).landmarks
    monkeypatch.setattr(ClipFeatures, "track", blinded)
    bridged = observe(features, Segment.joined((10, 100), 8)).landmarks
    np.testing.assert_allclose(bridged[7], whole[6], atol=1e-4)  # held, not drawn to the next piece
    np.testing.assert_allclose(bridged[8], whole[9], atol=1e-4)


def test_the_fit_of_poses_is_given_the_frames_whose_gaps_end_its_smoothing(features: ClipFeatures, monkeypatch) -> None:
    seen: list[np.ndarray] = []
    fit = portrait.fit_cameras

    def recorded(*given, frames: np.ndarray, **options):
        seen.append(frames)
        return fit(*given, frames=frames, **options)

    monkeypatch.setattr(portrait, "fit_cameras", recorded)
    train, held = (
        observe(features, Segment.joined((10, 100), 8)),
        observe(features, Segment.whole(start=370, num_frames=8)),
    )
    made, _, _ = portraits(train, held, features.clip.size, stabilise=False)
    assert seen[0].tolist() == [
        *range(10, 18),
        *range(100, 108),
        *range(370, 378),
    ]
    assert made.frames.tolist() == train.frames.tolist()
