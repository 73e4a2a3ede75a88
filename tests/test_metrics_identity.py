"""The identity metric: alignment recovers known motions, equal faces give exactly 1, frames without a face are left out."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from scored_videos import chunk_of, scored_video, track_of

from tfg.metrics.identity import TEMPLATE, Identity, aligned, cosine, similarity
from tfg.metrics.mobilefacenet import SIZE, MobileFaceNet
from tfg.types import InputError


def landmarks_at(points):
    """68 landmarks whose eye centres, nose tip and mouth corners are the five points."""
    found = np.zeros((68, 2), np.float32)
    found[36:42], found[42:48], found[30], found[48], found[54] = points
    return found


def test_a_similarity_is_recovered_from_moved_points():
    angle, scale, shift = 0.3, 1.7, np.array([12.0, -5.0])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.random.default_rng(0).normal(size=(5, 2)) * 30
    found = similarity(points, points @ turn.T + shift)
    np.testing.assert_allclose(found, np.column_stack([turn, shift]), atol=1e-12)


def test_a_similarity_is_the_least_squares_one():
    random = np.random.default_rng(1)
    source, target = random.normal(size=(5, 2)), random.normal(size=(5, 2))
    x, y = source.T
    zero, one = np.zeros(5), np.ones(5)
    rows = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    a, b, dx, dy = np.linalg.lstsq(rows, np.concatenate([target[:, 0], target[:, 1]]))[0]
    np.testing.assert_allclose(similarity(source, target), [[a, -b, dx], [b, a, dy]], atol=1e-12)


def test_a_face_that_is_in_place_stays_and_another_is_moved_to_the_template():
    image = np.random.default_rng(2).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    in_place = landmarks_at(TEMPLATE + 0.5)  # tfg's pixel centres are halves
    np.testing.assert_array_equal(aligned(image, in_place), image)
    wide = np.zeros((200, 300, 3), np.uint8)
    wide[40 : 40 + SIZE, 70 : 70 + SIZE] = image
    np.testing.assert_array_equal(aligned(wide, landmarks_at(TEMPLATE + 0.5 + [70, 40])), image)


def test_what_lies_beyond_the_picture_is_black():
    image = np.full((SIZE, SIZE, 3), 200, np.uint8)
    moved = aligned(image, landmarks_at(TEMPLATE + 0.5 - [0, 50]))
    assert (moved[:50] == 0).all()
    assert (moved[50:] == 200).all()


def test_cosine_is_exactly_one_for_equal_rows_and_nan_without_a_face():
    rows = np.random.default_rng(3).normal(size=(1000, 128)).astype(np.float32)
    assert (cosine(rows, rows) == 1).all()
    np.testing.assert_allclose(cosine(rows, -3 * rows), -1)
    assert cosine(np.array([[1.0, 0]]), np.array([[3.0, 4]])).tolist() == [0.6]
    assert np.isnan(cosine(rows[:1], np.full((1, 128), np.nan))).all()


class Colours:
    """Stands for the network: a face's mean colour and a constant."""

    def __call__(self, faces):
        return np.column_stack([faces.mean(axis=(1, 2)), np.ones(len(faces))]) @ np.eye(4, 128, dtype=np.float32)


def scored(made, true, made_track, true_track, cuts):
    metric = Identity(network=Colours(), note="no weights")
    video = scored_video(made, true, made_track=made_track, true_track=true_track)
    parts = []
    for start, stop in cuts:
        chunk = chunk_of(made, true, rows=slice(start, stop))
        tracks = {
            name: replace(chunk.made, num_faces=track.num_faces[start:stop], landmarks=track.landmarks[start:stop])
            for name, track in (("made", made_track), ("true", true_track))
        }
        parts.append(metric.look(replace(chunk, **tracks)))
    seen = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return metric.conclude(seen, video)["identity"], metric.define(video)["identity"]


def test_frames_without_a_face_have_no_number_and_chunks_change_nothing():
    random = np.random.default_rng(4)
    made, true = random.integers(0, 256, (2, 6, 120, 120, 3), dtype=np.uint8)
    points = np.tile(landmarks_at(TEMPLATE + 0.5), (6, 1, 1))
    hidden = points.copy()
    hidden[2] = np.nan
    outcome, text = scored(made, true, track_of(points), track_of(hidden), [(0, 6)])
    assert np.isnan(outcome.per_frame).tolist() == [False, False, True, False, False, False]
    assert outcome.value == np.nanmean(outcome.per_frame)
    assert "1 of 6 frames without a face left out" in text
    assert "weights no weights" in text
    cut, _ = scored(made, true, track_of(points), track_of(hidden), [(0, 1), (1, 5), (5, 6)])
    np.testing.assert_array_equal(cut.per_frame, outcome.per_frame)
    same, _ = scored(true, true, track_of(hidden), track_of(hidden), [(0, 6)])
    assert same.value == 1


def test_without_weights_or_faces_it_is_unavailable():
    made = np.zeros((3, 8, 8, 3), np.uint8)
    metric = Identity(network=None, note="weights are missing")
    video = scored_video(made, made)
    assert metric.look(chunk_of(made, made)) == {}
    assert metric.conclude({}, video)["identity"].missing == "weights are missing"
    nowhere = track_of(np.full((3, 68, 2), np.nan))
    assert scored(made, made, nowhere, nowhere, [(0, 3)])[0].missing == "no face was found in any frame"


def message(number, value):
    """A protobuf field: bytes, text or a small whole number."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    data = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2, len(data)]) + data


def another_network():
    """The smallest ONNX model: returns its one number."""
    shape = message(1, message(1, 1) + message(2, message(1, message(1, 1))))
    ends = [message(field, message(1, name) + message(2, shape)) for field, name in ((11, "x"), (12, "y"))]
    node = message(1, message(1, "x") + message(2, "y") + message(4, "Identity"))
    return message(1, 8) + message(7, node + message(2, "g") + b"".join(ends)) + message(8, message(2, 13))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a readable ONNX file"),
        (b"text", "not a readable ONNX file"),
        (pickle.dumps({"a": 1}), "not a readable ONNX file"),
        (another_network(), r"is not MobileFaceNet \(1x3x112x112 -> 1x128\), but \[\[1\], \[1\]\]"),
    ],
    ids=["empty", "text", "pickle", "another network"],
)
def test_a_file_that_is_no_mobilefacenet_is_refused_in_one_line(tmp_path, content, reason):
    path = tmp_path / "weights.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as error:
        Identity.open(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_the_official_file_is_read_strictly_and_faces_do_not_depend_on_their_neighbours(tmp_path):
    torch.manual_seed(0)
    state = {name: value for name, value in MobileFaceNet().state_dict().items() if "num_batches" not in name}
    assert (
        sum(value.numel() for value in state.values()) * 4 == 4_078_592
    )  # the official file has 4,135,271, names included
    torch.save(state, tmp_path / "mobilefacenet.pt")
    network = Identity.open(tmp_path / "mobilefacenet.pt")
    faces = np.random.default_rng(5).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    together = network(faces)
    assert (together.shape, together.dtype) == ((3, 128), np.float32)
    np.testing.assert_array_equal(network(faces[2:]), together[2:])
    assert network(faces[:0]).shape == (0, 128)
    torch.save(state | {"fc.weight": torch.zeros(1)}, tmp_path / "mobilefacenet.pt")
    with pytest.raises(InputError, match=r"has the unknown fc\.weight \(1 names differ\); not MobileFaceNet"):
        Identity.open(tmp_path / "mobilefacenet.pt")
