"""Records of runs that never ran, as large as real ones: for `benchmarks.report` and for tests of the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfg.record.results import HEADS, HeadRecord, RunRecord, ScoresRecord, without_frames
from tfg.statistics import bootstrap
from tfg.statistics.measures import CLOSED, WIDE

SELECTORS = ("random", "isexplore", "lip", "camera", "audio", "first", "decorrelated")
PEOPLE = 12
COMMIT = "0" * 40
MACHINE = {"host": "nowhere", "cpu": "none", "cores": 2, "python": "3.11"}
COST = {"seconds": 1.5, "processor_seconds": 2.5, "frames": 425, "faces": "read by mediapipe"}
# Name -> title, unit, better, digits, mean and standard deviation of a frame.
_MEANS: dict[str, tuple[str, str, str, int, float, float]] = {
    **{
        f"psnr{region}": (f"PSNR{region}".replace("_", " "), "dB", "up", 2, 30.0, 2.0)
        for region in ("_face", "_mouth", "", "_face_near")
    },
    **{
        f"ssim{region}": (f"SSIM{region}".replace("_", " "), "", "up", 4, 0.9, 0.03)
        for region in ("_face", "_mouth", "")
    },
    **{
        f"lpips{region}": (f"LPIPS{region}".replace("_", " "), "", "down", 4, 0.03, 0.006)
        for region in ("_face", "_mouth", "")
    },
    "lmd": ("LMD", "px", "down", 2, 0.7, 0.2),
    "lmd_normalised": ("LMD normalised", "eye distances", "down", 4, 0.02, 0.006),
    "sync_c_listener": ("Sync-C own listener", "", "up", 3, 0.7, 0.2),
    "sync_d_listener": ("Sync-D own listener", "", "down", 3, 0.7, 0.2),
    "flicker": ("Flicker", "grey levels", "down", 2, 0.8, 0.2),
    "flicker_mouth": ("Flicker mouth", "grey levels", "down", 2, 6.0, 2.0),
    "identity": ("Identity", "", "up", 3, 0.95, 0.02),
}
_DECODED = tuple(f"{family}{region}" for family in ("psnr", "ssim", "lpips") for region in ("", "_face", "_mouth"))
_WITHOUT = ("sync_c", "sync_d", "sync_offset", "head_jitter", "blink_rate", "lid_correlation", "fid", "head_pose_error")
_OF_OPENINGS = {
    "mouth_amplitude": ("Mouth amplitude of truth", "none", 2),
    "closure_recall": ("Closure recall", "up", 2),
}
_CONTROLS = ("static", "nearest", "mute", "rolled", "still", "shuffled")
_SENTENCE = "how this number is measured, region, crop, range, weights and frames, as long as such definitions are. "


def make(results: Path, count: int, frames: int, *, person: str | None = None, memory: float = 0.8) -> list[Path]:
    """Run folders of a sweep over people, selectors and seeds, each with its head; no videos.

    `memory`: correlation of neighbouring frames.
    """
    folders = []
    for number in range(count):
        selector = SELECTORS[number % len(SELECTORS)]
        seed = number // len(SELECTORS) // PEOPLE
        who = person or f"person{number // len(SELECTORS) % PEOPLE:02d}"
        folders.append(_write(results, number, selector, who, seed, frames, memory))
    return folders


def _write(results: Path, number: int, selector: str, person: str, seed: int, frames: int, memory: float) -> Path:
    run_id = f"{selector}-instag-whisper-clip-5s-seed{seed}-{number:08x}"
    head_id = f"instag-clip-{number % 40}s-5s-seed{seed}-{number:08x}"
    random = np.random.default_rng(number)
    held_out = (
        np.abs(_memory(np.random.default_rng(sum(map(ord, person))), frames, memory)) * 3 + 0.5
    )  # the person's true openings
    quality = 0.1 * SELECTORS.index(selector)
    metrics = _metrics(random, held_out, quality, memory)
    start = float(number % 40)
    scores = ScoresRecord(
        head_id=head_id,
        setting={},
        metrics=metrics,
        controls={name: _metrics(random, held_out, -1.0, memory) for name in _CONTROLS},
        truth={"mouth_correlation": _entry("Mouth r", "", "up", 3, 1.0, held_out, "Mouth opening, px")},
        gains={"psnr_mouth": {**_entry("PSNR mouth", "dB", "up", 2, 1.5, None), "low": 1.0, "high": 2.0}},
        verdict="speech helps: PSNR mouth dB +1.50 [+1.00, +2.00]",
        pose_gap={"mean_degrees": 3.0, "p90_degrees": 6.0},
        cautions={},
        truth_digest=f"held out of {person}",
        stages={"metrics": _stage(frames)},
        commit=COMMIT,
        dirty=False,
        machine=MACHINE,
    )
    stages = {
        name: _stage(125)
        for name in ("selection", "sync", "prior", "features_train", "features_held_out", "training", "rendering")
    }
    config: dict[str, Any] = {
        **{
            axis: {"name": name}
            for axis, name in (("selector", selector), ("backbone", "instag"), ("audio", "whisper"))
        },
        **{f"group{group}": {f"key{key}": 0.5 * key for key in range(20)} for group in range(8)},
        "clip": {"path": f"{person}.mp4"},
        "seconds": 5.0,
        "seed": seed,
        "sweep": {"axes": ["clip.path", "selector", "seed"], "size": 84},
    }
    candidates = [
        {
            "start": float(at),
            "diversity": 8 + random.normal(),
            "motion_complexity": None,
            "score": None,
            "note": None,
            "extras": {},
        }
        for at in range(55)
    ]
    run, head = results / run_id, results / HEADS / head_id
    run.mkdir(parents=True)
    head.mkdir(parents=True)
    scores.write(head / "scores-0.json")
    HeadRecord(
        head_id=head_id,
        made_for=run_id,
        config=config,
        clip={"identity": person, "name": person, "size": 128},
        segment={"start": start},
        stages=stages,
        files={
            "rendered": "rendered.mp4",
            "truth": "truth.mp4",
            "side_by_side": "side_by_side.mp4",
            "curve": "metrics.csv",
        },
        commit=COMMIT,
        dirty=False,
        machine=MACHINE,
    ).write(head)
    steps = "".join(
        f"{step},loss,{0.05 / (1 + step / 500):.6g}\n{step},gaussians,4000\n" for step in range(50, 2850, 50)
    )
    (head / "metrics.csv").write_text(f"step,name,value\n{steps}")
    RunRecord(
        run_id=run_id,
        group="benchmark",
        config=config,
        selection={
            **{"start": start, "seconds": 5.0, "method": selector, "scores": candidates, "cost": COST},
            "definition": _SENTENCE * 3,
        },
        stages=stages | scores.stages,
        **without_frames(scores),
        files={"selection_plot": "selection.png"},
        head=head_id,
        scores="scores-0.json",
        commit=COMMIT,
        dirty=False,
        machine=MACHINE,
    ).write(run)
    return run


def _memory(random: np.random.Generator, frames: int, memory: float) -> NDArray[np.float64]:
    """(frames,) of mean 0 and deviation 1, in which neighbours resemble each other."""
    values = random.normal(size=frames)
    for frame in range(1, frames):
        values[frame] = memory * values[frame - 1] + np.sqrt(1 - memory**2) * values[frame]
    return np.asarray(values)


def _metrics(
    random: np.random.Generator, held_out: NDArray[np.float64], quality: float, memory: float
) -> dict[str, dict[str, Any]]:
    frames = len(held_out)
    made: dict[str, dict[str, Any]] = {}
    for name, (title, unit, better, digits, mean, deviation) in _MEANS.items():
        sign = -1 if better == "down" else 1
        row = mean + deviation * (sign * quality + _memory(random, frames, memory))
        if name not in ("psnr", "psnr_face", "psnr_mouth", "psnr_face_near"):
            row = row.astype(np.float32).astype(np.float64)  # as networks and landmarks give them
        if name.startswith("flicker"):
            row[0] = np.nan
        curve = "Sync of single windows" if name.startswith("sync") else ""
        made[name] = _entry(title, unit, better, digits, float(np.nanmean(row)), row, curve)
        if name in _DECODED:
            made[f"{name}_decoded"] = _entry(f"{title}, decoded", unit, better, digits, float(row.mean()), row, curve)
    openings = np.maximum(held_out + (0.6 - 0.3 * quality) * _memory(random, frames, memory), 0.0)
    both = np.stack([openings, held_out])
    made["mouth_correlation"] = _entry(
        "Mouth r", "", "up", 3, float(bootstrap.correlation(both)), openings, "Mouth opening, px"
    )
    made["mouth_lag"] = _entry("Mouth lag", "frames", "none", 0, float(random.integers(-1, 2)), None)
    closed = both < CLOSED * np.percentile(held_out, WIDE)
    values = {
        "mouth_amplitude": float(bootstrap.spread_ratio(both)),
        "closure_recall": float(closed.all(axis=0).sum() / closed[1].sum()),
    }
    for name, (title, better, digits) in _OF_OPENINGS.items():
        made[name] = _entry(title, "", better, digits, values[name], None)
    for name in _WITHOUT:
        made[name] = _entry(name, "", "up", 3, None, None)
    return made


def _entry(
    title: str,
    unit: str,
    better: str,
    digits: int,
    value: float | None,
    row: NDArray[np.float64] | None,
    curve: str = "",
) -> dict[str, Any]:
    per_frame = None if row is None else [None if np.isnan(number) else float(number) for number in row]
    missing = "weights are missing; run `tfg assets fetch`" if value is None else None
    facts = {"title": title, "unit": unit, "better": better, "digits": digits, "curve": curve}
    return {"value": value, "unavailable": missing, "definition": _SENTENCE * 4, "per_frame": per_frame, **facts}


def _stage(frames: int) -> dict[str, Any]:
    return {"seconds": 12.3, "processor_seconds": 14.5, "peak_mb": 800, "peak_of": "stage", "frames": frames}
