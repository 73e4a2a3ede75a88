"""The engine benchmarks: what their ratios are of, what their tables say, and that every variant computes the same."""

import json
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from benchmarks import engines, floors, grids, looks, planes, raster, steps
from benchmarks.gpu import check, live, operations
from benchmarks.gpu.meter import Ceilings, Measured
from benchmarks.timing import Case, measure, ratios_of
from tfg.engines import HashGridSpec


def test_a_ratio_is_slow_over_fast_named_after_its_variant() -> None:
    case = Case(name="work", variants={}, required={"torch": 3})
    assert ratios_of(case, {"torch": 30.0, "cpu": 10.0, "numba": 5.0}) == {"work": 3.0, "work_over_numba": 0.5}


def test_variants_take_turns_after_one_call_each() -> None:
    calls: list[str] = []
    variants = {"torch": lambda: calls.append("t"), "cpu": lambda: calls.append("c")}
    found = measure(Case(name="work", variants=variants), 2)
    assert sorted(found.wall) == sorted(found.processor) == ["cpu", "torch"]
    assert "".join(calls) == "tctctc"


def test_a_missed_ratio_is_said_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def wait(rounds: int) -> object:
        return [torch.rand(1000).sort() for _ in range(rounds)]

    variants = {"torch": lambda: wait(30), "cpu": lambda: wait(1)}
    work = floors.Work(flops=2e6, bytes_moved=3e6)
    cases = [
        Case(name="easy", variants=variants, required={"torch": 1}, least=lambda: work),
        Case(name="hard", variants=variants, required={"torch": 1e6}),
    ]
    monkeypatch.setattr(engines, "all_cases", lambda: cases)
    monkeypatch.setattr(floors, "peaks", lambda: floors.Peaks(flops=1e9, bytes_moved=1e9))
    assert engines.main(["--quick", "--json", str(tmp_path / "found.json")]) == 1
    table = capsys.readouterr().out
    assert "| `easy` |" in table
    assert "| met |" in table
    assert "| 1e+06x | MISSED |" in table
    record = json.loads((tmp_path / "found.json").read_text())
    assert record["required"] == {"easy": 1, "hard": 1e6}
    assert set(record) >= {"ratios", "processor_ratios", "milliseconds", "machine"}
    assert record["floors"]["easy"]["milliseconds"] == 3.0
    assert "| `easy` | 2.0 | 3.0 | 3 |" in table
    assert engines.main(["--quick", "--only", "easy"]) == 0


def test_all_variants_of_looking_at_a_field_see_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "SIZE", 24)
    found = {name: run()[0] for name, run in looks.look_case().variants.items()}
    assert found["torch"].max() > 0.1
    for name, color in found.items():
        assert (color - found["torch"]).abs().max() < (0.02 if name.endswith("bfloat16") else 1e-3)


def test_all_variants_of_the_grid_compute_the_same_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grids, "POINTS", 500)
    found = {name: run()[0] for name, run in grids.hash_case(14, 14).variants.items()}
    assert len(found) == 4
    for gradient in found.values():
        torch.testing.assert_close(gradient, found["cpu"], rtol=1e-4, atol=1e-3)  # float32 positions


def test_all_variants_of_reading_planes_compute_the_same_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROWS", "COLUMNS", "SAMPLES"):
        monkeypatch.setattr(planes, name, 7)
    assert planes.points_of_rays().shape == (7**3, 3)
    for case, gradients in ((planes.planes_case(8), 1), (planes.planes_case(8, to_points=True), 2)):
        found = {name: run() for name, run in case.variants.items()}
        assert {len(several) for several in found.values()} == {gradients}
        for several in found.values():
            for one, other in zip(several, found["cpu"], strict=True):
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_least_work_of_reading_planes_by_hand() -> None:
    work = planes.least_work(64)
    assert work.flops == 2 * 400_000 * 3 * (10 + 4 * 2 * 32)
    assert work.bytes_moved == 4 * (2 * 400_000 * 3 + 2 * 400_000 * 32 + 2 * 3 * 32 * 64 * 64)


def test_the_floor_is_the_slower_of_arithmetic_and_memory() -> None:
    peaks = floors.Peaks(flops=1e9, bytes_moved=1e8)
    assert peaks.floor(floors.Work(flops=2e6, bytes_moved=1e5)) == pytest.approx(2.0)
    assert peaks.floor(floors.Work(flops=2e6, bytes_moved=1e6)) == pytest.approx(10.0)


def test_peaks_are_measured_here() -> None:
    found = floors.peaks(rounds=20_000, megabytes=1)
    assert found.flops > 1e8
    assert found.bytes_moved > 1e7


def test_the_least_work_of_drawing_counts_the_pairs_that_are_composited() -> None:
    scene = raster.head(32, 40)
    whole, drawn = (raster.least_work(scene, projected=projected) for projected in (True, False))
    assert whole.flops - drawn.flops == 500 * 40
    assert drawn.flops % 70 == 0
    assert 0 < drawn.flops <= 70 * 40 * 32 * 32


def test_the_least_work_of_a_grid_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grids, "POINTS", 10)
    spec = HashGridSpec(dim=2, levels=2, channels=2, log2_size=14, base=16, desired=32, bound=1.0)
    work = grids.least_work(spec)
    assert work.flops == 10 * 3 * 2 * (2 * 12 + 2 * 16)
    assert work.bytes_moved == 4 * (2 * 10 * 3 + 2 * 10 * 12 + 2 * 3 * spec.num_params * 2)


def test_the_training_steps_compose_from_their_yaml_with_nothing_registered_before() -> None:
    OmegaConf.clear_resolver("by_profile")
    names = [case.name for case in steps.cases()]
    assert names == ["step_instag_128", "step_synctalk_128"]


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
    small = "cpu", "cpu", operations.SMALL
    assert [row.engine for row in operations.dense_planes(*small)] == ["torch", "cpu"]
    rows = operations.perceptrons(*small) + operations.losses(*small) + live.pictures(*small)
    assert [row.engine for row in rows] == ["torch", *["cpu"] * 6]
    assert [row.name for row in rows if row.target == "<= 1 s"] == [
        f"live, {name}, 32 px: first picture" for name in live.BACKBONES
    ]
