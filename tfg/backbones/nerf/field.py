"""The tri-plane hash head field of SyncTalk: density and colour of a point, given speech and upper-face expression.

Grid of torch-ngp, region attention of ER-NeRF, nets of SyncTalk's official code. Sampling, compositing and losses live beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tfg.backbones.layers import MLP
from tfg.backbones.nerf.settings import FieldShape
from tfg.engines import FieldNets, HashGridSpec, spherical_harmonics, triplane_encode
from tfg.engines.field import WarpTable

GEOMETRY = 64  # width of the geometry feature that the density net hands to the colour net
UNCERTAINTY = 32  # width of the uncertainty net (ER-NeRF)
TABLE_INIT = 1e-4  # half range of the uniform initial table entries, as torch-ngp's


class _TruncatedExp(torch.autograd.Function):
    """exp whose gradient is bounded at exp(15), so that one bad step cannot overflow the density net."""

    @staticmethod
    def forward(context: torch.autograd.function.FunctionCtx, values: Tensor) -> Tensor:
        context.save_for_backward(values)
        return torch.exp(values)

    @staticmethod
    def backward(context: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        (values,) = context.saved_tensors  # type: ignore[attr-defined]
        return gradient * torch.exp(values.clamp(-15, 15))


def truncated_exp(values: Tensor) -> Tensor:
    """exp(values), any shape, with a bounded gradient."""
    return _TruncatedExp.apply(values)


def grid_of(shape: FieldShape) -> HashGridSpec:
    """The tri-plane's pyramid over the field's box [-1, 1]^3."""
    return HashGridSpec(
        dim=2,
        levels=shape.levels,
        channels=shape.channels,
        log2_size=shape.log2_size,
        base=shape.base,
        desired=shape.finest,
        bound=1.0,
    )


@dataclass(frozen=True, kw_only=True)
class FieldOutput:
    """Density, colour and attention of n points."""

    sigma: Tensor  # (n,) density per field unit
    color: Tensor  # (n, 3) in [-0.001, 1.001]
    audio_attention: Tensor  # (n,) norm of the audio region attention
    upper_attention: Tensor  # (n,) norm of the upper-face region attention
    uncertainty: Tensor | None = None  # (n,) >= 0, while training with its net


class HeadField(nn.Module):
    """sigma, colour = F(x, direction | audio code, upper-face expression, individual code)."""

    def __init__(
        self,
        shape: FieldShape,
        *,
        audio_width: int,
        upper_width: int,
        code_width: int,
        uncertain: bool,
        engine: str,
    ) -> None:
        super().__init__()
        self.grid = grid_of(shape)
        self.direction_degree = shape.direction_degree
        self.gate_width = shape.gate_width
        self.engine = engine
        tables = torch.empty(3, self.grid.num_params, self.grid.channels)
        self.tables = nn.Parameter(tables.uniform_(-TABLE_INIT, TABLE_INIT))
        features = 3 * self.grid.output
        self.audio_attention = MLP(features, shape.hidden, audio_width, engine=engine)
        self.upper_attention = MLP(features, shape.hidden, upper_width, engine=engine)
        self.density = MLP(
            features + audio_width + upper_width, shape.hidden, shape.hidden, 1 + GEOMETRY, engine=engine
        )
        self.color = MLP(shape.direction_degree**2 + GEOMETRY + code_width, shape.hidden, 3, engine=engine)
        self.doubt = MLP(features, UNCERTAINTY, 1, engine=engine) if uncertain else None

    def encode(self, points: Tensor) -> Tensor:
        """(n, 3) in [-1, 1] -> (n, 36) tri-plane features."""
        return triplane_encode(points, self.tables, self.grid, engine=self.engine)

    def attend(self, points: Tensor, gates: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (n, 36), audio attention (n, 32), upper-face attention (n, 7) of field points (n, 3)."""
        features = self.encode(points)
        audio, upper = self.audio_attention(features), self.upper_attention(features)
        if self.gate_width > 0:
            height = points[:, 1:2]
            audio = audio * torch.sigmoid((height - gates[0]) / self.gate_width)
            upper = upper * torch.sigmoid((gates[1] - height) / self.gate_width)
        return features, audio, upper

    def uncertainty(self, features: Tensor) -> Tensor | None:
        """(n,) how far the colour at features (n, 36) is expected to be off; they do not learn from it. None in rendering."""
        if self.doubt is None or not self.training:
            return None
        return torch.nn.functional.softplus(self.doubt(features.detach()))[:, 0]

    def geometry(
        self, points: Tensor, audio: Tensor, upper: Tensor, gates: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Density (n,), geometry feature (n, 64), both attentions and the grid's features (n, 36) of field points (n, 3).

        audio (32,) and upper (7,) hold for the whole frame. `gates` (2,): with a positive `gate_width` audio acts only
        below the first height and the expression only above the second. Differs from the paper: its face-sync masks
        are losses; five seconds are too few frames for a loss to keep a blink from moving the lips.
        """
        features, audio_attention, upper_attention = self.attend(points, gates)
        inputs = torch.cat([features, audio_attention * audio, upper_attention * upper], dim=-1)
        hidden = self.density(inputs)
        return truncated_exp(hidden[:, 0]), hidden[:, 1:], audio_attention, upper_attention, features

    def nets(self, audio: Tensor, upper: Tensor, gates: Tensor, warp: WarpTable | None) -> FieldNets:
        """All of the field that one picture needs, for the engine that looks at it; arguments as of `geometry`."""

        def weights(net: MLP) -> list[Tensor]:
            return [weight.detach() for weight in net.parameters()]

        return FieldNets(
            grid=self.grid,
            tables=self.tables.detach(),
            audio_attention=weights(self.audio_attention),
            upper_attention=weights(self.upper_attention),
            density=weights(self.density),
            color=weights(self.color),
            audio=audio,
            upper=upper,
            gates=gates,
            gate_width=self.gate_width,
            warp=warp,
            harmonics=self.direction_degree**2,
        )

    def seen_along(self, directions: Tensor, code: Tensor) -> Tensor:
        """What the colour net takes beside geometry (n, harmonics + code width), of unit `directions` (n, 3)."""
        harmonics = spherical_harmonics(directions, self.direction_degree)
        return torch.cat([harmonics, code.expand(len(directions), -1)], dim=-1) if code.numel() else harmonics

    def shade(self, directions: Tensor, geometry: Tensor, code: Tensor) -> Tensor:
        """Colour (n, 3) of geometry features (n, 64) seen along unit `directions` (n, 3)."""
        inputs = [spherical_harmonics(directions, self.direction_degree), geometry]
        if code.numel():
            inputs.append(code.expand(len(directions), -1))
        return torch.sigmoid(self.color(torch.cat(inputs, dim=-1))) * 1.002 - 0.001  # ER-NeRF's official code

    def forward(
        self, points: Tensor, directions: Tensor, audio: Tensor, upper: Tensor, code: Tensor, gates: Tensor
    ) -> FieldOutput:
        """Points (n, 3) along unit `directions` (n, 3); `code` (code_width,) is the frame's individual code."""
        sigma, geometry, audio_attention, upper_attention, features = self.geometry(points, audio, upper, gates)
        return FieldOutput(
            sigma=sigma,
            color=self.shade(directions, geometry, code),
            audio_attention=audio_attention.norm(dim=-1),
            upper_attention=upper_attention.norm(dim=-1),
            uncertainty=self.uncertainty(features),
        )
