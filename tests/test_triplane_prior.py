"""The file of a tri-plane prior: read as it was written, and one line for what is missing, damaged, of another kind or shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tfg import learned
from tfg.backbones.triplane.prior import TRIPLANE, load_triplane, modules_of, save_triplane
from tfg.backbones.triplane.settings import DecoderShape, PlaneShape, Sampling, TriplaneShape
from tfg.learned import Kind, Learned
from tfg.types import InputError

SHAPE = TriplaneShape(
    planes=PlaneShape(code=6, channels=4, widths=(5, 5)),
    decoder=DecoderShape(hidden=3, colours=3),
    sampling=Sampling(uniform=4, importance=4, low=(-1, -1, -1), high=(1, 1, 1)),
)
SOURCES = {"people": [{"name": "synthetic 1001", "clips": [], "identity_seed": 1001}] * 3, "licence": "none"}


def saved(path: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    codes = rng.normal(size=(3, 6)).astype(np.float32)
    save_triplane(
        path, *modules_of(SHAPE), SHAPE, codes=codes, of_pictures=np.repeat(codes, 4, axis=0), sources=SOURCES
    )
    return path


def test_a_prior_is_read_as_it_was_written_and_written_with_the_same_bytes(tmp_path: Path) -> None:
    one, other = saved(tmp_path / "one.safetensors"), saved(tmp_path / "other.safetensors")
    assert one.read_bytes() == other.read_bytes()
    found = load_triplane(one)
    assert found.shape == SHAPE
    assert found.people == SOURCES["people"]
    np.testing.assert_allclose(found.codes.mean(axis=0), found.mean, atol=2e-3)  # float16
    torch.manual_seed(0)
    for made, read in zip(modules_of(SHAPE), found.made(), strict=True):
        for (name, values), again in zip(made.state_dict().items(), read.state_dict().values(), strict=True):
            torch.testing.assert_close(values, again, rtol=1e-3, atol=1e-4, msg=name)


def test_fewer_people_than_numbers_still_have_a_covariance_that_can_be_taken_apart(tmp_path: Path) -> None:
    covariance = load_triplane(saved(tmp_path / "p.safetensors")).covariance
    assert np.linalg.matrix_rank(np.cov(np.random.default_rng(0).normal(size=(3, 6)), rowvar=False)) == 2
    assert (np.diag(np.linalg.cholesky(covariance)) > 0).all()


def test_a_missing_file_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"none\.safetensors: no such file; `python -m experiments\.pretrain_triplane`"
    ):
        load_triplane(tmp_path / "none.safetensors")


@pytest.mark.parametrize("where", [0.3, 0.99])
def test_a_damaged_file_is_named(tmp_path: Path, where: float) -> None:
    path = saved(tmp_path / "p.safetensors")
    contents = bytearray(path.read_bytes())
    contents[int(where * len(contents))] ^= 1
    path.write_bytes(contents)
    with pytest.raises(InputError, match=r"p\.safetensors: ") as raised:
        load_triplane(path)
    assert "\n" not in str(raised.value)


def test_a_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "p.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"p\.safetensors: is damaged"):
        load_triplane(path)


def test_a_prior_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lips.safetensors"
    lips = Kind(entry="prior", layout=2, title="lip prior", remedy_of_another="-", remedy_of_damaged="-")
    learned.write(path, lips, Learned(tensors={"map/logmel": np.zeros((2, 2))}, sources=SOURCES))
    with pytest.raises(InputError, match="is no tri-plane prior of this version of tfg; make one with"):
        load_triplane(path)


def altered(path: Path, **changes: object) -> Path:
    """The file once more with other tensors (by name, None: without it) or another shape."""
    contents = learned.read(path, TRIPLANE)
    settings = {**contents.settings, **changes.pop("settings", {})}  # type: ignore[dict-item]
    tensors = {name: values for name, values in {**contents.tensors, **changes}.items() if values is not None}
    learned.write(path, TRIPLANE, Learned(tensors=tensors, sources=contents.sources, settings=settings))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mean": np.zeros(7)}, r"tensor mean is \(7,\), its shape wants \(6,\)"),
        ({"mean": None}, r"tensor mean is missing, its shape wants \(6,\)"),
        ({"more": np.zeros(2)}, r"tensor more is \(2,\), its shape has none"),
        ({"codes": np.zeros((2, 6))}, r"tensor codes is \(2, 6\), its shape wants \(3, 6\)"),
        (
            {"weights/decoder.out.bias": np.full(4, np.nan)},
            "tensor weights/decoder.out.bias holds numbers that are not",
        ),
        ({"settings": {"planes": {"code": 6, "channels": 4, "widths": [5, 5, 5]}}}, "weights/generator.* is missing"),
        ({"settings": {"planes": {"code": 6}}}, "states a shape that this tfg cannot build"),
        ({"settings": {"decoder": {"hidden": 0, "colours": 3}}}, "cannot build .*hidden=0"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    path = altered(saved(tmp_path / "p.safetensors"), **changes)
    with pytest.raises(InputError, match=message) as raised:
        load_triplane(path)
    assert "\n" not in str(raised.value)
