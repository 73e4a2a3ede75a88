"""The claims of the paper as data/claims.yaml states them. `python -m analysis.claims` writes experiments/claims.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

CLAIMS = Path(__file__).resolve().parent / "data" / "claims.yaml"
PAGE = Path(__file__).resolve().parents[1] / "experiments" / "claims.md"
RULES = ("more", "not_less", "at_least", "none_wrong")
MORE, NOT_LESS, AT_LEAST, NONE_WRONG = RULES


@dataclass(frozen=True, kw_only=True)
class Part:
    """What must hold for the claim to hold: an outcome, a selector or a measure."""

    name: str
    smallest: float  # effect that matters, or the margin, in `unit`
    unit: str


@dataclass(frozen=True, kw_only=True)
class Claim:
    number: int
    name: str
    sentence: str
    paper: str  # where it says so
    published: str
    test: str
    data: str
    parts: tuple[Part, ...]
    rule: str  # of RULES
    level: float  # of the interval
    reason: str  # for the smallest effect

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"{CLAIMS.name}: claim {self.number}: rule is {self.rule}; give one of {', '.join(RULES)}")

    def outcomes(self) -> dict[str, str]:
        """What of the interval means which verdict, in words."""
        sizes = [f"{part.smallest:g} {part.unit}" for part in self.parts]
        if self.rule == MORE:
            said = (
                f"the low end is above 0 and the effect at least {_joined(sizes)}",
                f"the high end is below {_joined(sizes)}",
            )
        elif self.rule == NOT_LESS:
            margins = _joined([f"-{size}" for size in sizes])
            said = (f"the low end is above {margins}", f"the high end is below {margins}")
        elif self.rule == AT_LEAST:
            said = (f"the low end is at least {_joined(sizes)}", f"the high end is below {_joined(sizes)}")
        else:
            return {"holds": "no ratio is wrong", "does not hold": "one is", "underpowered": "cannot be"}
        holds, fails = said
        many = len(self.parts) > 1
        return {
            "holds": holds + (" (every part)" if many else ""),
            "does not hold": fails + (" (any part)" if many else ""),
            "underpowered": "neither, or fewer than three people",
        }


def read_claims(path: Path = CLAIMS) -> tuple[Claim, ...]:
    return tuple(_claim(entry) for entry in _read(path)["claims"])


def to_markdown(path: Path = CLAIMS) -> str:
    """The page experiments/claims.md."""
    record = _read(path)
    lines = [
        "# The claims of ISExplore, and how each is judged",
        "",
        f"Written on {record['written']} (this wording: commit {record['commit']}), before the atlas was run; made from",
        "`analysis/data/claims.yaml` by",
        "`python -m analysis.claims`. Changes after that day:" + (" none." if not record["changes"] else ""),
        *(["", *(f"- {change}" for change in record["changes"])] if record["changes"] else []),
        "",
        "**For all claims.** *Sync* is the listener's share of the truth's sync, (run - mute) / (truth - mute), column",
        "`gain_sync_share`. Where SyncNet's weights are, the same tests are shown with official Sync-C and mouth r; the verdict is by",
        "the share. A person counts once, whatever the number of their segments; seeds of a segment are averaged first. A number that",
        "does not exist (no listener for a person) leaves the person out, by name. Tests are two-sided, but for claim 7's.",
        "Beside each verdict: everyone, real people alone, without the people on whom settings were chosen, and how many people",
        "80 % power at the smallest effect needs.",
        "",
        "**Outliers.** Verdicts use every row. Fits are also shown without those whose studentised residual is significant at 5 %",
        "after Bonferroni's correction (`outlier_test`), applied once, with how many were dropped.",
    ]
    for claim in read_claims(path):
        outcomes = "; ".join(f"*{verdict}*: {when}" for verdict, when in claim.outcomes().items())
        lines += [
            "",
            f"## {claim.number}. {claim.sentence}",
            "",
            f"- In the paper: {claim.paper}. Published: {claim.published}.",
            f"- Test: {claim.test}",
            f"- Data: {claim.data}",
            f"- Parts: {', '.join(f'`{part.name}`' for part in claim.parts)}. "
            + ("No interval." if claim.rule == NONE_WRONG else f"{claim.level:.0%} interval."),
            "- Smallest effect that matters: "
            + _joined([f"{part.smallest:g} {part.unit}" for part in claim.parts])
            + f". {claim.reason}",
            f"- {outcomes[0].upper()}{outcomes[1:]}.",
        ]
    return "\n".join(lines) + "\n"


def _read(path: Path) -> dict[str, Any]:
    record: Any = OmegaConf.to_container(OmegaConf.load(path))
    return record


def _claim(entry: dict[str, Any]) -> Claim:
    names = entry["parts"]
    sizes, units = (_each(entry.pop(key), len(names)) for key in ("smallest", "unit"))
    parts = tuple(
        Part(name=name, smallest=float(size), unit=unit) for name, size, unit in zip(names, sizes, units, strict=True)
    )
    return Claim(**{**entry, "parts": parts})


def _each(given: Any, count: int) -> list[Any]:
    return given if isinstance(given, list) else [given] * count


def _joined(texts: Sequence[str]) -> str:
    """Each once, in order."""
    return " and ".join(dict.fromkeys(texts))


def main() -> int:
    PAGE.write_text(to_markdown())
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
