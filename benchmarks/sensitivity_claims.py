"""What every metric should say of the known edits: chains of numbers that must rise from left to right, or be equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

Scores = Mapping[str, Mapping[str, float | None]]  # edit -> metric -> value, None where unavailable

REGIONS = ("", "_face", "_mouth")
# Exactly this of a video against itself.
PERFECT = {
    **{f"psnr{region}": float("inf") for region in REGIONS},
    **{f"ssim{region}": 1.0 for region in REGIONS},
    **{f"lpips{region}": 0.0 for region in REGIONS},
    **{name: 0.0 for name in ("lmd", "lmd_normalised", "mouth_lag", "head_pose_error", "blink_rate_difference")},
    **{name: 0.0 for name in ("blendshape_error_lower", "blendshape_error_upper", "flicker", "flicker_mouth")},
    **{name: 1.0 for name in ("mouth_correlation", "head_jitter_ratio", "identity")},
}


@dataclass(frozen=True, kw_only=True)
class Term:
    """One number of a chain: what a metric says of an edit, or a bound."""

    edit: str = ""
    metric: str = ""
    factor: float = 1.0
    bound: float | None = None

    def value(self, scores: Scores) -> float | None:
        if self.bound is not None:
            return self.bound
        found = scores[self.edit][self.metric]
        return None if found is None else self.factor * found


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Each term must be smaller than the next; with `equal`, the same."""

    text: str
    terms: tuple[Term, ...]
    equal: bool = False

    def holds(self, scores: Scores) -> bool:
        """False also where a number is missing."""
        values = [term.value(scores) for term in self.terms]
        known = [value for value in values if value is not None]
        rising = all(a == b if self.equal else a < b for a, b in pairwise(known))
        return rising and len(known) == len(values)

    def shown(self, scores: Scores) -> str:
        """The numbers of the chain."""
        sign = " = " if self.equal else " < "
        values = [term.value(scores) for term in self.terms]
        return sign.join("missing" if value is None else f"{value:.4g}" for value in values)


def claims(edits: Iterable[str], *, has_listener: bool) -> list[Claim]:
    """All that is expected of these edits; those of the listener only where there is one."""
    made = [
        *_unchanged(),
        *_pictures(),
        *_lips(),
        *_head_and_eyes(),
    ]
    made += _listener() if has_listener else []
    known = set(edits)
    return [claim for claim in made if all(term.edit in known for term in claim.terms if term.bound is None)]


def _chain(metric: str, *edits: str) -> Claim:
    return Claim(text=f"`{metric}`: {' < '.join(edits)}", terms=tuple(Term(edit=edit, metric=metric) for edit in edits))


def _between(edit: str, metric: str, low: float, high: float) -> Claim:
    return Claim(
        text=f"`{metric}` of {edit} between {low:g} and {high:g}",
        terms=(Term(bound=low), Term(edit=edit, metric=metric), Term(bound=high)),
    )


def _unchanged() -> list[Claim]:
    return [
        Claim(
            text=f"`{metric}` of the unchanged truth is {value:g}",
            terms=(Term(edit="none", metric=metric), Term(bound=value)),
            equal=True,
        )
        for metric, value in PERFECT.items()
    ]


def _pictures() -> list[Claim]:
    made = []
    for edit, (weak, strong) in {"blur": (1, 2), "noise": (4, 8), "shift": (1, 2), "tilt": (1, 2)}.items():
        weaker, stronger = f"{edit} {weak}", f"{edit} {strong}"
        for region in REGIONS:
            made += [_chain(f"{name}{region}", stronger, weaker, "none") for name in ("psnr", "ssim")]
            made += [_chain(f"lpips{region}", "none", weaker, stronger)]
        if edit != "blur":  # a blur is as still as the picture
            made += [_chain(name, "none", weaker, stronger) for name in ("flicker", "flicker_mouth")]
    # 5 levels are 20 log10(255 / 5) = 34.15 dB; where white is clipped the error is less.
    made += [_between("brightness +5", "psnr", 34.1, 36.0), _chain("ssim", "blur 1", "brightness +5", "none")]
    made += [_chain("flicker", "brightness +5", "blur 2", "noise 4")]
    made += [_chain("psnr_mouth", "frozen mouth", "frozen eyes"), _chain("lpips_mouth", "frozen eyes", "frozen mouth")]
    regions = tuple(Term(edit="frozen mouth", metric=name) for name in ("psnr_mouth", "psnr_face", "psnr"))
    made += [Claim(text="frozen mouth: `psnr_mouth` < `psnr_face` < `psnr`", terms=regions)]
    made += [_chain("identity", "other person", "blur 2", "blur 1", "none")]
    made += [_between("other person", "identity", -1.0, 0.4), _chain("identity", "other person", "frozen mouth")]
    return made


def _lips() -> list[Claim]:
    made = [_chain(name, "none", "frozen eyes", "frozen mouth") for name in ("lmd", "lmd_normalised")]
    made += [_chain(name, "none", "shift 2", "frozen mouth") for name in ("lmd", "lmd_normalised")]
    made += [_chain("lmd", "none", "pictures late 1", "pictures late 4")]
    made += [_chain("mouth_correlation", "frozen mouth", "blur 2")]
    made += [_chain("mouth_correlation", "pictures late 4", "pictures late 1", "none")]
    made += [_between(f"pictures late {late}", "mouth_lag", late - 0.5, late + 0.5) for late in (1, 4, 8)]
    made += [_chain("blendshape_error_lower", "none", "frozen eyes", "frozen mouth")]
    made += [_chain("blendshape_error_upper", "none", "frozen mouth", "frozen eyes")]
    return made


def _head_and_eyes() -> list[Claim]:
    names = ("head_pose_error", "head_jitter", "head_jitter_ratio")
    made = [_chain(name, "none", "tilt 1", "tilt 2") for name in names]
    made += [_chain("blink_rate", "frozen eyes", "none")]
    made += [_chain("blink_rate_difference", edit, "frozen eyes") for edit in ("none", "frozen mouth")]
    return made


def _listener() -> list[Claim]:
    offset, confidence = "sync_offset_listener", "sync_c_listener"
    made = [_between("none", offset, -1.5, 1.5)]
    made += [_between(f"sound late {late}", offset, -late - 1.5, -late + 1.5) for late in (1, 4, 8)]
    made += [_between(f"pictures late {late}", offset, late - 1.5, late + 1.5) for late in (1, 4, 8)]
    for edit in ("other sound", "frozen mouth", "other person"):
        terms = (Term(edit=edit, metric=confidence), Term(edit="none", metric=confidence, factor=0.5))
        made += [Claim(text=f"`{confidence}` of {edit} is less than half of the truth's", terms=terms)]
        made += [_chain("sync_d_listener", "none", edit)]
    return made
