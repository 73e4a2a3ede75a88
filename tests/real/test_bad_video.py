"""Real faces in unsuitable videos: one line each; and the odd but usable videos that must work."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from clip_media import flag_rotation, make_video
from support.parts import part

from tfg import cli
from tfg.clip.read import read_clip
from tfg.clip.write import write_video
from tfg.types import SAMPLES_PER_FRAME, Clip

pytestmark = pytest.mark.real

SECONDS, FRAMES = 8, 200  # of every video here
SHORT = ["--seconds", "2", "--method", "isexplore"]
SMALL = ["clip.size=64", "audio=logmel"]


@pytest.fixture(scope="module")
def grid(real_assets):
    return read_clip(real_assets / "video" / "grid_s1_79clips_237s.mp4")


@pytest.fixture(scope="module")
def pictures(grid: Clip) -> np.ndarray:
    return grid.source_frames(0, FRAMES)


@pytest.fixture(scope="module")
def sound(grid: Clip) -> np.ndarray:
    return grid.audio()[: FRAMES * SAMPLES_PER_FRAME]


@pytest.fixture
def select(tmp_path, tmp_path_factory, monkeypatch, capfd):
    """`tfg select --json` here: exit code, what stdout got (native code too), lines of stderr but for choice and progress."""
    cache = tmp_path_factory.getbasetemp() / "real-cache"

    def ask(path: Path, *overrides: str) -> tuple[int, str, list[str]]:
        monkeypatch.setenv("TFG_CACHE", str(cache))
        monkeypatch.chdir(tmp_path)
        code = cli.run(["select", str(path), *SHORT, "--json", "--set", *SMALL, *overrides])
        out, err = capfd.readouterr()
        passing = re.compile(r"tfg: chose |.*, [\d.]+/s, .* left")
        return code, out, [line for line in err.splitlines() if not passing.match(line)]

    return ask


def refusal(answer: tuple[int, str, list[str]]) -> str:
    code, out, lines = answer
    assert (code, out, len(lines)) == (2, "", 1), lines
    return lines[0].removeprefix("tfg: ")


def test_no_face(select, tmp_path, sound):
    noise = np.random.default_rng(0).integers(0, 256, (FRAMES, 128, 128, 3), dtype=np.uint8)
    write_video(tmp_path / "a.mp4", noise, sound)
    line = refusal(select(tmp_path / "a.mp4"))
    assert line.startswith(
        f"{tmp_path}/a.mp4: all 5 candidates looked at were rejected, the first because of no face in "
    )
    assert line.endswith("use a clip that shows one face throughout, or raise selector.motion.max_missing")


def test_two_faces(select, tmp_path, real_assets, sound):
    speakers = sorted((real_assets / "video" / "grid_speakers").glob("*.mpg"))[:2]
    one, other = (read_clip(path).source_frames(0, 75) for path in speakers)
    pair = np.concatenate([one, other], axis=2)
    write_video(tmp_path / "a.mp4", np.concatenate([pair, pair, pair])[:FRAMES], sound)
    line = refusal(select(tmp_path / "a.mp4"))
    assert line.startswith(
        f"{tmp_path}/a.mp4: all 5 candidates looked at were rejected, the first because of more than one face"
    )


def test_a_face_lost_in_half_of_a_candidate_rejects_that_candidate_only(select, tmp_path, pictures, sound):
    lost = pictures.copy()
    lost[25:50] = 0  # the second second: half of the candidates that begin at 0 s and at 1 s
    write_video(tmp_path / "a.mp4", lost, sound)
    code, out, lines = select(tmp_path / "a.mp4", "selector.top=100")
    assert (code, lines) == (0, [])
    scores = {score["start"]: score for score in json.loads(out)["scores"]}
    assert [start for start, score in scores.items() if score["score"] is None] == [0.0, 1.0]


def test_a_face_lost_in_the_held_out_part_fails_the_run_in_one_line(tmp_path, pictures, sound, monkeypatch, capfd):
    from tfg import cells, overrides, pipeline, preflight
    from tfg.commands import sweep

    monkeypatch.setenv("TFG_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    lost = pictures.copy()
    lost[-15:] = 0
    write_video(tmp_path / "a.mp4", lost, sound)
    given = ["clip.path=a.mp4", "selector=first", "seconds=2", "tracker=none", "trainer=cpu", "prior=none", *SMALL]
    config = overrides.composed(overrides.complete(given))
    preflight.check(config)
    folder = pipeline.run(config)
    assert sweep.report([cells.of(config)]) == 2
    assert capfd.readouterr().err.splitlines()[-1] == (
        f"tfg: {folder.name}: a.mp4: no face for 15 frames from frame 185 (7.4 s), at most 5 are bridged; 15 of 19 frames have "
        "none; cut these frames out of the video, or choose another segment"
    )
    assert not (folder / "result.json").exists()
    assert not list(folder.rglob("*.part"))


def test_silence_over_a_moving_face(select, tmp_path, pictures, sound):
    write_video(tmp_path / "a.mp4", pictures, 0 * sound)
    line = refusal(select(tmp_path / "a.mp4"))
    assert line == f"{tmp_path}/a.mp4: no speech in its sound, only silence or noise; give a video of someone speaking"


def test_a_speaker_cut_off_in_the_middle_of_the_file(select, tmp_path, real_assets):
    whole = (real_assets / "video" / "German_20s.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(whole[: len(whole) // 2])
    assert f"{tmp_path}/a.mp4: " in (line := refusal(select(tmp_path / "a.mp4")))
    assert "cut off" in line


@pytest.fixture
def chosen(select):
    def ask(path: Path) -> dict:
        code, out, lines = select(path)
        assert (code, lines) == (0, []), lines
        return json.loads(out)

    return ask


@pytest.fixture(scope="module")
def usual(grid, pictures, sound):
    """Of the same seconds as a plain mp4, per candidate: the diversity of its sound."""

    return part("selector/isexplore", "diversity").of(
        part("audio/logmel").extract(sound), (0, 25, 50, 75, 100, 125), 50
    )


def diversities(record: dict) -> list[float]:
    return [score["diversity"] for score in record["scores"]]


@pytest.mark.parametrize("rate", [12, 30_000 / 1001, 60])
def test_any_frame_rate_works(chosen, tmp_path, pictures, sound, usual, rate):
    times = np.arange(0, SECONDS, 1 / rate)
    shown = [pictures[min(FRAMES - 1, int(time * 25))] for time in times]
    make_video(tmp_path / "a.mp4", shown, times.tolist(), sound=sound[None], sound_rate=16_000)
    np.testing.assert_allclose(diversities(chosen(tmp_path / "a.mp4"))[:5], usual[:5], rtol=0.05)  # AAC


def test_a_variable_frame_rate_works(chosen, tmp_path, pictures, sound, usual):
    times = np.cumsum(np.random.default_rng(0).uniform(0.015, 0.09, 400))
    times = times[times < SECONDS - 0.05] - times[0]
    shown = [pictures[int(time * 25)] for time in times]
    make_video(tmp_path / "a.mp4", shown, times.tolist(), sound=sound[None], sound_rate=16_000)
    np.testing.assert_allclose(diversities(chosen(tmp_path / "a.mp4"))[:5], usual[:5], rtol=0.05)


@pytest.mark.parametrize(
    ("channels", "rate", "layout"), [(1, 8_000, "mono"), (2, 44_100, "stereo"), (6, 48_000, "5.1")]
)
def test_any_sound_works(chosen, tmp_path, pictures, sound, usual, channels, rate, layout):
    from scipy.signal import resample_poly

    voice = resample_poly(sound, rate // 100, 160).astype(np.float32)
    track = np.zeros((channels, len(voice)), np.float32)
    track[2 if channels == 6 else slice(None)] = voice  # a film's voice is in its centre channel
    times = [frame / 25 for frame in range(FRAMES)]
    make_video(tmp_path / "a.mp4", list(pictures), times, sound=track, sound_rate=rate, layout=layout)
    # 8 kHz has no highs and a centre channel is mixed down quieter, so D shrinks; which candidates vary most stays
    assert np.corrcoef(diversities(chosen(tmp_path / "a.mp4")), usual)[0, 1] > 0.95


def test_an_odd_size_works(chosen, tmp_path, pictures, sound):
    cut = [np.ascontiguousarray(picture[:287, 3:]) for picture in pictures]  # 357 x 287
    times = [frame / 25 for frame in range(FRAMES)]
    codecs = {"video_codec": "ffv1", "audio_codec": "pcm_s16le"}
    make_video(tmp_path / "a.mkv", cut, times, sound=sound[None], sound_rate=16_000, **codecs)
    assert sum(score["score"] is not None for score in chosen(tmp_path / "a.mkv")["scores"]) == 5


def test_a_phone_held_upright_works(chosen, tmp_path, pictures, sound):
    lying = [np.ascontiguousarray(np.rot90(picture)) for picture in pictures]
    times = [frame / 25 for frame in range(FRAMES)]
    make_video(tmp_path / "a.mp4", lying, times, sound=sound[None], sound_rate=16_000)
    flag_rotation(tmp_path / "a.mp4", 90)
    clip = read_clip(tmp_path / "a.mp4")
    assert (clip.source_width, clip.source_height) == (360, 288)
    assert sum(score["score"] is not None for score in chosen(tmp_path / "a.mp4")["scores"]) == 5
