"""A finished head in memory: opened again, rendered, scored with its controls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from tfg import heads, novel_views, parts, rendering, training
from tfg.backbones.base import Backbone
from tfg.clip.read import open_video
from tfg.features.clip_features import ClipFeatures
from tfg.features.portrait import face_reader
from tfg.heads import Head
from tfg.material import Material, gather, training_part
from tfg.record import provenance, results
from tfg.record.stages import Stages
from tfg.record.views import VIEWS
from tfg.scoring import controls, gains, suite
from tfg.scoring import run as scoring
from tfg.scoring.setting import NO_VIEWS, check_views
from tfg.selection import features_of
from tfg.threads import threads
from tfg.torso import stage as torso_stage
from tfg.types import SAMPLES_PER_FRAME, Bytes, Clip, Floats, Portrait


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A head in memory with what it is trained and scored on."""

    material: Material
    backbone: Backbone
    rendered: Bytes  # (n, size, size, 3) the held-out speech


def reopened(head: Head, features: ClipFeatures) -> tuple[Material, Backbone]:
    """A finished head from its checkpoint, with its portraits."""
    material = gather(head, training_part(head, features))
    backbone = parts.make_backbone(head.config, material.train)
    training.load(backbone, head.folder)
    return material, backbone


def rendered_again(head: Head, features: ClipFeatures) -> Trained:
    material, backbone = reopened(head, features)
    made = render_head(head, backbone, material.test, material.test_windows)
    return Trained(material=material, backbone=backbone, rendered=made)


def score(
    head: Head, trained: Trained, switches: dict[str, Any], torso: str | None, path: Path, stages: Stages
) -> None:
    """The head, also over its own torso and from the side, its controls and the truth by one evaluator, to a scores file."""
    seen_from_the_side = switches.get("views", NO_VIEWS) != NO_VIEWS
    with stages("metrics") as stage:
        material, test = trained.material, trained.material.test
        chosen, reader = heads.suite_switches(switches), face_reader(material.features)
        metrics = suite.build(
            chosen, reader=reader, listener=suite.fit_listener(material.features, chosen, len(test.frames))
        )
        truth = open_video(head.folder / "truth.mp4")
        decoded = (open_video(head.folder / "rendered.mp4"), truth)
        judged = scoring.judge(test, held_out_sound(head.clip, test), reader, metrics)
        renderings = _control_renderings(head, trained) if switches["controls"] else ()
        over_own_torso = None
        if torso is not None:
            own = torso_stage.before(head.folder / torso, test)
            over_own_torso = render_head(head, trained.backbone, own, material.test_windows)
        scores = scoring.score_run(
            judged,
            trained.rendered,
            over_own_torso,
            renderings,
            decoded,
            material.train,
            material.train_sound,
            material.test_sound,
            by_distance=seen_from_the_side,
        )
        stage.frames = len(test.frames)
    if seen_from_the_side:
        with stages("views") as stage:
            seen = novel_views.scored(
                _rendered(head, trained),
                judged,
                switches["views"],
                with_controls=switches["controls"],
            )
            stage.frames = len(VIEWS) * min(novel_views.FRAMES, len(test.frames))
        scores = _joined(scores, seen)
    commit, dirty = provenance.commit()
    results.ScoresRecord(
        head_id=head.name,
        setting=heads.scored_with(switches, torso),
        metrics=scores.metrics,
        controls=scores.controls,
        truth=scores.truth,
        gains=gains.as_json(scores.gains),
        verdict=gains.verdict(scores.gains),
        pose_gap=scores.pose_gap,
        cautions=scores.cautions,
        truth_digest=truth.digest,
        stages={name: stages.records[name] for name in ("metrics", "views") if name in stages.records},
        commit=commit,
        dirty=dirty,
        machine=provenance.machine(),
    ).write(path)


def _rendered(head: Head, trained: Trained) -> novel_views.Rendered:
    device = _device(head)

    def depths(portrait: Portrait, windows: Floats) -> Floats:
        with threads(head.threads):
            return rendering.depths(trained.backbone, portrait, windows, device=device)

    return novel_views.Rendered(
        head=head, material=trained.material, images=partial(render_head, head, trained.backbone), depths=depths
    )


def _joined(scores: scoring.Scores, seen: novel_views.ViewScores) -> scoring.Scores:
    """The numbers from the side beside the others; a control that both have, as one."""
    beside = {name: scores.controls.get(name, {}) | values for name, values in seen.controls.items()}
    return replace(
        scores,
        metrics=scores.metrics | seen.metrics,
        truth=scores.truth | seen.truth,
        controls=scores.controls | beside,
    )


def _control_renderings(head: Head, trained: Trained) -> Iterator[scoring.ControlRendering]:
    """The controls that the head renders, one at a time: their pictures fill memory."""
    material = trained.material
    for name in controls.SCORED:
        driven = controls.drive(name, material.train, material.test, material.test_windows, *head.seeded_by)
        if isinstance(driven, str):
            yield scoring.ControlRendering(name=name, images=None, guide=None, absent=driven)
        else:
            made = render_head(head, trained.backbone, driven.portrait, driven.windows)
            yield scoring.ControlRendering(name=name, images=made, guide=driven.portrait.landmarks)


def score_head(folder: Path, switches: dict[str, Any]) -> results.ScoresRecord:
    """`tfg evaluate --head`: the scores of a finished head under these switches, with its torso field and the weights here."""
    head = heads.opened(heads.folder_of(folder))
    check_views(switches.get("views", NO_VIEWS), head.config.clip)
    torso = results.HeadRecord.read(head.folder).files.get("torso")
    path = head.folder / heads.scores_name(switches, torso)
    if not heads.is_scored(path):
        audio, face, masks = parts.extractors(head.config)
        with head.held():
            if not heads.is_scored(path):  # another process may have done it meanwhile
                trained = rendered_again(head, features_of(audio, face, masks, head.clip))
                score(head, trained, switches, torso, path, Stages())
    return results.ScoresRecord.read(path)


def render_head(head: Head, backbone: Backbone, portrait: Portrait, windows: Floats) -> Bytes:
    """(n, size, size, 3); on a card only if one is here, wherever the head was trained."""
    with threads(head.threads):
        return rendering.render(backbone, portrait, windows, device=_device(head)).images


def _device(head: Head) -> str:
    return "cuda" if head.config.trainer.device == "cuda" and torch.cuda.is_available() else "cpu"


def held_out_sound(clip: Clip, test: Portrait) -> Floats:
    return clip.audio()[int(test.frames[0]) * SAMPLES_PER_FRAME :][: len(test.frames) * SAMPLES_PER_FRAME]
