"""The encoder of OpenAI's Whisper (Radford et al. 2022) in torch: log-mel spectrogram in, 50 vectors a second out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tfg.features.audio.mel import mel_bands, spectra
from tfg.record.arrays import NPZ_ERRORS, read_npz
from tfg.types import SAMPLES_PER_FRAME, Floats, InputError

NUM_BANDS, WINDOW, HOP = 80, 400, 160
POSITIONS = 1500  # vectors of one pass, 30 s
ROWS = 2 * POSITIONS  # spectrogram rows of one pass
MEL_RANGE = 2.0  # from the loudest band of the track down to silence, 8 decades of power
HEAD_WIDTH = 64  # of every Whisper model
LAYER_NORM_EPSILON = 1e-5
CONTEXT = 100  # positions (2 s) at both ends of a pass that only lend their context to the middle
PASSES_AT_ONCE = 2
USUAL_LOUDEST = (
    1.1  # maximum of `whisper_mel` of recorded speech; 1.14 to 1.47 on eight clips, and rising with what is louder
)


def whisper_mel(audio: Floats) -> Tensor:
    """(num_samples,) 16 kHz -> (80, num_samples // 160) log10 power, floored 8 below the track's maximum, (x + 4) / 4."""
    bands = mel_bands(NUM_BANDS, WINDOW, 0.0, 8000.0)
    blocks = spectra(torch.from_numpy(audio), window=WINDOW, hop=HOP, power=2, reflect=True)
    logs = torch.log10(torch.clamp(torch.cat([bands @ block for block in blocks], dim=1)[:, :-1], min=1e-10))
    return (torch.clamp(logs, min=float(logs.max()) - 4 * MEL_RANGE) + 4) / 4


@dataclass(frozen=True)
class WhisperEncoder:
    """Weights by their name in the file; linear_0 of self attention is query, key and value stacked."""

    weights: dict[str, Tensor]
    num_layers: int

    @torch.inference_mode()
    def __call__(self, mel: Tensor, layer: int) -> Tensor:
        """(b, 80, rows <= 3000) -> (b, rows / 2, width) after `layer` layers; after the last one with the final normalisation."""
        x = functional.gelu(functional.conv1d(mel, self._get("conv1/weight"), self._get("conv1/bias"), padding=1))
        x = functional.gelu(
            functional.conv1d(x, self._get("conv2/weight"), self._get("conv2/bias"), stride=2, padding=1)
        )
        x = x.transpose(1, 2) + self._get("position_encodings/encodings")[: x.shape[2]]
        for number in range(layer):
            x = x + self._attention(
                self._norm(x, f"layer_{number}/self_attention/layer_norm"), f"layer_{number}/self_attention"
            )
            hidden = self._linear(self._norm(x, f"layer_{number}/ffn/layer_norm"), f"layer_{number}/ffn/linear_0")
            x = x + self._linear(functional.gelu(hidden), f"layer_{number}/ffn/linear_1")
        return self._norm(x, "layer_norm") if layer == self.num_layers else x

    def _attention(self, x: Tensor, name: str) -> Tensor:
        b, n, width = x.shape
        stacked = self._linear(x, f"{name}/linear_0").view(b, n, 3, width // HEAD_WIDTH, HEAD_WIDTH)
        query, key, value = stacked.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self._linear(mixed.transpose(1, 2).reshape(b, n, width), f"{name}/linear_1")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self._get(f"{name}/weight"), self._get(f"{name}/bias"))

    def _norm(self, x: Tensor, name: str) -> Tensor:
        gamma, beta = self._get(f"{name}/gamma"), self._get(f"{name}/beta")
        return functional.layer_norm(x, gamma.shape, gamma, beta, LAYER_NORM_EPSILON)

    def _get(self, name: str) -> Tensor:
        return self.weights[f"encoder/{name}"]


def frame_vectors(encoder: WhisperEncoder, audio: Floats, layer: int) -> Floats:
    """(num_samples,) mono 16 kHz in [-1, 1] -> (num_samples // 640, width): the mean of a frame's two positions."""
    return np.concatenate(list(pass_vectors(encoder, audio, layer, together=PASSES_AT_ONCE)))


def pass_vectors(encoder: WhisperEncoder, audio: Floats, layer: int, together: int) -> Iterator[Floats]:
    """The frames of `frame_vectors` in turn, those of one pass at once; `together` passes are computed at once."""
    num_frames = len(audio) // SAMPLES_PER_FRAME
    starts = pass_starts(2 * num_frames)
    padded = np.pad(audio, (0, max(0, (2 * starts[-1] + ROWS) * HOP - len(audio))))
    mel = whisper_mel(padded)
    silence = encoder(torch.full((1, NUM_BANDS, ROWS), float(mel.max()) - MEL_RANGE), layer)
    for group in (starts[i : i + together] for i in range(0, len(starts), together)):
        encoded = encoder(torch.stack([mel[:, 2 * start : 2 * start + ROWS] for start in group]), layer)
        for start, vectors in zip(group, encoded - silence, strict=True):
            first, last = CONTEXT if start else 0, POSITIONS if start == starts[-1] else POSITIONS - CONTEXT
            kept = vectors[first : min(last, 2 * num_frames - start)]
            yield kept.view(len(kept) // 2, 2, -1).mean(dim=1).numpy()


class Recent:
    """`frame_vectors` of the last `num_frames` frames of a sound that goes on: one pass as long as these, silence before its begin.

    The floor is 8 decades below the loudest band so far, at first below that of speech of usual level.
    """

    def __init__(self, encoder: WhisperEncoder, layer: int, num_frames: int) -> None:
        self.encoder, self.layer, self.num_frames = encoder, layer, num_frames
        self._loudest = USUAL_LOUDEST
        self._silence: Tensor | None = None

    def __call__(self, audio: Floats) -> Floats:
        """(num_samples,), at most `num_frames` frames -> (num_samples // 640, width)."""
        count = len(audio) // SAMPLES_PER_FRAME
        samples = audio[: count * SAMPLES_PER_FRAME]
        mel = whisper_mel(np.pad(samples, (self.num_frames * SAMPLES_PER_FRAME - len(samples), 0)))
        if self._silence is None or float(mel.max()) > self._loudest:
            self._loudest = max(self._loudest, float(mel.max()))
            self._silence = self.encoder(torch.full((1, *mel.shape), self._loudest - MEL_RANGE), self.layer)[0]
        encoded = self.encoder(torch.clamp(mel, min=self._loudest - MEL_RANGE)[None], self.layer)[0]
        vectors = encoded - self._silence
        return vectors.view(self.num_frames, 2, -1).mean(dim=1)[self.num_frames - count :].numpy()


def pass_starts(num_positions: int) -> list[int]:
    """First position of each pass: kept parts follow each other without a gap and reach the end."""
    starts = [0]
    while starts[-1] + POSITIONS < num_positions:
        starts.append(starts[-1] + POSITIONS - 2 * CONTEXT)
    return starts


MOST_BYTES = 512 << 20  # of the whole model's file, which has 151 MB of numbers


def load_whisper(path: Path, num_layers: int, width: int) -> WhisperEncoder:
    """The encoder of an npz file in CTranslate2's naming; InputError unless every array is there in its shape."""
    expected = encoder_shapes(num_layers, width)
    try:
        arrays = read_npz(path, MOST_BYTES)
        weights = {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in expected if name in arrays}
    except NPZ_ERRORS as error:
        raise InputError(
            f"{path}: is not a readable npz of weights ({error}); get it again with `tfg assets`"
        ) from error
    for name, shape in expected.items():
        found = tuple(weights[name].shape) if name in weights else None
        if found != shape:
            raise InputError(
                f"{path}: {name} has shape {found}, expected {shape}; this is not the Whisper tiny.en encoder"
            )
    return WhisperEncoder(weights, num_layers)


def encoder_shapes(num_layers: int, width: int) -> dict[str, tuple[int, ...]]:
    """Every array of an encoder by its name in the file."""
    shapes: dict[str, tuple[int, ...]] = {
        "conv1/weight": (width, NUM_BANDS, 3),
        "conv1/bias": (width,),
        "conv2/weight": (width, width, 3),
        "conv2/bias": (width,),
        "layer_norm/gamma": (width,),
        "layer_norm/beta": (width,),
        "position_encodings/encodings": (POSITIONS, width),
    }
    for number in range(num_layers):
        for part, inner in (("self_attention", 3 * width), ("ffn", 4 * width)):
            name = f"layer_{number}/{part}"
            shapes |= {f"{name}/layer_norm/gamma": (width,), f"{name}/layer_norm/beta": (width,)}
            shapes |= {f"{name}/linear_0/weight": (inner, width), f"{name}/linear_0/bias": (inner,)}
            second = width if part == "self_attention" else inner
            shapes |= {f"{name}/linear_1/weight": (width, second), f"{name}/linear_1/bias": (width,)}
    return {f"encoder/{name}": shape for name, shape in shapes.items()}
