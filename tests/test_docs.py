"""README and docs say what is: every option of conf/ stands in the README, every link leads somewhere, no index is named."""

import re
from pathlib import Path

import pytest

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
