"""The page in a browser: pictures are shown by the clock of the sound."""

import io

import numpy as np
import pytest
from chromium import browser
from live_pages import live, served
from scipy.io import wavfile

SEND = """
(async () => {
  const answer = await fetch("/sound", {method: "POST", headers: {"X-Session": SESSION}, body: new Uint8Array(BODY)});
  return answer.status;
})()
"""


@pytest.fixture
def page(tmp_path):
    with served(live()) as port, browser(tmp_path) as page:
        page.open(f"http://127.0.0.1:{port}/")
        page.wait("document.getElementById('state').textContent === 'Ready'")
        yield page


def spoken(seconds):
    file = io.BytesIO()
    wavfile.write(file, 16_000, np.random.default_rng(0).normal(0, 3000, round(seconds * 16_000)).astype(np.int16))
    return list(file.getvalue())


def test_the_head_moves_before_anything_is_asked_and_each_picture_is_shown_in_its_own_40_ms(page):
    page.click("figcaption")  # a browser gives a page its sound after a click
    page.wait("tfgLive.player.context.state === 'running'")
    session = page.evaluate("tfgLive.player.records.length = 0, tfgLive.settings.session")
    assert page.evaluate(SEND.replace("SESSION", repr(session)).replace("BODY", str(spoken(1.0)))) == 200
    page.wait("tfgLive.player.records.length > 40")
    shown = np.array(page.evaluate("tfgLive.player.records"))
    assert (np.diff(shown[:, 0]) > 0).all()
    offsets = (shown[:, 2] - shown[:, 1]) / 0.04
    assert offsets.min() >= -1e-6
    assert np.median(offsets) <= 1
    assert page.complaints == []


def test_what_cannot_be_said_is_a_line_on_the_page(page):
    page.evaluate("document.getElementById('text').value = '\\u200b'")
    page.click("#speak")
    page.wait("document.getElementById('line').textContent.includes('the text is empty')")
    assert all("/" in url and "127.0.0.1" in url for url in page.requests if not url.startswith("blob:"))


def test_a_second_page_says_that_there_is_another(page, tmp_path):
    url = page.evaluate("location.href")
    with browser(tmp_path / "second") as second:
        second.open(url)
        second.wait("document.getElementById('line').textContent.startsWith('another page has this head')")
        assert second.evaluate("document.getElementById('speak').disabled")
