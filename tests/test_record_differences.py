"""What heads differ in beside their segments: found from their records, whatever keys these have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from result_records import result, write

from tfg.record import differences
from tfg.record.differences import between, sentence
from tfg.record.results import RunResult

SETTING = {"version": 4, "switches": {"lpips": True, "listener": True}, "listener": 2, "weights": {"lpips": "a" * 64}}


def settings(tmp_path: Path, **config: Any) -> dict[str, str]:
    folder = write(tmp_path, result("a", config=config, psnr=20.0))
    return differences.of_result(RunResult.read(folder / "result.json"))


def test_every_key_counts_but_where_things_lie_and_how_the_segment_was_chosen(tmp_path: Path) -> None:
    new = {"a key of tomorrow": {"depth": 0.5}, "clip": {"size": 64, "path": "a.mp4"}, "selector": {"name": "lip"}}
    found = settings(tmp_path, **new)
    assert found["a key of tomorrow.depth"] == "0.5"
    assert found["clip.size"] == "64"
    assert found["commit"] == "a" * 12
    assert not {"clip.path", "selector.name", "training"} & set(found)


def test_settings_of_another_option_are_not_compared_key_by_key() -> None:
    one = {"seconds": "5", "backbone.name": "instag", "backbone.rate": "1", "prior.name": "none"}
    other = {
        "seconds": "5",
        "backbone.name": "synctalk",
        "backbone.steps": "3",
        "prior.name": "grid",
        "prior.ridge": "3",
    }
    assert between([(one, other)]) == {"backbone": (["instag"], ["synctalk"]), "prior": (["none"], ["grid"])}
    assert between([(one, one | {"backbone.rate": "2"})]) == {"backbone.rate": (["1"], ["2"])}


def test_values_of_several_pairs_stand_once_each() -> None:
    pairs = [({"steps": str(k // 2)}, {"steps": "9"}) for k in range(4)]
    assert sentence(between(pairs)).endswith("(first | second): steps 0, 1 | 9")


def test_a_long_list_is_cut_and_counted() -> None:
    found = between([({f"k{k}": "0" for k in range(10)}, {f"k{k}": "1" for k in range(10)})])
    assert sentence(found).endswith("k7 0 | 1; and 2 more")


def test_a_metric_is_on_or_off_and_on_with_its_weights(tmp_path: Path) -> None:
    made = write(tmp_path, result("a", config={}, psnr=20.0))
    notes = RunResult.read(made / "result.json")
    notes.notes["setting"] = SETTING
    found = differences.of_result(notes)
    assert (found["metrics.lpips"], found["metrics.listener"]) == ("on, " + "a" * 12, "on, 2")
    notes.notes["setting"] = SETTING | {"switches": {"lpips": False, "listener": True}}
    off = differences.of_result(notes)
    assert between([(found, off)]) == {"metrics.lpips": (["on, " + "a" * 12], ["off"])}


def test_a_number_is_shown_in_the_fewest_digits_that_are_it() -> None:
    assert [differences._text(value) for value in (5.0, 5, 1e-5, 0.123456789, None, True, "x", [1])] == [
        *("5", "5", "1e-05", "0.123456789", "-", "true", "x", "[1]")
    ]
