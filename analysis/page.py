"""paper.html: one page that opens from a file, with the claims on top and every artefact below; plotly is in it once."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from analysis.artefact import NOT_AT_HAND, Artefact
from analysis.figures import BAND, LINE, WHISKERS, Figure, Panel, Series
from analysis.power import MOST
from analysis.tables import HOLE
from analysis.verdicts import FAILS, HOLDS, UNDERPOWERED, VERDICTS, Effect, Hole, Verdict
from tfg.record.tabular import Table

TEMPLATE = Path(__file__).resolve().parent / "page.html"
CLASSES = {HOLDS: "holds", FAILS: "fails", UNDERPOWERED: "weak"}  # of a badge; else a hole
PANEL_PIXELS, NAMES_PIXELS = 340, 110  # the latter for long names below an axis
Beside = Mapping[str, Sequence[Effect | Hole]]


def page(verdicts: Sequence[tuple[Verdict, Beside]], artefacts: Sequence[Artefact], size: str) -> str:
    """`size`: what the numbers are of, a sentence."""
    count = Counter(verdict.outcome for verdict, _ in verdicts)
    return Template(TEMPLATE.read_text()).substitute(
        plotly=get_plotlyjs(),
        size=escape(size),
        tally="".join(f"{_badge(outcome, f'{count[outcome]} {outcome}')}" for outcome in VERDICTS if count[outcome]),
        claims="".join(_claim(verdict, beside) for verdict, beside in verdicts),
        contents="".join(f'<a href="#{made.name}">{escape(made.table.caption)}</a>' for made in artefacts),
        artefacts="".join(map(_artefact, artefacts)),
    )


def _prose(text: str) -> str:
    """Escaped, with `code` as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _badge(outcome: str, text: str) -> str:
    return f'<span class="badge {CLASSES.get(outcome, "hole")}">{escape(text)}</span>'


def _claim(verdict: Verdict, beside: Beside) -> str:
    claim, found = verdict.claim, verdict.decisive
    unit = next(part.unit for part, _, effect in verdict.parts if effect is found)
    lines = [f"<p><i>{escape(claim.paper)}.</i> Published: {_prose(claim.published)}.</p><p>{_prose(claim.test)}</p>"]
    lines += [
        f"<p><b>{escape(part.name)}</b>: {escape(outcome)}. {_effect(effect, part.unit)}</p>"
        for part, outcome, effect in verdict.parts
    ]
    lines += [
        f"<p>{escape(name)}: {'; '.join(_effect(effect, '') for effect in effects)}</p>"
        for name, effects in beside.items()
    ]
    rules = "; ".join(f"<b>{name}</b>: {_prose(when)}" for name, when in claim.outcomes().items())
    people = ""
    if verdict.outcome == UNDERPOWERED:
        needed, decide = (
            count or f"more than {MOST}" for count in (verdict.people_needed(), verdict.people_to_decide())
        )
        people = f" 80 % power at the smallest effect needs {needed} people; to decide at this one, {decide}."
    return (
        f'<div class="claim" id="claim{claim.number}"><b>{claim.number}</b><div><p>{_prose(claim.sentence)}</p>'
        f'<p class="effect">{_effect(found, unit)}{people}</p>'
        f"<details><summary>test, parts, other people and scores</summary>{''.join(lines)}<p>{rules}.</p></details></div>"
        f"<div>{_badge(verdict.outcome, verdict.outcome)}</div></div>"
    )


def _effect(found: Effect | Hole, unit: str) -> str:
    if isinstance(found, Hole):
        return f"Not measured: {_prose(found.reason)}. <code>{escape(found.command)}</code>"
    ends = "" if found.low is None or found.high is None else f" [{found.low:.3g}, {found.high:.3g}]"
    size = f" ({len(found.people)} people, {found.heads} heads)" if found.people else ""
    left_out = f" Left out: {_prose('; '.join(found.left_out))}." if found.left_out else ""
    return f"{found.value:.3g}{ends} {escape(unit)}{size}.{left_out}"


def _artefact(made: Artefact) -> str:
    parts = [f'<h2 id="{made.name}">{escape(made.table.caption)}</h2><p class="where">{_prose(made.where)}</p>']
    parts.append(f"<p>{_prose(made.said)}</p>")
    if made.figure is not None:
        parts.append(_figure(made.figure, made.name))
    for picture in made.pictures:
        data = base64.b64encode(picture.path.read_bytes()).decode()
        parts.append(
            f'<figure><img alt="{escape(picture.caption)}" src="data:image/png;base64,{data}"><figcaption>{escape(picture.caption)}'
            "</figcaption></figure>"
        )
    parts.append(_table(made.table))
    commands = " ".join(f"<code>{escape(command)}</code>" for command in made.commands)
    files = [f"{made.name}.{suffix}" for suffix in ("csv", "md", "tex", *(("png", "svg") if made.figure else ()))]
    links = " ".join(f'<a href="{name}">{name.rsplit(".", 1)[1]}</a>' for name in files)
    parts.append(f'<p class="where">Made by {commands}. Files: {links}</p>')
    return "".join(parts)


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    notes = "".join(f"<li>{_prose(note)}</li>" for note in table.notes)
    scroll = f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.caption)}">'
    return f'{scroll}<table><tr>{head}</tr>{body}</table></div><ul class="notes">{notes}</ul>'


def _cell(text: str) -> str:
    kind = ' class="hole"' if text == HOLE else ' class="absent"' if text == NOT_AT_HAND else ""
    return f"<td{kind}>{escape(text)}</td>"


def _figure(figure: Figure, name: str) -> str:
    whole = [panel for panel in figure.panels if not panel.hole]
    holes = [panel for panel in figure.panels if panel.hole]
    missing = "".join(
        f'<p class="missing">Missing: {escape(panel.y_title or panel.title)} over {escape(panel.x_title.lower() or "people")}; '
        f"run <code>{escape(panel.hole)}</code></p>"
        for panel in holes
    )
    if not whole:
        return missing
    columns = min(figure.columns, len(whole))
    rows = -(-len(whole) // columns)
    drawn = make_subplots(
        rows, columns, subplot_titles=[panel.title for panel in whole], vertical_spacing=0.4 / rows if rows > 1 else 0
    )
    for index, panel in enumerate(whole):
        place = {"row": index // columns + 1, "col": index % columns + 1}
        for series in panel.series:
            drawn.add_traces(_traces(series), place["row"], place["col"])
        drawn.update_xaxes(title=panel.x_title, **place)
        drawn.update_yaxes(title=panel.y_title, **place)
    drawn.update_layout(
        height=(PANEL_PIXELS + (NAMES_PIXELS if _named(whole) else 0)) * rows,
        template="simple_white",
        font={"size": 12},
        margin={"l": 60, "r": 10, "t": 30, "b": 50},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"x": 1.0, "xanchor": "left", "y": 1.0},
    )
    drawn.update_annotations(font_size=12)
    return (
        drawn.to_html(
            full_html=False,
            include_plotlyjs=False,
            div_id=f"figure-{name}",
            config={"displayModeBar": False, "responsive": True},
        )
        + missing
    )


def _named(panels: Sequence[Panel]) -> bool:
    return any(isinstance(x, str) and len(x) > 10 for panel in panels for series in panel.series for x in series.x)


def _traces(series: Series) -> list[go.Scatter]:
    shown = {"name": series.name, "showlegend": bool(series.name), "x": list(series.x)}
    if series.kind == BAND:
        faint = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, "x": list(series.x)}
        fill = {"fill": "tonexty", "fillcolor": "rgba(60,60,60,0.15)"}
        return [go.Scatter(y=list(series.low), **faint), go.Scatter(y=list(series.high), **faint, **fill)]
    if series.kind == LINE:
        return [go.Scatter(y=list(series.y), mode="lines", line={"color": series.colour, "width": 2}, **shown)]
    points = {"mode": "markers", "marker": {"color": series.colour, "opacity": 0.5 if series.faint else 0.9, "size": 7}}
    texts = (
        {"text": list(series.texts), "hovertemplate": "%{text}<br>%{x}, %{y:.3f}<extra></extra>"}
        if series.texts
        else {}
    )
    if series.kind == WHISKERS:
        above = [high - value for value, high in zip(series.y, series.high, strict=True)]
        below = [value - low for value, low in zip(series.y, series.low, strict=True)]
        points["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": above,
            "arrayminus": below,
            "color": series.colour,
        }
    return [go.Scatter(y=list(series.y), **points, **texts, **shown)]
