"""Pictures of Fig 5: of the embedded clip and GRID alone, from the video beside the head."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread
from result_records import result, write

from analysis import pictures
from tfg.clip.write import write_video
from tfg.record.results import HEADS


def run(folder, path):
    made = result("a", config={"clip": {"path": path, "size": 32}}, psnr=30.0)
    write(folder, made)
    frames = [np.full((32, 96, 3), 10 * index, np.uint8) for index in range(11)]
    write_video(folder / HEADS / made.head / "side_by_side.mp4", iter(frames), np.zeros(11 * 640, np.float32))
    return folder / "a"


@pytest.mark.parametrize(("path", "clip"), [(None, "embedded"), ("/videos/grid_s1_79clips_237s.mp4", "grid")])
def test_three_frames_lie_one_below_the_other(tmp_path, capsys, path, clip):
    assert pictures.main([str(run(tmp_path, path)), "--as", "isexplore", "--out", str(tmp_path / "out")]) == 0
    shown = imread(tmp_path / "out" / f"figure5_{clip}_isexplore.png")
    assert shown.shape[:2] == (96, 96)
    means = [255 * shown[32 * index : 32 * index + 32, :, :3].mean() for index in range(3)]
    assert means == pytest.approx([20, 50, 80], abs=8)  # frames 2, 5 and 8 (2.5 and 7.5 to even); x264


def test_anybody_else_is_refused(tmp_path, capsys):
    assert pictures.main([str(run(tmp_path, "/videos/ann.mp4")), "--as", "random", "--out", str(tmp_path)]) == 1
    assert "ann.mp4: only pictures of the embedded clip and of GRID" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.png"))


def test_without_its_video_there_is_no_picture(tmp_path, capsys):
    write(tmp_path, replace(result("a", config={"clip": {"path": None}}, psnr=30.0)))
    assert pictures.main([str(tmp_path / "a"), "--as", "full", "--out", str(tmp_path)]) == 1
    assert "side_by_side.mp4" in capsys.readouterr().err
