"""`tfg live --train`: the run of `tfg run`, in the page; killed by Ctrl-C it goes on; its head answers in the end."""

import functools
import signal
import subprocess
import sys

import pytest
from end_to_end import CLIP, EMBEDDED, INSTAG, environment, run_py, shared_cache
from live_pages import SECONDS, Page

from tfg import cli
from tfg.clip.synthetic.generate import make_synthetic
from tfg.record.results import HEADS
from tfg.training import LAST
from tfg.types import InputError

GIVEN = [*CLIP[1:], *INSTAG, "selector=first", "metrics=quick", "trainer.checkpoint_every=6"]


class Command:
    """`tfg live` in a process of its own; `url` where it serves."""

    def __init__(self, *arguments, cache, cwd):
        command = [sys.executable, "-m", "tfg", "live", *arguments, "--port", "0"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        # Where the session ignores Ctrl-C, as a job in the background does, what it starts would too.
        hears = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        self.process = subprocess.Popen(command, cwd=cwd, env=environment(cache), preexec_fn=hears, **pipes)
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1]) if self.url else None

    def ctrl_c(self):
        """Exit code and the last line of stderr."""
        self.process.send_signal(signal.SIGINT)
        _, lines = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, lines.splitlines()[-1]


@pytest.fixture
def cache(tmp_path_factory):
    return shared_cache(tmp_path_factory.getbasetemp())


def test_ctrl_c_keeps_what_is_trained_the_same_command_goes_on_and_the_head_answers(tmp_path, cache):
    video = make_synthetic(EMBEDDED, cache / "clips")
    command = Command("--train", str(video), *GIVEN, cache=cache, cwd=tmp_path)
    page = Page(command.port)
    while not list(tmp_path.glob(f"results/{HEADS}/*/{LAST}.sha256")):
        page.next()
    page.close()
    assert any(text["kind"] == "selection" for text in page.texts)
    code, line = command.ctrl_c()
    assert code == 130
    assert line.endswith(" was interrupted; the same command goes on with it")

    command = Command("--train", str(video), *GIVEN, cache=cache, cwd=tmp_path)
    page = Page(command.port)
    page.until(lambda: page.closed or page.texts[-1:] == [{"kind": "trained"}])
    page.close()
    assert any("going on from step" in str(text.get("line")) for text in page.texts)
    page = Page(command.port)
    page.until(lambda: len(page.packets) > 8)
    page.close()
    assert command.ctrl_c() == (130, "tfg: the page is closed")
    (folder,) = tmp_path.glob("results/first-*")
    same = run_py(f"clip.path={video}", *GIVEN, cache=cache, cwd=tmp_path)
    assert (same.returncode, same.stderr.splitlines()[-1]) == (0, "tfg: done already")
    assert [folder] == list(tmp_path.glob("results/first-*"))


def test_a_run_that_fails_says_why_in_the_page_and_ends_the_command(tmp_path, cache, monkeypatch, capsys):
    def fail(config, folder, stages):
        raise InputError("no face in it")

    said = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFG_CACHE", str(cache))
    monkeypatch.setattr("tfg.pipeline._run", fail)
    monkeypatch.setattr("tfg.live.watched.Watched.ended", lambda watched, line: said.append(line))
    video = make_synthetic(EMBEDDED, cache / "clips")
    assert cli.run(["live", "--train", str(video), *GIVEN, "--port", "0"]) == 2
    assert said == ["the run has failed: no face in it"]
    out, lines = capsys.readouterr()
    assert out.startswith("http://127.0.0.1:")
    assert "tfg: chose face=sidecar" in lines
