"""MobileFaceNet (Chen et al. 2018) of foamliu/MobileFaceNet: aligned faces -> 128 numbers.

Its official weights are run here in torch, an ONNX export of the same weights by onnxruntime. Module names are the keys
of the official file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tfg.metrics.weights import loaded
from tfg.types import Bytes, Floats, InputError

SIZE = 112  # pixels of an aligned face
NUMBERS = 128  # of an embedding
# Of ImageNet, as the weights were trained. Same person >= 0.82, others <= 0.34 on twelve real clips; (x - 127.5) / 128 is worse.
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
# Widening, width, how many, stride.
_BLOCKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))


class Embedder(Protocol):
    """One face at a time, so that nothing but the face decides its numbers."""

    def __call__(self, faces: Bytes) -> Floats:
        """(n, 112, 112, 3) aligned faces -> (n, 128), not normalised."""
        ...


def open_embedder(path: Path) -> Embedder:
    """The network of a weight file: the official one, or its ONNX export."""
    return OnnxEmbedder(path) if path.suffix == ".onnx" else TorchEmbedder(path)


class TorchEmbedder:
    def __init__(self, path: Path) -> None:
        self._network = loaded(MobileFaceNet, path, what="MobileFaceNet")

    @torch.inference_mode()
    def __call__(self, faces: Bytes) -> Floats:
        rows = [self._network(torch.from_numpy(face[None])).numpy() for face in _scaled(faces)]
        return np.concatenate([np.empty((0, NUMBERS), np.float32), *rows])


class OnnxEmbedder:
    def __init__(self, path: Path) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        unreadable = (
            errors.Fail,
            errors.InvalidProtobuf,
            errors.InvalidGraph,
            errors.InvalidArgument,
            errors.NoSuchFile,
        )
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except (*unreadable, errors.NotImplemented, errors.RuntimeException) as error:
            raise InputError(f"{path}: not a readable ONNX file; get MobileFaceNet again, see `tfg assets`") from error
        given = [list(value.shape) for value in (*self._session.get_inputs(), *self._session.get_outputs())]
        if given != [[1, 3, SIZE, SIZE], [1, NUMBERS]]:
            raise InputError(f"{path}: is not MobileFaceNet (1x3x112x112 -> 1x128), but {given}; see `tfg assets`")
        self._input = self._session.get_inputs()[0].name

    def __call__(self, faces: Bytes) -> Floats:
        rows = [self._session.run(None, {self._input: face[None]})[0] for face in _scaled(faces)]
        return np.concatenate([np.empty((0, NUMBERS), np.float32), *rows])


def _scaled(faces: Bytes) -> Floats:
    """(n, 112, 112, 3) -> (n, 3, 112, 112), normalised."""
    return ((faces / 255 - _MEAN) / _DEVIATION).transpose(0, 3, 1, 2).astype(np.float32)


class MobileFaceNet(nn.Module):
    """(n, 3, 112, 112) -> (n, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _convolution(3, 64, 3, stride=2)
        self.dw_conv = Separable(64)
        width, blocks = 64, []
        for widening, outputs, count, stride in _BLOCKS:
            for index in range(count):
                blocks.append(Bottleneck(width, outputs, stride if index == 0 else 1, widening))
                width = outputs
        self.features = nn.Sequential(*blocks)
        self.conv2 = _convolution(width, 512, 1)
        self.gdconv = GlobalDepthwise(512, 7)
        self.conv3 = nn.Conv2d(512, NUMBERS, 1)
        self.bn = nn.BatchNorm2d(NUMBERS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(self.dw_conv(self.conv1(x)))
        return self.bn(self.conv3(self.gdconv(self.conv2(x)))).flatten(1)


class Separable(nn.Module):
    """A convolution a channel, then one that mixes them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.pointwise = nn.Conv2d(width, width, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.depthwise(x)))
        return functional.relu(self.bn2(self.pointwise(x)))


class Bottleneck(nn.Module):
    """MobileNetV2's block: widen, filter each channel, narrow; added to its input where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int, widening: int) -> None:
        super().__init__()
        inner = inputs * widening
        self.adds = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            _convolution(inputs, inner, 1),
            _convolution(inner, inner, 3, stride=stride, groups=inner),
            nn.Conv2d(inner, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.adds else self.conv(x)


class GlobalDepthwise(nn.Module):
    """One filter of the whole map for each channel."""

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, size, groups=width, bias=False)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.depthwise(x))


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU6())
