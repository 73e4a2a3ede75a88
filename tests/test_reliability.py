"""What `make reliability` counts as a fault, and how it says so."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from benchmarks import reliability
from benchmarks.reliability_disturbed import Row
from benchmarks.reliability_kills import Kills
from benchmarks.reliability_table import markdown
from benchmarks.short_sweep import Sweep

PART = {
    "commit": "0123456789abcdef",
    "dirty": False,
    "machine": {"cpu": "a processor", "cores": 2},
    "seconds": 10,
    "processor_seconds": 5,
}


def recorded(sweep: Sweep, name: str, text: str = "{}") -> Path:
    path = sweep.results / "heads" / name / "head.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(text)
    return partial.replace(path)


def test_a_finished_head_that_is_written_again_or_gone_is_a_fault(tmp_path: Path) -> None:
    sweep = Sweep(folder=tmp_path)
    for name in ("kept", "written", "removed", "spoiled"):
        recorded(sweep, name)
    sweep.look()
    assert sweep.again == set()
    sweep.spoiled = {"spoiled"}
    recorded(sweep, "written")
    recorded(sweep, "spoiled")
    (sweep.results / "heads" / "removed" / "head.json").unlink()
    recorded(sweep, "new")
    sweep.look()
    assert sweep.again == {"written", "removed"}


def test_a_sweep_with_fewer_runs_than_cells_is_a_fault(tmp_path: Path) -> None:
    sweep = Sweep(folder=tmp_path / "sweep", starts=(0, 4))
    (sweep.results / "heads").mkdir(parents=True)
    (tmp_path / "reference").mkdir()
    (sweep.results / "at-x").mkdir()
    (sweep.results / "at-x" / ".claim").touch()
    assert sweep.faults(tmp_path / "reference") == ["0 heads, not 2", "at-x/.claim is left"]


def test_trainings_are_counted_over_all_commands(tmp_path: Path) -> None:
    sweep = Sweep(folder=tmp_path, commands=2)
    sweep.log(1).write_text("tfg: at-1: selection\ntfg: at-1: training\n")
    sweep.log(2).write_text("tfg: at-1: training\ntfg: at-1: going on from step 6 of 50\ntfg: at-2: training\n")
    assert sweep.trainings() == 3
    assert sweep.said() == ["tfg: at-1: going on from step 6 of 50"]


def test_the_table_names_kills_stages_codes_lines_and_faults() -> None:
    kills = {
        "engine": "joblib",
        "asked": 3,
        "hits": {"training": 2, "table": 1},
        "victims": {"parent": 1, "worker": 2},
        "sweeps": 1,
        "commands": 4,
        "heads": 3,
        "trainings": 5,
        "faults": ["joblib 1: x differs"],
        "left_out": "",
    }
    row = vars(Row("SIGTERM", cases=2, codes=[143, 143], lines=["tfg: was interrupted"]))
    text = markdown({"kills_joblib": PART | {"rows": [kills]}, "signals": PART | {"rows": [row]}})
    assert "| joblib | 3 of 3 | 4 | 1 | 3 | 5 | 1 |" in text
    assert "| engine | training | table | processes killed |" in text
    assert "| joblib | 2 | 1 | 1 parent, 2 worker |" in text
    assert "| SIGTERM | 2 | 2 x 143 | 0 |" in text
    assert "  - `tfg: was interrupted`" in text
    assert "- joblib 1: x differs" in text
    assert "- signals: commit 0123456789, a processor, 2 cores, 10 s, 5 processor s" in text


def test_what_a_part_has_counted_is_kept_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(folder: Path, reference: Path, random: Random, count: int, minutes: float) -> Kills:
        return Kills(engine="joblib", asked=count, hits=Counter(training=2), victims=Counter(worker=2))

    monkeypatch.setattr(reliability, "_reference", lambda folder: folder)
    monkeypatch.setitem(reliability.KILLS, "kills_joblib", (killed, 30))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # which main sets
    given = ["--only", "kills_joblib", "--out", str(tmp_path / "table"), "--folder", str(tmp_path / "sweeps")]
    (tmp_path / "sweeps").mkdir()
    assert reliability.main(given) == 0
    assert "| joblib | 2 of 30 |" in (tmp_path / "table.md").read_text()
    assert '"training": 2' in (tmp_path / "table.json").read_text()
