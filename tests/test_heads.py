"""A head is its segment: trained once, shared by runs and processes, scored anew without training."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from end_to_end import CLIP, EMBEDDED, INSTAG, leftovers, run_py, shared_cache, start_run_py, tfg

from tfg import overrides, parts
from tfg.clip.synthetic.generate import make_synthetic
from tfg.record import claims
from tfg.record.files import checksum
from tfg.record.results import HEADS, RunRecord, RunResult

QUICK = ["metrics=quick", *CLIP, *INSTAG]


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_cache(tmp_path_factory.getbasetemp())


def heads(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "results" / HEADS).iterdir() if path.is_dir())


def test_selectors_that_choose_alike_share_one_head_and_one_set_of_scores(cache: Path, tmp_path: Path) -> None:
    done = run_py("-m", "selector=first,audio", *QUICK, cache=cache, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    chosen = {path.parent.name.split("-")[0]: RunResult.read(path) for path in tmp_path.glob("results/*/result.json")}
    start_of_audio = chosen["audio"].selection["start"]
    given = run_py("selector=at", f"start={start_of_audio}", *QUICK, cache=cache, cwd=tmp_path)
    assert given.returncode == 0, given.stderr
    assert f"the head of this segment was found: {chosen['audio'].head}" in given.stderr
    assert "training" not in given.stderr
    (path,) = tmp_path.glob("results/at-*/result.json")
    found = RunResult.read(path)
    assert (found.head, found.trained, chosen["audio"].trained) == (chosen["audio"].head, False, True)
    assert found.metrics == chosen["audio"].metrics
    assert found.stages["training"] == chosen["audio"].stages["training"]
    assert len(heads(tmp_path)) == len({run.head for run in chosen.values()}) == 2

    # Other metrics: scored anew, beside the first scores, without training.
    before = {head: checksum(head / "last.ckpt") for head in heads(tmp_path)}
    scored = run_py("selector=audio", "metrics.controls=true", *QUICK, cache=cache, cwd=tmp_path)
    assert scored.returncode == 0, scored.stderr
    assert ": metrics\n" in scored.stderr
    assert "training" not in scored.stderr
    assert {head: checksum(head / "last.ckpt") for head in heads(tmp_path)} == before
    again = RunResult.read(tmp_path / "results" / chosen["audio"].run_id / "result.json")
    assert set(again.controls) == {"static", "nearest", "mute", "rolled", "still", "shuffled"}
    assert again.metrics["psnr_face"] == chosen["audio"].metrics["psnr_face"]
    assert again.trained  # by this run, whatever was scored since
    assert len(list((tmp_path / "results" / HEADS / again.head).glob("scores-*.json"))) == 2

    # A damaged scores file is named and made anew, and a head's record too.
    scores = (
        tmp_path
        / "results"
        / HEADS
        / again.head
        / RunRecord.read(tmp_path / "results" / again.run_id / "result.json").scores
    )
    scores.write_text("{")
    mended = run_py("selector=audio", "metrics.controls=true", *QUICK, cache=cache, cwd=tmp_path)
    assert mended.returncode == 0, mended.stderr
    assert f"results/{HEADS}/{again.head}/{scores.name}: not a readable record" in mended.stderr
    assert json.loads(scores.read_text())["metrics"] == again.metrics

    # A folder that somebody else wrote or changed: nothing is built but what conf/ names, and what does not fit its name is refused.
    head = tmp_path / "results" / HEADS / again.head
    sound, whole = str(head / "truth.mp4"), (head / "head.json").read_text()
    for changed, answer in (
        (
            whole.replace("tfg.features.audio.logmel.LogMel", "os.system"),
            "audio._target_=os.system: is not a class that conf/audio/ names; it is not built",
        ),
        (
            whole.replace('"start_frame": ', '"start_frame": 1'),
            f"{head}: its configuration, or a weights file that it names, is not what it was trained with; train it again",
        ),
    ):
        (head / "head.json").write_text(changed)
        said = tfg("render", "--run", str(head), "--audio", sound, "-o", "said.mp4", cache=cache, cwd=tmp_path)
        assert (said.returncode, said.stderr) == (2, f"tfg: {answer}\n")


def test_two_processes_train_one_head_once(cache: Path, tmp_path: Path) -> None:
    both = [
        start_run_py(*selector, *QUICK, cache=cache, cwd=tmp_path)
        for selector in (["selector=first"], ["selector=at", "start=0"])
    ]
    ended = [process.communicate(timeout=240) for process in both]
    assert [process.returncode for process in both] == [0, 0], ended
    runs = [RunResult.read(path) for path in tmp_path.glob("results/*/result.json")]
    assert len({run.head for run in runs}) == len(heads(tmp_path)) == 1
    assert sorted(run.trained for run in runs) == [False, True]


def test_a_cell_that_another_process_works_on_is_waited_for_and_done_where_that_one_died(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFG_CACHE", str(cache))
    cell = ["selector=first", *QUICK]
    run = tmp_path / parts.run_folder(overrides.composed([*cell, "face=sidecar", "masks=sidecar"]))
    run.mkdir(parents=True)
    with claims.taken(run / claims.NAME):
        process = start_run_py(*cell, cache=cache, cwd=tmp_path)
        said = []
        while not said or (said[-1] and "waiting for" not in said[-1]):
            said.append(process.stderr.readline())
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    assert said[-2:] == [
        f"tfg: {run.name} is being run by {claims.this_process().text()}; left to it\n",
        f"tfg: waiting for {run.name}, which {claims.this_process().text()} runs\n",
    ]
    assert "| first instag" in out
    assert RunResult.read(run / "result.json").trained


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_training_is_one_line_and_the_same_command_goes_on(
    cache: Path, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    long = ["selector=first", *QUICK, "backbone.stages.face=5000", "trainer.checkpoint_every=20"]
    process = start_run_py(*long, cache=cache, cwd=tmp_path)
    while process.poll() is None and not list(tmp_path.glob(f"results/{HEADS}/*/last.ckpt")):
        time.sleep(0.01)
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert "was interrupted; the same command goes on with it" in said
    assert "Traceback" not in said
    assert leftovers(tmp_path) == []
    assert not list(tmp_path.glob("results/*/failure.json"))


def test_a_video_whose_name_looks_like_an_interpolation(cache: Path, tmp_path: Path) -> None:
    clip = make_synthetic(EMBEDDED, cache / "clips")
    for suffix in (".mp4", ".npz"):
        (tmp_path / f"a${{x}}{suffix}").write_bytes(clip.with_suffix(suffix).read_bytes())
    quick = [text for text in QUICK if "synthetic" not in text]
    done = run_py("clip.path=a${x}.mp4", "selector=first", *quick, cache=cache, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = tmp_path.glob("results/first-instag-logmel-a_x-*")
    sound = tmp_path / "results" / RunResult.read(run / "result.json").files["truth"]
    said = tfg("render", "--run", str(run), "--audio", str(sound), "-o", "said.mp4", cache=cache, cwd=tmp_path)
    assert said.returncode == 0, said.stderr
