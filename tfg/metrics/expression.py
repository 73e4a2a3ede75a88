"""Expression read as MediaPipe's 52 blendshapes, for the lower and the upper face. It is not AUE: see openface.py for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.metrics.base import Chunk, MetricFacts, Outcome, ScoredVideo, left_out, mean, too_few_faces

# MediaPipe's order. ARKit's tongueOut is not among them.
BLENDSHAPES = (
    "_neutral",
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight"),
    *("eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight"),
    *("eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight"),
    *("eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight"),
    *("jawForward", "jawLeft", "jawOpen", "jawRight"),
    *(
        "mouthClose",
        "mouthDimpleLeft",
        "mouthDimpleRight",
        "mouthFrownLeft",
        "mouthFrownRight",
        "mouthFunnel",
        "mouthLeft",
    ),
    *("mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight"),
    *("mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight"),
    *("noseSneerLeft", "noseSneerRight"),
)
LOWER = ("jaw", "mouth", "cheek")
UPPER = ("brow", "eye", "nose")  # the sneer is AU 9, which AUE counts to the upper face too
NO_BLENDSHAPES = "the face reader gives no blendshapes; use face=mediapipe"


def columns(parts: tuple[str, ...]) -> list[int]:
    """Which of the 52 belong to these parts of the face."""
    return [index for index, name in enumerate(BLENDSHAPES) if name.startswith(parts)]


@dataclass(frozen=True, kw_only=True)
class BlendshapeError:
    """Metric: how far the expression is from the true one."""

    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "blendshape_error_lower": MetricFacts(title="Blendshape error lower face", better="down", digits=4),
        "blendshape_error_upper": MetricFacts(title="Blendshape error upper face", better="down", digits=4),
    }
    names: tuple[str, ...] = ("blendshape_error_lower", "blendshape_error_upper")
    needs: tuple[str, ...] = ("truth", "faces")

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        return {}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        def text(name: str, parts: tuple[str, ...]) -> str:
            return (
                f"mean over frames and the {len(columns(parts))} MediaPipe blendshapes of the {name} face "
                f"({', '.join(f'{part}*' for part in parts)}), each in [0, 1], of the absolute difference of prediction and "
                f"truth; not AUE; both read by {video.reader}; {left_out(video)}"
            )

        return {"blendshape_error_lower": text("lower", LOWER), "blendshape_error_upper": text("upper", UPPER)}

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        assert video.true is not None, "needs the truth"
        difference = np.abs(video.made.blendshapes.astype(np.float64) - video.true.blendshapes)
        reason = too_few_faces(video.has_face)
        if reason is None and not np.isfinite(difference[video.has_face]).all():
            reason = NO_BLENDSHAPES
        if reason:
            return {name: Outcome(missing=reason) for name in self.names}
        return {
            name: mean(difference[:, columns(parts)].mean(axis=1))
            for name, parts in zip(self.names, (LOWER, UPPER), strict=True)
        }
