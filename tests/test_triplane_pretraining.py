"""A tri-plane prior from drawn heads: it goes on where it was stopped with the same bytes, and its people are known to `tfg.seen`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments import pretrain_triplane
from tfg import triplane_pretraining, triplane_score
from tfg.backbones.triplane.prior import load_triplane
from tfg.backbones.triplane.settings import DecoderShape, PlaneShape, Sampling, TriplaneShape
from tfg.multiview.base import HeadViews, Sides, focal_of
from tfg.triplane_pretraining import PROFILES, WARM_UP, Profile, _share, pretrain
from tfg.triplane_score import CodeSpace
from tfg.types import InputError

TINY = Profile(
    shape=TriplaneShape(
        planes=PlaneShape(code=6, channels=4, widths=(8, 8)),
        decoder=DecoderShape(hidden=8, colours=3),
        sampling=Sampling(uniform=4, importance=2, low=(-0.8, -1, -0.5), high=(0.8, 0.8, 0.9)),
    ),
    size=32,
    people=3,
    views=2,
    left_out=1,
    steps=6,
    together=2,
    patch=12,
    rate=1e-3,
    most_bytes=10**7,
)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triplane_score, "STEPS", 2)
    monkeypatch.setattr(triplane_pretraining, "CHECKPOINT_EVERY", 2)


def test_a_prior_holds_its_people_its_score_and_a_sheet(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    pretrain("synthetic", TINY, path)
    found = load_triplane(path)
    assert found.shape == TINY.shape
    assert [person["identity_seed"] for person in found.people] == [1001, 1002, 1003]
    score = found.sources["left_out"]
    assert score["people"] == ["synthetic 1004"]
    assert set(score["unseen_psnr_by_side"]) >= {"yaw -45 pitch 0", "yaw 0 pitch 15"}
    assert 0 < score["unseen_psnr"] < 40
    assert (tmp_path / "p.png").stat().st_size > 0
    assert not (tmp_path / "p.safetensors.training").exists()


class Squares:
    """Draws a coloured square for each number."""

    name, licence, num_states = "squares", "none", 2

    def record(self, number: int) -> dict[str, object]:
        return {"name": str(number), "clips": []}

    def draw(self, number: int, sides: Sides, size: int) -> HeadViews:
        count = len(sides.yaw)
        pictures = np.zeros((count, size, size, 4), np.uint8)
        pictures[:, size // 4 : -size // 4, size // 4 : -size // 4] = (60 * number, 100, 200, 255)
        rotation, translation = sides.cameras
        states = np.random.default_rng(number).random((count, 2)).astype(np.float32)
        return HeadViews(
            pictures=pictures, rotation=rotation, translation=translation, focal=focal_of(size), states=states
        )


def test_a_training_that_was_stopped_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(triplane_pretraining.DOMAINS, "squares", Squares)
    whole, stopped = tmp_path / "whole.safetensors", tmp_path / "stopped.safetensors"
    pretrain("squares", TINY, whole)
    advance, done = triplane_pretraining._Training.advance, []

    def stop_at_five(self: object, people: object) -> None:
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(1)
        advance(self, people)  # type: ignore[arg-type]

    monkeypatch.setattr(triplane_pretraining._Training, "advance", stop_at_five)
    with pytest.raises(KeyboardInterrupt):
        pretrain("squares", TINY, stopped)
    monkeypatch.setattr(triplane_pretraining._Training, "advance", advance)
    pretrain("squares", TINY, stopped)
    assert stopped.read_bytes() == whole.read_bytes()


def test_rates_rise_and_fall() -> None:
    rates = [_share(step, 10 * WARM_UP) for step in range(10 * WARM_UP)]
    assert max(rates) == pytest.approx(0.976, abs=1e-3)  # cosine at a tenth
    assert rates.index(max(rates)) in (WARM_UP - 1, WARM_UP)
    assert rates[-1] < 1e-4


def test_codes_are_found_where_codes_lie() -> None:
    codes = (
        torch.randn(500, 4, generator=torch.Generator().manual_seed(0)) @ torch.diag(torch.tensor([3.0, 1, 1, 0])) + 2
    )
    space = CodeSpace.of(codes)
    torch.testing.assert_close(space.root @ space.root.T, torch.cov(codes.T), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(space.mean, codes.mean(dim=0))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--people", "1"], "--people 1: give 2 or more"),
        (["--steps", "0"], "--steps 0: give 1 or more"),
        (["--views", "100000"], "of pictures, more than the 1.0 GB"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(tmp_path: Path, capsys, given: list[str], message: str) -> None:
    assert pretrain_triplane.main(["-o", str(tmp_path / "p.safetensors"), *given]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its folder does not exist"):
        pretrain("synthetic", TINY, tmp_path / "none" / "p.safetensors")


def test_the_default_profiles_fit_their_room_and_their_pictures_their_patches() -> None:
    for profile in PROFILES.values():
        needed = (profile.people + profile.left_out) * profile.views * profile.size**2 * 4
        assert needed <= profile.most_bytes
        assert profile.patch <= profile.size
        assert replace(profile, steps=1).steps == 1
    assert np.isclose(PROFILES["small"].shape.sampling.low, (-0.8, -1.0, -0.5)).all()
