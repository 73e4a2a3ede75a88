"""SyncNet's crops on real people: the face as the network was trained on it, mouth in the middle, nothing of it cut off."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from support.parts import part

from tfg.clip.read import read_clip
from tfg.metrics.base import ScoredVideo
from tfg.metrics.syncnet import SyncNet, SyncNetScore, crop

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "TFG_ASSETS" not in os.environ, reason="TFG_ASSETS is unset: no real videos, no MediaPipe weights"
    ),
]
FRAMES = 101  # the shortest track that the official pipeline keeps


class Start:
    """The first frames of a clip, at source size."""

    def __init__(self, name: str) -> None:
        self.clip = read_clip(Path(os.environ["TFG_ASSETS"]) / "video" / f"{name}.mp4")
        self.shape = (FRAMES, self.clip.source_height, self.clip.source_width)

    def frames(self, start: int, stop: int) -> np.ndarray:
        return self.clip.source_frames(start, stop)


@pytest.fixture(scope="module", params=["German_20s", "grid_s1_79clips_237s"])
def video(request: pytest.FixtureRequest) -> ScoredVideo:
    start = Start(request.param)
    return ScoredVideo(
        prediction=start,
        truth=None,
        made=part("face/mediapipe").extract(start.clip, 0, FRAMES),
        true=None,
        audio=start.clip.audio()[: FRAMES * 640],
        where=f"first {FRAMES} frames of {request.param}",
        reader="MediaPipe",
    )


def test_the_mouth_is_in_the_middle_of_the_crop_and_the_whole_face_inside(video: ScoredVideo) -> None:
    (track,) = crop.link(crop.detector_boxes(video.made.landmarks))
    squares = crop.squares(track)
    size = (squares[:, 2:] - squares[:, :2])[:, None]
    assert np.abs(size[..., 0] - size[..., 1]).max() <= 1  # a square, but for rounding
    inside = (video.made.landmarks - squares[:, None, :2]) / size  # parts of the crop
    assert (inside > 0.02).all()
    assert (inside < 0.98).all()
    x, y = inside[:, 48:].mean(axis=1).T
    assert ((x > 0.44) & (x < 0.58)).all()
    # The box's centre is at 1 / 2.8 = 0.36 of the height and its lower edge at 0.71; the mouth lies between both
    assert ((y > 0.48) & (y < 0.60)).all()
    eyes = inside[:, 36:48].mean(axis=1)[:, 1]
    assert ((eyes > 0.15) & (eyes < 0.32)).all()


def test_a_real_face_is_tracked_cropped_and_embedded(video: ScoredVideo) -> None:
    torch.manual_seed(0)
    metric = SyncNetScore(network=SyncNet(), note="random numbers")
    result = metric.conclude({}, video)
    assert all(np.isfinite(outcome.value) for outcome in result.values())
    assert np.isfinite(result["sync_c"].per_frame).sum() == FRAMES - 5
    assert (
        f"frames 0 to {FRAMES - 1}, {FRAMES} of {FRAMES}, 0 of them with an interpolated box"
        in (metric.define(video)["sync_c"])
    )
