"""The table of length: a person's difference has an interval over the frames that both runs share."""

import re
from pathlib import Path

import numpy as np
import pytest
from result_records import metric, result, write

from analysis import table_length
from experiments.grid import Grid
from experiments.ledger import write_ledger
from experiments.length import GRID, PEOPLE, WAYS

FRAMES = 200
SMALL = Grid(name="length", cells=tuple(cell for cell in GRID.cells if cell.labels["person"] in ("p05", "p03")))


def make(results: Path, skip: str = "") -> None:
    """Face PSNR of each frame: 30 dB and 1 dB of noise that runs share, 0.1 dB of their own; 10 s with more steps: 0.5 more."""
    names: dict[str, str | None] = {}
    draw = np.random.default_rng(0)
    shared = draw.normal(size=FRAMES)
    for cell in SMALL.cells:
        person, way = str(cell.labels["person"]), str(cell.labels["way"])
        names[cell.title] = None if cell.title == skip else f"{person}-{list(WAYS).index(way)}"
        if names[cell.title] is None:
            continue
        frames = (30.0 + shared + 0.1 * draw.normal(size=FRAMES) + 0.5 * (way == "10 s")).tolist()
        mean = float(np.mean(frames))
        made = result(str(names[cell.title]), config={"clip": {}}, psnr=mean)
        made.metrics["psnr_face"] = metric("psnr_face", mean) | {"per_frame": frames}
        write(results, made)
    write_ledger(results, SMALL, names)


def numbers(cell: str) -> list[float]:
    return [float(text) for text in re.findall(r"-?\d+\.\d+", cell)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_length, "GRID", SMALL)
    monkeypatch.setattr(table_length, "PEOPLE", {person: PEOPLE[person] for person in ("p05", "p03")})


@pytest.mark.usefixtures("small")
def test_a_person_s_difference_is_paired_over_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unpaired, 200 frames of 1 dB of noise would leave 0.5 dB an interval of 0.2 dB either way; paired, of 0.02."""
    make(tmp_path)
    assert table_length.main(["--results", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    lines = [[cell.strip() for cell in line.split("|")] for line in capsys.readouterr().out.splitlines()]
    found = {(line[1], line[2]): line for line in lines if len(line) > 3}
    column = found["Person", "Segment"].index("PSNR face dB")
    for person in ("p05", "p03"):
        _, low, high = numbers(found[f"{person} minus 5 s", "10 s"][column])
        assert 0.4 < low < high < 0.6
        _, low, high = numbers(found[f"{person} minus 5 s", "10 s, steps of 5 s"][column])
        assert -0.1 < low < high < 0.1
    assert numbers(found["minus 5 s", "10 s"][column])[0] == pytest.approx(0.5, abs=0.05)


@pytest.mark.usefixtures("small")
def test_a_person_without_a_partner_is_a_hole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path, skip="person=p05 way=10 s")
    arguments = ["--results", str(tmp_path), "--out", str(tmp_path / "out")]
    assert table_length.main(arguments) == 1
    assert "1 of 6 runs are missing (person=p05 way=10 s)" in capsys.readouterr().err
    assert table_length.main([*arguments, "--allow-missing"]) == 0
    out = capsys.readouterr().out
    assert any("p05 minus 5 s" in line and "missing" in line for line in out.splitlines())
