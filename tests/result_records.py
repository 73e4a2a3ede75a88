"""Records made by hand for the tests of experiments and analysis, in the exact shape that tfg.record.results writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfg.record.results import HEADS, HeadRecord, RunRecord, RunResult, ScoresRecord, without_frames

FACTS = {
    "psnr_face": {"title": "PSNR face", "unit": "dB", "better": "up", "digits": 2, "curve": ""},
    "lpips": {"title": "LPIPS", "unit": "", "better": "down", "digits": 4, "curve": ""},
    "mouth_correlation": {"title": "Mouth r", "unit": "", "better": "up", "digits": 3, "curve": "Mouth opening, px"},
}

COST = {"seconds": 2.0, "processor_seconds": 3.0, "frames": 125, "faces": "read by mediapipe"}
SCORES = "scores-0.json"
CONFIG: dict[str, Any] = {
    "selector": {"name": "first"},
    "backbone": {"name": "instag"},
    "audio": {"name": "logmel"},
    "seconds": 5.0,
    "seed": 0,
}


def metric(name: str, value: float | None, why: str = "no weights") -> dict[str, Any]:
    missing = None if value is not None else why
    return {"value": value, "unavailable": missing, "definition": "as given", "per_frame": None, **FACTS[name]}


def result(
    run_id: str, *, config: dict[str, Any], psnr: float, lpips: float | None = None, commit: str = "a" * 40
) -> RunResult:
    """A run whose controls lie 2, 1 and 0.5 dB below it. What `config` does not say is as in CONFIG."""

    def scores(value: float, correlation: float | None) -> dict[str, dict[str, Any]]:
        return {
            "psnr_face": metric("psnr_face", value),
            "lpips": metric("lpips", lpips),
            "mouth_correlation": metric("mouth_correlation", correlation, "the mouth does not move"),
        }

    return RunResult(
        run_id=run_id,
        group="test",
        config=CONFIG | config,
        selection={"start": 3.0, "seconds": 5.0, "cost": COST},
        stages={"training": {"seconds": 60.0, "processor_seconds": 90.0, "peak_mb": 500, "frames": 125}},
        metrics=scores(psnr, 0.75),
        controls={
            "static": scores(psnr - 2, None),
            "nearest": scores(psnr - 1, 0.5),
            "mute": {"psnr_face": metric("psnr_face", psnr - 0.5)},
        },
        truth={"mouth_correlation": metric("mouth_correlation", 1.0)},
        gains={"psnr_mouth": {**metric("psnr_face", 2.0), "title": "PSNR mouth", "low": 1.5, "high": 2.5}},
        verdict="speech helps: PSNR mouth dB +2.00 [+1.50, +2.50]",
        cautions={"mouth_correlation": ["40 frames are too few for an interval"]},
        pose_gap={"mean_degrees": 3.0, "p90_degrees": 6.0, "mouth_coverage": 0.9},
        files={"side_by_side": "side_by_side.mp4"},
        head=f"head-of-{run_id}",
        scores=SCORES,
        trained=True,
        commit=commit,
        dirty=False,
        machine={"host": "here", "cpu": "one", "cores": 2, "python": "3.11"},
    )


def write(results: Path, made: RunResult) -> Path:
    """Its three records in a results folder; the run's folder."""
    of_code: dict[str, Any] = {"commit": made.commit, "dirty": made.dirty, "machine": made.machine}
    run, head = results / made.run_id, results / HEADS / made.head
    run.mkdir(parents=True)
    head.mkdir(parents=True)
    scores = ScoresRecord(
        head_id=made.head,
        setting={},
        metrics=made.metrics,
        controls=made.controls,
        truth=made.truth,
        gains=made.gains,
        verdict=made.verdict,
        pose_gap=made.pose_gap,
        cautions=made.cautions,
        truth_digest="",
        stages={},
        **of_code,
    )
    RunRecord(
        run_id=made.run_id,
        group=made.group,
        config=made.config,
        selection=made.selection,
        stages=made.stages,
        **without_frames(scores),
        files={"selection_plot": "selection.png"},
        head=made.head,
        scores=made.scores,
        **of_code,
    ).write(run)
    HeadRecord(
        head_id=made.head,
        made_for=made.run_id if made.trained else "another-run",
        config=made.config,
        clip={"identity": "0" * 64},
        segment={"start": made.selection["start"]},
        stages=made.stages,
        files=made.files,
        **of_code,
    ).write(head)
    scores.write(head / made.scores)
    return run
