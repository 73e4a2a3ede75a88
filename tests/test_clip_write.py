"""Writing mp4: what comes back is what was written, and nothing half-written is left."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from chromium import browser

from tfg.clip.read import read_clip
from tfg.clip.sound import read_audio
from tfg.clip.write import write_video
from tfg.types import InputError


def gradient(num: int, height: int = 64, width: int = 64) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    image = np.stack([columns * 2 + 40, rows * 2 + 60, (rows + columns) + 50], axis=-1)
    return np.stack([image + 2 * number for number in range(num)]).clip(0, 255).astype(np.uint8)


def test_pictures_come_back_with_their_colours(tmp_path: Path) -> None:
    colours = np.array([[200, 40, 40], [40, 160, 60], [30, 60, 180], [128, 128, 128]], np.uint8)
    images = np.tile(np.repeat(np.repeat(colours.reshape(2, 2, 3), 32, axis=0), 32, axis=1), (20, 1, 1, 1))
    write_video(tmp_path / "a.mp4", images, np.zeros(12_800, np.float32))
    clip = read_clip(tmp_path / "a.mp4")
    assert clip.num_frames == 20
    back = clip.source_frames(0, 20)
    for row, column in ((16, 16), (16, 48), (48, 16), (48, 48)):
        # the wrong colour matrix or range is off by 7 and more; two conversions and H.264 by up to 2
        assert np.abs(back[:, row, column].astype(int) - images[:, row, column]).max() <= 3


def test_sound_comes_back_in_step_with_the_pictures(tmp_path: Path) -> None:
    audio = np.zeros(32_000, np.float32)
    audio[16_000:16_008] = 0.9
    images = np.zeros((50, 32, 32, 3), np.uint8)
    images[25:] = 255
    write_video(tmp_path / "a.mp4", iter(images), audio)
    clip = read_clip(tmp_path / "a.mp4")
    assert abs(int(np.abs(clip.audio()).argmax()) - 16_004) <= 16  # 1 ms; AAC smears a click
    assert np.flatnonzero(clip.source_frames(0, 50).mean(axis=(1, 2, 3)) > 128)[0] == 25


def test_file_plays_in_browsers(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, gradient(10), np.zeros(6_400, np.float32))
    with av.open(str(path)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.codec_context.name, picture.codec_context.pix_fmt, sound.codec_context.name) == (
            "h264",
            "yuv420p",
            "aac",
        )
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays before it is all there


def test_an_exact_file_keeps_16_bit_sound_to_the_bit_and_close_pictures(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).integers(-(2**15), 2**15, 16_000).astype(np.float32) / 2**15
    write_video(tmp_path / "a.mp4", gradient(25), sound, exact=True)
    clip = read_clip(tmp_path / "a.mp4")
    np.testing.assert_array_equal(clip.audio(), sound)
    assert np.abs(clip.source_frames(0, 25).astype(int) - gradient(25)).mean() < 2


def test_an_exact_file_holds_neither_a_date_nor_a_version_of_ffmpeg(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, gradient(5), np.zeros(3_200, np.float32), exact=True)
    content = (tmp_path / "a.mp4").read_bytes()
    assert content == (tmp_path / "b.mp4").read_bytes()
    assert b"Lavf" not in content
    assert b"Lavc" not in content


def test_an_exact_file_plays_in_a_browser(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", gradient(50), np.sin(np.arange(32_000) / 8, dtype=np.float32) / 2, exact=True)
    (tmp_path / "a.html").write_text('<video src="a.mp4" muted></video>')
    with browser(tmp_path / "profile") as page:
        page.open((tmp_path / "a.html").as_uri())
        page.evaluate("document.querySelector('video').play()")
        page.wait("document.querySelector('video').currentTime > 0.5")
        assert page.evaluate("document.querySelector('video').webkitAudioDecodedByteCount") > 0
        assert page.evaluate("document.querySelector('video').webkitDecodedFrameCount") > 0
        assert page.complaints == []


def test_odd_sizes_repeat_the_last_row_and_column(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", gradient(5, 33, 47), None)
    with av.open(str(tmp_path / "a.mp4")) as container:
        picture = next(container.decode(video=0))
    assert (picture.height, picture.width) == (34, 48)


def test_longer_sound_is_cut_and_other_rates_keep_their_duration(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", gradient(30), np.full(80_000, 0.1, np.float32), fps=Fraction(30))
    assert 16_000 <= len(read_audio(tmp_path / "a.mp4")) <= 17_024  # one second and at most one AAC frame
    assert read_clip(tmp_path / "a.mp4").num_frames == 25


def test_pictures_of_different_sizes_leave_no_file(tmp_path: Path) -> None:
    images = [np.zeros((32, 32, 3), np.uint8), np.zeros((32, 34, 3), np.uint8)]
    with pytest.raises(ValueError, match="picture 1 is"):
        write_video(tmp_path / "a.mp4", images, None)
    with pytest.raises(ValueError, match="no picture"):
        write_video(tmp_path / "a.mp4", [], None)
    assert list(tmp_path.iterdir()) == []


FULL_DISK = """
import resource, sys
import numpy as np
from tfg.clip.write import write_video
from tfg.types import InputError
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    write_video(sys.argv[1], np.random.default_rng(0).integers(0, 256, (50, 128, 128, 3), dtype=np.uint8), None)
except InputError as error:
    print(error)
"""


def test_no_space_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"an older result")
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{path}: cannot be written (")
    assert done.stdout.endswith("; raise the limit on the size of files (ulimit -f) or choose another folder\n")
    assert done.stdout.count("\n") == 1
    assert os.listdir(tmp_path) == ["a.mp4"]
    assert path.read_bytes() == b"an older result"


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_video(tmp_path / "file" / "a.mp4", gradient(2), None)
