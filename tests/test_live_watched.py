"""A training in the page: what a page is given, and how it becomes the head's."""

import numpy as np
import pytest
from live_pages import Lamp, Page, asked, drive, live, served

from tfg.live import watched
from tfg.live.server import Live
from tfg.live.watched import MOST_PAGES, OVER, REFUSED, TOO_MANY, Watched
from tfg.progress import HowFar

SCORES = [
    {"start": float(start), "diversity": 8.0 + start % 3, "motion_complexity": None, "score": None, "note": None}
    for start in range(6)
]
CHOSEN = {"start": 2.0, "seconds": 5.0, "method": "isexplore", "scores": SCORES, "cost": {}, "definition": ""}


@pytest.fixture
def training():
    """Of a run that has been trained for 40 of 100 steps."""
    run = Watched("isexplore-p-0")
    run.stage("selection")
    run.selected(CHOSEN)
    run.stage("training")
    run.line("going on from step 20 of 100")
    run.advanced(HowFar(label="training", done=40, total=100, unit="steps", rate=20.0, note="face loss 0.0100"))
    run.pictured(40, np.full((32, 32, 3), 200, np.uint8), np.zeros((32, 32, 3), np.uint8))
    return Live(live().limits, run)


def texts(page, count):
    while len(page.texts) < count and page.closed is None:
        page.next()
    return page.texts


def test_a_page_is_given_the_newest_of_a_training_whenever_it_comes(training):
    with served(training) as port:
        page = Page(port)
        selection, newest = texts(page, 2)
        assert (selection["kind"], selection["start"], len(selection["scores"])) == ("selection", 2.0, 6)
        assert (newest["kind"], newest["stage"], newest["step"]) == ("training", "training", 40)
        assert newest["work"]["secondsLeft"] == 3.0
        training.watched.line("another")
        assert texts(page, 3)[2]["line"] == "another"
        page.close()


def test_its_pictures_are_two_files(training):
    with served(training) as port:
        for name in ("made", "truth"):
            status, content = asked(port, "GET", f"/{name}.jpg?40", {})
            assert (status, content[6:10]) == (200, "JFIF")


def test_without_a_training_there_are_none():
    with served(live()) as port:
        assert asked(port, "GET", "/made.jpg", {})[0] == 404


def test_a_training_that_ends_closes_its_pages_and_the_next_stream_is_the_heads(training):
    with served(training) as port:
        page = Page(port)
        texts(page, 2)
        training.answer_with(Lamp(), drive(), 0.001)
        page.until(lambda: page.closed)
        page.close()
        assert (page.texts[-1], page.closed) == ({"kind": "trained"}, OVER)
        again = Page(port)
        again.until(lambda: len(again.packets) > 20)
        assert again.texts[0]["kind"] == "ready"
        again.close()


def test_a_run_that_fails_is_one_line(training):
    with served(training) as port:
        page = Page(port)
        texts(page, 2)
        training.watched.ended("the run has failed: no face")
        page.until(lambda: page.closed)
        page.close()
        assert page.texts[-1] == {"kind": "failed", "line": "the run has failed: no face"}


def test_before_there_is_a_head_nothing_can_be_said(training):
    with served(training) as port:
        headers = {"Origin": f"http://127.0.0.1:{port}", "X-Session": "guessed"}
        assert asked(port, "POST", "/say", headers, b"hello")[0] == 409


def test_several_pages_look_and_too_many_are_told_so(training, monkeypatch):
    assert MOST_PAGES >= 2
    monkeypatch.setattr(watched, "MOST_PAGES", 2)
    with served(training) as port:
        pages = [Page(port), Page(port)]
        for page in pages:
            texts(page, 2)
        third = Page(port)
        third.until(lambda: third.closed)
        assert (third.texts, third.closed) == ([{"kind": "refused", "line": TOO_MANY}], REFUSED)
        for page in [*pages, third]:
            page.close()
