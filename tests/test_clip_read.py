"""Reading video: which picture stands for which frame, crops, rotation, seeking. Numbers are worked out by hand."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clip_media import flag_rotation, grey_frames, make_video, number_of, tone

from tfg.clip.limits import default_limits
from tfg.clip.pictures import crop_resize
from tfg.clip.read import read_clip
from tfg.clip.timeline import read_timeline
from tfg.types import Crop

GRID = Path(os.environ.get("TFG_ASSETS", "")) / "video" / "grid_s1_79clips_237s.mp4"
needs_grid = pytest.mark.skipif(
    not GRID.is_file(), reason="TFG_ASSETS is unset or holds no video/grid_s1_79clips_237s.mp4"
)


def video(path: Path, rate: float, num: int, **options: object) -> Path:
    times = [number / rate for number in range(num)]
    return make_video(path, grey_frames(num), times, sound=tone(num / rate), **options)  # type: ignore[arg-type]


def test_twenty_five_a_second_maps_one_to_one(tmp_path: Path) -> None:
    clip = read_clip(video(tmp_path / "a.mp4", 25, 50))
    assert clip.num_frames == 50
    assert number_of(clip.frames(0, 50)) == list(range(50))


def test_twelve_a_second_repeats_the_picture_on_display(tmp_path: Path) -> None:
    clip = read_clip(video(tmp_path / "a.mp4", 12, 24))
    assert clip.num_frames == 50
    # picture p is on display from p / 12 s on; one that begins exactly in the middle of a frame is not yet shown
    assert number_of(clip.frames(0, 50)) == [int((frame + 0.5) / 25 * 12 - 1e-6) for frame in range(50)]


def test_sixty_a_second_keeps_the_picture_in_the_middle_of_each_frame(tmp_path: Path) -> None:
    clip = read_clip(video(tmp_path / "a.mp4", 60, 60))
    assert clip.num_frames == 25
    # the middle of frame 0 is at 20 ms; picture 1 is shown from 16.7 to 33.3 ms
    assert number_of(clip.frames(0, 25))[:6] == [1, 3, 5, 8, 10, 13]


def test_ntsc_rate_keeps_its_duration(tmp_path: Path) -> None:
    clip = read_clip(video(tmp_path / "a.mp4", 30000 / 1001, 60))
    assert clip.num_frames == 50  # 60 * 1001 / 30000 = 2.002 s
    assert number_of(clip.frames(0, 50)) == [int((frame + 0.5) / 25 * 30000 / 1001) for frame in range(50)]


def test_variable_rate_shows_what_a_player_shows(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.49, 0.52, 1.0]
    path = make_video(tmp_path / "a.mp4", grey_frames(5, step=20), times, sound=tone(1.5))
    clip = read_clip(path)
    assert clip.num_frames > 25  # how long the last picture lasts is the muxer's choice
    # middles lie at 0.02 + 0.04 k: the third, at 0.10 s, is the last before picture 1; only the one at 0.50 s meets picture 2
    expected = [0] * 3 + [1] * 9 + [2] + [3] * 12
    middles = [0.02 + 0.04 * frame for frame in range(25)]
    assert expected == [max(i for i, time in enumerate(times) if i == 0 or time < middle - 1e-9) for middle in middles]
    assert number_of(clip.frames(0, 25), step=20) == expected


def test_wavering_time_stamps_neither_drop_nor_repeat(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    times = [0.0] + [number / 25 + float(rng.uniform(-0.015, 0.015)) for number in range(1, 50)]
    clip = read_clip(make_video(tmp_path / "a.mp4", grey_frames(50), times, sound=tone(2)))
    assert number_of(clip.frames(0, 49)) == list(range(49))


@pytest.mark.parametrize(
    ("name", "codec", "audio_codec"),
    [
        ("a.mkv", "libx264", "aac"),
        ("a.mov", "mpeg4", "aac"),
        ("a.avi", "mpeg4", "pcm_s16le"),
        ("b.avi", "libx264", "pcm_s16le"),  # reordered pictures in a container without display times
        ("a.mpg", "mpeg1video", "mp2"),
        ("a.ts", "libx264", "aac"),
        ("a: 100%d.webm", "libvpx-vp9", "libopus"),
    ],
)
def test_every_container_gives_the_same_frames(tmp_path: Path, name: str, codec: str, audio_codec: str) -> None:
    clip = read_clip(video(tmp_path / name, 25, 50, video_codec=codec, audio_codec=audio_codec))
    assert clip.num_frames == 50
    assert number_of(clip.frames(0, 50)) == list(range(50))
    assert number_of(clip.frames(31, 35)) == [31, 32, 33, 34]
    assert number_of(clip.frames(7, 9)) == [7, 8]


def test_any_order_of_ranges_gives_the_same_frames(tmp_path: Path) -> None:
    clip = read_clip(video(tmp_path / "a.mp4", 25, 75))
    whole = clip.frames(0, 75)
    rng = np.random.default_rng(1)
    for _ in range(20):
        start, stop = sorted(rng.integers(0, 76, 2).tolist())
        np.testing.assert_array_equal(clip.frames(start, stop), whole[start:stop])


def test_a_range_outside_the_clip_is_refused(tmp_path: Path) -> None:
    clip = read_clip(video(tmp_path / "a.mp4", 25, 25))
    with pytest.raises(IndexError, match="which has 25"):
        clip.frames(20, 26)


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_rotation_flag_is_applied(tmp_path: Path, clockwise: int) -> None:
    image = np.full((48, 80, 3), 40, np.uint8)
    image[:16, :16] = 240  # bright top left corner
    path = make_video(tmp_path / "a.mp4", [image] * 10, [number / 25 for number in range(10)], sound=tone(0.4))
    flag_rotation(path, clockwise)
    clip = read_clip(path)
    upright = clip.source_frames(0, 1)[0]
    expected = np.rot90(image, -clockwise // 90)
    assert upright.shape == expected.shape == (clip.source_height, clip.source_width, 3)
    assert np.abs(upright.astype(int) - expected).mean() < 3  # compression


def test_odd_size_is_read_whole(tmp_path: Path) -> None:
    images = grey_frames(10, height=47, width=63)
    path = make_video(
        tmp_path / "a.mkv", images, [number / 25 for number in range(10)], sound=tone(0.4), video_codec="ffv1"
    )
    clip = read_clip(path)
    assert (clip.source_width, clip.source_height) == (63, 47)
    assert clip.source_frames(0, 10).shape == (10, 47, 63, 3)
    assert clip.crop == Crop(x=8, y=0, side=47)


def test_default_name_is_safe_for_files_and_sidecar_is_found(tmp_path: Path) -> None:
    path = video(tmp_path / "my clip-1.mp4", 25, 25)
    assert read_clip(path).sidecar is None
    (tmp_path / "my clip-1.npz").touch()
    clip = read_clip(path)
    assert clip.name == "my_clip_1"
    assert clip.sidecar == tmp_path / "my clip-1.npz"
    assert read_clip(path, name="ann").name == "ann"
    assert clip.identity == clip.digest
    assert read_clip(path, identity="embedded-0123456789ab").identity == "embedded-0123456789ab"


def test_a_pickled_clip_reads_on(tmp_path: Path) -> None:
    clip = read_clip(video(tmp_path / "a.mp4", 25, 25))
    clip.frames(0, 5)
    copy = pickle.loads(pickle.dumps(clip))
    np.testing.assert_array_equal(copy.frames(3, 8), clip.frames(3, 8))


@pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)  # Python 3.12 on; that is the test
def test_a_forked_process_opens_its_own_decoder(tmp_path: Path) -> None:
    clip = read_clip(video(tmp_path / "a.mp4", 25, 75))
    expected = clip.frames(0, 75)
    clip.frames(40, 41)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(clip.frames(5, 60), expected[5:60]) else 1)
    np.testing.assert_array_equal(clip.frames(41, 75), expected[41:75])
    assert os.waitpid(child, 0)[1] == 0


def test_shrinking_is_the_mean_of_the_area() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    small = crop_resize(image, Crop(x=10, y=4, side=32), 16)
    exact = image[4:36, 10:42].reshape(16, 2, 16, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - exact).max() <= 0.5 + 1e-6  # rounding to uint8


def test_crop_outside_the_picture_repeats_the_edge() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    big = crop_resize(image, Crop(x=-5, y=-6, side=30), 30)
    np.testing.assert_array_equal(big[6:26, 5:25], image)
    np.testing.assert_array_equal(big[0, 5:25], image[0])
    np.testing.assert_array_equal(big[29, 29], image[19, 19])


def test_crop_between_pixels_agrees_with_to_clip_coordinates() -> None:
    rows, columns = np.mgrid[0:100, 0:120]
    image = np.stack([columns, rows, rows * 0], axis=-1).astype(np.uint8)  # pixel (c, r) holds its own index
    crop = Crop(x=10.3, y=20.7, side=60.4)
    small = crop_resize(image, crop, 32).astype(float)
    # centre of clip pixel k lies at source position x + (k + 0.5) * side / size; the ramp there is that minus 0.5
    position = (np.arange(32) + 0.5) * crop.side / 32 - 0.5
    assert np.abs(small[16, 1:-1, 0] - (crop.x + position)[1:-1]).max() < 1.0  # two roundings to uint8
    assert np.abs((small[1:-1, 16, 1] - (crop.y + position)[1:-1]).mean()) < 0.3


MEMORY = """
import resource, sys
from tfg.clip.read import read_clip
import cv2, av, scipy.signal
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
clip = read_clip(sys.argv[1])
clip.frames(3000, 3125), clip.audio()
print(peak() - before)
"""


@pytest.mark.real
@needs_grid
def test_five_seconds_of_a_long_clip_need_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY, str(GRID)], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 400  # MB above the imports, the limit


@pytest.mark.real
@needs_grid
def test_the_grid_clip_has_its_exact_length() -> None:
    clip = read_clip(GRID)
    assert clip.num_frames == 5924
    assert clip.audio().shape == (5924 * 640,)
    assert clip.digest == "5be1f90152a26fd525940739dd553c0fba1c22d55ad41e79e5449ac01b80f996"


@pytest.mark.real
@needs_grid
def test_seeks_in_a_real_mpeg_file_equal_reading_on() -> None:
    clip = read_clip(sorted((GRID.parent / "grid_speakers").glob("*.mpg"))[0])
    assert clip.num_frames == 75
    whole = clip.source_frames(0, 75)
    for start in (70, 3, 33, 11):
        np.testing.assert_array_equal(clip.source_frames(start, start + 4), whole[start : start + 4])


def test_timeline_reads_no_picture(tmp_path: Path) -> None:
    timeline = read_timeline(video(tmp_path / "a.mp4", 25, 50), default_limits())
    assert len(timeline.times) == 50
    assert len(timeline.keys) == 5  # every 12 pictures
    assert timeline.num_frames == 50


@pytest.mark.parametrize(
    ("size", "codec", "colours", "turned"),
    [
        ((121, 161), "ffv1", "yuv420p", 0),
        ((120, 160), "libx264", "yuv420p", 0),
        ((120, 160), "libx264", "yuv420p", 90),
        ((120, 160), "ffv1", "yuv444p", 0),
        ((120, 160), "ffv1", "yuv422p", 0),
        ((120, 160), "ffv1", "yuv411p", 0),
        ((120, 160), "ffv1", "yuv410p", 0),
    ],
)
def test_a_crop_is_cut_from_the_whole_picture(
    tmp_path: Path, size: tuple[int, int], codec: str, colours: str, turned: int
) -> None:
    noise = np.random.default_rng(0)
    images = [noise.integers(0, 256, (*size, 3), np.uint8) for _ in range(4)]
    path = make_video(
        tmp_path / ("a.mkv" if codec == "ffv1" else "a.mp4"),
        images,
        [number / 25 for number in range(4)],
        sound=tone(0.16),
        video_codec=codec,
        colours=colours,
    )
    if turned:
        flag_rotation(path, turned)
    reader = read_clip(path).reader
    whole = reader.frames(0, 4)
    height, width = whole.shape[1:3]
    for crop in (
        Crop(x=31.3, y=28.7, side=44.4),
        Crop(x=54, y=38, side=30),
        Crop(x=width - 33, y=height - 29, side=33),
        Crop(x=-9.5, y=-4.25, side=60),
        Crop(x=width + 40, y=-80, side=20),
    ):
        for size_made in (16, 64):
            expected = np.stack([crop_resize(image, crop, size_made) for image in whole])
            np.testing.assert_array_equal(reader.frames(0, 4, crop, size_made), expected)
