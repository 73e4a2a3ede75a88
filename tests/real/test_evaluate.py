"""`tfg evaluate` on real faces, with the real face model and weights."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tfg import cli
from tfg.clip.read import open_video, read_clip
from tfg.clip.write import write_video
from tfg.types import SAMPLES_PER_FRAME

pytestmark = pytest.mark.real


@pytest.fixture
def here(tmp_path, monkeypatch, real_assets):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFG_CACHE", str(tmp_path / "cache"))
    return tmp_path


def scored(*arguments):
    assert cli.run(["evaluate", *map(str, arguments), "--json", "scores.json"]) == 0
    with open("scores.json") as file:
        return json.load(file)


def value(record, name, part="metrics"):
    return float(record[part][name]["value"])


def test_a_video_against_itself_is_perfect_in_every_number(here, real_assets):
    clip = sorted((real_assets / "video" / "grid_speakers").glob("*.mpg"))[0]
    record = scored("--pred", clip, "--truth", clip)
    assert all(math.isinf(value(record, name)) for name in ("psnr", "psnr_face", "psnr_mouth"))
    for name in ("ssim", "ssim_face", "ssim_mouth", "mouth_correlation", "identity"):
        assert value(record, name) == 1
    for name in ("lpips", "lpips_face", "lpips_mouth", "lmd", "flicker", "head_pose_error", "mouth_lag"):
        assert value(record, name) == 0
    for name, metric in record["metrics"].items():
        truth = record["ground_truth"].get(name, metric)
        assert (metric["value"], metric["unavailable"]) == (truth["value"], truth["unavailable"])


def test_frames_without_a_face_are_counted_and_another_person_is_told(here, real_assets):
    speakers = sorted((real_assets / "video" / "grid_speakers").glob("*.mpg"))[:2]
    for name, clip in zip(("first", "second"), map(read_clip, speakers), strict=True):
        sound = clip.audio()[15 * SAMPLES_PER_FRAME : 55 * SAMPLES_PER_FRAME]
        write_video(here / f"{name}.mp4", clip.source_frames(15, 55), sound)  # the seconds of speech
    images = open_video(here / "first.mp4").frames(0, 40)
    images[10:16] = 90  # no face there
    write_video(here / "gap.mp4", images, read_clip(here / "first.mp4").audio())
    record = scored("--pred", "gap.mp4", "--truth", "first.mp4")
    frames = record["metrics"]["lmd"]["per_frame"]
    assert [index for index, frame in enumerate(frames) if frame is None] == list(range(10, 16))
    assert "6 of 40 frames without a face left out" in record["metrics"]["lmd"]["definition"]
    assert value(record, "mouth_correlation") > 0.95
    stranger = scored("--pred", "second.mp4", "--truth", "first.mp4")
    assert value(stranger, "identity") < 0.5 < 0.9 < value(record, "identity")
    assert np.isfinite(value(stranger, "psnr_mouth"))
