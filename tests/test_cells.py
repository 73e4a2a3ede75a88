"""The cells of a sweep: composed once where they differ in a free number alone, and the same as if each was composed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfg import cells, configuration, overrides, parts, preflight
from tfg.record import identity, standing
from tfg.types import InputError

SMALL = ["trainer=cpu", "tracker=none", "audio=logmel", "conditioning=audio", "clip.size=64", "metrics=quick"]
GIVEN = ["face=sidecar", "masks=sidecar", *SMALL]
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


def test_a_sweep_has_one_group_however_often_and_in_what_order_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    both, turned = (cells.planned(["selector=first", f"seed={seeds}", *GIVEN]) for seeds in ("0,1", "1,0"))
    (group,) = {cell.plain["group"] for cell in (*both.cells, *turned.cells)}
    expected = standing.expect(tmp_path, {cell.folder.name: "" for cell in both.cells})
    assert expected.name == f"cells-{group}.json"
    assert cells.planned(["selector=first", "seed=0,2", *GIVEN]).cells[0].plain["group"] != group
    assert cells.planned(["selector=first", "seed=0,1", "group=mine", *GIVEN]).cells[0].plain["group"] == "mine"


@pytest.mark.parametrize("digits", ["12345678", "1234e567", "00000000"])
def test_a_group_that_looks_like_a_number_stays_a_text(
    digits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(identity, "sweep_id", lambda runs: digits)
    plan = cells.planned(["selector=first", "seed=0", *GIVEN])
    for given in (plan.given, plan.cells[0].overrides):
        (config,) = (overrides.composed(cell) for cell in overrides.cells(given))
        assert config.group == digits
    assert plan.cells[0].config.group == digits
