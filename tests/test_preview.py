"""A held-out frame of a head that is being trained: given to who follows, and no step of the training is another for it."""

import cv2
import numpy as np
import pytest
import torch
from end_to_end import CLIP, INSTAG, SYNCTALK, TALK3D, shared_cache

from tfg import overrides, pipeline, preview
from tfg.progress import followed
from tfg.training import LAST, read_checkpoint

OPTIONS = ["selector=first", "metrics=quick", "face=sidecar", "masks=sidecar", *CLIP]


class Pictures:
    """Follower."""

    def __init__(self):
        self.steps, self.made, self.truth, self.stages, self.chosen = [], [], [], [], []
        self.stage, self.selected = self.stages.append, self.chosen.append

    def line(self, text):
        pass

    def advanced(self, how_far):
        pass

    def pictured(self, step, made, truth):
        self.steps.append(step)
        self.made.append(made)
        self.truth.append(truth)


@pytest.mark.parametrize("backbone", [INSTAG, SYNCTALK, TALK3D], ids=["instag", "synctalk", "talk3d"])
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*", "ignore:.*does not have many workers.*")
def test_a_training_that_is_followed_is_the_same_bit_for_bit(tmp_path, tmp_path_factory, monkeypatch, backbone):
    monkeypatch.setenv("TFG_CACHE", str(shared_cache(tmp_path_factory.getbasetemp())))
    monkeypatch.setattr(preview, "SECONDS", 0.0)
    monkeypatch.setattr(preview, "SHARE", 1e9)  # a picture after every step
    checkpoints, pictures = [], Pictures()
    for name in ("alone", "followed"):
        kept = [] if name == "alone" else ["tracker.pictures=3"]
        config = overrides.composed([*OPTIONS, *backbone, *kept, f"results={tmp_path / name}"])
        if name == "alone":
            folder = pipeline.run(config)
        else:
            with followed(pictures):
                folder = pipeline.run(config)
        assert (folder / "result.json").is_file()
        (last,) = (tmp_path / name).glob(f"heads/*/{LAST}")
        checkpoints.append(read_checkpoint(last))
    alone, seen = (checkpoint["state_dict"] for checkpoint in checkpoints)
    assert all(torch.equal(values, seen[key]) for key, values in alone.items())
    assert pictures.steps == list(range(1, int(seen["step"]) + 1))
    assert pictures.made[0].shape == pictures.truth[0].shape == (64, 64, 3)
    errors = [abs(made.astype(int) - pictures.truth[0]).mean() for made in pictures.made]
    assert errors[-1] < errors[0]
    steps = pictures.steps[-1]
    (kept_in,) = (tmp_path / "followed").glob("heads/*/renderings")
    assert {int(path.stem) for path in kept_in.iterdir()} == {round(steps / 3), round(2 * steps / 3), steps}
    last = cv2.imread(str(kept_in / f"{steps}.png"))[:, :, ::-1]
    assert np.array_equal(last, np.concatenate([pictures.made[-1], pictures.truth[-1]], axis=1))
    assert pictures.stages[:2] == ["selection", "sync"]
    assert pictures.chosen[0]["start"] == 0
