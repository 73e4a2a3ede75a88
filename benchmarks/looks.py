"""A picture of SyncTalk's field at 512 pixels: the operations of training front to back, and the pass that looks at it in C."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from benchmarks.timing import Case
from tests.support.parts import part
from tfg.backbones.nerf.field import HeadField
from tfg.backbones.nerf.front_to_back import FAINT, HIDDEN, front_to_back
from tfg.engines import OccupancyGrid, field, march

SIZE, HEAD = 192, 0.6  # pixels of a side; field units, radius of the head


def look_case() -> Case:
    """A ball of half transparent space: the twins; C in float32 and in bfloat16; C operation by operation; of these the nets by torch,
    in float32 and in bfloat16."""
    torch.manual_seed(0)
    head = HeadField(
        part("backbone/synctalk", "field"), audio_width=32, upper_width=7, code_width=0, uncertain=False, engine="cpu"
    ).eval()
    sampling = part("backbone/synctalk", "sampling")
    with torch.no_grad():
        head.tables.uniform_(-1, 1)
        for parameter in (*head.density.parameters(), *head.color.parameters()):
            parameter.mul_(2)
    grid = OccupancyGrid(64)
    grid.update(lambda points: 100.0 * (points.norm(dim=1) < HEAD))
    across = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    aim = torch.stack(torch.meshgrid(across, across, indexing="ij"), dim=-1).view(-1, 2)
    directions = torch.nn.functional.normalize(torch.cat([0.25 * aim, torch.ones(len(aim), 1)], dim=1), dim=1)
    origins = torch.tensor([0.0, 0.0, -4.0]).expand_as(directions).contiguous()
    found = march(
        origins,
        directions,
        grid,
        aabb=(-1.0, -1.0, -1.0, 1.0, 1.0, 1.0),
        max_samples=sampling.max_samples,
        near=sampling.near,
        longest=2 * math.sqrt(3) / 128,
    )
    audio, upper, gates = torch.randn(32), torch.rand(7), torch.tensor([-0.2, 0.0])
    nets, none = head.nets(audio, upper, gates, None), torch.zeros(0)

    def in_c(precision: str) -> object:
        look = field.prepare(nets, hidden=HIDDEN, faint=FAINT, precision=precision)
        return look(found, head.seen_along(directions, none))

    def by_operations(engine: str, nets: str, dtype: torch.dtype = torch.float32) -> object:
        """Grid and compositing by an engine, perceptrons by another; what torch multiplies in a float type."""
        head.engine = engine
        for net in (head.audio_attention, head.upper_attention, head.density, head.color):
            net.engine = nets

        def density(rows: Tensor) -> tuple[Tensor, Tensor]:
            sigma, geometry, *_ = head.geometry(found.points[rows], audio, upper, gates)
            return sigma.float(), geometry

        def color(rows: Tensor, features: Tensor) -> Tensor:
            return head.shade(found.directions[rows], features, none).float()

        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            return front_to_back(found, density, color, engine=engine)

    variants: dict[str, Any] = {
        "torch": lambda: by_operations("torch", "torch"),
        "cpu": lambda: in_c("float32"),
        "cpu_bfloat16": lambda: in_c("bfloat16"),
        "operations": lambda: by_operations("cpu", "cpu"),
        "torch_nets": lambda: by_operations("cpu", "torch"),
        "torch_nets_bfloat16": lambda: by_operations("cpu", "torch", torch.bfloat16),
    }
    return Case(name=f"look_{SIZE}", variants=variants)
