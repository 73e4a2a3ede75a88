"""Bad input: each case is one line that names the file and what to do."""

from pathlib import Path

import numpy as np
import pytest
from clip_media import grey_frames, make_video, tone

from tfg.clip.read import read_clip
from tfg.clip.sound import read_audio
from tfg.types import Crop, InputError

TIMES = [number / 25 for number in range(50)]


def message(path: Path, **options: object) -> str:
    """The one line that `read_clip` answers with."""
    with pytest.raises(InputError) as caught:
        read_clip(path, **options)  # type: ignore[arg-type]
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith((f"{path}: ", "clip."))
    return line


def noisy_frames(num: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(num)]


def test_missing_file(tmp_path: Path) -> None:
    assert message(tmp_path / "a.mp4").endswith("no such file; check its path")


def test_directory(tmp_path: Path) -> None:
    assert "is a directory" in message(tmp_path)


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    assert "is empty" in message(tmp_path / "a.mp4")


def test_text_named_mp4(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("this is no video\n" * 100)
    assert "is not a media file" in message(tmp_path / "a.mp4")


def test_subtitles_named_mp4(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("1\n00:00:01,000 --> 00:00:02,000\nhello\n\n")
    message(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("faststart", [False, True])
def test_truncated_file(tmp_path: Path, name: str, share: float, faststart: bool) -> None:
    path = tmp_path / name
    options = {"movflags": "faststart"} if faststart and name == "a.mp4" else {}
    times = [number / 25 for number in range(200)]
    make_video(path, noisy_frames(200), times, sound=tone(8), options=options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert "cut off" in message(path)


def test_sound_without_picture(tmp_path: Path) -> None:
    import av

    path = tmp_path / "a.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(1), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "has no picture" in message(path)


def test_picture_without_sound(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", grey_frames(50), TIMES)
    assert "has no sound track" in message(path)
    with pytest.raises(InputError, match="no sound in it; give a wav, or any file with a sound track"):
        read_audio(path)


def test_damaged_picture_is_named_when_it_is_met(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", noisy_frames(50), TIMES, sound=tone(2))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = bytes(20_000)
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"its picture cannot be decoded .*; re-encode it"):
        read_clip(path).frames(0, 50)


def test_bad_values_name_their_keys(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", grey_frames(50), TIMES, sound=tone(2))
    assert message(path, size=127).startswith("clip.size: is 127; ")
    assert message(path, crop=Crop(x=0, y=0, side=0)).startswith("clip.crop: ")
