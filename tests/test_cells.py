"""The cells of a sweep: composed once where they differ in a free number alone, and the same as if each was composed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfg import cells, configuration, overrides, parts, preflight
from tfg.types import InputError

SMALL = ["trainer=cpu", "tracker=none", "audio=logmel", "conditioning=audio", "clip.size=64", "metrics=quick"]
SELECTORS = sorted(path.stem for path in (configuration.folder() / "selector").glob("*.yaml"))


@pytest.mark.parametrize("backbone", ["instag", "synctalk"])
def test_free_numbers_move_nothing_else_in_any_selector(backbone: str) -> None:
    for selector in SELECTORS:
        start = ["start=3"] if selector == "at" else []
        given = [f"selector={selector}", f"backbone={backbone}", *start, "face=sidecar", "masks=sidecar", *SMALL]
        other = ["start=7.5"] if selector == "at" else []
        plan = [[*given, "seed=0"], [*given[:2], *other, *given[2 + len(start) :], "seed=12"]]
        for cell, overrides_of in zip(cells.resolved(plan), plan, strict=True):
            (composed,) = preflight.sized([overrides.composed(overrides_of)])
            assert cell.plain == parts.plain(composed)
            assert cell.folder == parts.run_folder(composed)
            assert parts.plain(cell.config) == cell.plain


def test_seeds_are_composed_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    composed = []
    original = overrides.composed
    monkeypatch.setattr(overrides, "composed", lambda cell: composed.append(cell) or original(cell))
    monkeypatch.chdir(tmp_path)
    plan = overrides.cells(["selector=first,audio", "seed=0,1,2,3", "face=sidecar", "masks=sidecar", *SMALL])
    found = cells.resolved(plan)
    assert len(composed) == 2
    assert [(cell.plain["selector"]["name"], cell.plain["seed"]) for cell in found] == [
        (selector, seed) for selector in ("first", "audio") for seed in range(4)
    ]
    assert len({cell.folder for cell in found}) == 8
    assert all(cell.result() is None for cell in found)


def test_two_cells_of_one_run_and_a_list_without_a_sweep_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="the same value twice: makes two cells"):
        cells.planned(["selector=first", "seed=1,1", *SMALL])
    with pytest.raises(InputError, match="a list of values is a sweep: add -m"):
        cells.planned(["seed=0,1", *SMALL], multirun=False)
