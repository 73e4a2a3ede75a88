"""Linear: the candidate of the largest weighted sum of what sound and faces say of it, with weights learned on an atlas.

Not of the paper. Its `shortlist`, `score` and `learned_from` are those of a rule (tfg/atlas/rule.py), so that `tfg bench` judges the
same numbers by the same code; `python -m analysis.learn_selector` writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfg.atlas.columns import ALL_FACES, FACES, NAMED, SOUND
from tfg.atlas.rule import LINEAR, Rule, parsed
from tfg.selectors.base import Candidates, Selection
from tfg.selectors.checks import check_count
from tfg.selectors.columns import VOICED, of_faces, of_sound
from tfg.selectors.faces import Rejected, complete_landmarks, score_faces
from tfg.selectors.finalists import Rated, choose
from tfg.types import FaceTrack, InputError

OF_SOUND = "score_of_sound"
LOGMEL = "logmel"
COMMAND = "python -m analysis.learn_selector"


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Maximises sum of weight (number - mean) / deviation, of the candidates that its part of sound short-lists."""

    name: str
    audio: str  # features that the weights of sound were learned with, as conf/audio has them
    max_missing: int
    shortlist: Mapping[str, Any] | None
    score: Mapping[str, Any]
    learned_from: Sequence[str]
    note: str  # on what the weights were learned and how well that does; ends the definition

    def __post_init__(self) -> None:
        check_count("max_missing", self.max_missing, 0)
        made = self.rule
        if made.kind != LINEAR:
            raise InputError(
                f"selector.score: {made.kind} is no linear score; give {{linear: ...}}, as {COMMAND} writes it"
            )
        for column in made.columns:
            if NAMED[column].reads == ALL_FACES:
                raise InputError(f"selector.score: {column} takes the faces of the whole training part; leave it out")
            if column.startswith(LOGMEL) and self.audio != LOGMEL:
                raise InputError(
                    f"selector.audio: {column} is of {LOGMEL} features, not of {self.audio}; give one kind of features"
                )
        if made.shortlist is not None and made.shortlist.by not in (SOUND, *self._columns(SOUND)):
            raise InputError(
                f"selector.shortlist.by: {made.shortlist.by} takes the faces of every candidate; give sound, or a column of sound"
            )

    @property
    def rule(self) -> Rule:
        """InputError in one line where the values are none."""
        given: dict[str, Any] = {"score": self.score, "learned_from": self.learned_from}
        if self.shortlist is not None:
            given["shortlist"] = self.shortlist
        try:
            return parsed(self.name, given)
        except ValueError as error:
            raise InputError(f"selector.{error}") from error

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """Sound of all candidates, faces of the shortlist, none where sound alone counts; who shows no clear face drops out."""
        made, starts = self.rule, candidates.starts
        sound = self._sound(candidates)
        listed = range(len(starts)) if made.shortlist is None else made.listed(sound, starts, candidates.num_frames)
        faces = self._faces(candidates, [starts[row] for row in sorted(listed)])
        outcomes: dict[int, Rated | Rejected] = {
            start: found for start, found in faces.items() if isinstance(found, Rejected)
        }
        kept = {start: found for start, found in faces.items() if not isinstance(found, Rejected)}
        rows = [starts.index(start) for start in kept]
        numbers = {column: values[rows] for column, values in sound.items()}
        numbers |= {column: np.array([found[column] for found in kept.values()]) for column in self._columns(FACES)}
        scores = made.scores(numbers, np.array(list(kept), np.float64))
        for (start, found), score in zip(kept.items(), scores, strict=True):
            outcomes[start] = Rated(score=float(score), measured=found)
        logged = sound | {OF_SOUND: made.of_sound(sound)}
        return choose(
            candidates,
            outcomes,
            method=self.name,
            definition=self._definition(len(starts)),
            diversity=None,
            everywhere={
                start: {column: float(values[row]) for column, values in logged.items()}
                for row, start in enumerate(starts)
            },
            timeline=(OF_SOUND, "the score's part of sound"),
            panels=(("score", "score; the largest is chosen"),),
        )

    def _columns(self, reads: str) -> tuple[str, ...]:
        return tuple(column for column in self.rule.columns if NAMED[column].reads == reads)

    def _sound(self, candidates: Candidates) -> dict[str, NDArray[np.float64]]:
        """Every column of sound of all candidates; InputError where the features are others than those of the weights."""
        if candidates.audio_name not in (None, self.audio):
            raise InputError(
                f"selector.audio: the weights are of {self.audio} features and selector_audio is {candidates.audio_name}; "
                f"give selector_audio={self.audio}"
            )
        if VOICED in self.rule.columns and candidates.voiced is None:
            raise InputError(
                f"{candidates.where}: which frames hold speech is not known, and selector.score weighs {VOICED}"
            )
        voiced = None if candidates.voiced is None else candidates.voiced()
        vectors = candidates.audio()
        return {
            column: of_sound(column, vectors, voiced, candidates.starts, candidates.num_frames)
            for column in self._columns(SOUND)
        }

    def _faces(self, candidates: Candidates, starts: Sequence[int]) -> Mapping[int, dict[str, float] | Rejected]:
        columns = self._columns(FACES)
        if not columns:
            return {start: {} for start in starts}

        def measure(track: FaceTrack) -> dict[str, float] | Rejected:
            landmarks = complete_landmarks(track, 0, len(track.num_faces), self.max_missing)
            return (
                landmarks if isinstance(landmarks, Rejected) else {name: of_faces(name, landmarks) for name in columns}
            )

        return score_faces(candidates, starts, measure, "selector.max_missing")

    def _definition(self, num_candidates: int) -> str:
        made = self.rule
        among = f"of {num_candidates} candidates"
        if made.shortlist is not None:
            overlap = made.shortlist.max_overlap
            apart = "" if overlap is None else f" and share at most {overlap:g} of their length"
            by = "its terms of sound" if made.shortlist.by == SOUND else made.shortlist.by
            among = f"of at most the {made.shortlist.top} candidates that lead by {by}{apart}, out of {num_candidates}"
        terms = " ".join(
            f"{weight:+.4g} ({column} - {made.scales[column].mean:.6g}) / {made.scales[column].deviation:.6g}"
            for column, weight in made.terms.items()
        )
        return f"largest sum {terms}, {among} (tfg/atlas/columns.py; {self.audio} features). {self.note}"
