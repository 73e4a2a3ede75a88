"""Simulated raters of known preference: what they would answer on a study's page, as the files that it saves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.study.answers import COLUMNS, Key
from analysis.study.plan import PAIR, RATING, Design, Trial, trials

QUESTIONS = {"lips": "Lips?", "real": "Real?"}


def key_of(methods: tuple[str, ...], num_clips: int, raters: int, *, checks: int = 2, pairs: int | None = None) -> Key:
    """A study without its videos."""
    videos, shown = {}, {}
    for clip in (f"clip{number}" for number in range(num_clips)):
        for method in methods:
            shown[clip, method] = f"{clip}-{method}"
            videos[f"{clip}-{method}"] = {"role": "run", "clip": clip, "method": method, "run": "r"}
        for role in ("check", "frozen"):
            videos[f"{clip}-{role}"] = {"role": role, "clip": clip, "method": None, "run": None}
    made = [(f"clip{number % num_clips}-check", f"clip{number % num_clips}-frozen") for number in range(checks)]
    plans = trials(Design(raters=raters, pairs=pairs, ratings=True, seed=0), shown, made)
    return Key(
        study="s",
        methods=tuple(sorted(methods)),
        questions=QUESTIONS,
        scale=(1, 10),
        videos=videos,
        plans=tuple(map(tuple, plans)),
    )


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Answers follow Bradley and Terry with these strengths; ratings are 5.5 + strength + noise. Raters and clips differ."""

    strengths: Mapping[str, float]
    side: float = 0.0
    rater_sd: float = 0.0  # of a rater's own opinion of a method, log-odds
    clip_sd: float = 0.0  # of how far a clip shifts a method
    careless: tuple[int, ...] = ()  # raters who answer all by chance, the checks too

    def write(self, folder: Path, key: Key, seed: int) -> list[Path]:
        rng = np.random.default_rng(seed)
        folder.mkdir(parents=True, exist_ok=True)
        clips = {entry["clip"] for entry in key.videos.values()}
        shifted = {(clip, method): self.clip_sd * rng.normal() for clip in sorted(clips) for method in key.methods}
        paths = []
        for rater, plan in enumerate(key.plans, start=1):
            own = {method: self.rater_sd * rng.normal() for method in key.methods}
            bias = rng.normal()

            def worth(video: str, own: dict[str, float] = own) -> float:
                entry = key.videos[video]
                if entry["role"] != "run":
                    return {"check": 50.0, "frozen": -50.0}[entry["role"]]
                return self.strengths[entry["method"]] + own[entry["method"]] + shifted[entry["clip"], entry["method"]]

            rows = []
            for number, trial in enumerate(plan, start=1):
                if rater in self.careless:
                    answers = _by_chance(trial, rng)
                elif trial.kind == PAIR:
                    odds = worth(trial.left) - worth(trial.right) + self.side
                    answers = {"preference": "left" if rng.random() < 1 / (1 + np.exp(-odds)) else "right"}
                else:
                    values = 5.5 + worth(trial.left) + bias + rng.normal(size=len(QUESTIONS))
                    answers = {
                        name: str(int(np.clip(round(value), 1, 10)))
                        for name, value in zip(QUESTIONS, values, strict=True)
                    }
                for question, answer in answers.items():
                    rows.append(
                        (key.study, rater, number, trial.kind, trial.left, trial.right, question, answer, 9.5, 2)
                    )
            path = folder / f"answers-{rater:03d}.csv"
            path.write_text("\n".join(",".join(map(str, row)) for row in (COLUMNS, *rows)) + "\n")
            paths.append(path)
        return paths


def _by_chance(trial: Trial, rng: np.random.Generator) -> dict[str, str]:
    if trial.kind == RATING:
        return {name: str(rng.integers(1, 11)) for name in QUESTIONS}
    return {"preference": str(rng.choice(["left", "right"]))}
