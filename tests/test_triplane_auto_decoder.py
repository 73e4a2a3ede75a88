"""The auto-decoder: where its pixels lie, that it learns one picture, and what a loss in dB is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tfg.backbones.triplane.auto_decoder import AutoDecoder, lattice, patch_of, psnr, shown
from tfg.backbones.triplane.settings import DecoderShape, PlaneShape, Sampling, TriplaneShape
from tfg.multiview.base import HeadViews, Sides, focal_of

SIZE = 16
SHAPE = TriplaneShape(
    planes=PlaneShape(code=8, channels=8, widths=(16, 16, 12)),
    decoder=DecoderShape(hidden=16, colours=3),
    sampling=Sampling(uniform=8, importance=8, low=(-0.8, -0.8, -0.8), high=(0.8, 0.8, 0.8)),
)


def disc(colour: tuple[int, int, int]) -> HeadViews:
    """A round head of one colour, from two sides."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2
    inside = np.hypot(x, y) < SIZE / 4
    picture = np.zeros((SIZE, SIZE, 4), np.uint8)
    picture[inside] = (*colour, 255)
    rotation, translation = Sides(yaw=np.array([-20.0, 20.0]), pitch=np.zeros(2)).cameras
    return HeadViews(
        pictures=np.stack([picture] * 2),
        rotation=rotation,
        translation=translation,
        focal=focal_of(SIZE),
        states=np.zeros((2, 3), np.float32),
    )


def test_a_lattice_lies_in_the_picture_and_reaches_all_of_it() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = [lattice(20, 6, generator) for _ in range(300)]
    steps = {int(pixels[0, 1] - pixels[0, 0]) for pixels in drawn}
    assert steps == {1, 2, 3}
    for pixels in drawn:
        rows, columns = pixels // 20, pixels % 20
        assert (rows.diff(dim=0) == columns.diff(dim=1).T).all()
    assert set(torch.stack(drawn).flatten().tolist()) == set(range(400))


def test_a_lattice_as_large_as_the_picture_is_the_picture() -> None:
    assert torch.equal(lattice(4, 4, torch.default_generator), torch.arange(16).view(4, 4))


def test_a_patch_has_the_colours_and_the_mask_of_its_pixels() -> None:
    views = disc((255, 0, 51))
    pixels = torch.tensor([[0, SIZE * SIZE // 2 + SIZE // 2], [1, 2]])
    patch = patch_of(views, 1, pixels, torch.device("cpu"))
    torch.testing.assert_close(patch.color[0, 1], torch.tensor([1.0, 0.0, 0.2]))
    assert patch.head.tolist() == [[0, 1], [0, 0]]


def test_it_learns_a_head_and_tells_two_people_apart_by_their_codes() -> None:
    torch.manual_seed(0)
    model, people = AutoDecoder(SHAPE, 2, 3), [disc((230, 40, 40)), disc((40, 40, 230))]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    whole = torch.arange(SIZE**2).view(SIZE, SIZE)
    first = None
    for step in range(90):
        patches = [patch_of(views, step % 2, whole, torch.device("cpu")) for views in people]
        loss = model.loss(model.code_of(torch.arange(2), torch.zeros(2, 3)), patches)
        first = float(loss.detach()) if first is None else first
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.5 * first
    with torch.no_grad():
        made = [
            shown(model, planes, patch, 0.5)
            for planes, patch in zip(model.generator(model.codes), patches, strict=True)
        ]
    for picture, red in zip(made, (True, False), strict=True):
        middle = picture[SIZE // 2, SIZE // 2]
        assert (middle[0] > middle[2] + 0.3) == red


def test_what_a_face_does_moves_every_code_alike() -> None:
    model = AutoDecoder(SHAPE, 2, 3)
    people, states = torch.tensor([0, 1]), torch.eye(3)[:2]
    torch.testing.assert_close(model.code_of(people, states), model.codes)  # before training
    torch.nn.init.ones_(model.expression.weight)
    torch.testing.assert_close(model.code_of(people, states), model.codes + 1)


def test_psnr_counts_the_head_alone() -> None:
    made, true, head = torch.full((2, 2, 3), 0.6), torch.full((2, 2, 3), 0.5), torch.zeros(2, 2)
    made[1] = 0.0
    head[0] = 1
    assert psnr(made, true, head) == pytest.approx(20, abs=1e-4)  # 10 log10(1 / 0.01)
