"""The paper's artefacts on a small atlas with known answers, and on none: every file, every hole, one page that opens from a file."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from dataclasses import replace

import chromium
import latex
import pandas as pd
import pytest
from atlas_rows import atlas

from analysis import artefact
from analysis import page as page_of
from analysis.heads import SYNC
from analysis.paper import __main__ as paper
from analysis.paper import table2_full, table3_time, table4_selection, verdicts
from analysis.sources import Sources, read_sources
from analysis.tables import HOLE
from analysis.verdicts import VERDICTS, Hole
from experiments.atlas import GRID
from tfg.record.tabular import to_latex

FIGURES = {
    "claims",
    "figure1_spread",
    "figure2_diversity",
    "figure3_thresholds",
    "table1_poses",
    "figure_same_motion",
} | {
    "table3_time",
    "figure_length",
}


@pytest.fixture(scope="module")
def sample() -> Sources:
    made = atlas(people=4, segments=9, sync=lambda of: 0.8 + 0.1 * of["audio_pairs"])
    ten = made[(made["start"] < 20) & ~made["full"].astype(bool)].assign(seconds=10.0, growth=0.0)
    ten[SYNC] += 0.2
    poses = atlas(people=3, segments=4, full=None)
    poses = poses.assign(poses=poses["start"].map({0: 5, 5: 10, 10: 20, 15: 50}))
    poses.loc[poses["poses"] == 50, SYNC] -= 0.3
    return replace(
        read_sources(),
        atlas=pd.concat([made, ten], ignore_index=True),
        poses=poses,
        same_motion=atlas(people=3, segments=9, seeds=1, full=None),
    )


@pytest.fixture(scope="module")
def written(sample, tmp_path_factory):
    out = tmp_path_factory.mktemp("paper")
    return out, paper.write(sample, out)


def test_every_artefact_is_written_whole(written):
    out, made = written
    assert len(made) == 1 + len(paper.ARTEFACTS)
    for one in made:
        suffixes = {"csv", "md", "tex", *(("png", "svg") if one.name in FIGURES else ())}
        assert {path.suffix[1:] for path in out.glob(f"{one.name}.*")} == suffixes, one.name
        assert all(path.stat().st_size for path in out.glob(f"{one.name}.*"))
        assert one.commands
        assert one.where


def test_a_page_of_a_part_of_the_atlas_says_that_its_verdicts_are_provisional(sample):
    assert "provisional" not in paper.size(sample)  # of other people than the atlas's
    part = replace(sample, atlas=sample.atlas.assign(person="p03"))
    assert f"not finished (it has {len(GRID.cells)} heads)" in paper.size(part)
    whole = pd.concat([part.atlas] * (len(GRID.cells) // len(part.atlas) + 1))
    assert "provisional" not in paper.size(replace(part, atlas=whole))


def test_every_latex_table_could_be_compiled(written):
    out, made = written
    for one in made:
        latex.check((out / f"{one.name}.tex").read_text())


def test_every_row_has_the_cells_of_its_header(written):
    for one in written[1]:
        assert {len(row) for row in one.table.rows} == {len(one.table.header)}, one.name
        assert {len(record) for record in one.table.records} <= {len(one.table.record_header)}, one.name


def test_the_verdicts_are_complete_and_known(written):
    out, _ = written
    rows = list(csv.DictReader((out / "verdicts.csv").read_text().splitlines()))
    assert list(rows[0])[:7] == ["claim", "verdict", "effect", "low", "high", "people", "heads"]
    assert [row["claim"] for row in rows] == [str(number) for number in range(1, 13)]
    assert {row["verdict"] for row in rows} <= set(VERDICTS)
    found = {int(row["claim"]): row["verdict"] for row in rows}
    assert (found[2], found[3], found[5], found[10]) == ("holds",) * 4
    assert (found[4], found[6], found[12]) == ("does not hold",) * 3
    assert (rows[1]["people"], rows[1]["heads"]) == ("4", "72")


def test_the_page_opens_from_a_file_and_holds_everything(written):
    out, made = written
    text = (out / "paper.html").read_text()
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=\"(?!data:)", text)
    assert text.count("plotly.js v") == 1
    assert all(f'id="{one.name}"' in text for one in made)
    assert all(f'id="claim{number}"' in text for number in range(1, 13))
    assert "python -m experiments.atlas" in text


def test_a_table_that_is_wider_than_the_page_shows_it_and_keeps_its_first_column(written, tmp_path):
    out, _ = written
    with chromium.browser(tmp_path / "profile") as page:
        page.call("Emulation.setDeviceMetricsOverride", width=1400, height=900, deviceScaleFactor=1, mobile=False)
        page.open((out / "paper.html").as_uri())
        wide = "[...document.querySelectorAll('.scroll')].filter((of) => of.scrollWidth > of.clientWidth)"
        assert page.evaluate(f"{wide}.length") > 0
        page.evaluate(f"{wide}.forEach((of) => {{ of.scrollLeft = 200; }})")
        left = "(of) => of.querySelector('td').getBoundingClientRect().left - of.getBoundingClientRect().left"
        assert page.evaluate(f"Math.max(...{wide}.map({left}).map(Math.abs))") < 1
        assert (
            page.evaluate("getComputedStyle(document.querySelector('.scroll')).backgroundAttachment") == "local, scroll"
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_code_in_the_sentences_of_the_page_is_shown_as_code(written):
    out, _ = written
    text = re.sub(r"<script.*?</script>", "", (out / "paper.html").read_text(), flags=re.DOTALL)
    assert "`" not in text
    assert page_of._prose("run `a <b>`") == "run <code>a &lt;b&gt;</code>"


def test_the_same_data_give_the_same_files(written, sample, tmp_path):
    out, _ = written
    made = table3_time.make(sample)
    for path in artefact.write(made, tmp_path):
        assert path.read_bytes() == (out / path.name).read_bytes(), path.name


def test_without_an_atlas_every_number_of_ours_is_a_hole_that_shows(tmp_path):
    empty = replace(read_sources(tmp_path), measured=tmp_path)
    for module in (table2_full, table4_selection):
        table = module.make(empty).table
        ours = [index for index, title in enumerate(table.header) if title.startswith("Ours")]
        cells = {row[index] for row in table.rows for index in ours}
        assert cells <= {HOLE, "-", "50"}
        assert HOLE in cells
        latex.check(to_latex(table))
    made = verdicts.make(verdicts.judged(empty))
    assert all(panel.hole for panel in made.figure.panels)
    assert made.holes == sum(len(verdict.parts) for verdict in verdicts.judged(empty)) - 1 + 2


def test_a_person_without_a_full_reference_is_not_averaged_away(sample):
    lacking = sample.atlas[~((sample.atlas["person"] == "p1") & sample.atlas["full"].astype(bool))]
    row = next(row for row in table2_full.make(replace(sample, atlas=lacking)).table.rows if row[0] == "InsTaG")
    assert row[6].endswith("(3)")


def test_table_3_names_the_ratios_that_do_not_follow(sample):
    table = table3_time.make(sample).table
    follows = {row[0]: row[6] for row in table.rows}
    assert [name for name, word in follows.items() if word == "no"] == ["RAD-NeRF", "InsTaG"]
    assert sum(row[7] == "yes" for row in table.rows) == 5
    ranks = {row[0]: (row[8], row[9]) for row in table.rows}
    assert ranks["InsTaG"] == ("3", "2")
    assert "Do not follow from Table 2: RAD-NeRF, InsTaG." in table.notes
    assert "In the other order than printed: InsTaG and SyncTalk, ISExplore 5 s." in table.notes


def test_random_is_the_mean_of_all_and_the_best_is_above_every_selector(sample):
    found = table4_selection.segments(sample.atlas)
    random, best = (table4_selection.scores(found, tag, SYNC) for tag in ("random", "best"))
    for person, own in found.rows.groupby("person"):
        assert random[person] == pytest.approx(own[SYNC].mean())
        assert best[person] == own[SYNC].max()
    assert all(value > 80 for value in table4_selection.percentiles(found, "audio").values())


def test_the_command_says_where_the_page_is(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(paper, "write", lambda sources, out: [])
    assert paper.main(["--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'paper.html'}\n"


def test_official_sync_c_stands_beside_the_share_where_it_was_measured(sample):
    assert {row[5] for row in table4_selection.make(sample).table.rows} == {HOLE}
    measured = replace(sample, atlas=sample.atlas.assign(sync_c=7 * sample.atlas[SYNC].astype(float)))
    table = table4_selection.make(measured).table
    assert table.header[5] == "Ours: Sync-C"
    assert all(row[5].endswith("(4)") for row in table.rows)
    official = verdicts.beside(measured, 1)["official Sync-C"][0]
    share = verdicts.judged(measured)[1].decisive
    assert official.value == pytest.approx(7 * share.value)
    assert isinstance(verdicts.beside(sample, 1)["official Sync-C"][0], Hole)


def test_it_needs_neither_torch_nor_a_tracker():
    code = "import sys, analysis.paper.__main__; sys.exit(' '.join({'torch', 'wandb', 'mediapipe'} & set(sys.modules)) or 0)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
