"""Faces of real people: one person in different clips is found again, different people are not mixed up."""

import numpy as np
import pytest
from support.parts import part

from tfg import assets
from tfg.clip.read import read_clip
from tfg.features.clip_features import ClipFeatures
from tfg.prior_file import SHIPPED, load_people
from tfg.seen import SAME, acquaintance, face_of
from tfg.split import split

pytestmark = pytest.mark.real

CLIPS = {
    "p02": ("people/p02a.mkv", "people/p02c.mkv"),
    "p03": ("people/p03a.mkv", "people/p03b.mkv"),
    "p04": ("people/p04a.mkv", "people/p04c.mkv"),
    "p07": ("people/p07.mp4",),
    "grid": ("grid_speakers/bbaf2n.mpg",),
}


@pytest.fixture(scope="module")
def clips(real_assets, tmp_path_factory):
    """(person, features) of every clip."""
    root = tmp_path_factory.mktemp("faces")
    face = part("face/mediapipe")
    return [
        (
            person,
            ClipFeatures(
                clip=split(read_clip(real_assets / "video" / file), "1/11"),
                audio=None,
                face=face,
                masks=None,
                root=root,
            ),
        )
        for person, files in CLIPS.items()
        for file in files
    ]


def test_one_person_is_far_above_and_two_are_far_below_the_threshold(clips):
    weights = assets.find("mobilefacenet")
    faces = [(person, face_of(features, weights)) for person, features in clips]
    same = [one @ other for i, (a, one) in enumerate(faces) for b, other in faces[:i] if a == b]
    different = [one @ other for i, (a, one) in enumerate(faces) for b, other in faces[:i] if a != b]
    assert (len(same), len(different)) == (3, 25)
    assert min(same) > SAME + 0.15
    assert max(different) < SAME - 0.15


def test_the_shipped_prior_knows_its_speaker_in_another_clip_and_nobody_else(clips):
    people, faces = load_people(SHIPPED)
    unknown = [{**person, "clips": []} for person in people]  # by the face alone
    named = {person: acquaintance(unknown, faces, features, None) for person, features in clips}
    assert named["grid"].person in ("grid_s1", "bbaf2n")  # one man
    assert [person for person, found in named.items() if found.person is not None] == ["grid"]
    assert all(found.compared for found in named.values())
    assert np.isfinite(faces[-1]).all()
