"""Every table and figure of the paper with ours beside, from committed data alone: `python -m analysis.paper --out DIR`.

Writes each artefact (Markdown, CSV, LaTeX; figures as PNG and SVG), verdicts.csv and paper.html. What was not measured is a hole that
shows; a summary on stderr counts the holes. No torch, no network. With --results the same of your own runs (--clip: of some clips).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis import artefact
from analysis.artefact import Artefact
from analysis.load import IncompleteGrid
from analysis.own import own_sources
from analysis.page import page
from analysis.paper import (
    figure1_spread,
    figure2_diversity,
    figure3_thresholds,
    figure5_pictures,
    figure_length,
    figure_same_motion,
    table1_poses,
    table2_full,
    table3_time,
    table4_selection,
    table_cross_domain,
    table_extractors,
    table_memory,
    table_selection_cost,
    verdicts,
)
from analysis.script import MEASURED
from analysis.sources import Sources, read_sources
from experiments.atlas import GRID, PEOPLE

OUT = Path(__file__).resolve().parent.parent / "out" / "paper"
ARTEFACTS = (
    figure1_spread,
    figure2_diversity,
    figure3_thresholds,
    table1_poses,
    figure_same_motion,
    table2_full,
    table3_time,
    table4_selection,
    figure5_pictures,
    figure_length,
    table_selection_cost,
    table_extractors,
    table_cross_domain,
    table_memory,
)


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the data are damaged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder for the files (default {OUT})")
    parser.add_argument(
        "--measured", type=Path, default=MEASURED, help=f"folder of atlas.csv and the other tables (default {MEASURED})"
    )
    parser.add_argument("--results", type=Path, help="folder of your own runs, in place of the committed data")
    parser.add_argument(
        "--clip", action="append", default=[], metavar="NAME", help="with --results: only of this clip; may be repeated"
    )
    options = parser.parse_args(arguments)
    if options.clip and options.results is None:
        parser.error("--clip: give --results, the folder of your runs, too")
    try:
        own = None if options.results is None else own_sources(options.results, tuple(options.clip))
        made = write(own or read_sources(options.measured), options.out)
    except IncompleteGrid as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 1
    holes = [f"{one.name} {one.holes}" for one in made if one.holes]
    print(options.out / "paper.html")
    print(f"{len(made)} artefacts; holes: {', '.join(holes) or 'none'}", file=sys.stderr)
    return 0


def write(sources: Sources, out: Path) -> list[Artefact]:
    """All files; the artefacts that they are of."""
    out.mkdir(parents=True, exist_ok=True)
    judged = verdicts.judged(sources)
    made = [verdicts.make(judged), *(one.make(sources) for one in ARTEFACTS)]
    for one in made:
        artefact.write(one, out)
    verdicts.write_csv(judged, out / "verdicts.csv")
    shown = [(verdict, verdicts.beside(sources, index)) for index, verdict in enumerate(judged)]
    (out / "paper.html").write_text(page(shown, made, size(sources)))
    return made


def size(sources: Sources) -> str:
    """How much of the atlas there is."""
    heads = sources.atlas
    if heads.empty:
        return "The atlas of heads is not measured yet: what needs it is a hole."
    commits = ", ".join(sorted({str(commit)[:8] for commit in heads["commit"]}))
    made = f"{len(heads)} heads of {heads['person'].nunique()} people, trained at {commits}."
    if len(heads) >= len(GRID.cells) or not set(heads["person"]) <= set(PEOPLE):  # whole, or of your own runs
        return made
    return (
        f"{made} The atlas is not finished (it has {len(GRID.cells)} heads): verdicts that rest on it are provisional."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
