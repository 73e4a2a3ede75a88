"""README and docs say what is: every option of conf/ stands in the README, every link leads somewhere, no index is named."""

import re
from pathlib import Path

import pytest

from tfg.atlas import rule
from tfg.atlas.bench import QUALITIES, judge
from tfg.atlas.table import read as read_atlas
from tfg.configuration import folder

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= 100


def test_the_readme_names_every_option_of_every_axis():
    rows = dict(re.findall(r"^\| (`.+?) \| (.+) \|$", README.read_text(), flags=re.MULTILINE))
    for axis in folder().iterdir():
        options = (
            {path.stem for path in axis.glob("*.yaml")}
            if axis.is_dir() and axis.name not in ("clip", "sweeps")
            else set()
        )
        named = next((text for row, text in rows.items() if f"`{axis.name}=`" in row), "")
        assert options - {"same"} <= set(re.findall(r"`(\w+)`", named)), axis.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_package_index_is_named(page):
    assert not re.search(r"pypi\.|pythonhosted|download\.pytorch|simple/", page.read_text())


SELECTORS = ("first", "audio", "lip", "camera", "lip_camera", "isexplore")
MEASURED = ROOT / "analysis" / "data" / "measured"


def answer_so_far():
    text = (ROOT / "docs" / "results.md").read_text()
    return text[text.index("## How much video") : text.index("**Not known yet**")]


@pytest.mark.parametrize("name", ["priors.md", "length.md"])
def test_the_answer_at_the_top_of_the_results_has_the_numbers_of_its_tables(name):
    rows = [line for line in answer_so_far().splitlines() if f"`{name}`" in line]
    found = [number for row in rows for number in re.findall(r"-?\d+\.\d\d \[-?\d+\.\d\d, \d+\.\d\d\]", row)]
    assert len(found) >= 2
    assert [number for number in found if number not in (MEASURED / name).read_text()] == []


def test_the_answer_at_the_top_of_the_results_has_what_bench_prints_of_the_atlas():
    """Written anew when another part of the atlas is committed."""
    people = read_atlas(MEASURED / "atlas.csv", backbone="instag", seconds=5.0)
    rules = [rule.read(name) for name in ("random", *SELECTORS)]
    verdicts = [verdict for quality in QUALITIES for verdict in judge(rules, people, quality, ["random"])]
    ahead = {(one.rule, one.quality): found for one in verdicts for found in one.ahead.values()}
    text = answer_so_far()
    in_time = [person for person in people if person.name != "p10"]
    (share,) = [
        one.ahead["random"] for one in judge(rules, in_time, "gain_sync_share", ["random"]) if one.rule == "isexplore"
    ]
    assert f"+{share.mean:.3f} [{share.low:.3f}, {share.high:.3f}] without p10" in text
    assert len(ahead) == 18
    sure = {key for key, found in ahead.items() if found.low * found.high > 0}
    assert sure == set()
    for key in [("isexplore", quality) for quality in ("gain_sync_share", "mouth_correlation", "psnr_face")]:
        found, digits = ahead[key], 2 if key[1] == "psnr_face" else 3
        assert f" [{found.low:.{digits}f}, {found.high:.{digits}f}]" in text, key
