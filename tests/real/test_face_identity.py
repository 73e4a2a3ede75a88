"""MobileFaceNet on real people: the same person is close, ten strangers are not, and a swapped identity shows in the metric."""

import os
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.parts import part

from tfg import assets
from tfg.clip.read import read_clip
from tfg.metrics.base import Chunk
from tfg.metrics.identity import Identity, cosine
from tfg.metrics.mobilefacenet import MobileFaceNet
from tfg.types import Bytes, FaceTrack, InputError

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("TFG_ASSETS" not in os.environ, reason="TFG_ASSETS is unset: no real videos, no weights"),
]
FRAMES = (0, 25, 50, 74)
GRID = "grid_s1_79clips_237s"
GRID_AS_WELL = "bbaf2n"  # a sentence of the man in the long clip


@pytest.fixture(scope="module")
def people() -> dict[str, tuple[Bytes, FaceTrack]]:
    """Name -> four pictures over three seconds and their faces, of eleven clips of ten people."""
    videos = Path(os.environ["TFG_ASSETS"]) / "video"
    face, found = part("face/mediapipe", workers=1), {}
    for path in (videos / f"{GRID}.mp4", *sorted((videos / "grid_speakers").glob("*.mpg"))):
        clip = read_clip(path)
        images = np.concatenate([clip.source_frames(frame, frame + 1) for frame in FRAMES])
        found[path.stem] = (images, face.read(images))
    return found


@pytest.fixture(scope="module")
def metric() -> Identity:
    return Identity(network=Identity.open(assets.find("mobilefacenet")), note="")


def look(metric: Identity, made: tuple[Bytes, FaceTrack], true: tuple[Bytes, FaceTrack]) -> dict[str, np.ndarray]:
    boxes = np.zeros((len(made[0]), 4), np.int64)
    chunk = Chunk(
        start=0,
        prediction=made[0],
        truth=true[0],
        prediction_before=None,
        truth_before=None,
        made=made[1],
        true=true[1],
        face_boxes=boxes,
        mouth_boxes=boxes,
    )
    return metric.look(chunk)


def test_the_same_person_is_close_and_strangers_are_not(metric, people):
    rows = {name: look(metric, person, person)["made"] for name, person in people.items()}
    same, other = [], []
    for first in rows:
        for second in rows:
            pairs = [cosine(a[None], b[None])[0] for a in rows[first] for b in rows[second]]
            one_man = {first, second} <= {GRID, GRID_AS_WELL}
            (same if first == second or one_man else other).append(pairs)
    assert len(same) == 13
    # Measured on eight frames a clip: 0.82 and 0.34, medians of two people 0.28 at most; a margin for other library versions.
    assert min(map(min, same)) > 0.78
    assert max(map(max, other)) < 0.40
    assert max(map(np.median, other)) < 0.32


def test_a_video_against_itself_is_exactly_one_and_against_another_person_low(metric, people):
    scores = {}
    for name in (GRID, GRID_AS_WELL, "lwbsza"):
        seen = look(metric, people[GRID], people[name])
        scores[name] = cosine(seen["made"], seen["true"])
    assert scores[GRID].tolist() == [1.0] * len(FRAMES)
    assert scores[GRID_AS_WELL].min() > 0.8
    assert scores["lwbsza"].max() < 0.4


def test_a_small_shift_of_the_landmarks_changes_little(metric, people):
    images, track = people[GRID]
    moved = replace(track, landmarks=track.landmarks + np.float32(0.5))
    seen = look(metric, (images, track), (images, moved))
    assert cosine(seen["made"], seen["true"]).min() > 0.97
    turned = images[:, :, ::-1].copy()
    mirrored = look(metric, people[GRID], (turned, part("face/mediapipe", workers=1).read(turned)))
    assert cosine(mirrored["made"], mirrored["true"]).min() > 0.75


def test_chunks_of_one_frame_give_the_same_embeddings(metric, people):
    images, track = people[GRID]
    whole = look(metric, people[GRID], people[GRID])["made"]
    for row in range(len(FRAMES)):
        names = [field.name for field in fields(FaceTrack) if field.name != "start"]
        part = replace(track, **{name: getattr(track, name)[row : row + 1] for name in names})
        one = (images[row : row + 1], part)
        np.testing.assert_array_equal(look(metric, one, one)["made"], whole[row : row + 1])


def initialisers(data: bytes) -> list[np.ndarray]:
    """The float32 arrays of an ONNX file in the order in which they are stored: protobuf read by hand."""

    def fields(start: int, stop: int):
        while start < stop:
            key, start = number(start)
            value, start = number(start)
            if key & 7 == 2:
                yield key >> 3, (start, start + value)
                start += value
            else:
                assert key & 7 == 0
                yield key >> 3, value

    def number(start: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = data[start]
            value, start, shift = value | (byte & 127) << shift, start + 1, shift + 7
            if byte < 128:
                return value, start

    (graph,) = (value for field, value in fields(0, len(data)) if field == 7)
    arrays = []
    for field, place in fields(*graph):
        if field == 5:
            tensor = list(fields(*place))
            (raw,) = (value for name, value in tensor if name == 9)
            shape = [value for name, value in tensor if name == 1]
            arrays.append(np.frombuffer(data[slice(*raw)], "<f4").reshape(shape))
    return arrays


def test_the_official_network_in_torch_computes_what_the_export_does(metric, people, tmp_path):
    """The export has every batch normalisation merged into its convolution; here it is undone with one that does nothing."""
    arrays = iter(initialisers(assets.find("mobilefacenet").read_bytes()))
    state = MobileFaceNet().state_dict()
    names = [
        name.removesuffix(".weight") for name, value in state.items() if name.endswith("weight") and value.dim() > 1
    ]
    norms = [name.removesuffix(".running_var") for name in state if name.endswith("running_var")]
    assert len(names) == len(norms) == 51
    for convolution, norm in zip(names, norms, strict=True):
        state[f"{convolution}.weight"] = torch.from_numpy(next(arrays).copy())
        state[f"{norm}.bias"] = torch.from_numpy(next(arrays).copy())
        state[f"{norm}.running_var"] -= 1e-5  # its epsilon
    state["conv3.bias"] = torch.zeros(128)
    assert next(arrays, None) is None
    torch.save(state, tmp_path / "mobilefacenet.pt", _use_new_zipfile_serialization=False)  # as in 2019
    official = replace(metric, network=Identity.open(tmp_path / "mobilefacenet.pt"))
    for person in people.values():
        ours, theirs = (look(each, person, person)["made"] for each in (official, metric))
        np.testing.assert_allclose(ours, theirs, atol=2e-4 * np.abs(theirs).max())  # float32, other summation orders
        assert cosine(ours, theirs).min() > 1 - 1e-7


def test_half_a_weight_file_is_refused(tmp_path):
    (tmp_path / "half.onnx").write_bytes(assets.find("mobilefacenet").read_bytes()[:2_000_000])
    with pytest.raises(InputError, match=r"half\.onnx: not a readable ONNX file"):
        Identity.open(tmp_path / "half.onnx")
