"""The engine benchmarks: what their ratios are of, what their tables say, and that every variant computes the same."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import engines, grids
from benchmarks.gpu import check, operations
from benchmarks.gpu.meter import Ceilings, Measured
from benchmarks.timing import Case, measure, ratios_of


def test_a_ratio_is_slow_over_fast_named_after_its_variant() -> None:
    case = Case(name="work", variants={}, required={"torch": 3})
    assert ratios_of(case, {"torch": 30.0, "cpu": 10.0, "numba": 5.0}) == {"work": 3.0, "work_over_numba": 0.5}


def test_variants_take_turns_after_one_call_each() -> None:
    calls: list[str] = []
    variants = {"torch": lambda: calls.append("t"), "cpu": lambda: calls.append("c")}
    assert sorted(measure(Case(name="work", variants=variants), 2)) == ["cpu", "torch"]
    assert "".join(calls) == "tctctc"


def test_a_missed_ratio_is_said_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def wait(rounds: int) -> object:
        return [torch.rand(1000).sort() for _ in range(rounds)]

    variants = {"torch": lambda: wait(30), "cpu": lambda: wait(1)}
    cases = [
        Case(name="easy", variants=variants, required={"torch": 1}),
        Case(name="hard", variants=variants, required={"torch": 1e6}),
    ]
    monkeypatch.setattr(engines, "all_cases", lambda: cases)
    assert engines.main(["--quick", "--json", str(tmp_path / "found.json")]) == 1
    table = capsys.readouterr().out
    assert "| `easy` |" in table
    assert "| met |" in table
    assert "| 1e+06x | MISSED |" in table
    record = json.loads((tmp_path / "found.json").read_text())
    assert record["required"] == {"easy": 1, "hard": 1e6}
    assert set(record) >= {"ratios", "milliseconds", "machine"}
    assert engines.main(["--quick", "--only", "easy"]) == 0


def test_all_variants_of_the_grid_compute_the_same_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grids, "POINTS", 500)
    found = {name: run()[0] for name, run in grids.hash_case(14, 14).variants.items()}
    assert len(found) == 4
    for gradient in found.values():
        torch.testing.assert_close(gradient, found["cpu"], rtol=1e-4, atol=1e-3)  # float32 positions


def test_gpu_check_without_a_card_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert check.main([]) == 2
    assert capsys.readouterr().err == "gpu-check: no CUDA device is visible to torch (see `tfg doctor`)\n"


def test_gpu_table_names_ratio_ceiling_and_verdict() -> None:
    rows = [
        Measured(name="work", engine="torch", milliseconds=8.0),
        Measured(name="work", engine="cuda", milliseconds=2.0, bytes_moved=1e6, target="fast", met=False),
    ]
    text = check.markdown("card", "1 passed", Ceilings(bytes_per_second=1e9, flops_per_second=1e12), rows)
    assert "| work | cuda | 2.000 | 4.0x | 0 | 50 % | fast | MISSED |" in text


def test_gpu_operations_run_on_any_device() -> None:
    ceiling = Ceilings(bytes_per_second=1e9, flops_per_second=1e9)
    rows = operations.grids("cpu", "cpu", operations.SMALL, ceiling) + operations.marching(
        "cpu", "cpu", operations.SMALL
    )
    assert [row.engine for row in rows] == ["torch", "cpu", "torch", "torch", "cpu", "cpu"]
