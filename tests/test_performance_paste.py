"""A rendering lies where its square was cut from, its edge is soft, and around it the picture is the original's."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfg.clip.pictures import crop_resize
from tfg.performance import paste
from tfg.performance.walk import Walk
from tfg.types import Crop

HEIGHT, WIDTH, SIZE = 96, 160, 32


def smooth(shift: float = 0.0) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) slow waves: scaling down and up again loses little of them."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    waves = [np.sin((rows + shift) / 15), np.cos(columns / 17), np.sin((rows + columns) / 21)]
    return np.stack([127 + 80 * wave for wave in waves], axis=-1).astype(np.uint8)


def walk(*frames: tuple[int, int, float]) -> Walk:
    first, second, weight = zip(*frames, strict=True)
    return Walk(first=np.array(first), second=np.array(second), weight=np.array(weight))


@pytest.mark.parametrize(
    "crop",
    [
        Crop(x=40, y=10, side=64),
        Crop(x=40.4, y=9.7, side=64.5),
        Crop(x=-6, y=-4, side=80),
        Crop(x=100, y=50, side=70),
        Crop(x=30, y=20, side=20),  # smaller than its rendering
    ],
)
def test_a_square_that_is_put_back_lies_where_it_was(crop):
    picture = smooth()
    whole = paste.pasted(picture // 2, crop_resize(picture, crop, SIZE), np.ones((SIZE, SIZE), np.float32), crop)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    reach = paste.FEATHER * crop.side
    deep = (np.minimum(columns - crop.x, crop.x + crop.side - columns) > reach) & (
        np.minimum(rows - crop.y, crop.y + crop.side - rows) > reach
    )
    outside = (columns < crop.x) | (columns > crop.x + crop.side) | (rows < crop.y) | (rows > crop.y + crop.side)
    assert deep.sum() > 100
    assert np.abs(whole[deep].astype(int) - picture[deep]).mean() < 1.5  # a pixel to the side is 4 levels
    assert np.array_equal(whole[outside], (picture // 2)[outside])


def test_a_square_has_no_edge_within_the_picture_and_keeps_it_at_the_border():
    black, white = np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.full((SIZE, SIZE, 3), 255, np.uint8)
    whole = paste.pasted(black, white, np.ones((SIZE, SIZE), np.float32), Crop(x=0, y=0, side=64))[..., 0].astype(int)
    assert whole[20, 0] == whole[0, 20] == 255
    assert np.abs(np.diff(whole[20])).max() < 255 * 1.5 / (paste.FEATHER * 64) + 2  # the steepest of the easing


def test_the_weight_is_whole_inside_and_falls_to_nothing():
    inside = np.zeros((100, 100), bool)
    inside[40:60, 40:60] = True
    weight = paste.soft(inside)
    assert (weight[inside] == 1).all()
    assert (weight[:30] == 0).all()
    assert (np.diff(weight[50, 60:]) <= 0).all()


def clip(count: int = 30) -> SimpleNamespace:
    """Whole pictures, each of one grey; counts how often each is decoded."""
    decoded: list[int] = []

    def source_frames(start: int, stop: int) -> np.ndarray:
        assert 0 <= start < stop <= count
        decoded.extend(range(start, stop))
        return np.stack([np.full((HEIGHT, WIDTH, 3), 5 * frame, np.uint8) for frame in range(start, stop)])

    crop = Crop(x=48, y=16, side=64)
    return SimpleNamespace(
        source_frames=source_frames, source_width=WIDTH, source_height=HEIGHT, decoded=decoded, crop=crop
    )


def portrait(count: int = 20, first: int = 10) -> SimpleNamespace:
    """Rows of frames first, first + 1 ...; a head in the middle of each."""
    mask = np.zeros((count, SIZE, SIZE), bool)
    mask[:, 12:20, 12:20] = True
    grey = np.stack([np.full((SIZE, SIZE, 3), 5 * frame, np.uint8) for frame in range(first, first + count)])
    return SimpleNamespace(frames=np.arange(first, first + count), head_mask=mask, images=grey, background=grey)


def test_surroundings_are_the_rows_own_pictures_and_fade_only_where_the_torso_does():
    surroundings = paste.Surroundings(portrait(), clip())
    path = walk((0, 0, 0.0), (3, 4, 0.4), (3, 4, 0.6), (2, 12, 0.5), (19, 19, 0.0))
    assert [int(picture[0, 0, 0]) for picture in surroundings.along(path)] == [50, 65, 70, 85, 145]


def test_few_pictures_are_kept_and_none_is_decoded_twice_while_it_is(monkeypatch):
    source = clip()
    list(
        paste.Surroundings(portrait(), source).along(
            walk(*((row, row, 0.0) for row in [*range(20), *range(19, -1, -1)]))
        )
    )
    assert sorted(source.decoded) == list(range(10, 30))
    monkeypatch.setattr(paste, "MEMORY", 1)
    source = clip()
    surroundings = paste.Surroundings(portrait(), source)
    there_and_back = walk(*((row, row, 0.0) for row in [*range(20), *range(19, -1, -1)]))
    shown = [int(picture[0, 0, 0]) // 5 - 10 for picture in surroundings.along(there_and_back)]
    assert shown == [*range(20), *range(19, -1, -1)]
    assert len(surroundings._blocks) == 2


def test_only_the_head_is_taken_of_a_rendering():
    source, rows = clip(), portrait()
    rendered = rows.background[:1].copy()
    rendered[0, 14:18, 14:18] = 255
    (whole,) = paste.Paste(rows, source).whole(rendered, rows.background[:1], walk((0, 0, 0.0)))
    head = whole[16:80, 48:112][..., 0]
    assert head[32, 32] == 255
    changed = np.argwhere(whole[..., 0] != 50)
    assert changed.min(axis=0).tolist() >= [16 + 2 * 12, 48 + 2 * 12]  # the cubic kernel reaches two pixels further
    assert changed.max(axis=0).tolist() <= [16 + 2 * 20, 48 + 2 * 20]


def test_a_head_that_reaches_further_than_the_true_one_is_taken_whole():
    source, rows = clip(), portrait()
    rendered = rows.background[:1].copy()
    rendered[0, 14:24, 14:18] = 255  # a chin below the mask
    (whole,) = paste.Paste(rows, source).whole(rendered, rows.background[:1], walk((0, 0, 0.0)))
    assert whole[16 + 2 * 22, 48 + 2 * 16, 0] == 255
