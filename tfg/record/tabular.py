"""A table once, written as CSV, Markdown and LaTeX. Standard library only."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Table:
    """Printed cells for people, exact numbers for programs, and what a reader must know."""

    name: str  # file name without suffix
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    record_header: tuple[str, ...]  # of the CSV
    records: tuple[tuple[object, ...], ...]  # full precision; None is an empty field
    notes: tuple[str, ...] = ()


def write(table: Table, folder: Path) -> list[Path]:
    """`<name>.csv`, `.md` and `.tex` in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"csv": to_csv(table), "md": to_markdown(table), "tex": to_latex(table)}
    paths = []
    for suffix, text in texts.items():
        path = folder / f"{table.name}.{suffix}"
        path.write_text(text)
        paths.append(path)
    return paths


def to_csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.record_header)
    writer.writerows(table.records)
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """Columns are padded, so that it also reads in a terminal."""
    widths = [max(len(row[column]) for row in (table.header, *table.rows)) for column in range(len(table.header))]

    def line(row: tuple[str, ...]) -> str:
        first, *others = [
            cell.ljust(width) if not i else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "| " + " | ".join([first, *others]) + " |"

    rule = (
        "|" + "|".join("-" * (width + 2) if not i else "-" * (width + 1) + ":" for i, width in enumerate(widths)) + "|"
    )
    lines = [table.caption, "", line(table.header), rule, *map(line, table.rows)]
    if table.notes:
        lines += ["", *(f"- {note}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def to_latex(table: Table) -> str:
    """A booktabs table with its notes below."""
    body = [" & ".join(map(_escape, row)) + r" \\" for row in table.rows]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escape(table.caption)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}",
        r"\toprule",
        " & ".join(map(_escape, table.header)) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\footnotesize {_escape(note)}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


_LATEX = str.maketrans(
    {char: rf"\{char}" for char in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$"}
    | {"\u2191": r"$\uparrow$", "\u2193": r"$\downarrow$"}
)


def _escape(text: str) -> str:
    arrows = text.replace(" (up)", " \u2191").replace(" (down)", " \u2193")
    return " ".join(arrows.translate(_LATEX).split())
