"""MediaPipe masks on real people."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.parts import part

from tfg.clip.read import read_clip
from tfg.features.background import clean_plate, fill_background
from tfg.features.face.crop import locate

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "TFG_ASSETS" not in os.environ, reason="TFG_ASSETS is unset: no real videos, no MediaPipe weights"
    ),
]


@pytest.mark.parametrize("name", ["grid_s1_79clips_237s.mp4", "German_20s.mp4"])
def test_masks_of_a_real_person_are_plausible_steady_and_disjoint(name: str) -> None:
    clip = read_clip(Path(os.environ["TFG_ASSETS"]) / "video" / name)
    track = part("face/mediapipe").extract(clip, 0, 40)
    clip = replace(clip, crop=locate(clip, [track]))
    masks = part("masks/mediapipe").extract(clip, 0, 40, track)
    assert 0.15 < masks.head.mean() < 0.45
    assert 0.002 < masks.mouth.mean() < 0.03
    assert not (masks.head & masks.torso).any()
    assert not (masks.mouth & ~masks.head).any()
    assert masks.torso[:, -8:].mean() > 0.5  # shoulders at the lower edge
    changed = (masks.head[1:] ^ masks.head[:-1]).sum(axis=(1, 2)) / masks.head[1:].sum(axis=(1, 2))
    assert np.median(changed) < 0.02

    later = part("masks/mediapipe").extract(clip, 10, 20, track)
    np.testing.assert_array_equal(later.head, masks.head[10:20])

    images = clip.frames(0, 40)
    filled = fill_background(images, masks.head, clean_plate(images, masks.head))
    assert (part("face/mediapipe").read(filled).num_faces == 0).all()  # nothing of the face is left to be found
