"""Facts of the tables: exact text from a handful of made results, holes that show, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from result_records import FACTS, SCORES, result, write

from analysis.load import IncompleteGrid, load
from analysis.paper import table_ablation
from analysis.stats import estimate
from analysis.vocabulary import BACKBONES, SELECTORS, Metric, printed
from experiments.ablation import GRID
from experiments.grid import Grid
from experiments.ledger import write_ledger
from tfg.record.results import HEADS
from tfg.record.tabular import Table, to_csv, to_latex, to_markdown

RANDOM = (("random", 0), ("random", 1), ("random", 2))
SMALL = Grid(
    name="ablation",
    cells=tuple(
        cell for cell in GRID.cells if (cell.labels["selector"], cell.labels["seed"]) in (*RANDOM, ("isexplore", 0))
    ),
)
PSNR = {("random", 0): 20.0, ("random", 1): 21.0, ("random", 2): 22.0, ("isexplore", 0): 24.0}


def make(
    results: Path,
    *,
    skip: tuple[tuple[str, int], ...] = (),
    commits: str = "aaaa",
    lpips: str = "----",
    cost: dict[str, Any] | None = None,
) -> None:
    """Results of SMALL; one letter a run for its commit, and for whether it has an LPIPS (`y`)."""
    run_ids: dict[str, str | None] = {}
    for cell, commit, has_lpips in zip(SMALL.cells, commits, lpips, strict=True):
        selector, seed = str(cell.labels["selector"]), int(cell.labels["seed"])
        name = f"{selector}-{seed}"
        run_ids[cell.title] = name
        if (selector, seed) not in skip:
            config = {"selector": {"name": selector}, "seed": seed, "clip": {}}
            perceptual = 0.125 if has_lpips == "y" else None
            made = result(name, config=config, psnr=PSNR[selector, seed], lpips=perceptual, commit=commit * 40)
            write(results, made if cost is None else replace(made, selection=made.selection | {"cost": cost}))
    write_ledger(results, SMALL, run_ids)


def test_interval_is_student_t() -> None:
    found = estimate([1.0, 2.0, 3.0])
    half = 4.302653 / math.sqrt(3)  # t(0.975, 2), s = 1
    assert (found.mean, found.count) == (2.0, 3)
    assert (found.low, found.high) == (pytest.approx(2 - half, rel=1e-6), pytest.approx(2 + half, rel=1e-6))


def test_one_run_has_no_interval_and_nan_is_no_number() -> None:
    assert (estimate([5.0]).low, estimate([5.0]).high) == (None, None)
    for values in ([], [1.0, math.nan]):
        with pytest.raises(ValueError, match="needs numbers"):
            estimate(values)


def test_a_video_equal_to_its_truth_counts_as_100_db_among_others_and_as_inf_alone() -> None:
    assert estimate([float("inf"), float("inf")]).mean == float("inf")
    assert estimate([float("inf"), 50.0]).mean == 75.0


def test_the_ablation_table_is_exactly_this(tmp_path: Path) -> None:
    make(tmp_path)
    made = table_ablation.table(load(SMALL, tmp_path))
    assert to_markdown(made) == (
        """\
Selectors compared (Table 4 of ISExplore), on held-out speech

| Selector                     | n |    PSNR face dB (up) |         Mouth r (up) | Speech gain, PSNR mouth dB (up) | Pose gap degrees | Selection CPU s | Frames seen | Training part CPU s | Training CPU s |
|------------------------------|--:|---------------------:|---------------------:|--------------------------------:|-----------------:|----------------:|------------:|--------------------:|---------------:|
| Random                       | 3 | 21.00 [18.52, 23.48] | 0.750 [0.750, 0.750] |               2.00 [2.00, 2.00] |   3.0 [3.0, 3.0] |             3.0 |         125 |                   - |             90 |
| ISExplore                    | 1 |                24.00 |                0.750 |                            2.00 |              3.0 |             3.0 |         125 |                   - |             90 |
| Static (mean training frame) | 4 |                19.75 |                    - |                               - |                - |               - |           - |                   - |              - |
| Nearest training frame       | 4 |                20.75 |                0.500 |                               - |                - |               - |           - |                   - |              - |
| Mute (mean training audio)   | 4 |                21.25 |                    - |                               - |                - |               - |           - |                   - |              - |
| Ground truth                 | 4 |                    - |                1.000 |                               - |                - |               - |           - |                   - |              - |

- n: runs. Brackets: 95 % t interval over seeds; a row of one run has none, so its rank is a single draw.
- CPU s: processor seconds of all threads, as if nothing had been cached; the held-out part's are not in it.
- Controls and ground truth: mean over all runs, whose segments differ, hence no interval.
- Speech gain: the run minus its mute control (the same head driven by the mean training audio). Of controls that the head renders only mouth and lips are scored, of still only lips and sync.
- LPIPS: unavailable in every run: no weights
- Static (mean training frame): no Mouth r: the mouth does not move
"""  # noqa: E501 the exact text
    )
    assert to_csv(made).splitlines()[1].startswith("Random,3,21.0,18.5158")
    assert to_csv(made).splitlines()[2] == "ISExplore,1,24.0,,,0.75,,,2.0,,,3.0,,,3.0,125.0,,90.0"


def test_faces_that_were_given_are_no_cheap_selection(tmp_path: Path) -> None:
    """Camera selection on a clip with a sidecar must not look free; a record that is older than the number has a dash."""
    make(tmp_path, cost={"seconds": 2.0, "processor_seconds": 0.1, "frames": 1500, "faces": "given by the sidecar"})
    made = table_ablation.table(load(SMALL, tmp_path))
    assert made.rows[0][6] == "0.1 + faces"
    assert any(note.startswith("+ faces: in 4 runs the sidecar gave the faces") for note in made.notes)
    make(tmp_path / "older", cost={"seconds": 2.0, "frames": 1500})
    assert table_ablation.table(load(SMALL, tmp_path / "older")).rows[0][6] == "-"


def test_a_missing_run_is_an_error_that_names_it(tmp_path: Path) -> None:
    make(tmp_path, skip=(("random", 1),))
    with pytest.raises(IncompleteGrid, match=r"1 of 4 runs are missing \(selector=random seed=1\).*--allow-missing"):
        load(SMALL, tmp_path)


def test_an_allowed_hole_shows(tmp_path: Path) -> None:
    make(tmp_path, skip=(("random", 1), ("isexplore", 0)))
    made = table_ablation.table(load(SMALL, tmp_path, allow_missing=True), allow_missing=True)
    assert made.rows[0][:3] == ("Random", "2 of 3", "21.00 [8.29, 33.71]")
    assert made.rows[1] == ("ISExplore", "0 of 1", *["missing"] * 8)


def test_a_number_that_some_runs_lack_is_an_error_or_says_of_how_many(tmp_path: Path) -> None:
    make(tmp_path, lpips="yy-y")
    frame = load(SMALL, tmp_path)
    with pytest.raises(IncompleteGrid, match=r"Random: lpips is missing in 1 of 3 runs \(no weights\)"):
        table_ablation.table(frame)
    made = table_ablation.table(frame, allow_missing=True)
    column = made.header.index("LPIPS (down)")
    assert made.rows[0][column] == "0.1250 [0.1250, 0.1250] (2 of 3)"
    assert made.rows[1][column] == "0.1250"


def test_mixed_commits_are_refused_unless_told(tmp_path: Path) -> None:
    make(tmp_path, commits="aaab")
    with pytest.raises(IncompleteGrid, match=r"results of 2 commits \(aaaaaaaa, bbbbbbbb\).*--allow-mixed"):
        load(SMALL, tmp_path)
    assert load(SMALL, tmp_path, allow_mixed=True)["commit"].nunique() == 2


def test_scores_of_another_commit_are_mixed_too(tmp_path: Path) -> None:
    make(tmp_path)
    scores = tmp_path / HEADS / "head-of-random-1" / SCORES
    scores.write_text(scores.read_text().replace("a" * 40, "b" * 40))
    with pytest.raises(IncompleteGrid, match=r"results of 2 commits \(aaaaaaaa, bbbbbbbb\).*--allow-mixed"):
        load(SMALL, tmp_path)
    assert set(load(SMALL, tmp_path, allow_mixed=True)["commit"]) == {"a" * 40}


def test_a_grid_that_never_ran_or_has_changed_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(IncompleteGrid, match=r"not there; run `python -m experiments\.ablation` first"):
        load(SMALL, tmp_path)
    make(tmp_path)
    with pytest.raises(IncompleteGrid, match="the grid has changed since"):
        load(GRID, tmp_path)


def test_the_script_writes_three_files_and_fails_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table_ablation, "GRID", SMALL)
    arguments = ["--results", str(tmp_path / "results"), "--out", str(tmp_path / "out")]
    assert table_ablation.main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1
    make(tmp_path / "results")
    assert table_ablation.main(arguments) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "table_ablation.csv",
        "table_ablation.md",
        "table_ablation.tex",
    ]
    assert "ISExplore" in capsys.readouterr().out


def test_latex_escapes_what_it_must() -> None:
    made = Table(
        name="t",
        caption="50 % of A_B",
        header=("x", "y (up)"),
        rows=(("a&b", "1"),),
        record_header=(),
        records=(),
        notes=("#1",),
    )
    text = to_latex(made)
    assert r"\caption{50 \% of A\_B}" in text
    assert "x & y $\\uparrow$ \\\\" in text
    assert r"a\&b & 1 \\" in text
    assert r"\begin{tabular}{lr}" in text
    assert r"\par\footnotesize \#1" in text


@pytest.mark.parametrize(("axis", "terms"), [("selector", SELECTORS), ("backbone", BACKBONES)])
def test_the_vocabulary_has_one_line_for_every_yaml(axis: str, terms: tuple) -> None:
    folder = Path(__file__).parents[1] / "conf" / axis
    tags = [term.tag for term in terms]
    assert sorted(tags) == sorted(path.stem for path in folder.glob("*.yaml"))
    assert len({term.name for term in terms}) == len(terms)


def test_metric_titles_say_which_direction_is_better() -> None:
    titles = {tag: Metric.of(tag, entry).title for tag, entry in FACTS.items()}
    assert titles == {"psnr_face": "PSNR face dB (up)", "lpips": "LPIPS (down)", "mouth_correlation": "Mouth r (up)"}
    assert printed(SELECTORS, "isexplore") == "ISExplore"
