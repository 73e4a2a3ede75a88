"""Rays of a view through a head: marched through the space that is occupied, and what they meet."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tfg.backbones import rays
from tfg.backbones.nerf import losses
from tfg.backbones.nerf.articulation import Articulation
from tfg.backbones.nerf.field import HeadField
from tfg.backbones.nerf.front_to_back import FAINT, HIDDEN, front_to_back
from tfg.backbones.nerf.head import TalkingHead
from tfg.backbones.nerf.settings import Sampling
from tfg.backbones.nerf.view import HeadView
from tfg.engines import FieldNets, OccupancyGrid, Samples, composite, field, march

_PIXELS = 2**14  # looked at together: their samples' memory is used again


@dataclass(frozen=True, kw_only=True)
class Traced:
    """What rays (n,) meet."""

    color: Tensor  # (n, 3) of the head over the background
    opacity: Tensor  # (n,) in [0, 1]
    samples: Samples
    audio_attention: Tensor  # (samples,)
    upper_attention: Tensor  # (samples,)
    uncertainty: Tensor | None  # (n,) while training with its net


@dataclass(frozen=True, kw_only=True)
class Tracer:
    """The camera, and the space in which a head may be."""

    size: int  # pixels
    focal: float
    sampling: Sampling
    occupancy: OccupancyGrid
    box: Tensor  # (2, 3) lower and upper corner
    gates: Tensor  # (2,) see `HeadField.geometry`
    articulation: Articulation | None
    engine: str
    precision: str  # of `look`

    def box_pixels(self, view: HeadView) -> Tensor:
        """(size * size,) bool: the pixel's ray meets the head's box."""
        return rays.hits_box(*self._rays(view, torch.arange(self.size**2, device=self.box.device)), self.box)

    def trace(
        self, head: TalkingHead, view: HeadView, pixels: Tensor, *, code_row: int, offset: Tensor | None
    ) -> Traced:
        """March the pixels' rays (n,) through a head over the view's background."""
        samples = self._march(*self._rays(view, pixels), offset)
        if self.articulation is not None:
            samples = replace(samples, points=self.articulation.table(view.audio).rest(samples.points))
        audio, code = head.encode_audio(view.audio)[0], head.code(code_row)
        field = head.field(samples.points, samples.directions, audio, view.upper, code, self.gates)
        color, opacity, _, weights = composite(field.sigma, field.color, samples, engine=self.engine, with_weights=True)
        return Traced(
            color=color + (1 - opacity)[:, None] * view.background[pixels],
            opacity=opacity,
            samples=samples,
            audio_attention=field.audio_attention,
            upper_attention=field.upper_attention,
            uncertainty=losses.seen_by_rays(field.uncertainty, weights.detach(), samples.ray, len(pixels)),
        )

    @torch.no_grad()
    def look(self, head: TalkingHead, view: HeadView) -> Tensor:
        """(size * size, 3) what `trace` finds with the first code and no offset, but for what is hidden from the camera or faint."""
        warp = None if self.articulation is None else self.articulation.table(view.audio)
        nets = head.field.nets(head.encode_audio(view.audio)[0], view.upper, self.gates, warp)
        in_c = field.runs(nets, self.engine)
        return (self._look_in_c if in_c else self._look_in_torch)(head.field, nets, head.code(0), view)

    def _look_in_c(self, head: HeadField, nets: FieldNets, code: Tensor, view: HeadView) -> Tensor:
        look = field.prepare(nets, hidden=HIDDEN, faint=FAINT, precision=self.precision)
        picture = view.background.clone()
        for pixels in rays.by_tiles(self.size).split(_PIXELS):
            origins, directions = self._rays(view, pixels)
            samples = self._march(origins, directions, None)
            if len(samples.t):
                made, opacity = look(samples, head.seen_along(directions, code))
                picture[pixels] = made + (1 - opacity)[:, None] * view.background[pixels]
        return picture

    def _look_in_torch(self, head: HeadField, nets: FieldNets, code: Tensor, view: HeadView) -> Tensor:
        """By the operations that training has; rays that miss the head's box are background."""
        pixels = self.box_pixels(view).nonzero()[:, 0]
        picture = view.background.clone()
        if not len(pixels):
            return picture
        samples = self._march(*self._rays(view, pixels), None)

        def density(rows: Tensor) -> tuple[Tensor, Tensor]:
            points = samples.points[rows]
            points = points if nets.warp is None else nets.warp.rest(points)
            return head.geometry(points, nets.audio, nets.upper, nets.gates)[:2]

        def color(rows: Tensor, features: Tensor) -> Tensor:
            return head.shade(samples.directions[rows], features, code)

        made, opacity = front_to_back(samples, density, color, engine=self.engine)
        picture[pixels] = made + (1 - opacity)[:, None] * view.background[pixels]
        return picture

    @torch.no_grad()
    def depth(self, head: TalkingHead, view: HeadView, pixels: Tensor) -> Tensor:
        """(n,) head units along the camera's axis, mean over what the rays meet; NaN where that is less than half of their light."""
        origins, directions = self._rays(view, pixels)
        samples = self._march(origins, directions, None)
        warp = None if self.articulation is None else self.articulation.table(view.audio)
        audio, toward = head.encode_audio(view.audio)[0], directions @ view.rotation[2]

        def density(rows: Tensor) -> tuple[Tensor, Tensor]:
            points = samples.points[rows]
            points = points if warp is None else warp.rest(points)
            return head.field.geometry(points, audio, view.upper, self.gates)[:2]

        along = samples.t[:, None].expand(-1, 3)
        far, opacity = front_to_back(samples, density, lambda rows, features: along[rows], engine=self.engine)
        return torch.where(opacity >= 0.5, far[:, 0] / opacity * toward / rays.FIELD_SCALE, torch.nan)

    def _rays(self, view: HeadView, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return rays.camera_rays(view.rotation, view.translation, self.focal, self.size, pixels)

    def _march(self, origins: Tensor, directions: Tensor, offset: Tensor | None) -> Samples:
        return march(
            origins,
            directions,
            self.occupancy,
            aabb=self.box.flatten(),
            max_samples=self.sampling.max_samples,
            longest=self.sampling.step,
            near=self.sampling.near,
            offset=offset,
            engine=self.engine,
        )
