"""Motion of the Gaussians under speech and expression: the face field, the mouth field and the hook between them.

TalkingGaussian's and InsTaG's nets in our head unit, which is about ten of theirs: bounds and motion scales are theirs times ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from tfg.backbones.gaussian.regions import vertical_ramp
from tfg.backbones.gaussian.settings import MotionShape
from tfg.backbones.layers import MLP, AudioEncoder
from tfg.backbones.warp import LipWarp
from tfg.engines.hashgrid import HashGridSpec, triplane_encode
from tfg.types import UPPER_FACE


@dataclass(frozen=True)
class GaussianMotion:
    """What is added to raw Gaussians before their activations; n Gaussians."""

    means: Tensor  # (n, 3) head units
    quats: Tensor | None = None  # (n, 4)
    scales: Tensor | None = None  # (n, 3) before softplus
    offset: Tensor | None = None  # (n, 3) head units, of the places that were looked up, where it shall stay small
    speech: Tensor | None = None  # (n, 3) of `means`, what speech alone moves, where that is known

    @property
    def nbytes(self) -> int:
        return sum(
            part.nbytes for part in (self.means, self.quats, self.scales, self.offset, self.speech) if part is not None
        )

    def plus(self, own: GaussianMotion) -> GaussianMotion:
        """With a person's own motion, which may lack rotations and sizes, added."""
        quats = self.quats if self.quats is None or own.quats is None else self.quats + own.quats
        scales = self.scales if self.scales is None or own.scales is None else self.scales + own.scales
        return replace(self, means=self.means + own.means, quats=quats, scales=scales)


def grid_of(shape: MotionShape) -> HashGridSpec:
    """The tri-plane's pyramid."""
    return HashGridSpec(
        dim=2,
        levels=shape.levels,
        channels=1,
        log2_size=17,
        base=shape.base,
        desired=shape.desired,
        kind="hash",
        bound=shape.bound,
    )


class Field(nn.Module):
    """Abstract: tri-plane grid and, where it is given audio features, their encoder: the part that all fields share."""

    def __init__(self, shape: MotionShape, audio_channels: int | None, engine: str) -> None:
        super().__init__()
        self.shape, self.spec, self.engine = shape, grid_of(shape), engine
        self.tables = nn.Parameter(torch.empty(3, self.spec.num_params, 1).uniform_(-1e-4, 1e-4))
        self.audio: AudioEncoder | None = None
        if audio_channels is not None:
            self.audio = AudioEncoder(audio_channels, shape.audio_hidden, shape.code, dropout=shape.dropout)
        self._kept: dict[str, Any] | None = None
        self._learns = False  # while points are held

    def hold(self, *, learns: bool) -> None:
        """From now on the points are always the same: what depends on them alone is computed once, and no gradient reaches it.

        `learns`: whether grid and networks go on changing.
        """
        if self._kept is None:
            self._kept, self._learns = {}, learns

    def release(self) -> None:
        self._kept = None

    @contextmanager
    def still(self) -> Iterator[None]:
        """Held, and nothing is learned."""
        self.release()
        self.hold(learns=False)
        try:
            yield
        finally:
            self.release()

    def once(self, name: str, compute: Callable[[], Any], *, learned: bool = False) -> Any:
        """What does not change while points are held; `learned`: unless grid and networks do."""
        if self._kept is None or (learned and self._learns):
            return compute()
        if name not in self._kept:
            with torch.no_grad():
                self._kept[name] = compute()
        return self._kept[name]

    def encode_position(self, points: Tensor) -> Tensor:
        """(n, 3) head space -> (n, 36)."""
        encoded: Tensor = self.once(
            "place", lambda: triplane_encode(points, self.tables, self.spec, self.engine), learned=True
        )
        return encoded

    def encode_audio(self, windows: Tensor) -> Tensor:
        """(1, 8, channels) normalised -> (1, code)."""
        assert self.audio is not None
        return self.audio(windows)


class FaceField(Field):
    """Speech moves what lies below the eyes, the upper-face blendshapes what lies above the nose's base.

    Differs from the paper: (1) region attention is multiplied by a fixed smooth gate, because blinks and brows follow
    speech closely enough in five seconds to be learned as its cause; (2) both attentions are plain MLPs, for the seven
    blendshapes have no separate blink unit; (3) the opacity change, which the papers compute and never apply, is left out.
    """

    eye_line: Tensor  # () head y
    nose_base: Tensor  # () head y

    def __init__(self, shape: MotionShape, audio_channels: int, engine: str) -> None:
        super().__init__(shape, audio_channels, engine)
        width = 3 * shape.levels
        self.audio_attention = MLP(width, 32, shape.code, engine=engine)
        self.upper_attention = MLP(width, 16, len(UPPER_FACE), engine=engine)
        self.network = MLP(
            width + shape.code + len(UPPER_FACE), shape.face_hidden, shape.face_hidden, 10, engine=engine
        )
        self.register_buffer("eye_line", torch.zeros(()))
        self.register_buffer("nose_base", torch.ones(()))

    def forward(self, points: Tensor, windows: Tensor, upper: Tensor) -> GaussianMotion:
        """points (n, 3), windows (1, 8, channels), upper (1, 7) -> motion of n Gaussians."""
        place = self.encode_position(points)
        below = vertical_ramp(points.detach(), self.eye_line, self.nose_base)
        speech = self.once("audio", lambda: self.audio_attention(place), learned=True) * (
            below @ self.encode_audio(windows)
        )
        attention = self.once("upper", lambda: self.upper_attention(place), learned=True)
        expression = attention * ((1 - below) @ upper)
        means, quats, scales = self.network(torch.cat([place, speech, expression], dim=1)).split([3, 4, 3], dim=1)
        return GaussianMotion(means * self.shape.reach, quats, scales)


class WarpedFaceField(Field):
    """Lip motion moves the face by a known warp, and a learned field what lies above the nose's base by the upper-face blendshapes.

    Differs from the papers, whose field learns from the person's frames what speech moves: from five seconds it learns a half open
    mean mouth and lips that follow the head's pose.
    """

    eye_line: Tensor  # () head y
    nose_base: Tensor  # () head y

    def __init__(self, shape: MotionShape, engine: str) -> None:
        super().__init__(shape, None, engine)
        width = 3 * shape.levels
        self.upper_attention = MLP(width, 16, len(UPPER_FACE), engine=engine)
        self.network = MLP(width + len(UPPER_FACE), shape.face_hidden, shape.face_hidden, 10, engine=engine)
        self.warp = LipWarp()
        self.register_buffer("eye_line", torch.zeros(()))
        self.register_buffer("nose_base", torch.ones(()))

    def forward(self, points: Tensor, windows: Tensor, upper: Tensor) -> GaussianMotion:
        """points (n, 3), windows (1, 8, LIP_CHANNELS) of lip motion, upper (1, 7) -> motion of n Gaussians."""
        above, rows = self.once("above", lambda: self._above(points.detach()))
        place = self.encode_position(points[rows])
        attention = self.once("upper", lambda: self.upper_attention(place), learned=True)
        learned = above * self.network(torch.cat([place, attention * (above @ upper)], dim=1))
        learned = learned.new_zeros(len(points), learned.shape[1]).index_copy(0, rows, learned)
        means, quats, scales = learned.split([3, 4, 3], dim=1)
        spread = self.once("spread", lambda: self.warp.spread(points.detach()))
        speech = self.warp.moved(spread, windows[0, windows.shape[1] // 2])
        return GaussianMotion(means * self.shape.reach + speech, quats, scales, speech=speech)

    def _above(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """How much the expression counts, (m, 1), in which rows of the points, (m,): those above the nose's base."""
        above = 1 - vertical_ramp(points, self.eye_line, self.nose_base)
        rows = above[:, 0].nonzero()[:, 0]
        return above[rows], rows


class MouthField(Field):
    """Speech and the face's own mouth motion move the inside of the mouth; sideways and in depth a fifth (TalkingGaussian).

    Without audio channels the face's motion alone does, which then is the lips' own; without the hook (`shape.hook`) speech alone.
    """

    def __init__(self, shape: MotionShape, audio_channels: int | None, engine: str) -> None:
        super().__init__(shape, audio_channels, engine)
        width, hidden = 3 * shape.levels, shape.mouth_hidden
        code = 0 if audio_channels is None else shape.code
        self.network = MLP(width + code + 3, hidden, hidden, 3, engine=engine)
        self.scaler = MLP(width + 3, 16, 16, 1, engine=engine)
        self.register_buffer("reach", torch.tensor([0.2, 1.0, 0.2]) * shape.reach, persistent=False)

    def forward(self, points: Tensor, windows: Tensor, hook: Tensor) -> GaussianMotion:
        """points (n, 3), windows (1, 8, channels), hook (1, 3) -> motion of n Gaussians."""
        place = self.encode_position(points)
        hook = hook.expand(len(points), 3) if self.shape.hook else hook.new_zeros(len(points), 3)
        code = [] if self.audio is None else [self.encode_audio(windows).expand(len(points), -1)]
        gain = 2 * torch.sigmoid(self.scaler(torch.cat([place, hook], dim=1)))
        return GaussianMotion(self.network(torch.cat([place, *code, hook], dim=1)) * gain * self.reach)


def mouth_hook(face: GaussianMotion, rank: int) -> Tensor:
    """(1, 3) of the face's vertical motion: its `rank`-th largest, its `rank`-th smallest, their difference, detached.

    Of the motion by speech, where that is known: lids and brows do not move the inside of the mouth.
    Times 10, which makes it 100 in InsTaG's unit.
    """
    down = (face.means if face.speech is None else face.speech).detach()[:, 1]
    rank = min(rank, len(down))
    high, low = down.topk(rank).values[-1], down.topk(rank, largest=False).values[-1]
    return 10 * torch.stack([high, low, high - low])[None]
