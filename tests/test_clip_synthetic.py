"""Facts of the embedded clip: seeds that do not mix, poses that are true, a mouth that belongs to its sound, files made once."""

import re
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from support.parts import embedded_clip

from tfg.clip.read import read_clip
from tfg.clip.synthetic import generate as synthetic
from tfg.clip.synthetic import specification
from tfg.clip.synthetic.generate import make_synthetic, render
from tfg.clip.synthetic.mesh import make_person_mesh
from tfg.clip.synthetic.motion import POSE_LIMITS, make_head_motion, motion_of, rotations
from tfg.clip.synthetic.person import make_person
from tfg.clip.synthetic.render import FrameRenderer
from tfg.clip.synthetic.specification import SyntheticClip
from tfg.clip.synthetic.speech import make_spoken_track
from tfg.types import UPPER_FACE, InputError

SPEC = embedded_clip(seconds=6, size=64)
FILES = {"clip.mp4", "clip.mp4.sha256", "clip.npz", "clip.npz.sha256"}
Truth = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_synthetic(SPEC, tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def truth(path: Path) -> Truth:
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
        return dict(file)


def pictures(spec: SyntheticClip, count: int = 25) -> np.ndarray:
    speech = make_spoken_track(spec.speech_seed, spec.num_frames)
    motion = motion_of(spec)
    camera = FrameRenderer(make_person_mesh(make_person(spec.identity_seed), spec.size), spec.size)
    return np.stack([shot.image for shot in islice(render(spec, camera, speech, motion), count)])


def unpacked(mask: np.ndarray) -> np.ndarray:
    return np.unpackbits(mask, axis=-1, count=SPEC.size).astype(bool)


def test_the_same_seeds_give_the_same_bytes_and_another_identity_gives_others() -> None:
    spec = embedded_clip(seconds=1, size=32)
    first = pictures(spec)
    assert first.shape == (25, 32, 32, 3)
    assert first.tobytes() == pictures(spec).tobytes()
    other = pictures(replace(spec, identity_seed=1))
    assert np.abs(first.astype(int) - other).mean() > 10  # grey levels of 255


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"speech_seed": 0.5}, "clip.synthetic.speech_seed: is 0.5; give a whole number from 0 up"),
        ({"motion_seed": 0.0}, "clip.synthetic.motion_seed: is 0.0; give a whole number from 0 up"),
        ({"identity_seed": None}, "clip.synthetic.identity_seed: is None; give a whole number from 0 up"),
        ({"identity_seed": True}, "clip.synthetic.identity_seed: is True; give a whole number from 0 up"),
        ({"num_poses": 2.5}, "clip.synthetic.num_poses: is 2.5; give null or 1 to 150, the frames"),
        ({"num_poses": "two"}, "clip.synthetic.num_poses: is two; give null or 1 to 150, the frames"),
        ({"size": 32.0}, "clip.size: is 32.0; the embedded clip takes even sizes from 32 to 1024"),
        ({"seconds": "long"}, "clip.synthetic.seconds: is long; give 1 to 3600"),
    ],
)
def test_a_value_of_another_kind_is_one_line_that_names_its_key(change: dict[str, object], line: str) -> None:
    with pytest.raises(InputError) as caught:
        replace(SPEC, **change)  # type: ignore[arg-type]
    assert str(caught.value) == line


def test_the_first_seconds_visit_few_poses_and_the_rest_moves_on() -> None:
    spec = replace(SPEC, num_poses=5, poses_seconds=2.0)
    few, free = motion_of(spec), motion_of(SPEC)
    assert len(np.unique(few.pose[:50], axis=0)) == 5
    np.testing.assert_array_equal(few.pose[50:], free.pose[50:])
    np.testing.assert_array_equal(few.upper, free.upper)


def test_motion_repeats_under_speech_that_does_not() -> None:
    spec = replace(SPEC, motion_seconds=2.0)
    motion = motion_of(spec)
    for part in (motion.pose, motion.upper, motion.gaze):
        np.testing.assert_array_equal(part[:50], part[50:100])
        np.testing.assert_array_equal(part[:50], part[100:150])
    assert len(np.unique(motion.pose, axis=0)) == 50
    mouth = make_spoken_track(spec.speech_seed, spec.num_frames).mouth
    assert np.abs(mouth[:50] - mouth[50:100]).max() > 0.1


def test_clips_keep_their_identity_where_the_later_keys_are_silent() -> None:
    assert embedded_clip(seconds=66.0, size=128).identity == "embedded-df409a9c0865"
    changes = ({}, {"motion_seconds": 2.0}, {"num_poses": 5}, {"num_poses": 5, "poses_seconds": 2.0})
    assert len({replace(SPEC, **change).identity for change in changes}) == 4  # type: ignore[arg-type]


def test_every_seed_sits_in_the_folder_name_with_the_rest_hashed() -> None:
    names = {
        replace(SPEC, **change).folder_name  # type: ignore[arg-type]
        for change in (
            {},
            {"speech_seed": 1},
            {"motion_seed": 1},
            {"identity_seed": 1},
            {"num_poses": 5},
            {"size": 128},
        )
    }
    assert len(names) == 6
    assert SPEC.folder_name.startswith("synthetic-s0-m0-i0-")
    assert replace(SPEC, seconds=6.0).folder_name == SPEC.folder_name


def test_the_identity_is_the_specification_without_the_size_of_the_pictures() -> None:
    identities = {
        replace(SPEC, **change).identity  # type: ignore[arg-type]
        for change in (
            {},
            {"speech_seed": 1},
            {"motion_seed": 1},
            {"identity_seed": 1},
            {"num_poses": 5},
            {"seconds": 7},
        )
    }
    assert len(identities) == 6
    assert replace(SPEC, size=128, seconds=6.0).identity == SPEC.identity
    assert re.fullmatch("embedded-[0-9a-f]{12}", SPEC.identity)


def test_another_version_of_the_generator_is_another_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    names = SPEC.identity, SPEC.folder_name
    monkeypatch.setattr(specification, "VERSION", specification.VERSION + 1)
    assert SPEC.identity != names[0]
    assert SPEC.folder_name != names[1]


def test_motion_and_speech_are_independent(tmp_path: Path) -> None:
    spec = replace(SPEC, seconds=1, size=32)
    made = {}
    for name, change in {"base": {}, "speech": {"speech_seed": 1}, "motion": {"motion_seed": 1}}.items():
        file = make_synthetic(replace(spec, **change), tmp_path)  # type: ignore[arg-type]
        with np.load(file.with_suffix(".npz"), allow_pickle=False) as fields:
            made[name] = dict(fields) | {"audio": read_clip(file).audio()}
    for field in ("rotation", "translation", "upper", "gaze"):
        np.testing.assert_array_equal(made["speech"][field], made["base"][field])
        assert np.abs(made["motion"][field] - made["base"][field]).max() > 0.01
    for field in ("mouth", "visemes", "phoneme_times", "audio"):
        np.testing.assert_array_equal(made["motion"][field], made["base"][field])
    assert np.abs(made["speech"]["mouth"] - made["base"]["mouth"]).max() > 0.1
    assert np.abs(np.corrcoef(made["speech"]["audio"], made["base"]["audio"])[0, 1]) < 0.3


@pytest.mark.parametrize("count", [1, 5, 50])
def test_the_head_visits_exactly_as_many_poses_as_asked(count: int) -> None:
    smooth = make_head_motion(3, 400, None)
    posed = make_head_motion(3, 400, count)
    assert len(np.unique(posed.pose, axis=0)) == count
    assert len(np.unique(smooth.pose, axis=0)) == 400
    np.testing.assert_array_equal(posed.upper, smooth.upper)  # blinks and brows go on


def test_the_head_turns_within_its_limits_at_natural_speeds() -> None:
    pose = make_head_motion(0, 1650, None).pose
    assert (np.abs(pose) <= POSE_LIMITS).all()
    assert (np.abs(pose).max(axis=0) > 0.6 * POSE_LIMITS).all()  # and uses them
    assert np.abs(np.diff(pose[:, :3], axis=0)).max() * 25 < 60  # degrees a second


def test_rotations_are_proper_and_yaw_turns_the_face_to_the_images_right() -> None:
    turn = rotations(np.array([[10.0, 0, 0, 0, 0, 0], [0.0, 10, 0, 0, 0, 0], [4.0, -6, 3, 0, 0, 0]]))
    np.testing.assert_allclose(turn @ turn.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (3, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turn), 1.0)
    nose = turn @ np.array([0.0, 0.0, -1.0])
    np.testing.assert_allclose(nose[0], [np.sin(np.deg2rad(10)), 0, -np.cos(np.deg2rad(10))], atol=1e-12)
    assert nose[1, 1] > 0.1  # positive pitch looks down


def test_blinks_close_the_eyes_a_few_times_in_ten_seconds() -> None:
    upper = make_head_motion(0, 250, None).upper
    assert ((upper >= 0) & (upper <= 1)).all()
    blink = upper[:, UPPER_FACE.index("eyeBlinkLeft")] > 0.6
    assert 2 <= np.count_nonzero(np.diff(blink.astype(int)) == 1) <= 8


def test_the_sidecar_holds_the_ground_truth_of_every_frame(truth: Truth) -> None:
    n, size = SPEC.num_frames, SPEC.size
    shapes = {
        "landmarks": (n, 68, 2),
        "upper": (n, 7),
        "rotation": (n, 3, 3),
        "translation": (n, 3),
        "face_shape": (68, 3),
        "mouth": (n, 7),
        "focal": (),
    }
    for name, shape in shapes.items():
        assert truth[name].shape == shape
        assert truth[name].dtype == np.float32
        assert np.isfinite(truth[name]).all()
    assert truth["visemes"].shape == (n,)
    assert truth["phoneme_times"].shape == (len(truth["phonemes"]), 2)
    for name in ("head_mask", "mouth_mask", "torso_mask"):
        assert truth[name].shape == (n, size, size // 8)
        assert truth[name].dtype == np.uint8


def test_head_space_is_the_projects(truth: Truth) -> None:
    shape = truth["face_shape"]
    np.testing.assert_allclose(shape.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(shape[36] - shape[45]), 1, atol=1e-5)
    assert np.abs(shape).max() < 1.2
    assert shape[30, 2] == shape[:, 2].min()  # the nose tip is nearest to the camera
    np.testing.assert_allclose(shape[:17, 0], -shape[16::-1, 0], atol=1e-6)  # float32; the jaw is symmetric
    np.testing.assert_allclose(shape[[8, 27, 28, 29, 30, 33, 51, 57, 62, 66], 0], 0, atol=1e-6)  # the middle line


def test_rigid_landmarks_are_the_projected_face_shape(truth: Truth) -> None:
    bridge = truth["face_shape"][28:31]  # below the brows, above the mouth: nothing moves it but the head
    points = np.einsum("nij,kj->nki", truth["rotation"], bridge) + truth["translation"][:, None]
    pixels = points[..., :2] / points[..., 2:] * truth["focal"] + SPEC.size / 2
    np.testing.assert_allclose(pixels, truth["landmarks"][:, 28:31], atol=0.1)  # the brows pull at the bridge a little


def test_landmarks_are_in_ibug_order(truth: Truth) -> None:
    x, y = np.moveaxis(truth["landmarks"], -1, 0)
    assert (np.diff(truth["face_shape"][:17, 0]) > 0).all()  # jaw from the picture's left to its right
    assert (np.diff(x[:, [0, 4, 8, 12, 16]], axis=1) > 0).all()
    assert (y[:, 8:9] > y[:, [0, 4, 12, 16]]).all()  # and the chin is low
    assert (np.diff(x[:, 17:27], axis=1) > 0).all()
    assert (np.diff(y[:, 27:31], axis=1) > 0).all()
    for corner, other in ((36, 39), (42, 45), (48, 54), (60, 64)):
        assert (x[:, corner] < x[:, other]).all()
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46), (51, 57), (62, 66)):
        assert (y[:, upper] <= y[:, lower] + 0.05).all()  # pixels; closed lids and lips touch


def test_mouth_landmarks_lie_on_the_mouth_mask(truth: Truth) -> None:
    mouth = unpacked(truth["mouth_mask"])
    grown = mouth.copy()
    for axis in (1, 2):
        for step in (-1, 1):
            grown |= np.roll(mouth, step, axis=axis)
    column, row = np.floor(truth["landmarks"][:, 48:]).astype(int).transpose(2, 0, 1)
    assert grown[np.arange(len(row))[:, None], row, column].mean() > 0.97  # a corner may be a pixel thin


def test_masks_are_disjoint_and_in_their_places(truth: Truth) -> None:
    head, mouth, torso = (unpacked(truth[f"{name}_mask"]) for name in ("head", "mouth", "torso"))
    assert not (head & torso).any()
    assert not (mouth & ~head).any()
    assert 0.2 < head.mean() < 0.45
    assert torso[:, -3:].mean() > 0.8
    assert not torso[:, : SPEC.size // 2].any()


def test_the_mouth_opens_in_the_picture_as_in_the_sidecar(truth: Truth) -> None:
    gap = np.linalg.norm(truth["landmarks"][:, 62] - truth["landmarks"][:, 66], axis=1)
    assert np.corrcoef(gap, truth["mouth"][:, 0])[0, 1] > 0.97


def test_the_clip_is_an_ordinary_video_with_its_sound_in_place(path: Path) -> None:
    clip = read_clip(path, size=SPEC.size)
    assert (clip.num_frames, clip.source_width, clip.source_height) == (SPEC.num_frames, 64, 64)
    assert clip.sidecar == path.with_suffix(".npz")
    error = clip.frames(0, 25).astype(float) - pictures(SPEC)
    assert 10 * np.log10(255**2 / (error**2).mean()) > 32  # dB; H.264 at crf 17, colour at half of 64 x 64
    np.testing.assert_array_equal(clip.audio(), make_spoken_track(0, SPEC.num_frames).audio)


def test_the_clip_is_made_once_and_leaves_nothing_else_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*_: object) -> None:
        raise AssertionError("rendered again")

    monkeypatch.setattr(synthetic, "write_synthetic", again)
    assert make_synthetic(SPEC, path.parent.parent) == path
    assert {file.name for file in path.parent.iterdir()} - {".lock"} == FILES


def test_a_process_reads_a_cached_clip_through_only_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_synthetic(SPEC, path.parent.parent)

    def again(*_: object) -> bool:
        raise AssertionError("its checksum was computed again")

    monkeypatch.setattr(synthetic, "is_sealed", again)
    assert make_synthetic(SPEC, path.parent.parent) == path


def test_a_half_made_clip_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    spec = replace(SPEC, seconds=1, size=32)
    folder = tmp_path / spec.folder_name
    folder.mkdir()
    (folder / "clip.npz").write_bytes(b"cut off")
    with np.load(make_synthetic(spec, tmp_path).with_suffix(".npz"), allow_pickle=False) as fields:
        assert len(fields["landmarks"]) == 25


@pytest.mark.parametrize("suffix", [".mp4", ".npz"])
def test_a_damaged_file_is_named_and_the_clip_made_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    spec = replace(SPEC, seconds=1, size=32)
    file = make_synthetic(spec, tmp_path).with_suffix(suffix)
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(
        whole[:middle] + bytes(byte ^ 255 for byte in whole[middle : middle + 100]) + whole[middle + 100 :]
    )
    capsys.readouterr()
    make_synthetic(spec, tmp_path)
    assert f"{file}: differs from its checksum; it is made anew\n" in capsys.readouterr().err
    assert file.read_bytes() == whole
    assert {left.name for left in file.parent.iterdir()} - {".lock"} == FILES


def test_what_a_killed_generation_leaves_is_removed_by_the_next(tmp_path: Path) -> None:
    spec = replace(SPEC, seconds=4, size=64)
    folder = tmp_path / spec.folder_name
    program = (
        "import sys; from pathlib import Path; from tfg.clip.synthetic import generate; "
        f"generate.make_synthetic(generate.{spec!r}, Path(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.DEVNULL)
    try:
        while not any(folder.glob(".clip.mp4.part/.clip.mp4.*.part")):
            assert process.poll() is None, "it ended before it wrote a picture"
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert {file.name for file in folder.iterdir()} == {".clip.mp4.part", ".lock"}
    make_synthetic(spec, tmp_path)
    assert {file.name for file in folder.iterdir()} - {".lock"} == FILES


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"speech_seed": -1}, "clip.synthetic.speech_seed"),
        ({"seconds": 0.2}, "clip.synthetic.seconds"),
        ({"size": 63}, "clip.size"),
        ({"num_poses": 0}, "clip.synthetic.num_poses"),
        ({"num_poses": 151}, "clip.synthetic.num_poses"),
        ({"num_poses": 26, "poses_seconds": 1.0}, "clip.synthetic.num_poses: is 26; give null or 1 to 25"),
        ({"num_poses": 5, "poses_seconds": 7.0}, "clip.synthetic.poses_seconds: is 7.0; give null or 1 to 6"),
        ({"poses_seconds": 2.0}, "clip.synthetic.poses_seconds: is 2.0; give clip.synthetic.num_poses too"),
        ({"motion_seconds": 0}, "clip.synthetic.motion_seconds"),
        ({"num_poses": 51, "motion_seconds": 2.0}, "clip.synthetic.num_poses: is 51; give null or 1 to 50"),
        ({"num_poses": 5, "poses_seconds": 1.0, "motion_seconds": 2.0}, "give only one of"),
    ],
)
def test_a_value_out_of_range_is_named(change: dict[str, float], key: str) -> None:
    with pytest.raises(InputError, match=key):
        replace(SPEC, **change)  # type: ignore[arg-type]


def test_a_cache_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="TFG_CACHE"):
        make_synthetic(SPEC, tmp_path / "file")
