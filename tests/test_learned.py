"""Files of what was learned from people: the shipped ones byte for byte, kinds apart, a broken write leaves the old one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tfg import learned
from tfg.features.audio.lipsync import FILE
from tfg.features.audio.lipsync_file import ENCODER
from tfg.learned import Kind, Learned
from tfg.prior_file import PRIOR, SHIPPED
from tfg.types import InputError

PEOPLE = {"people": [{"name": "anna", "clips": ["aa"], "frames": 9}]}
CONTENTS = Learned(
    tensors={"b": np.ones((2, 3), np.float32), "a": np.full(4, 1 / 3)}, sources=PEOPLE, settings={"levels": 12}
)


@pytest.mark.parametrize(("file", "kind"), [(SHIPPED, PRIOR), (FILE, ENCODER)], ids=["prior", "encoder"])
def test_what_comes_with_tfg_is_written_with_the_bytes_it_was_read_from(file: Path, kind: Kind, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    learned.write(again, kind, learned.read(file, kind))
    assert again.read_bytes() == file.read_bytes()


def test_contents_are_read_in_half_precision_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    learned.write(path, PRIOR, CONTENTS)
    found = learned.read(path, PRIOR)
    assert (found.sources, found.settings, set(found.tensors)) == (PEOPLE, {"levels": 12}, {"a", "b"})
    np.testing.assert_array_equal(found.tensors["a"], np.full(4, 1 / 3).astype(np.float16))


def test_the_checksum_covers_tensors_and_settings(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    learned.write(path, PRIOR, CONTENTS)
    whole = path.read_bytes()
    for changed in (whole[:-1] + b"?", whole.replace(b'\\"levels\\": 12', b'\\"levels\\": 13')):
        assert changed != whole
        path.write_bytes(changed)
        with pytest.raises(
            InputError, match=r"is damaged \(its checksum differs\); install tfg again, or make the prior"
        ):
            learned.read(path, PRIOR)


def test_a_file_of_one_kind_is_none_of_another_and_one_without_people_is_none_at_all(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    learned.write(path, PRIOR, CONTENTS)
    with pytest.raises(InputError, match="is no encoder of this version of tfg"):
        learned.read(path, ENCODER)
    learned.write(path, ENCODER, Learned(tensors=CONTENTS.tensors, sources={"people": [{"name": "anna"}]}))
    with pytest.raises(InputError, match=r"is damaged \('clips'\)"):
        learned.read(path, ENCODER)


@pytest.mark.parametrize("kind", [PRIOR, ENCODER], ids=["prior", "encoder"])
def test_a_write_that_fails_leaves_the_file_that_was_there(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.safetensors"
    learned.write(path, kind, CONTENTS)
    before = path.read_bytes()

    def half(tensors: object, to: Path, metadata: object) -> None:
        to.write_bytes(before[:50])
        raise OSError("power cut")

    monkeypatch.setattr(learned, "save_file", half)
    with pytest.raises(OSError, match="power cut"):
        learned.write(path, kind, Learned(tensors={}, sources=PEOPLE))
    assert path.read_bytes() == before
