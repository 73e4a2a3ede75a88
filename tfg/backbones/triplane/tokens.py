"""What a frame's planes depend on, as tokens of one width: speech, upper face, nothing, the head's angle, where its landmarks are.

Of the frame that is to be rendered they have its sound, its pose and its upper-face condition, as every backbone, and no other truth.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from tfg.backbones.layers import AudioEncoder
from tfg.backbones.triplane.delta_settings import TokenShape
from tfg.landmarks import NOSE_BASE, OUTER_EYE_CORNERS
from tfg.types import UPPER_FACE, Portrait

_ANGLES = 3
_ANCHORS = (*OUTER_EYE_CORNERS, NOSE_BASE)  # of the rigid face shape: speech does not move them
_LEAST = (
    0.02,
    0.02,
)  # half range of the angles, radians, and of the landmarks, half pictures, below which all is noise


def sinusoids(values: Tensor, frequencies: int) -> Tensor:
    """(..., n) -> (..., n (2 frequencies + 1)): itself, sines and cosines of 1, 2, 4 ... times it (RAD-NeRF's encoding)."""
    waves = [function(values * 2**power) for power in range(frequencies) for function in (torch.sin, torch.cos)]
    return torch.cat([values, *waves], dim=-1)


def head_angles(rotation: Tensor) -> Tensor:
    """(b, 3, 3) -> (b, 3) radians: yaw and pitch of `tfg.rotations.turns`, and the roll before them."""
    yaw = torch.atan2(-rotation[:, 0, 2], rotation[:, 2, 2])
    pitch = torch.asin((-rotation[:, 1, 2]).clamp(-1, 1))
    roll = torch.atan2(rotation[:, 1, 0], rotation[:, 1, 1])
    return torch.stack([yaw, pitch, roll], dim=1)


class Tokens(nn.Module):
    """The tokens of frames; each kind can be left out by its key.

    Differs from the paper: the eye token has the seven upper-face blendshapes of `types.UPPER_FACE` in place of one blink; the
    landmarks, six numbers as there, are three points of the rigid face shape projected by the frame's pose, since a held-out frame's
    own landmarks are its truth; angles and landmarks are measured by the range that training showed and held within it, so that a view
    from the side gives the U-Net nothing new; they have few frequencies, since in five seconds lips can be learned from the pose.
    """

    anchors: Tensor  # (3, 3) head units
    low: Tensor  # (9,) least of angles and landmarks in training
    high: Tensor  # (9,)

    def __init__(self, shape: TokenShape, *, audio_channels: int, focal: float, size: int) -> None:
        super().__init__()
        self.shape, self.zoom = shape, 2 * focal / size
        width = shape.width
        self.audio = (
            AudioEncoder(audio_channels, shape.audio_hidden, width, dropout=shape.dropout) if shape.audio else None
        )
        self.eye = _encoder(len(UPPER_FACE), shape.eye_frequencies, width) if shape.eye else None
        self.empty = nn.Parameter(torch.randn(width) * width**-0.5) if shape.empty else None
        self.angle = _encoder(_ANGLES, shape.angle_frequencies, width) if shape.angle else None
        self.landmarks = _encoder(2 * len(_ANCHORS), shape.landmark_frequencies, width) if shape.landmarks else None
        self.register_buffer("anchors", torch.zeros(len(_ANCHORS), 3))
        self.register_buffer("low", torch.full((_ANGLES + 2 * len(_ANCHORS),), -1.0))
        self.register_buffer("high", torch.full((_ANGLES + 2 * len(_ANCHORS),), 1.0))

    def place(self, portrait: Portrait) -> None:
        """For the face shape and the poses of the training part."""
        self.anchors.copy_(torch.from_numpy(portrait.face_shape[list(_ANCHORS)]))
        cameras = portrait.cameras
        poses = self._poses(torch.from_numpy(cameras.rotation), torch.from_numpy(cameras.translation))
        low, high = poses.amin(dim=0), poses.amax(dim=0)
        least = torch.tensor([_LEAST[0]] * _ANGLES + [_LEAST[1]] * 2 * len(_ANCHORS)).to(low)
        half = torch.maximum((high - low) / 2, least)
        self.low.copy_((low + high) / 2 - half)
        self.high.copy_((low + high) / 2 + half)

    def forward(self, windows: Tensor, upper: Tensor, rotation: Tensor, translation: Tensor) -> Tensor:
        """(b, 8, channels), (b, 7), (b, 3, 3), (b, 3) -> (b, tokens, width)."""
        made = []
        if self.audio is not None:
            made.append(self.audio(windows))
        if self.eye is not None:
            made.append(self.eye(sinusoids(upper, self.shape.eye_frequencies)))
        if self.empty is not None:
            made.append(self.empty.expand(len(windows), -1))
        poses = self._poses(rotation, translation)
        ranged = (2 * (poses - self.low) / (self.high - self.low) - 1).clamp(-1, 1)
        if self.angle is not None:
            made.append(self.angle(sinusoids(ranged[:, :_ANGLES], self.shape.angle_frequencies)))
        if self.landmarks is not None:
            made.append(self.landmarks(sinusoids(ranged[:, _ANGLES:], self.shape.landmark_frequencies)))
        return torch.stack(made, dim=1)

    def _poses(self, rotation: Tensor, translation: Tensor) -> Tensor:
        """(b, 9) angles in radians, landmarks in half pictures from the middle."""
        places = self.anchors @ rotation.transpose(1, 2) + translation[:, None]
        return torch.cat([head_angles(rotation), (places[..., :2] / places[..., 2:] * self.zoom).flatten(1)], dim=1)


def _encoder(numbers: int, frequencies: int, width: int) -> nn.Sequential:
    """Three linear layers from `sinusoids`."""
    widths = (numbers * (2 * frequencies + 1), width, width, width)
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.LeakyReLU(0.02), nn.Linear(inputs, outputs)] if layers else [nn.Linear(inputs, outputs)]
    return nn.Sequential(*layers)
