"""How far work is: bars with rates on a terminal, plain lines with the run's name in a log."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tfg.progress import HowFar, followed, followers, progress, run, say, selected, stage

ROOT = Path(__file__).parents[1]


def test_lines_of_a_log_begin_with_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    say("before")
    with run("random-1", "run 1 of 2: selector=random"):
        say("selection")
    say("after")
    assert capsys.readouterr().err.splitlines() == ["tfg: before", "tfg: random-1: selection", "tfg: after"]


def test_a_line_says_rate_time_left_and_stage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = iter([0.0, 5.0, 20.0, 24.0])
    monkeypatch.setattr("tfg.progress.time.monotonic", lambda: next(now))
    asked = []

    def note() -> str:
        asked.append(1)
        return "face loss 0.1250"

    with run("r", "r"), progress("training", 2800, "steps", done=800) as advance:
        for steps in (50, 150, 100):
            advance(steps, note)
    assert capsys.readouterr().err == "tfg: r: training: 1000 of 2800 steps, 10.0/s, 3:00 left, face loss 0.1250\n"
    assert len(asked) == 1  # a loss is read off the device only where it is shown


def test_work_inside_work_is_not_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = iter([0.0, 0.0, 4.0, 11.0, 11.0])
    monkeypatch.setattr("tfg.progress.time.monotonic", lambda: next(now))
    with progress("clip: faces", 100) as advance, progress("inner", 5) as inner:
        for _ in range(2):
            advance(25)
            inner(1)
    assert "inner" not in capsys.readouterr().err


def test_a_terminal_shows_the_run_its_stage_and_a_bar() -> None:
    script = (
        "import time\n"
        "from tfg.progress import progress, run, say\n"
        "with run('random-1', 'run 2 of 4: selector=random'):\n"
        "    say('training')\n"
        "    with progress('training', 10, 'steps') as advance:\n"
        "        for step in range(10):\n"
        "            time.sleep(0.05)\n"
        "            advance(1, lambda: 'mouth loss 0.5')\n"
    )
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], stderr=slave, check=True, env=environment)
    os.close(slave)
    said = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.close(master)
    text = said.decode()
    assert "tfg: run 2 of 4: selector=random" in text
    assert "  training" in text
    assert "steps/s" in text
    assert "mouth loss 0.5" in text
    assert "10/10" in text


class Notes:
    """Follower. Everything that it was given."""

    def __init__(self) -> None:
        self.given: list[object] = []

    line = stage = selected = advanced = lambda self, given: self.given.append(given)

    def pictured(self, step, made, truth) -> None:
        self.given.append(step)


def test_a_follower_is_given_what_the_log_has_and_progress_more_often(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = iter([0.0, 0.0, 4.0, 4.0, 4.1, 4.1, 12.0, 12.0])
    monkeypatch.setattr("tfg.progress.time.monotonic", lambda: next(now))
    notes = Notes()
    with followed(notes):
        stage("training")
        say("going on")
        selected({"start": 7.0})
        with progress("training", 100, "steps") as advance:
            advance(40, lambda: "face")
            advance(1, lambda: "face")
            advance(19, lambda: "fuse")
    same = {"label": "training", "total": 100, "unit": "steps"}
    first, last = HowFar(done=40, rate=10.0, note="face", **same), HowFar(done=60, rate=5.0, note="fuse", **same)
    assert notes.given == ["training", "going on", {"start": 7.0}, first, last]
    assert capsys.readouterr().err.splitlines() == [
        "tfg: training",
        "tfg: going on",
        "tfg: training: 60 of 100 steps, 5.0/s, 0:08 left, fuse",
    ]
    assert followers() == ()
