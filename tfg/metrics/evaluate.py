"""One call that scores pictures against the truth with every metric, each number with its definition."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tfg.metrics import image
from tfg.metrics.base import MetricValue
from tfg.metrics.landmark import agreement, landmark_distance, mouth_opening
from tfg.metrics.lpips import Lpips, lpips
from tfg.types import Bools, Bytes, Floats, InputError


class Reader(Protocol):
    """Finds the 68 landmarks of pictures; `guide` says where the head truly is. NaN rows where there is no face."""

    @property
    def definition(self) -> str: ...

    def landmarks(self, images: Bytes, guide: Floats) -> Floats: ...


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """Scores pictures against one truth. `lpips_network` None gives the reason instead of the number."""

    truth: Bytes  # (n, size, size, 3)
    guide: Floats  # (n, 68, 2) true landmarks in the pixels of the truth
    reader: Reader
    lpips_network: Lpips | None
    lpips_note: str  # checksum of the weights, or why there are none

    @cached_property
    def true_landmarks(self) -> Floats:
        """What the reader sees in the truth: predictions are compared with this, so that its errors cancel."""
        return _read(self.reader, self.truth, self.guide)

    def score(self, prediction: Bytes) -> dict[str, MetricValue]:
        """(n, size, size, 3) uint8 -> name -> value."""
        truth, guide = self.truth, self.guide
        if prediction.shape != truth.shape:
            raise InputError(f"prediction {prediction.shape} and truth {truth.shape} differ in length or size")
        where = f"{len(truth)} held-out frames of {truth.shape[2]}x{truth.shape[1]}"
        boxes = [image.face_box(points, truth.shape[1]) for points in guide]
        box = "box of the frame's 68 true landmarks enlarged by 10 % of its height"
        full, face = f"full frame with true torso and background, {where}", f"{box}, {where}"
        values = {
            "psnr": _mean(image.psnr(prediction, truth), f"{image.PSNR_DEFINITION}; {full}"),
            "ssim": _mean(image.ssim(prediction, truth), f"{image.SSIM_DEFINITION}; {full}"),
            "psnr_face": _mean(
                image.on_boxes(image.psnr, prediction, truth, boxes), f"{image.PSNR_DEFINITION}; {face}"
            ),
            "ssim_face": _mean(
                image.on_boxes(image.ssim, prediction, truth, boxes), f"{image.SSIM_DEFINITION}; {face}"
            ),
            "lpips": self._lpips(prediction, full),
        }
        return values | self.lip_motion(prediction, where)

    def _lpips(self, prediction: Bytes, region: str) -> MetricValue:
        definition = f"LPIPS v0.1 AlexNet, mean over frames; {region}; weights {self.lpips_note}"
        if self.lpips_network is None:
            return MetricValue(definition=definition, unavailable=self.lpips_note)
        return _mean(lpips(self.lpips_network, prediction, self.truth), definition)

    def lip_motion(self, prediction: Bytes, where: str) -> dict[str, MetricValue]:
        """lmd, mouth_correlation and mouth_lag; `where` joins their definitions."""
        true = self.true_landmarks
        made = true if prediction is self.truth else _read(self.reader, prediction, self.guide)
        found: Bools = np.asarray(np.isfinite(made).all(axis=(1, 2)) & np.isfinite(true).all(axis=(1, 2)))
        source = f"landmarks of both by {self.reader.definition}; {where}, {int((~found).sum())} frames without a face left out"
        names = {
            "lmd": f"mean distance in pixels of 20 mouth points, each set centred on its mean; {source}",
            "mouth_correlation": f"Pearson correlation at lag 0 of inner-lip opening, prediction against truth; {source}",
            "mouth_lag": f"lag in frames within +-10 of the highest such correlation, positive when late; {source}",
        }
        if found.mean() < 0.5:
            reason = f"a face was found in only {int(found.sum())} of {len(found)} frames"
            return {name: MetricValue(definition=text, unavailable=reason) for name, text in names.items()}
        values = {"lmd": _mean(landmark_distance(made[found], true[found]), names["lmd"])}
        agreed = agreement(mouth_opening(made), mouth_opening(true))
        for name in ("mouth_correlation", "mouth_lag"):
            if agreed is None:
                reason = "a mouth does not move (zero variance) or the run is shorter than 23 frames"
                values[name] = MetricValue(definition=names[name], unavailable=reason)
            else:
                number = agreed.correlation if name == "mouth_correlation" else agreed.lag
                values[name] = MetricValue(definition=names[name], value=float(number))
        return values


def _mean(per_frame: NDArray[np.float64], definition: str) -> MetricValue:
    return MetricValue(
        definition=definition,
        value=image.finite_mean(per_frame),
        per_frame=tuple(float(v) for v in np.where(np.isinf(per_frame), 100.0, per_frame)),
    )


def _read(reader: Reader, images: Bytes, guide: Floats) -> Floats:
    """Landmarks (n, 68, 2); a run that repeats one picture (the static baseline) is read once."""
    if (images == images[:1]).all():
        return np.repeat(reader.landmarks(images[:1], guide[:1]), len(images), axis=0)
    return reader.landmarks(images, guide)
