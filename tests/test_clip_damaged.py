"""Damaged and hostile media: one line that names the file, what was found and the key. All kinds of benchmarks/damaged_media.py."""

from __future__ import annotations

import resource
import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks import damaged_sources
from benchmarks.damaged_files import damaged
from tfg import cli, overrides
from tfg.clip.limits import KEY, MediaLimits, default_limits, limits_of
from tfg.clip.read import open_video, read_clip
from tfg.clip.sound import read_audio
from tfg.clip.whole import is_cut_off
from tfg.record import identity
from tfg.types import InputError

SOURCES = {source.name: source for source in damaged_sources.SOURCES}
HOUR = 3600 * 25  # pictures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


def made(folder: Path, name: str, times: Callable[[int], int] | None = None) -> Path:
    source = replace(SOURCES[name], options=(("max_interleave_delta", "0"),)) if times else SOURCES[name]
    return damaged_sources.write(source, folder / name, times)


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        read()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["h264_aac.mp4", "h264_aac.mkv", "h264_aac.ts", "speech.wav"])
def test_a_few_of_each_damage_are_read_or_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    whole = made(tmp_path, name)
    tried = set()
    for kind, what, data in damaged(whole):
        if kind in tried:
            continue
        tried.add(kind)
        path = tmp_path / f"damaged{whole.suffix}"
        path.write_bytes(data)
        code = cli.run(["inspect", str(path)])
        out, err = capsys.readouterr()
        assert (code, len(out.splitlines()), len(err.splitlines())) in [(0, 1, 0), (2, 0, 1)], (kind, what, err)
        assert code == 0 or err.startswith(f"tfg: {path}: ")
    assert {"cut off", "flipped bits", "blocks"} <= tried


@pytest.mark.parametrize("name", ["h264_aac.mp4", "h264_aac.mkv", "h264_aac.ts"])
def test_an_hour_without_a_picture_is_refused(tmp_path: Path, name: str) -> None:
    path = made(tmp_path, name, lambda number: number + (HOUR if number > 25 else 0))
    assert refusal(lambda: open_video(path)) == (
        f"{path}: its picture has a gap of 3600.0 s; the most is 60 seconds (clip.limits.max_gap_seconds): "
        "re-encode or cut it, or raise that key"
    )
    wide = replace(default_limits(), max_gap_seconds=4000)
    assert open_video(path, wide).shape[0] == 3602 * 25


def test_days_are_refused(tmp_path: Path) -> None:
    path = made(tmp_path, "h264_aac.mkv", lambda number: number * HOUR)
    assert "lasts 176400.0 s; the most is 14400 seconds (clip.limits.max_seconds)" in refusal(lambda: open_video(path))


def test_a_gap_in_the_sound_is_refused_before_it_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8_000, layout="mono")
        for second in (0, 1, 3 * 86_400):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8_000), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 8_000, 8_000 * second, Fraction(1, 8_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    limits = replace(default_limits(), max_seconds=1e6)
    assert "its sound has a gap of 259198.0 s; the most is 60 seconds" in refusal(
        lambda: read_audio(path, limits=limits)
    )


def test_one_edited_duration_of_a_picture_makes_no_days(tmp_path: Path) -> None:
    """The 4 bytes that made 11.4 GB of sound."""
    path = made(tmp_path, "h264_aac.mp4")
    data = bytearray(path.read_bytes())
    place = data.index(b"stts") + 12  # version, count of entries; then how many pictures, how long each
    assert struct.unpack_from(">I", data, place)[0] == 50
    struct.pack_into(">I", data, place + 4, 0x7FFFFFF)
    path.write_bytes(bytes(data))
    assert "clip.limits.max_" in refusal(lambda: read_clip(path))


@pytest.mark.parametrize("kind", ["mov", "avi", "nut"])
def test_thirty_thousand_pixels_square_are_refused_undecoded(tmp_path: Path, kind: str) -> None:
    path = damaged_sources.huge_picture(tmp_path / f"a.{kind}", 30_000, 30_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = refusal(lambda: open_video(path))
    assert "its picture is 30000x30000; the most is 33177600 pixels (clip.limits.max_pixels)" in line
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KB; one picture of bits has 112 MB


def test_a_picture_at_the_limit_is_read(tmp_path: Path) -> None:
    path = damaged_sources.huge_picture(tmp_path / "a.mov", 640, 480)
    assert open_video(path, replace(default_limits(), max_pixels=640 * 480)).shape[1:] == (480, 640)
    line = refusal(lambda: open_video(path, replace(default_limits(), max_pixels=640 * 480 - 1)))
    assert "640x480" in line or "cannot be decoded" in line


@pytest.mark.parametrize(("rate", "read"), [(192_000, True), (192_001, False), (705_600, False)])
def test_the_rate_of_sound_is_bounded(tmp_path: Path, rate: int, read: bool) -> None:
    path = damaged_sources.wav(tmp_path / "a.wav", rate, 1, rate)
    if read:
        assert len(read_audio(path)) == 16_000
    else:
        assert f"{rate} samples a second; the most is 192000" in refusal(lambda: read_audio(path))


def test_the_length_of_sound_is_bounded_before_it_is_decoded(tmp_path: Path) -> None:
    path = damaged_sources.wav(tmp_path / "a.wav", 8_000, 1, 24_000)
    limits = replace(default_limits(), max_seconds=2.5)
    assert "its sound lasts 3.0 s; the most is 2.5 seconds" in refusal(lambda: read_audio(path, limits=limits))


def test_too_many_pictures_a_second_are_refused(tmp_path: Path) -> None:
    path = made(tmp_path, "h264_aac.mp4")
    line = refusal(lambda: open_video(path, replace(default_limits(), max_rate=20)))
    assert "it has 50 pictures in 2.00 s; the most is 20 pictures a second (clip.limits.max_rate)" in line


@pytest.mark.parametrize(
    "name",
    [
        "live.m3u8",
        "remote.m3u8",
        "master.mp4",
        "list.ffconcat",
        "session.sdp",
        "dash.mpd",
        "subtitles.srt",
        "drawing.svg",
    ],
)
def test_what_names_other_files_or_addresses_is_not_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(damaged_sources.TEXTS[name])
    made(tmp_path, "h264_aac.ts")  # which live.m3u8 names
    line = refusal(lambda: open_video(tmp_path / name))
    assert any(text in line for text in ("is a playlist", "is not a media file", "of a kind that is not opened"))


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi", "flv", "webm"])
def test_streams_without_a_packet_are_refused(tmp_path: Path, kind: str) -> None:
    path = damaged_sources.empty_streams(tmp_path / f"a.{kind}")
    refusal(lambda: read_clip(path))


@pytest.mark.parametrize("name", ["h264_aac.mp4", "h264_aac.mkv", "mpeg4_mp3.avi", "speech.wav"])
def test_only_what_is_shorter_than_it_states_is_cut_off(tmp_path: Path, name: str) -> None:
    path = made(tmp_path, name)
    data = path.read_bytes()
    assert not is_cut_off(path)
    path.write_bytes(data + bytes(100))
    assert not is_cut_off(path)
    for length in (len(data) - 1, len(data) // 2):
        path.write_bytes(data[:length])
        assert is_cut_off(path)


def test_an_edited_length_is_not_called_cut_off(tmp_path: Path) -> None:
    path = made(tmp_path, "h264_aac.mkv")
    data = path.read_bytes()
    place = data.index(b"\x44\x89\x88") + 3  # the segment's duration, 8 bytes of floating point, in milliseconds
    path.write_bytes(data[:place] + struct.pack(">d", 60_000.0) + data[place + 8 :])
    line = refusal(lambda: open_video(path))
    assert "is damaged: it states 60.0 s but its pictures and sound end at 2.0 s" in line


def test_whole_files_are_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("vp9_opus.webm", "mjpeg.avi", "mpeg2_mp2.ts", "pictures.gif", "speech.mp3"):
        path = made(folder, name)
        assert cli.run(["inspect", str(path)]) == 0
        assert capsys.readouterr().out.startswith(f"{path}: ")


def test_limits_are_keys_of_conf_that_no_result_depends_on() -> None:
    config = overrides.composed(["clip.limits.max_seconds=60"])
    assert limits_of(config.clip) == replace(default_limits(), max_seconds=60)
    assert f"{KEY}" in identity.EXCLUDED
    with pytest.raises(InputError, match=r"clip\.limits\.max_pixels=0: must be a number above 0"):
        MediaLimits(max_seconds=1, max_gap_seconds=1, max_pixels=0, max_rate=1, max_sound_rate=1)
