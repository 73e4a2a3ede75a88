"""selector=linear: sound short-lists, faces decide, by the same code and numbers as `tfg bench`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf
from selector_candidates import Watched, opening_mouth
from support.parts import part

from tfg import overrides
from tfg.atlas.rule import parsed
from tfg.atlas.table import Person
from tfg.selectors.base import Selection
from tfg.selectors.candidates import candidates_for
from tfg.selectors.columns import DIVERSITY, MOTION, of_faces, of_sound
from tfg.types import InputError

NUM_FRAMES, TOTAL = 125, 1000
STARTS = candidates_for(TOTAL, 5.0)
VARIED = (0, 250, 500)  # windows of varied speech
MC = "mc_lips_0.25_pooled_radial"
ONE = {"weight": 1, "mean": 0, "deviation": 1}
SCORE = {
    "linear": {
        "logmel_pairs": {"weight": 1.0, "mean": 0.0, "deviation": 1.0},
        MC: {"weight": -1.0, "mean": 0.0, "deviation": 0.01},
    }
}
LISTED = {"by": "sound", "top": 3, "max_overlap": 0}


def watched(**given: np.ndarray) -> Watched:
    audio = np.random.default_rng(0).standard_normal((TOTAL, 16)).astype(np.float32)
    for start in VARIED:
        audio[start : start + NUM_FRAMES] *= 3
    tremble = np.random.default_rng(1).random(TOTAL)
    tremble[500:625] = np.sin(np.arange(NUM_FRAMES) / 7)  # slow, where speech is varied
    tremble[750:875] = 0.0  # still, where it is not
    return Watched(**{"audio": audio, "landmarks": opening_mouth(0.3 + 0.2 * tremble), **given})


def linear(**given: Any) -> Any:
    return part("selector/linear", **{"score": SCORE, "shortlist": LISTED, "learned_from": [], **given})


def select(seen: Watched, voiced: np.ndarray | None = None, **given: Any) -> Selection:
    held = None if voiced is None else lambda: voiced
    return linear(**given).select(seen.candidates(STARTS, NUM_FRAMES, held), np.random.default_rng(0))


def test_sound_short_lists_and_faces_decide() -> None:
    seen = watched()
    selection = select(seen)
    assert selection.segment.start == 500
    assert tuple(score.start for score in selection.scores if score.score is not None) == VARIED
    assert sorted(seen.frames_read()) == [frame for start in VARIED for frame in range(start, start + NUM_FRAMES)]


def test_the_bench_chooses_the_same_segment_of_the_same_numbers() -> None:
    """A rule on the atlas's columns of all candidates, against the selector that reads lazily."""
    seen = watched()
    columns = {
        "logmel_pairs": of_sound("logmel_pairs", seen.audio, None, STARTS, NUM_FRAMES),
        MC: np.array([of_faces(MC, seen.landmarks[start : start + NUM_FRAMES]) for start in STARTS]),
    }
    person = Person(
        name="a",
        kind="real",
        tuned=False,
        seconds=NUM_FRAMES,
        starts=np.array(STARTS, float),
        numbers=columns,
        seeds={},
    )
    chosen = []
    for top, overlap in ((1, 0), (3, 0), (5, None), (len(STARTS), None)):
        given = {"by": "sound", "top": top, "max_overlap": overlap}
        made = parsed("mine", {"score": SCORE, "shortlist": given})
        chosen.append(STARTS[int(made.shares(person, ()).argmax())])
        assert select(watched(), shortlist=given).segment.start == chosen[-1]
    assert len(set(chosen)) > 1


def test_no_face_is_read_where_sound_alone_counts() -> None:
    seen = watched()
    selection = select(seen, score={"linear": {"logmel_pairs": SCORE["linear"]["logmel_pairs"]}}, shortlist=None)
    assert seen.face_reads == []
    assert selection.segment.start in VARIED


def test_a_candidate_without_a_clear_face_drops_out() -> None:
    faces = np.ones(TOTAL)
    faces[520:530] = 0
    selection = select(watched(num_faces=faces))
    assert selection.segment.start in (0, 250)
    (rejected,) = [score for score in selection.scores if score.start == 500]
    assert rejected.note is not None
    assert "no face in frame 520" in rejected.note


def test_voiced_share_is_of_the_given_frames() -> None:
    voiced = np.zeros(TOTAL, bool)
    voiced[300:] = True
    score = {"linear": {"voiced_share": ONE}}
    assert select(watched(), voiced, score=score, shortlist=None).segment.start == 300
    with pytest.raises(InputError, match="which frames hold speech is not known"):
        select(watched(), score=score, shortlist=None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"score": {"linear": {"logmel_pears": {}}}},
            "selector.'logmel_pears' is no column of an atlas; did you mean logmel_pairs",
        ),
        (
            {"score": {"linear": {"logmel_pairs": {"weight": 1, "mean": 0}}}},
            "selector.score.linear.logmel_pairs: no deviation",
        ),
        ({"score": {"sum": {"logmel_pairs": 1}}}, "selector.score: sum is no linear score"),
        (
            {"score": {"linear": {"reference_gap": ONE}}},
            "takes the faces of the whole training part",
        ),
        ({"audio": "whisper"}, "selector.audio: logmel_pairs is of logmel features, not of whisper"),
        ({"shortlist": {"by": MC, "top": 5}}, f"selector.shortlist.by: {MC} takes the faces of every candidate"),
        ({"shortlist": {"by": "sound", "top": 0}}, "selector.shortlist.top: 0"),
        ({"max_missing": -1}, "selector.max_missing: -1"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        linear(**given) if "shortlist" in given or "max_missing" in given else linear(**{"shortlist": None, **given})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_same_values_as_hydra_gives_them_are_read() -> None:
    made = linear(
        score=OmegaConf.create(SCORE), shortlist=OmegaConf.create(LISTED), learned_from=OmegaConf.create(["a"])
    )
    assert made.rule.terms == {"logmel_pairs": 1.0, MC: -1.0}


def test_weights_of_other_features_are_refused_with_the_remedy() -> None:
    config = overrides.composed(["selector=linear", "trainer=cpu", "audio=whisper"])
    assert (config.audio.name, config.selector_audio.name) == ("whisper", "logmel")
    seen = watched().candidates(STARTS, NUM_FRAMES)
    with pytest.raises(InputError, match="selector_audio is whisper; give selector_audio=logmel"):
        linear().select(replace(seen, audio_name="whisper"), np.random.default_rng(0))


def test_columns_have_the_readings_of_conf() -> None:
    assert part("selector/isexplore", "diversity") == DIVERSITY
    assert part("selector/isexplore", "motion") == MOTION
