"""Sound: on the pictures' clock, mono, 16 kHz, without aliases."""

import os
from pathlib import Path

import numpy as np
import pytest
from clip_media import grey_frames, make_video, tone

from tfg.clip.read import read_clip
from tfg.clip.sound import read_audio, resample

SPEAKERS = Path(os.environ.get("TFG_ASSETS", "")) / "video" / "grid_speakers"
TIMES = [number / 25 for number in range(50)]


def click(seconds: float, at: float, rate: int, channels: int = 1) -> np.ndarray:
    wave = np.zeros((channels, round(seconds * rate)), np.float32)
    wave[:, round(at * rate) : round((at + 0.002) * rate)] = 0.8
    return wave


def loudest(audio: np.ndarray) -> float:
    """Seconds of the middle of the loudest 2 ms."""
    return (int(np.convolve(np.abs(audio), np.ones(32), "valid").argmax()) + 16) / 16_000


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_a_click_keeps_its_time_at_any_rate(tmp_path: Path, rate: int) -> None:
    path = make_video(tmp_path / "a.mp4", grey_frames(50), TIMES, sound=click(2, 1.0, rate), sound_rate=rate)
    audio = read_clip(path).audio()
    assert audio.shape == (32_000,)
    assert audio.dtype == np.float32
    assert abs(loudest(audio) - 1.001) < 0.002


@pytest.mark.parametrize(("layout", "channels"), [("stereo", 2), ("5.1", 6)])
def test_more_channels_are_mixed_to_one(tmp_path: Path, layout: str, channels: int) -> None:
    sound = tone(2, channels=channels)
    path = make_video(tmp_path / "a.mp4", grey_frames(50), TIMES, sound=sound, layout=layout)
    audio = read_clip(path).audio()
    level = np.sqrt(np.mean(audio[4_000:28_000] ** 2))
    assert 0.7 * 0.354 < level < 1.3 * 0.354  # equal channels mix to about their own level: 0.5 / sqrt(2)
    assert np.abs(audio).max() <= 1


def test_sound_that_begins_late_is_placed_by_its_time_stamp(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", grey_frames(50), TIMES, sound=click(1, 0.5, 48_000), sound_start=0.4)
    assert abs(loudest(read_clip(path).audio()) - 0.901) < 0.003  # Matroska counts milliseconds


def test_pictures_that_begin_late_are_frame_zero(tmp_path: Path) -> None:
    times = [time + 0.6 for time in TIMES]
    path = make_video(tmp_path / "a.mkv", grey_frames(50), times, sound=click(2.6, 1.6, 48_000))
    clip = read_clip(path)
    assert clip.num_frames == 50
    assert abs(loudest(clip.audio()) - 1.001) < 0.003


def test_shorter_sound_ends_in_zeros_and_longer_sound_is_cut(tmp_path: Path) -> None:
    short = read_clip(make_video(tmp_path / "a.mp4", grey_frames(50), TIMES, sound=tone(1))).audio()
    assert short.shape == (32_000,)
    assert np.abs(short[17_100:]).max() == 0  # 1 s and at most one AAC frame of 21 ms, with its tail
    assert read_clip(make_video(tmp_path / "b.mp4", grey_frames(50), TIMES, sound=tone(5))).audio().shape == (32_000,)


def test_resampling_keeps_a_tone_and_removes_what_would_alias() -> None:
    seconds = np.arange(44_100) / 44_100
    kept = resample(np.sin(2 * np.pi * 1_000 * seconds).astype(np.float32), 44_100)
    expected = np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000)
    assert len(kept) == 16_000
    assert np.abs(kept - expected)[200:-200].max() < 1e-3  # pass band, no delay
    removed = resample(np.sin(2 * np.pi * 9_000 * seconds).astype(np.float32), 44_100)
    assert np.abs(removed[200:-200]).max() < 1e-3  # -60 dB, above the new Nyquist of 8 kHz


def test_read_audio_opens_wav_mp3_and_mp4(tmp_path: Path) -> None:
    import av

    for name, codec in (("a.wav", "pcm_s16le"), ("a.mp3", "mp3")):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream(codec, rate=44_100, layout="mono")
            frame = av.AudioFrame.from_ndarray((tone(1, 44_100) * 32_767).astype(np.int16), format="s16", layout="mono")
            frame.sample_rate = 44_100
            for piece in av.AudioResampler(format=stream.format, layout="mono", rate=44_100).resample(frame):
                container.mux(stream.encode(piece))
            container.mux(stream.encode(None))
    make_video(tmp_path / "a.mp4", grey_frames(50), TIMES, sound=tone(1))
    for name in ("a.wav", "a.mp3", "a.mp4"):
        audio = read_audio(tmp_path / name)
        assert abs(len(audio) - 16_000) < 1_200  # codecs add up to a frame or two
        assert 0.3 < np.sqrt(np.mean(audio[4_000:12_000] ** 2)) < 0.4


@pytest.mark.real
@pytest.mark.skipif(not SPEAKERS.is_dir(), reason="TFG_ASSETS is unset or holds no video/grid_speakers")
def test_real_sound_shorter_than_its_pictures_is_padded() -> None:
    for path in sorted(SPEAKERS.glob("*.mpg"))[:3]:
        clip = read_clip(path)
        audio = clip.audio()  # 2.978 s of sound, 3.000 s of pictures
        assert audio.shape == (48_000,)
        assert np.abs(audio[47_700:]).max() == 0
        assert np.abs(audio[:40_000]).max() > 0.01
