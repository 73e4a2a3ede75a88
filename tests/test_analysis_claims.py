"""The claims: one source for the page and for the code, and a rule that can come out three ways."""

from analysis.claims import MORE, NOT_LESS, PAGE, read_claims, to_markdown


def test_the_page_is_made_from_the_record():
    assert PAGE.read_text() == to_markdown(), "run `python -m analysis.claims`"


def test_there_are_twelve_claims_with_a_size_and_a_unit_each():
    claims = read_claims()
    assert [claim.number for claim in claims] == list(range(1, 13))
    assert len({claim.name for claim in claims}) == 12
    assert all(part.smallest >= 0 and part.unit for claim in claims for part in claim.parts)
    assert all(part.smallest > 0 for claim in claims if claim.rule in (MORE, NOT_LESS) for part in claim.parts)


def test_what_counts_is_said_with_the_size():
    (spread, *_), comparable = read_claims(), read_claims()[6]
    assert spread.outcomes()["does not hold"] == "the high end is below 0.05 of the truth's sync"
    assert comparable.outcomes()["holds"] == "the low end is above -0.1 of the truth's sync and -0.5 dB (every part)"
