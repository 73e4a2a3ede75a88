"""Finished runs with all files that trackers mirror, made by hand in the exact shape that tfg writes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import result_records

from tfg.record.results import HEADS

CURVE = {
    50: {"face/loss": 0.0343421, "face/picture": 0.03, "face/gaussians": 4000.0},
    100: {"fuse/loss": 0.0249818, "fuse/picture": float("nan")},
}
SCORES = [
    {"start": 0.0, "diversity": 8.146362534663774, "score": None, "note": None, "extras": {"voiced_ratio": 0.776}},
    {"start": 3.0, "diversity": 9.5, "score": 2.25, "note": "a note", "extras": {"voiced_ratio": 0.9}},
]


def write_run(results: Path, run_id: str, *, psnr: float, selector: str = "first", trained: bool = True) -> Path:
    """A run of a sweep over selectors; its result.json. The run's numbers have all their digits."""
    axes = {"axes": ["selector"], "size": 2}
    config = {"selector": {"name": selector}, "sweep": axes, "group": "test"}
    made = result_records.result(run_id, config=config, psnr=psnr)
    made.metrics["psnr_face"]["interval"] = [psnr - 0.1, psnr + 0.1]
    made = replace(
        made,
        trained=trained,
        selection={**made.selection, "method": selector, "scores": SCORES},
        files={"side_by_side": "side_by_side.mp4", "curve": "metrics.csv"},
    )
    run = result_records.write(results, made)
    _files(run, results / HEADS / made.head)
    return run / "result.json"


def _files(run: Path, head: Path) -> None:
    (run / "selection.json").write_text(json.dumps({"start": 3.0, "scores": SCORES}))
    (head / "last.ckpt").write_bytes(b"weights")
    (head / "portrait.npz").write_bytes(b"features")
    (head / "side_by_side.mp4").write_bytes(b"video of " + head.name.encode())
    rows = [f"{step},{name},{value:.6g}" for step, values in CURVE.items() for name, value in values.items()]
    (head / "metrics.csv").write_text("\n".join(["step,name,value", *rows]) + "\n")
    (head / "renderings").mkdir()
    for path in (run / "selection.png", head / "renderings" / "50.png", head / "renderings" / "100.png"):
        cv2.imwrite(str(path), np.full((4, 8, 3), 90, np.uint8))


def wandb_records(file: Path) -> list[dict[str, Any]]:
    """Of an offline run's file, by wandb's own reader: {history | summary | run | artifact | ...: values}."""
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(file)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = []
    for line in lines:
        record = json.loads(line)
        values = record[record["type"]]
        found.append({record["type"]: values.get("item", values.get("update", values))})
    return found
