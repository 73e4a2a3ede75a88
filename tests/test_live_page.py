"""The page in a browser: pictures are shown by the clock of the sound."""

import io

import numpy as np
import pytest
from chromium import browser
from live_pages import Lamp, drive, live, served
from scipy.io import wavfile

from tfg.live.server import Live
from tfg.live.watched import Watched
from tfg.progress import HowFar

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


HEARD = """
(() => {
  const player = tfgLive.player, play = player.play.bind(player);
  tfgLive.heard = [];
  player.play = (time, samples) => (tfgLive.heard.push(...samples), play(time, samples));
})()
"""


def test_a_microphone_of_another_rate_is_answered_in_16_khz_until_the_button_is_pressed_again(tmp_path):
    moments = np.arange(10 * 48_000) / 48_000
    bursts = np.sin(2 * np.pi * 1000 * moments) * (
        moments % 0.5 < 0.2
    )  # no steady tone, which would be taken for noise
    wavfile.write(tmp_path / "spoken.wav", 48_000, (20_000 * bursts).astype(np.int16))
    with served(live()) as port, browser(tmp_path / "profile", tmp_path / "spoken.wav") as page:
        page.open(f"http://127.0.0.1:{port}/")
        page.wait("document.getElementById('state').textContent === 'Ready'")
        page.evaluate(HEARD)
        page.click("#listen")
        page.wait("document.getElementById('listen').getAttribute('aria-pressed') === 'true'")
        page.wait("tfgLive.heard.length > 3 * 16000")
        page.click("#listen")
        page.wait("document.getElementById('listen').getAttribute('aria-pressed') === 'false'")
        heard = np.array(page.evaluate("tfgLive.heard"))
        assert page.complaints == []
    power = np.abs(np.fft.rfft(heard)) ** 2
    loudest = np.fft.rfftfreq(len(heard), 1 / 16_000)[power.argmax()]
    assert abs(loudest - 1000) < 10  # at another rate it would be 333 or 3000
    loud = np.abs(heard[: len(heard) // 640 * 640]).reshape(-1, 640).max(axis=1) > 0.1
    assert 0.2 < loud.mean() < 0.8  # bursts and pauses


def test_a_training_is_seen_as_it_runs_and_turns_into_its_head(tmp_path):
    run = Watched("isexplore-p-0")
    training = Live(live().limits, run)
    with served(training) as port, browser(tmp_path) as page:
        page.open(f"http://127.0.0.1:{port}/")
        run.stage("selection")
        scores = [
            {
                "start": float(k),
                "diversity": 8 + k % 3,
                "motion_complexity": 0.1 if k in (2, 5) else None,
                "score": None,
            }
            for k in range(9)
        ]
        run.selected({"start": 2.0, "seconds": 5.0, "method": "isexplore", "scores": scores})
        run.stage("training")
        run.advanced(HowFar(label="training", done=700, total=2800, unit="steps", rate=35.0, note="face loss 0.01"))
        run.pictured(700, np.full((64, 64, 3), 90, np.uint8), np.full((64, 64, 3), 200, np.uint8))
        page.wait(
            "document.getElementById('made').naturalWidth === 64 && document.getElementById('truth').naturalWidth === 64"
        )
        texts = "['stage', 'step', 'work', 'chosen'].map((id) => document.getElementById(id).textContent)"
        stage, step, work, chosen = page.evaluate(texts)
        assert (stage, step) == ("Training", "700")
        assert work == "700 of 2800 steps, 35.0/s, 1:00 left, face loss 0.01"
        assert chosen.startswith("isexplore chose 2 to 7 s of 9 candidates.")
        assert page.evaluate("document.querySelectorAll('#curve circle').length") == 2
        assert not page.evaluate("document.getElementById('head').checkVisibility()")
        training.answer_with(Lamp(), drive(), 0.001)
        page.wait("document.getElementById('state').textContent === 'Ready'")
        assert not page.evaluate("document.getElementById('training').checkVisibility()")
        assert page.complaints == []


def test_several_pieces_are_shaded_one_by_one(tmp_path):
    run = Watched("pieces-p-0")
    with served(Live(live().limits, run)) as port, browser(tmp_path) as page:
        page.open(f"http://127.0.0.1:{port}/")
        scores = [
            {
                "start": float(k),
                "diversity": None,
                "motion_complexity": 0.1 + 0.01 * k if k < 5 else None,
                "score": 1.0 if k in (1, 3, 4) else None,
            }
            for k in range(9)
        ]
        pieces = [{"start": 1.0, "seconds": 1.0}, {"start": 3.0, "seconds": 2.0}]
        run.selected(
            {"start": 1.0, "seconds": 3.0, "method": "pieces", "scores": scores, "pieces": pieces, "piece_seconds": 1.0}
        )
        page.wait("document.getElementById('chosen').textContent !== ''")
        chosen = page.evaluate("document.getElementById('chosen').textContent")
        assert chosen.startswith("pieces chose 1 to 2, 3 to 5 s of 9 candidates.")
        assert page.evaluate("document.querySelectorAll('#curve rect.chosen').length") == 2
        assert page.evaluate("document.querySelectorAll('#curve circle.best').length") == 3
        assert page.complaints == []


def test_a_training_that_fails_says_why(tmp_path):
    run = Watched("isexplore-p-0")
    with served(Live(live().limits, run)) as port, browser(tmp_path) as page:
        page.open(f"http://127.0.0.1:{port}/")
        page.wait("!document.getElementById('training').hidden")
        run.ended("the run has failed: no face")
        page.wait("document.getElementById('line').textContent === 'the run has failed: no face'")
