"""The evaluator: what it shows the metrics, what it says when something is missing, and what a score does not depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scored_videos import track_of

from tfg.metrics.base import MetricFacts, Outcome, mean
from tfg.metrics.image import ImageQuality
from tfg.metrics.temporal import Flicker
from tfg.scoring import score as module
from tfg.scoring.score import Held, Subject, joined, read_faces, score
from tfg.types import FaceTrack, InputError


@dataclass(frozen=True, kw_only=True)
class Brightness:
    """A metric with needs of choice."""

    facts: ClassVar = {"brightness": MetricFacts(title="Brightness", better="none", digits=1)}

    names: tuple[str, ...] = ("brightness",)
    needs: tuple[str, ...] = ("chunks",)

    def look(self, chunk):
        return {
            "brightness": chunk.prediction.mean(axis=(1, 2, 3)),
            "start": np.full(len(chunk.prediction), chunk.start),
        }

    def define(self, video):
        return {"brightness": "mean grey level"}

    def conclude(self, rows, video):
        assert len(rows["brightness"]) == video.num_frames
        return {"brightness": mean(rows["brightness"])}


@pytest.fixture
def videos():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (2, 7, 24, 32, 3)).astype(np.uint8)


def faces(count, missing=()):
    landmarks = np.random.default_rng(1).uniform(4, 20, (count, 68, 2))
    landmarks[list(missing)] = np.nan
    return track_of(landmarks)


def subject_of(prediction, truth, **fields):
    true = None if truth is None else faces(len(prediction))
    given = {"made": faces(len(prediction)), "true": true, "where": "where", **fields}
    return Subject(prediction=Held(images=prediction), truth=None if truth is None else Held(images=truth), **given)


def test_a_score_depends_neither_on_chunks_nor_on_other_metrics(videos, monkeypatch):
    subject = subject_of(*videos)
    alone = score(subject, (Flicker(),), "reader")
    monkeypatch.setattr(module, "CHUNK_BYTES", 3 * 24 * 32 * 2)  # two frames at once
    together = score(subject, (Brightness(), ImageQuality(), Flicker()), "reader")
    assert {name: together[name] for name in alone} == alone
    assert together["brightness"].value == pytest.approx(videos[0].mean())


def test_frames_without_a_face_have_no_number_and_are_counted_out(videos):
    value = score(subject_of(*videos, true=faces(7, missing=[2, 3])), (ImageQuality(),), "reader")["psnr_face"]
    assert [frame is None for frame in value.per_frame] == [False, False, True, True, False, False, False]
    assert value.value == pytest.approx(np.mean([frame for frame in value.per_frame if frame is not None]))


def test_what_was_not_given_is_a_reason_and_never_a_number(videos):
    made, true = videos
    assert score(subject_of(made, None), (ImageQuality(),), "reader")["psnr"].unavailable == "no truth was given"
    needy = Brightness(needs=("audio",))
    assert score(subject_of(made, true), (needy,), "reader")["brightness"].unavailable == "no sound was given"
    needy = Brightness(needs=("faces",))
    blind = subject_of(made, true, blind="no model", made=FaceTrack.empty(0, 7), true=FaceTrack.empty(0, 7))
    assert score(blind, (needy,), "reader")["brightness"].unavailable == "no model"
    values = score(blind, (ImageQuality(),), "reader")
    assert values["psnr_face"].unavailable == "no model"  # not: no face was found
    assert values["psnr"].value is not None


def test_every_definition_ends_with_what_was_compared(videos):
    for value in score(subject_of(*videos), (ImageQuality(), Flicker()), "reader").values():
        assert value.definition.endswith("; where")


def test_boxes_come_from_the_guide_where_one_is_given(videos):
    plain = score(subject_of(*videos), (ImageQuality(),), "reader")
    guided = score(subject_of(*videos, guide=faces(7).landmarks + 3), (ImageQuality(),), "reader")
    assert guided["psnr_face"].value != plain["psnr_face"].value
    assert guided["psnr"] == plain["psnr"]


def test_other_lengths_and_nothing_at_all_are_refused(videos):
    made, true = videos
    with pytest.raises(InputError, match=r"prediction \(32x24, 6 frames\) and truth \(32x24, 7 frames\) differ"):
        subject_of(made[:-1], true)
    with pytest.raises(InputError, match="holds no frame"):
        subject_of(made[:0], true[:0])


class Reader:
    """Remembers how many pictures it was shown."""

    definition = "a reader"

    def __init__(self, is_guided=False):
        self.shown = []
        self.is_guided = is_guided

    def read(self, images, guide=None):
        self.shown.append(len(images))
        return track_of(np.repeat(images[:, :1, :1, :2].mean(axis=(1, 2))[:, None], 68, axis=1))


def test_faces_are_read_in_pieces_and_a_repeated_picture_once(videos, monkeypatch):
    monkeypatch.setattr(module, "READ_BYTES", 3 * 24 * 32 * 3)
    reader = Reader()
    track = read_faces(reader, Held(images=videos[0]))
    assert reader.shown == [3, 3, 1]
    np.testing.assert_array_equal(track.landmarks[:, 0], videos[0][:, 0, 0, :2])
    rows = [4, 0, 4, 2, 0]
    repeated, sparing = videos[0][rows], Reader()
    np.testing.assert_array_equal(read_faces(sparing, Held(images=repeated)).landmarks, track.landmarks[rows])
    assert sparing.shown == [3]


def test_a_guided_reader_reads_a_picture_again_for_another_place(videos):
    images, places = np.repeat(videos[0][:1], 4, axis=0), np.zeros((4, 68, 2), np.float32)
    places[3] = 1
    reader = Reader(is_guided=True)
    assert len(read_faces(reader, Held(images=images), places).landmarks) == 4
    assert reader.shown == [2]


def test_joined_tracks_keep_every_row():
    whole = faces(6)
    parts = [FaceTrack(start=0, **{n: v[:4] for n, v in vars(whole).items() if n != "start"})]
    parts += [FaceTrack(start=4, **{n: v[4:] for n, v in vars(whole).items() if n != "start"})]
    np.testing.assert_array_equal(joined(parts).landmarks, whole.landmarks)


def test_an_outcome_without_a_number_keeps_its_reason(videos):
    @dataclass(frozen=True, kw_only=True)
    class Never(Brightness):
        def conclude(self, rows, video):
            return {"brightness": Outcome(missing="never")}

    assert score(subject_of(*videos), (Never(),), "reader")["brightness"].unavailable == "never"
