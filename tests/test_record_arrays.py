"""npz files that claim more than they should: refused by their directory and headers, before anything is unpacked."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tfg.features.sidecar import read_sidecar
from tfg.record.arrays import NPZ_ERRORS, read_npz
from tfg.types import Clip, Crop, InputError


def packed(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return path


def npy(shape: tuple[int, ...], values: int, version: tuple[int, int] = (1, 0)) -> bytes:
    """An array file of so many zero bytes whose header claims a shape."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.zeros(0, np.uint8), version=version)
    header = file.getvalue().replace(b"(0,)", str(shape).encode())
    excess = len(header) - len(file.getvalue())
    return header.replace(b" " * excess + b"\n", b"\n") + bytes(values)


def test_whole_arrays_are_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, one=np.arange(6).reshape(2, 3), two=np.float32(4), three=np.asfortranarray(np.eye(3)))
    found = read_npz(path, 10_000)
    assert found.keys() == {"one", "two", "three"}
    np.testing.assert_array_equal(found["one"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found["three"], np.eye(3))
    assert read_npz(path, 10_000, ["two"])["two"] == 4
    with pytest.raises(KeyError, match="no array 'four' in it"):
        read_npz(path, 10_000, ["four"])


def test_a_bomb_is_refused_by_its_directory(tmp_path: Path) -> None:
    bomb = packed(tmp_path / "bomb.npz", a=npy((50_000_000,), 50_000_000))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(ValueError, match=r"unpack to 50\.0 MB, at most 1\.0 MB are expected"):
        read_npz(bomb, 1_000_000)


def test_what_is_not_wanted_does_not_count(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.npz", a=npy((5,), 5), unused=npy((50_000_000,), 50_000_000))
    assert read_npz(path, 1_000_000, ["a"])["a"].shape == (5,)


@pytest.mark.parametrize("shape", [(1 << 50,), (1 << 40, 1 << 40), (6,)])
def test_a_header_that_claims_more_than_there_is(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="more than it has bytes for"):
        read_npz(packed(tmp_path / "a.npz", a=npy(shape, 5)[:-4] if shape == (6,) else npy(shape, 5)), 1_000_000)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_npz(tmp_path / "a.npz", 1_000_000)


def test_cut_and_flipped_archives_raise_what_is_caught(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", a=np.arange(2000), b=np.ones((3, 4)))
    data, rng = (tmp_path / "a.npz").read_bytes(), np.random.default_rng(0)
    refused = 0
    for turn in range(300):
        damaged = bytearray(data if turn % 3 else data[: int(rng.integers(0, len(data)))])
        for place in rng.integers(0, max(1, len(damaged)), 1 + turn % 5) if turn % 3 else ():
            damaged[place] ^= 1 << int(rng.integers(0, 8))
        (tmp_path / "b.npz").write_bytes(bytes(damaged))
        try:
            read_npz(tmp_path / "b.npz", 1_000_000)
        except NPZ_ERRORS:
            refused += 1
    assert refused > 200  # most bits are covered by a check sum


def test_a_sidecar_that_is_a_bomb_is_one_line(tmp_path: Path) -> None:
    bomb = packed(tmp_path / "a.npz", landmarks=npy((50_000_000,), 50_000_000), size=npy((1,), 1))
    clip = Clip(
        path=tmp_path / "a.mp4",
        name="a",
        digest="0",
        identity="0",
        num_frames=25,
        num_reference_frames=25,
        source_width=64,
        source_height=64,
        crop=Crop(x=0, y=0, side=64),
        size=64,
        reader=None,  # type: ignore[arg-type]  # is not asked
        sidecar=bomb,
    )
    with pytest.raises(
        InputError, match=r"a\.npz: is no sidecar of tfg \(its arrays unpack to 50\.0 MB, .*; remove it"
    ):
        read_sidecar(clip, ("landmarks",), "face=sidecar")
    packed(bomb, landmarks=npy((5,), 5), size=npy((1,), 1))
    with pytest.raises(InputError, match="its size is no whole number"):
        read_sidecar(replace(clip, sidecar=bomb), ("landmarks",), "face=sidecar")
