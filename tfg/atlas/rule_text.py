"""A rule of fixed weights as the YAML that tfg/atlas/rule.py reads."""

from __future__ import annotations

from tfg.atlas.rule import LINEAR, SUM, Rule


def lines(rule: Rule) -> list[str]:
    """Of a SUM or LINEAR; every number to six digits."""
    assert rule.kind in (SUM, LINEAR)
    return [
        *_shortlist(rule),
        "score:",
        f"  {rule.kind}:",
        *_terms(rule),
        f"learned_from: [{', '.join(rule.learned_from)}]",
    ]


def _shortlist(rule: Rule) -> list[str]:
    if (listed := rule.shortlist) is None:
        return []
    by = f"{'-' if listed.sign < 0 else ''}{listed.by}"
    overlap = "" if listed.max_overlap is None else f", max_overlap: {listed.max_overlap:g}"
    return [f"shortlist: {{by: {by}, top: {listed.top}{overlap}}}"]


def _terms(rule: Rule) -> list[str]:
    if rule.kind == SUM:
        return [f"    {column}: {weight:.6g}" for column, weight in rule.terms.items()]
    return [
        f"    {column}: {{weight: {weight:.6g}, mean: {rule.scales[column].mean:.6g}, deviation: {rule.scales[column].deviation:.6g}}}"
        for column, weight in rule.terms.items()
    ]
