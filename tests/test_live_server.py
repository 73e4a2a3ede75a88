"""`tfg live` from outside: who is answered, what is refused in one line, and that nothing hangs."""

import io
import socket
import threading

import numpy as np
import pytest
from live_pages import RESET, Page, asked, live, served
from scipy.io import wavfile

from tfg.live.address import listening_socket
from tfg.live.server import FILES
from tfg.live.session import BUSY, MOST_PIECE, REFUSED
from tfg.types import InputError


@pytest.fixture(scope="module")
def port():
    with served(live()) as port:
        yield port


@pytest.fixture
def page(port):
    page = Page(port)
    page.until(lambda: page.texts or page.closed)
    while page.texts[0]["kind"] == "refused":  # the page before is being left
        page.close()
        page = Page(port)
        page.until(lambda now=page: now.texts)
    yield page
    page.close()


def wav(seconds, rate=16_000):
    file = io.BytesIO()
    sound = np.random.default_rng(0).normal(0, 3000, round(seconds * rate)).astype(np.int16)
    wavfile.write(file, rate, sound)
    return file.getvalue()


def says_nothing_hangs(page):
    seen = len(page.packets)
    page.until(lambda: len(page.packets) > seen + 20)


def test_a_page_gets_frames_in_turn(page):
    page.until(lambda: len(page.packets) > 30)
    assert [frame for frame, _, _ in page.packets] == list(range(len(page.packets)))
    assert all(picture[:2] == b"\xff\xd8" for _, _, picture in page.packets)


def test_a_file_is_said_whole_with_its_own_sound(page):
    status, answer = page.post("/sound", wav(1.0))
    assert (status, answer) == (200, {"seconds": 1.0})
    page.until(lambda: sum(sound is not None for _, sound, _ in page.packets) == 25)
    said = np.concatenate([sound for _, sound, _ in page.packets if sound is not None])
    _, given = wavfile.read(io.BytesIO(wav(1.0)))
    assert np.abs(said - given / 2**15).max() < 1e-4  # 16 bit


def test_a_text_is_said(page):
    status, answer = page.post("/say", b"Hello.")
    assert status == 200
    assert 0.3 < answer["seconds"] < 3
    page.until(lambda: any(sound is not None for _, sound, _ in page.packets))


@pytest.mark.parametrize(
    ("path", "body", "line"),
    [
        ("/sound", b"no sound " * 50, "the file: no sound in it ("),
        ("/sound", b"", "the file is empty; give a wav"),
        ("/sound", wav(0.0), "the file: "),
        ("/sound", wav(0.03), "the file: shorter than one frame (0.04 s); give more speech"),
        ("/sound", wav(21.0), "the file: its sound is longer than 20 s, which is the most"),
        ("/sound", bytes(1_000_001), "it is larger than 1 MB, which is the most"),
        ("/say", b" \n\x00 ", "the text is empty; type a sentence"),
        ("/say", b"a" * 1001, "the text has 1001 characters; 1000 at most can be said at once"),
        ("/say", b"a" * 8001, "it is larger than 0.008 MB, which is the most"),
        ("/say", b"\xff", "the text is not UTF-8"),
    ],
)
def test_what_cannot_be_said_is_one_line_and_the_stream_goes_on(page, path, body, line):
    status, answer = page.post(path, body)
    assert status == 400
    assert answer["error"].startswith(line)
    assert "\n" not in answer["error"]
    assert "/tmp" not in answer["error"]
    says_nothing_hangs(page)


def test_a_second_page_is_told_that_there_is_one_and_may_come_when_that_is_gone(page, port):
    second = Page(port)
    second.until(lambda: second.closed)
    second.close()
    assert (second.texts, second.closed) == ([{"kind": "refused", "line": BUSY}], REFUSED)
    origin = {"Origin": f"http://127.0.0.1:{port}", "X-Session": "guessed"}
    assert asked(port, "POST", "/say", origin, b"hello") == (409, {"error": BUSY})
    page.close()
    kinds = {second.texts[0]["kind"]}
    while "ready" not in kinds:
        third = Page(port)
        third.until(lambda page=third: page.texts)
        third.close()
        kinds.add(third.texts[0]["kind"])


def test_a_page_that_leaves_while_the_head_speaks_leaves_no_thread(page):
    page.post("/sound", wav(10.0))
    page.until(lambda: any(sound is not None for _, sound, _ in page.packets))
    page.close()
    for thread in threading.enumerate():
        if thread.name in ("rendering", "Known", "Microphone"):
            thread.join(30)
            assert not thread.is_alive(), thread


def test_a_microphone_is_answered_with_its_own_sound(page):
    page.ask("listen")
    spoken = np.arange(640 * 10, dtype=np.int16)
    for start in range(0, len(spoken), 640):
        page.send(spoken[start : start + 640].tobytes())
    page.until(lambda: sum(sound is not None for _, sound, _ in page.packets) >= 8)
    heard = [sound for _, sound, _ in page.packets if sound is not None]
    starts = {round(float(sound[0]) * 32767) // 640 for sound in heard}
    assert len(starts) == len(heard)
    page.ask("stop")
    says_nothing_hangs(page)


@pytest.mark.parametrize("message", ["", "[]", "{}", '{"do": "__init__"}', '{"do": "shown", "frame": "1"}', "null"])
def test_an_unknown_message_is_one_line(page, message):
    page.send(message)
    page.until(lambda: len(page.texts) > 1)
    assert page.texts[-1]["kind"] == "error"
    assert page.texts[-1]["line"].endswith("; load it again")


def test_a_message_larger_than_a_second_of_sound_ends_the_stream(page):
    page.send(bytes(4 * MOST_PIECE + 1))  # of which nothing is left unread, so that the reason arrives before the end
    page.until(lambda: page.closed)
    assert page.closed == 1009


def test_the_rest_of_a_far_larger_message_is_not_waited_for(page):
    page.send(bytes(1_000_000))
    page.until(lambda: page.closed)
    assert page.closed in (1009, RESET)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost:1", "evil.example:{port}", "127.0.0.1.evil:{port}"]
)
def test_another_host_is_refused(port, host):
    status, answer = asked(port, "GET", "/", {"Host": host.format(port=port)})
    assert status == 403
    assert answer.startswith("refused: Host must be 127.0.0.1:")
    page = Page(port, host=host.format(port=port))
    page.until(lambda: page.status)
    page.close()
    assert page.status == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://localhost:{port}"]
)
def test_another_origin_may_neither_post_nor_open_the_stream(port, origin):
    origin = origin.format(port=port)
    assert asked(port, "POST", "/say", {"Origin": origin}, b"hello")[0] == 403
    page = Page(port, origin=origin)
    page.until(lambda: page.status)
    page.close()
    assert page.status == 403


def test_a_post_without_an_origin_is_refused(port):
    assert asked(port, "POST", "/say", {}, b"hello")[0] == 403


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/..%2f..%2fetc/passwd", "/page/live.js", "//etc/passwd", "/live.css/.."]
)
def test_nothing_but_the_files_of_the_page_can_be_had(port, path):
    assert asked(port, "GET", path, {})[0] == 404


def test_the_page_loads_nothing_from_elsewhere_and_may_not(port):
    for path in FILES:
        status, content = asked(port, "GET", path, {})
        assert status == 200
        assert "https://" not in content
        assert "http://" not in content


def test_a_port_in_use_is_one_line():
    taken = socket.create_server(("127.0.0.1", 0))
    number = taken.getsockname()[1]
    with pytest.raises(
        InputError, match=f"^--port {number}: address already in use; give another, or 0 for any that is free$"
    ):
        listening_socket(number)
    taken.close()


def test_only_this_machine_is_listened_to():
    bound = listening_socket(0)
    assert bound.getsockname()[0] == "127.0.0.1"
    bound.close()
