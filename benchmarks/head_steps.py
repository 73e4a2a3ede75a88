"""A lip-driven InsTaG head here and in another checkout: a step of the face stage, one of the fuse stage, a rendered frame.

`python -m benchmarks.head_steps --beside CHECKOUT [--out FILE]`, on a machine that is otherwise idle: processor time of one thread,
each checkout measured by processes of its own in turn, medians of all. The head is that of conf/backbone/instag.yaml on the tests'
portrait.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FRAMES, GAUSSIANS = 32, 8000
FIRST_STEP = {"face": 400, "fuse": 1300}  # past the static warm-up; past face and mouth stages
WARM_UP, STEPS = 34, {128: 64, 256: 48, 512: 32}  # every frame has come once before the timing begins


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, help="another checkout of tfg")
    parser.add_argument("--sizes", default="128,512", help="of the pictures (default 128,512)")
    parser.add_argument("--repeats", type=int, default=3, help="processes of each checkout and size (default 3)")
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file too")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure is not None:
        print(json.dumps(measured(options.measure)))
        return 0
    if options.beside is None or not (options.beside / "tfg").is_dir():
        parser.error("--beside: give the folder of another checkout")
    made = table(options.beside.resolve(), [int(size) for size in options.sizes.split(",")], options.repeats)
    print(made, end="")
    if options.out is not None:
        options.out.write_text(made)
    return 0


def table(beside: Path, sizes: list[int], repeats: int) -> str:
    """Markdown: milliseconds of both checkouts and their ratio."""
    from benchmarks.timing import machine

    lines = [
        f"A lip-driven InsTaG head of {GAUSSIANS} Gaussians at commits {_commit(beside)} (before) and {_commit(ROOT)} (after): "
        f"medians of {repeats} processes each, in turn; one thread.",
        "",
        "| size | what | before: ms of processor time | after | ratio |",
        "|---|---|---|---|---|",
    ]
    for size in sizes:
        found: dict[Path, list[dict[str, float]]] = {beside: [], ROOT: []}
        for _ in range(repeats):
            for checkout, times in found.items():
                times.append(_in(checkout, size))
        for what in found[ROOT][0]:
            before, after = (statistics.median(times[what] for times in found[place]) for place in (beside, ROOT))
            lines.append(f"| {size} | {what} | {before:.1f} | {after:.1f} | {before / after:.2f}x |")
    facts = machine()
    named = ", ".join(str(facts[key]) for key in ("processor", "instructions", "compiler", "torch"))
    return "\n".join([*lines, "", f"Machine: {named}.", ""])


def _in(checkout: Path, size: int) -> dict[str, float]:
    """Measured by this file with the packages of a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).resolve()), "--measure", str(size)]
    made = subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True, check=True)
    return dict(json.loads(made.stdout.splitlines()[-1]))


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def measured(size: int) -> dict[str, float]:
    """Milliseconds of processor time; with the tfg that is found first."""
    import torch

    torch.set_num_threads(1)
    found = {f"{stage} step": _milliseconds(_steps(stage, size), STEPS[size]) for stage in FIRST_STEP}
    return found | {"rendered frame": _milliseconds(_rendering(size), 2) / FRAMES}


def _milliseconds(run: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - started) / times * 1e3


def _head(size: int) -> tuple[Any, Any, Any]:
    """Backbone, portrait, windows."""
    from dataclasses import replace

    import torch

    from tests.portraits import make_scene
    from tfg import overrides, parts
    from tfg.data import audio_statistics, audio_windows
    from tfg.features.lips.motion import lip_motion

    shown = make_scene(num_frames=FRAMES, size=size, channels=80).portrait
    portrait = replace(shown, audio=lip_motion(shown.landmarks, shown.cameras, shown.face_shape))
    given = ["backbone=instag", "trainer=cpu", "conditioning=lips", "prior=none", f"backbone.cloud.face={GAUSSIANS}"]
    torch.manual_seed(0)
    channels = portrait.audio.shape[1]
    backbone = parts.backbone(
        overrides.composed(given), size=size, focal=portrait.cameras.focal, audio_channels=channels
    )
    backbone.prepare(portrait)
    return backbone, portrait, audio_windows(portrait.audio, *audio_statistics(portrait.audio))


def _steps(stage: str, size: int) -> Callable[[], object]:
    """A step a call, warmed up."""
    import torch
    from torch.utils.data import default_collate

    from tfg.data import batches

    backbone, portrait, windows = _head(size)
    optimizers = backbone.train().configure_optimizers()
    # What Lightning's trainer would supply.
    backbone.optimizers = lambda use_pl_optimizer=True: optimizers
    backbone.manual_backward = lambda loss: loss.backward()
    backbone.log = lambda *named, **options: None
    rows = batches(portrait, windows, device=torch.device("cpu"), truth=True)
    ready = [default_collate([rows[row]]) for row in range(FRAMES)]
    backbone.step.fill_(FIRST_STEP[stage])

    def step() -> None:
        number = int(backbone.step)
        backbone.training_step(ready[number % FRAMES], number)

    for _ in range(WARM_UP):
        step()
    return step


def _rendering(size: int) -> Callable[[], object]:
    """All frames a call, warmed up."""
    from tfg import rendering

    backbone, portrait, windows = _head(size)

    def render() -> None:
        rendering.render(backbone, portrait, windows, device="cpu")

    render()
    return render


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
