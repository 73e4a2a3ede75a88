"""SyncNet's arithmetic by hand: curve, MFCC against python_speech_features, boxes, tracks and crops, and what is unavailable."""

from dataclasses import dataclass

import numpy as np
import pytest
import python_speech_features
import torch

from tfg.metrics.base import ScoredVideo
from tfg.metrics.curve import SyncCurve, curve, pairwise
from tfg.metrics.syncnet import DIRECT_NAMES, SyncNet, SyncNetScore, crop, mfcc
from tfg.metrics.syncnet.metric import num_windows, pairwise_in_pieces
from tfg.types import FaceTrack, Floats, InputError

NAMES = ("sync_c", "sync_d", "sync_offset")


def codes(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)


# The offset curve


@pytest.mark.parametrize("delay", [-15, -4, 0, 3, 15])
def test_sound_that_comes_late_gives_a_negative_offset(delay: int) -> None:
    lips = codes(200)
    found = curve(pairwise(lips, np.roll(lips, delay, axis=0)))
    assert found.offset == -delay
    assert found.confidence > 1


def test_confidence_is_the_median_minus_the_minimum_of_the_averaged_curve() -> None:
    distances = np.full((2, 31), 5.0)
    distances[0, 12], distances[1, 12], distances[0, 3] = 1.0, 3.0, 0.0
    found = curve(distances)  # averages: 5 but for 2.0 at column 12 and 2.5 at column 3
    assert (found.distance, found.confidence, found.offset) == (2.0, 3.0, 3)


def test_a_curve_is_a_plain_list_of_31_means() -> None:
    assert SyncCurve(distances=np.arange(31.0)).confidence == 15
    assert SyncCurve(distances=np.arange(31.0)).offset == 15


def test_offsets_beyond_the_sound_compare_with_zeros_and_count() -> None:
    lips, sound = np.array([[3.0, 4.0]], np.float32), np.array([[3.0, 4.0]], np.float32)
    distances = pairwise(lips, sound)
    assert distances.shape == (1, 31)
    assert distances[0, 15] == pytest.approx(np.sqrt(2) * 1e-6)  # torch's epsilon in both components
    np.testing.assert_allclose(np.delete(distances[0], 15), 5, atol=2e-6)  # distance of (3, 4) to (0, 0)


def test_distances_are_those_of_torch() -> None:
    lips, sound = codes(40), codes(40, 1)
    padded = torch.nn.functional.pad(torch.from_numpy(sound), (0, 0, 15, 15))
    expected = [torch.pairwise_distance(torch.from_numpy(lips), padded[k : k + 40]) for k in range(31)]
    np.testing.assert_allclose(pairwise(lips, sound), torch.stack(expected, 1), rtol=1e-5)  # float32 there


@pytest.mark.parametrize("count", [31, 256, 257, 600])
def test_distances_of_a_few_hundred_rows_at_a_time_are_those_of_all(count: int) -> None:
    lips, sound = codes(count), codes(count, 1)
    np.testing.assert_array_equal(pairwise_in_pieces(lips, sound), pairwise(lips, sound))


# Sound


@pytest.mark.parametrize("count", [200, 400, 401, 16_000, 400_007])
def test_mfcc_is_that_of_python_speech_features(count: int) -> None:
    samples = (np.random.default_rng(count).normal(size=count) * 3000).astype(np.int16)
    expected = python_speech_features.mfcc(samples, 16_000).T
    np.testing.assert_allclose(mfcc.mfcc(samples), expected, rtol=1e-6, atol=1e-6)


def test_mfcc_of_silence_and_of_the_loudest_sound_is_that_of_python_speech_features() -> None:
    samples = np.zeros(9600, np.int16)
    samples[4800:] = np.where(np.arange(4800) % 20 < 10, 32767, -32768)
    expected = python_speech_features.mfcc(samples, 16_000).T
    np.testing.assert_allclose(mfcc.mfcc(samples), expected, rtol=1e-6, atol=1e-6)
    assert np.isfinite(expected).all()


def test_a_second_has_99_coefficients_and_leaves_the_samples_alone() -> None:
    samples = np.arange(16_000, dtype=np.int16)
    assert mfcc.mfcc(samples).shape == (13, 99)
    assert samples[1] == 1


def test_sound_is_scaled_as_in_a_16_bit_wav() -> None:
    audio = np.array([-1.0, -0.5, 0.0, 1 / 32768, 0.99999, 1.0, 1.5], np.float32)
    assert mfcc.to_int16(audio).tolist() == [-32768, -16384, 0, 1, 32767, 32767, 32767]


def test_frame_f_hears_coefficients_from_4_f_on() -> None:
    numbers = np.arange(13)[:, None] * 1000 + np.arange(99)
    heard = mfcc.windows(numbers, 2, 5)
    assert heard.shape == (3, 13, 20)
    assert heard[0, 0].tolist() == list(range(8, 28))
    assert heard[2, 12, 0] == 12_016


# Boxes, tracks, crops


def face(left: float, top: float, width: float, height: float) -> np.ndarray:
    """(68, 2) points that fill a box exactly."""
    return np.linspace([left, top], [left + width, top + height], 68).astype(np.float32)


def boxes_of(*rows: tuple[int, tuple[float, float, float, float]]) -> np.ndarray:
    return np.concatenate([np.tile(np.array(box, np.float64), (count, 1)) for count, box in rows])


NOWHERE = (np.nan,) * 4
HERE, NEAR, THERE = (0, 0, 120, 120), (30, 0, 150, 120), (300, 0, 420, 120)


def test_a_detectors_box_adds_a_quarter_of_the_height_above_the_brows() -> None:
    boxes = crop.detector_boxes(np.stack([face(10, 40, 80, 100), np.full((68, 2), np.nan, np.float32)]))
    assert boxes[0].tolist() == [10, 15, 90, 140]
    assert np.isnan(boxes[1]).all()


def test_overlap_is_intersection_over_union() -> None:
    one = np.array([0.0, 0, 10, 10])
    assert crop.intersection_over_union(one, np.array([5.0, 0, 15, 10])) == pytest.approx(1 / 3)
    assert crop.intersection_over_union(one, np.array([20.0, 20, 30, 30])) == 0
    assert crop.intersection_over_union(one, one) == 1


def test_missed_faces_are_interpolated_when_detections_are_25_frames_apart_and_split_the_track_when_26() -> None:
    (track,) = crop.link(boxes_of((3, HERE), (24, NOWHERE), (3, NEAR)))
    assert (track.start, len(track.boxes), track.detections) == (0, 30, 6)
    np.testing.assert_allclose(track.boxes[2:28, 0], np.linspace(0, 30, 26))  # 30 pixels in 25 steps
    first, second = crop.link(boxes_of((3, HERE), (25, NOWHERE), (3, NEAR)))
    assert (first.start, len(first.boxes), second.start, len(second.boxes)) == (0, 3, 28, 3)


def test_a_face_elsewhere_is_another_track_and_a_short_absence_is_bridged() -> None:
    here, there = crop.link(boxes_of((2, NOWHERE), (5, HERE), (4, THERE), (5, HERE), (2, NOWHERE)))
    assert (here.start, len(here.boxes), here.detections) == (2, 14, 10)
    assert (there.start, len(there.boxes), there.detections) == (7, 4, 4)


def test_a_direct_track_covers_every_frame() -> None:
    track = crop.whole(boxes_of((2, NOWHERE), (1, HERE), (40, NOWHERE), (1, THERE), (3, NOWHERE)))
    assert track is not None
    assert (track.start, len(track.boxes), track.detections) == (0, 47, 2)
    assert track.boxes[0].tolist() == list(HERE)
    assert track.boxes[-1].tolist() == list(THERE)
    assert crop.whole(boxes_of((3, NOWHERE))) is None


def track_of(boxes: np.ndarray) -> crop.Track:
    return crop.Track(start=0, boxes=boxes, detections=len(boxes))


def test_a_square_reaches_s_above_and_1_8_s_below_and_1_4_s_beside_the_centre() -> None:
    squares = crop.squares(track_of(boxes_of((20, (100, 50, 180, 150)))))  # centre (140, 100), s = 50
    assert squares[10].tolist() == [70, 50, 210, 190]
    assert (squares == squares[10]).all()  # even where the filter takes zeros: the smallest of equal values


def test_squares_ignore_an_outlier_and_end_on_the_smallest_of_seven() -> None:
    boxes = boxes_of((30, (100, 50, 180, 150)))
    boxes[15] += 400
    assert (crop.squares(track_of(boxes)) == [70, 50, 210, 190]).all()
    boxes = boxes_of((30, (100, 50, 180, 150))) + np.arange(30)[:, None]
    squares = crop.squares(track_of(boxes))
    assert squares[0].tolist() == [70, 50, 210, 190]  # of frames 0 to 6
    assert squares[12].tolist() == [82, 62, 222, 202]  # the middle of frames 6 to 18
    assert squares[29].tolist() == [93, 73, 233, 213]  # of frames 23 to 29


def test_a_cut_is_grey_beyond_the_border_and_the_picture_inside() -> None:
    picture = np.full((100, 100, 3), (10, 20, 30), np.uint8)
    made = crop.cut(picture, np.array([-56, -56, 56, 56]))
    assert made.shape == (224, 224, 3)
    assert (made[:110, :].min(), made[:110, :].max()) == (110, 110)
    assert made[115:, 115:].reshape(-1, 3).min(axis=0).tolist() == [10, 20, 30]
    assert (made[:, :110] == 110).all()
    assert (crop.cut(picture, np.array([90, 90, 200, 200]))[30:, 30:] == 110).all()
    assert (crop.cut(picture, np.array([300, 300, 400, 400])) == 110).all()


def test_a_cut_of_224_pixels_is_the_picture_itself() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (300, 320, 3), np.uint8)
    np.testing.assert_array_equal(crop.cut(picture, np.array([20, 30, 244, 254])), picture[30:254, 20:244])


# The metric


@dataclass(frozen=True, kw_only=True)
class Blinking:
    """Pictures made on demand: frame i is red of level brightness[i]; remembers what was asked for."""

    brightness: np.ndarray
    asked: list[tuple[int, int]]
    side: int = 240

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.brightness), self.side, self.side

    def frames(self, start: int, stop: int) -> np.ndarray:
        assert 0 <= start < stop <= len(self.brightness)
        self.asked.append((start, stop))
        images = np.zeros((stop - start, self.side, self.side, 3), np.uint8)
        images[..., 0] = self.brightness[start:stop, None, None]
        return images


class Listener:
    """Stands for the network: reads the level back from the red of the middle picture, and from the energy of its sound."""

    def lips(self, crops: np.ndarray) -> Floats:
        return (crops[2:-2, 112, 112, 2:] / 20.0).astype(np.float32)  # BGR: red is the last

    def sound(self, windows: Floats) -> Floats:
        gain = abs(1 - 0.97 * np.exp(-0.5j))  # of the pre-emphasis at 0.5 radians a sample
        power = np.exp(windows[:, :1, 9]) / 100  # amplitude squared: half of half of 400 samples
        return (20 * (np.log10(np.sqrt(power) / gain / 32768) + 1.2)).astype(np.float32)


def scored(count: int, *, width: float = 120, audio_delay: int = 0, seconds_short: float = 0) -> ScoredVideo:
    """Brightness and loudness follow the same random levels of 5 to 11; the face is 1.25 `width` high for a detector."""
    levels = np.random.default_rng(0).integers(5, 12, count)
    loud = np.repeat(10.0 ** (np.roll(levels, audio_delay) / 20 - 1.2), 640)
    audio = (loud * np.sin(np.arange(count * 640) * 0.5)).astype(np.float32)
    landmarks = np.tile(face(60, 60, width, width), (count, 1, 1))
    return ScoredVideo(
        prediction=Blinking(brightness=levels * 20, asked=[]),
        truth=None,
        made=faces(landmarks),
        true=None,
        audio=audio[: len(audio) - int(seconds_short * 16_000)],
        where="made for a test",
        reader="by hand",
    )


def faces(landmarks: np.ndarray) -> FaceTrack:
    count = len(landmarks)
    return FaceTrack(
        start=0,
        num_faces=np.isfinite(landmarks).all(axis=(1, 2)).astype(np.int64),
        landmarks=landmarks,
        upper=np.full((count, 7), np.nan, np.float32),
        blendshapes=np.full((count, 52), np.nan, np.float32),
        head_rotation=np.full((count, 3, 3), np.nan, np.float32),
    )


def stand_in(**fields: object) -> SyncNetScore:
    return SyncNetScore(network=Listener(), note="stand-in", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("delay", [-4, 0, 6])
def test_a_delay_of_the_sound_is_found_through_crops_and_coefficients(delay: int) -> None:
    result = stand_in().conclude({}, scored(150, audio_delay=delay))
    assert result["sync_offset"].value == -delay
    assert result["sync_d"].value == pytest.approx(
        0, abs=1.0
    )  # levels; zeros beyond the sound count for up to 6 frames
    assert result["sync_c"].value == pytest.approx(16 / 7, abs=0.4)  # mean |a - b| of two of seven levels


def test_every_picture_is_read_once_a_few_at_a_time_and_each_window_has_a_number_at_its_middle() -> None:
    made = scored(150)
    result = stand_in().conclude({}, made)
    asked = made.prediction.asked
    assert [a for a, _ in asked] == [0, *(b for _, b in asked[:-1])]
    assert max(b - a for a, b in asked) == 12  # eight windows at first, then eight more pictures at a time
    assert asked[-1][1] == 149  # 145 windows of 5 frames: the last frame is not looked at
    for name in ("sync_c", "sync_d"):
        per_frame = result[name].per_frame
        assert per_frame is not None
        assert np.flatnonzero(np.isfinite(per_frame)).tolist() == list(range(2, 147))
    assert np.nanmean(result["sync_d"].per_frame) == pytest.approx(result["sync_d"].value)


def test_windows_are_the_shorter_of_frames_and_sound_less_five() -> None:
    track = crop.Track(start=10, boxes=boxes_of((120, HERE)), detections=120)
    assert crop_windows(track, 400 * 640) == 115
    assert crop_windows(track, 100 * 640) == 85
    assert crop_windows(track, 100 * 640 - 1) == 84
    assert crop_windows(track, 0) == -15


def crop_windows(track: crop.Track, samples: int) -> int:
    return num_windows(track, np.zeros(samples, np.float32))


def test_the_longest_track_is_scored_and_its_sound_with_it() -> None:
    whole = scored(300)
    landmarks = whole.made.landmarks.copy()
    landmarks[:20] = np.nan
    landmarks[160:190] = np.nan  # tracks of 140 and of 110 frames
    parted = ScoredVideo(**{**vars(whole), "made": faces(landmarks)})
    part = ScoredVideo(
        **{
            **vars(whole),
            "prediction": Blinking(brightness=whole.prediction.brightness[20:160], asked=[]),
            "made": faces(landmarks[20:160]),
            "audio": whole.audio[20 * 640 : 160 * 640],
        }
    )
    given, alone = stand_in().conclude({}, parted), stand_in().conclude({}, part)
    assert {n: o.value for n, o in given.items()} == {n: o.value for n, o in alone.items()}
    assert np.flatnonzero(np.isfinite(given["sync_c"].per_frame))[0] == 22
    assert "frames 20 to 159, 140 of 300" in stand_in().define(parted)["sync_c"]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (scored(100), "longest face track has 100 frames, SyncNet's pipeline needs more than 100; the direct crop"),
        (scored(120, width=80), "face is 100 pixels large, SyncNet's pipeline needs more than 100; the direct crop"),
        (ScoredVideo(**{**vars(scored(110)), "audio": None}), "no sound was given"),
        (scored(110, seconds_short=3.5), "17 windows of face and sound are fewer than 31"),
        (scored(110, seconds_short=4.4), "0 windows"),
        (ScoredVideo(**{**vars(scored(110)), "made": faces(np.full((110, 68, 2), np.nan, np.float32))}), "no face"),
    ],
)
def test_what_the_official_pipeline_drops_is_unavailable_with_the_reason(made: ScoredVideo, reason: str) -> None:
    result = stand_in().conclude({}, made)
    assert set(result) == set(NAMES)
    for outcome in result.values():
        assert outcome.value is None
        assert reason in (outcome.missing or "")
    assert stand_in().define(made).keys() == set(NAMES)


def test_the_direct_crop_scores_short_clips_and_small_faces_under_names_of_its_own() -> None:
    direct = stand_in(direct=True, names=DIRECT_NAMES)
    result = direct.conclude({}, scored(90, width=50, audio_delay=2))
    assert tuple(result) == DIRECT_NAMES
    assert result["sync_offset_crop"].value == -2
    text = direct.define(scored(90, width=50))["sync_c_crop"]
    assert "direct crop, not comparable with the official pipeline" in text
    assert "mean face 62 pixels" in text


def test_the_smallest_face_is_configurable_and_checked() -> None:
    assert stand_in(min_face_pixels=99).conclude({}, scored(120, width=80))["sync_c"].value is not None
    with pytest.raises(InputError, match=r"metrics\.min_face_pixels"):
        stand_in(min_face_pixels=-1)
    with pytest.raises(InputError, match=r"metrics\.names"):
        stand_in(names=("sync",))


def test_without_weights_the_note_is_the_reason_and_never_a_number() -> None:
    result = SyncNetScore(network=None, note="unavailable: no weights").conclude({}, scored(150))
    assert {outcome.missing for outcome in result.values()} == {"unavailable: no weights"}
    assert all(outcome.value is None for outcome in result.values())


def test_definitions_name_faces_frames_weights_and_what_differs() -> None:
    metric = stand_in()
    for name, text in metric.define(scored(150)).items():
        assert name in NAMES
        for part in ("31 offsets", "frames 0 to 149, 150 of 150", "instead of S3FD", "by hand", "weights stand-in"):
            assert part in text
    assert metric.look(None) == {}  # type: ignore[arg-type]


def test_random_weights_score_a_moving_picture_the_same_twice() -> None:
    torch.manual_seed(0)
    metric = SyncNetScore(network=SyncNet(), note="random", direct=True)
    made = scored(37)
    once, twice = metric.conclude({}, made), metric.conclude({}, made)
    assert {n: o.value for n, o in once.items()} == {n: o.value for n, o in twice.items()}
    assert np.isfinite([o.value for o in once.values()]).all()
    assert once["sync_d"].value > 0
