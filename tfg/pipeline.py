"""The whole flow on one page: clip -> selection -> head (portraits, training, rendering) -> scores -> result.json.

With scoring/ the only place where the order of the rooms stands.
"""

from __future__ import annotations

import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from tfg import clip_checks, data, heads, parts, preview, priors, rendering, sizing, termination, training
from tfg.backbones.base import Backbone
from tfg.estimate import Estimate, noted, taken
from tfg.features.clip_features import ClipFeatures
from tfg.heads import Head
from tfg.material import Material, gather, training_part
from tfg.picture_size import AUTO, SIZES
from tfg.progress import run as shown_run
from tfg.progress import say, selected
from tfg.record import claims, files, identity, provenance, results, standing
from tfg.record.stages import Stages
from tfg.rehearsal import rehearse
from tfg.selection import features_of, select
from tfg.selectors.report import selection_plot
from tfg.sync import in_time
from tfg.threads import threads
from tfg.torso import stage as torso_stage
from tfg.torso.settings import settings_of
from tfg.trackers import mirror
from tfg.trackers.base import Tracker, named, replay
from tfg.trackers.choose import track
from tfg.trained import Trained, held_out_sound, render_head, rendered_again, score
from tfg.types import InputError


def run(config: DictConfig, title: str = "") -> Path:
    """One run to its result.json or failure.json; what is there already is not done again. Returns the run folder.

    A run that another process works on is left to it. SystemExit 130 on Ctrl-C, 143 on SIGTERM.
    """
    size, found = sizing.taken(config), config.clip.size == AUTO
    config = sizing.sized(config, size)
    folder = parts.run_folder(config)
    if heads.is_done(config, folder):
        (folder / "failure.json").unlink(missing_ok=True)
        print(f"tfg: {folder.name} is done already", file=sys.stderr)
        return folder
    stages = Stages()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        name = folder.name
        with (
            termination.raised(),
            claims.taken(folder / claims.NAME),
            shown_run(name, title or name),
            standing.noted(folder),
        ):
            # What a failed run left, one that was killed while it wrote, and one under another metrics setting.
            for left in (folder / "failure.json", folder / "result.json", *folder.glob("*.part*")):
                left.unlink(missing_ok=True)
            if found:
                say(f"pictures: {size.why}")
            _run(config, folder, stages)
    except claims.Taken as taken:
        print(f"tfg: {folder.name} is being run by {taken.by}; left to it", file=sys.stderr)
    except claims.Lost as lost:
        print(f"tfg: {folder.name}: {lost}; left to it", file=sys.stderr)
    except (SystemExit, KeyboardInterrupt) as stop:
        print(f"tfg: {folder.name} was interrupted; the same command goes on with it", file=sys.stderr)
        code = 130 if isinstance(stop, KeyboardInterrupt) else stop.code or termination.EXIT_CODE
        raise SystemExit(code) from stop
    except Exception as error:  # the border of a run: whatever happened is written whole, and the sweep goes on
        _fail(folder, stages.current, error)
    return folder


def _run(config: DictConfig, folder: Path, stages: Stages) -> None:
    plain = parts.plain(config)
    files.write_text(folder / "config.yaml", OmegaConf.to_yaml(config))
    built, clip = parts.build(config), parts.open_clip(config)
    features = features_of(built.audio, built.face, built.masks, clip)
    with track(config.tracker, named(plain, folder)) as tracker:
        # How long all of it will take here, of a few of its steps.
        estimate = _rehearsed(config, built, features, stages) if config.estimate else None

        # Which seconds: the selector ranks candidates by its own audio features, and faces are read for those it compares.
        with stages("selection") as stage:
            selection, chosen, cost = select(config, built, features, details=True)
            files.write_json(folder / "selection.json", chosen)
            selected(chosen)
            selection_plot(selection, folder / "selection.png")
            stage.frames = chosen["cost"]["frames"]
            stage.notes = cost.notes()

        # Sound and picture of a video are often some frames apart: the head is shown them together.
        with stages("sync") as stage:
            clip, found = in_time(config, clip, built.face)
            features = replace(features, clip=clip)
            stage.frames, stage.notes = found.frames, found.notes()
            if found.measured is not None:
                say(found.text())

        # The head of these seconds, found or trained, and its numbers under this metrics setting.
        head = heads.of_run(config, clip, selection.segment)
        switches = plain["metrics"]
        with head.held():
            trained = (
                None
                if head.is_finished
                else _make(head, folder.name, features, stages, config.tracker.pictures, tracker)
            )
            torso = torso_stage.made(head, settings_of(config.torso), stages)
            scores = head.folder / heads.scores_name(switches, torso)
            if not heads.is_scored(scores):
                score(head, trained or rendered_again(head, features), switches, torso, scores, stages)
        if trained is None:
            say(f"the head of this segment was found: {head.name}")

        # What the run is: its selection, and which head and scores that leads to.
        commit, dirty = provenance.commit()
        of_head, scored = results.HeadRecord.read(head.folder), results.ScoresRecord.read(scores)
        record = results.RunRecord(
            run_id=folder.name,
            group=str(config.group),
            config=plain,
            selection=chosen,
            stages=_own_stages(stages, estimate) | of_head.stages | scored.stages,
            **results.without_frames(scored),
            files={"selection_plot": "selection.png", "selection": "selection.json"},
            head=head.name,
            scores=scores.name,
            commit=commit,
            dirty=dirty,
            machine=provenance.machine(),
        )
        record.write(folder)
        mirrored = mirror.read(folder / "result.json")
        if trained is None:
            replay(tracker, mirrored)
        tracker.record(mirrored)


def _rehearsed(config: DictConfig, built: parts.Parts, features: ClipFeatures, stages: Stages) -> Estimate | None:
    """None, which is said, where the few frames that it looks at are not enough: the run itself looks at all of them."""
    with stages("rehearsal") as stage:
        try:
            estimate = rehearse(config, built, features)
        except InputError as error:
            stage.notes = {"unavailable": str(error)}
            say(f"how long it will take is not known: {error}")
            return None
        stage.notes = estimate.notes()
    say(estimate.text())
    return estimate


def _own_stages(stages: Stages, estimate: Estimate | None) -> dict[str, dict[str, Any]]:
    """Those of a run that are not its head's; how long was estimated stands beside how long it took."""
    if estimate is not None:
        took = taken(stages.records)
        stages.records["rehearsal"] |= noted(took)
        say(estimate.outcome(took))
    return {name: stages.records[name] for name in ("rehearsal", "selection", "sync") if name in stages.records}


def _make(
    head: Head, made_for: str, features: ClipFeatures, stages: Stages, pictures: int, tracker: Tracker
) -> Trained:
    """Portraits, training and rendering of a head, to its head.json; goes on from the last checkpoint."""
    # Whether the prior was learned from this person.
    seen = None
    if priors.names(head.config):
        with stages("prior") as stage:
            with features.costing() as cost:
                name, seen = clip_checks.seen_by_prior(head.config, features)
            stage.frames, stage.notes = cost.frames, cost.notes()
        if seen.person is not None or not seen.compared:
            say(f"prior={name}: {seen.text()}")

    # What the backbone is shown: faces, masks, pictures and sound of the segment.
    with stages("features_train") as stage:
        with features.costing() as cost:
            shown = training_part(head, features)
        stage.frames, stage.notes = len(shown.observed.frames), cost.notes()
    cut = shown.features.clip
    if SIZES[0] < cut.size > cut.crop.side:
        say(f"the face crop, {cut.crop.side:.0f} px wide, is enlarged to {cut.size} px, which adds no detail")

    # The same of the held-out part, and the poses of both.
    with stages("features_held_out") as stage:
        with features.costing(after=cost) as cost:
            material = gather(head, shown)
            rendering.save_portrait(
                head.folder / "portrait.npz", material.train, material.mean, material.std, material.lips
            )
        stage.frames, stage.notes = len(material.test.frames), cost.notes() | material.fit

    # The optimisation, from the same random numbers for every selector that leads here.
    with stages("training") as stage, threads(head.threads) as count:
        backbone, fitted = _fit(head, material, pictures, tracker)
        stage.frames = len(material.train.frames)
        stage.notes = {
            **fitted.spent.rounded(),  # of all parts of an interrupted run
            "steps": fitted.steps,
            "resumed_from": fitted.resumed_from,
            "threads": count,
        }

    # The held-out speech, as pictures to score and as videos to look at.
    with stages("rendering") as stage:
        test = material.test
        rendered = render_head(head, backbone, test, material.test_windows)
        written = rendering.write_videos(head.folder, rendered, test.images, held_out_sound(head.clip, test))
        stage.frames = len(test.frames)
    own = {name: record for name, record in stages.records.items() if name not in ("rehearsal", "selection", "sync")}
    head.describe(made_for, own, {**written, "curve": "metrics.csv"}, material.features.clip, seen).write(head.folder)
    return Trained(material=material, backbone=backbone, rendered=rendered)


def _fit(head: Head, material: Material, pictures: int, tracker: Tracker) -> tuple[Backbone, training.Training]:
    """The backbone after its last step: from the last checkpoint on, which may be all of it."""
    config = head.config
    torch.manual_seed(identity.seed_for("init", *head.seeded_by))
    backbone = parts.make_backbone(config, material.train)
    loaded = data.PortraitData(
        material.train,
        material.train_windows,
        chunk=config.trainer.checkpoint_every,
        num_steps=backbone.num_steps,
        seed=identity.seed_for("order", *head.seeded_by),
    )
    device, shown = config.trainer.device, (material.test, material.test_windows)
    watching = [*preview.callbacks(*shown), *preview.kept(*shown, head.folder, pictures, tracker)]
    return backbone, training.fit(
        backbone, loaded, head.folder, device=device, logger=tracker.curve, callbacks=watching
    )


def _fail(folder: Path, stage: str, error: Exception) -> None:
    """failure.json with the whole trace, and one line on stderr."""
    user = isinstance(error, InputError)
    message = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.errno in files.NO_ROOM:
        user, message = True, f"{files.no_room(error, folder)} and run the same command again"
    print(f"tfg: {folder.name}: {message}", file=sys.stderr)
    try:
        _write_failure(folder, stage, message, "".join(traceback.format_exception(error)), user=user)
    except OSError as second:
        if second.errno not in files.NO_ROOM:
            print(f"tfg: {folder.name}: failure.json could not be written either ({second})", file=sys.stderr)


def _write_failure(folder: Path, stage: str, message: str, trace: str, *, user: bool) -> None:
    """Without the trace where that finds no room: the record alone says that the run is not to be waited for."""
    try:
        results.write_failure(folder, stage=stage, message=message, trace=trace, user=user)
    except OSError as error:
        if error.errno not in files.NO_ROOM:
            raise
        results.write_failure(folder, stage=stage, message=message, trace="", user=user)
