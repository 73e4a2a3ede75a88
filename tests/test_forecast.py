"""Before a sweep: which heads it trains and finds, what that takes, and what cannot fit is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from end_to_end import CLIP, INSTAG, own_cache

from tfg import cells, forecast
from tfg.commands import sweep
from tfg.forecast import CHOOSES, FOUND, GOES_ON, TRAINS, Each, Forecast
from tfg.record.files import seal, write_json
from tfg.types import InputError

QUICK = ["metrics=quick", *CLIP, *INSTAG, "face=sidecar", "masks=sidecar", "prior=none"]


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    own_cache(tmp_path_factory.getbasetemp(), monkeypatch)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def states(*given: str) -> list[str]:
    plan = cells.planned([*given, *QUICK])
    found = forecast.forecast(plan.cells, plan.missing)
    return [found.states[cell.folder.name] for cell in plan.missing]


def test_who_looks_at_nothing_is_known_to_share_a_head_and_who_looks_is_not(here: Path) -> None:
    assert states("selector=first,isexplore") == [TRAINS, CHOOSES]
    plan = cells.planned(["selector=first", "seed=0,1", *QUICK])
    heads = [forecast._head(cell) for cell in plan.cells]
    assert len(set(heads)) == 2
    (same,) = cells.planned(["selector=at", "start=0", *QUICK]).cells
    assert forecast._head(same) == heads[0]
    folder = here / "results" / "heads" / str(heads[0])
    folder.mkdir(parents=True)
    (folder / "last.ckpt").touch()  # damaged
    assert states("selector=first", "seed=0,1") == [TRAINS, TRAINS]
    for name, step in (("previous.ckpt", 20), ("last.ckpt", 40)):
        torch.save({"state_dict": {"step": torch.tensor(step)}}, folder / "made.part")
        seal(folder / "made.part", folder / name)
        assert states("selector=first", "seed=0,1") == [f"{GOES_ON} from step {step}", TRAINS]
    (folder / "head.json").touch()
    assert states("selector=first", "seed=0,1") == [FOUND, TRAINS]


def test_a_selection_that_an_interrupted_run_has_made_is_known(here: Path) -> None:
    (cell,) = cells.planned(["selector=isexplore", *QUICK]).cells
    cell.folder.mkdir(parents=True)
    write_json(cell.folder / "selection.json", {"start": 2.0})
    (same,) = cells.planned(["selector=at", "start=2", *QUICK]).cells
    assert forecast._head(cell) == forecast._head(same) is not None


def test_a_dry_run_lists_every_cell_and_what_is_cached_and_runs_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep.start(["-m", "--dry-run", "selector=first,isexplore", *QUICK], lambda given: pytest.fail("ran")) == 0
    shown = capsys.readouterr()
    first, second, cache = shown.out.splitlines()
    assert first.startswith("first-instag-logmel-embedded-3s-seed0-")
    assert (first.endswith(TRAINS), second.endswith(CHOOSES)) == (True, True)
    assert cache.startswith("embedded: cached are ")
    assert shown.err.splitlines()[-1] == (
        "tfg: 2 runs: 0 done, 2 heads to train at most, none to find; "
        "time, disk and memory are not known before one of this kind is done"
    )
    assert not (here / "results").exists()


def test_a_sweep_that_runs_is_foreseen_as_a_dry_run_is(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "_rehearsed", lambda cell: Each(seconds=60.0, by="by some steps of the first"))
    monkeypatch.setattr(sweep, "report", lambda wanted, here: 0)
    monkeypatch.setattr(sweep, "_track", lambda wanted: None)
    given = ["-m", "selector=first", "seed=0,1", *QUICK, "estimate=true"]
    said = []
    for options in (["--dry-run"], []):
        assert sweep.start([*options, *given], lambda given: None) == 0
        said.append([line for line in capsys.readouterr().err.splitlines() if "to train" in line])
    assert said[0] == said[1]
    assert said[0] == [
        "tfg: 2 runs: 0 done, 2 heads to train, none to find; about 2:00 one after the other (by some steps of the first)"
    ]


def test_where_nothing_is_left_no_cost_is_spoken_of() -> None:
    assert Forecast(done=3, states={}, each=Each()).text(1) == "all 3 runs are done: nothing to train"
    assert Forecast(done=1, states={}, each=Each()).text(1) == "the run is done: nothing to train"
    assert Forecast(done=0, states={"a": FOUND}, each=Each()).text(1) == "1 run: 0 done, no heads to train, 1 to find"
    found = Forecast(done=1, states={"a": FOUND}, each=Each(seconds=60.0, by="by 1 run of this kind here"))
    assert found.text(1) == "2 runs: 1 done, no heads to train, 1 to find"


def test_one_line_says_what_a_sweep_needs() -> None:
    each = Each(seconds=120.0, disk_mb=300.0, memory_mb=1500.0, by="by 5 runs of this kind here")
    found = Forecast(done=2, states={"a": TRAINS, "b": CHOOSES, "c": FOUND}, each=each)
    assert found.text(2) == (
        "5 runs: 2 done, 2 heads to train at most, 1 to find; about 2:00, 2 at once, 600 MB of disk, "
        "1.5 GB of memory each (by 5 runs of this kind here)"
    )
    assert "about 4:00 one after the other" in found.text(1)
    assert "about 4:00 of work" in found.text(None)


def test_past_runs_of_the_same_kind_say_what_one_takes(here: Path) -> None:
    (cell,) = cells.planned(["selector=first", *QUICK]).cells
    for name, kind, seconds in (
        ("one", cell.plain, 10.0),
        ("two", cell.plain, 20.0),
        ("other", {**cell.plain, "seconds": 9.0}, 500.0),
    ):
        stages = {
            "training": {"seconds": seconds, "peak_mb": 700 + seconds},
            "metrics": {"seconds": 5.0, "peak_mb": 90},
        }
        record = {"run_id": name, "head": f"head-{name}", "config": kind, "stages": stages}
        for folder in (cell.results / name, cell.results / "heads" / f"head-{name}"):
            folder.mkdir(parents=True)
        (cell.results / "heads" / f"head-{name}" / "last.ckpt").write_bytes(bytes(2_000_000))
        write_json(cell.results / name / "result.json", record)
    found = forecast.past(cell)
    assert found is not None
    assert (found.seconds, found.memory_mb, found.by) == (20.0, 720.0, "by 2 runs of this kind here")
    assert found.disk_mb == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    ("each", "key", "line"),
    [
        (
            Each(disk_mb=1e9),
            None,
            "results=.*: 2 heads need about 2400000.0 GB, .* GB are free there; free some space or",
        ),
        (
            Each(memory_mb=1e9),
            None,
            "memory: 3 runs at once need about .*; end other programs, or take a machine with more",
        ),
    ],
)
def test_what_cannot_fit_is_refused_in_one_line(each: Each, key: str | None, line: str, tmp_path: Path) -> None:
    found = Forecast(done=0, states={"a": TRAINS, "b": TRAINS}, each=each)
    with pytest.raises(InputError, match=line) as caught:
        forecast.refuse(found, tmp_path / "results", 3, key)
    assert len(str(caught.value).splitlines()) == 1
    forecast.refuse(Forecast(done=0, states={}, each=Each()), tmp_path, 3, key)


def test_too_many_at_once_are_told_how_many_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory:
        available = 10e9

    monkeypatch.setattr(forecast.psutil, "virtual_memory", lambda: Memory)
    found = Forecast(done=0, states={"a": TRAINS}, each=Each(memory_mb=3000.0))
    with pytest.raises(
        InputError, match=r"memory: 4 runs at once need about 12.0 GB, 10.0 GB are free; give hydra.launcher.n_jobs=3"
    ):
        forecast.refuse(found, tmp_path, 4, "hydra.launcher.n_jobs")
    forecast.refuse(found, tmp_path, 3, "hydra.launcher.n_jobs")
    forecast.refuse(found, tmp_path, None, None)  # on other machines
