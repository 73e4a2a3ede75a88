"""A study's folder from results to a rater's file: what it shows, what it hides, and the page driven in a browser."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from chromium import browser
from result_records import result, write

from analysis.study.__main__ import main
from analysis.study.answers import COLUMNS, read_key, read_raters
from tfg.clip.write import write_video
from tfg.record.results import HEADS

FRAMES, SIZE = 30, 64
BRIGHTNESS = {"random": 60, "isexplore": 200}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips by two selectors: pictures of one brightness a selector, with noise so that files differ in size; a tone."""
    folder = tmp_path_factory.mktemp("study") / "results"
    tone = (0.3 * np.sin(np.arange(FRAMES * 640) / 5)).astype(np.float32)
    for clip in ("p1", "p2"):
        for selector, brightness in BRIGHTNESS.items():
            made = result(f"{selector}-{clip}", config={"selector": {"name": selector}}, psnr=20.0)
            made = replace(made, files={}, notes={})
            write(folder, made)
            head = folder / HEADS / made.head
            record = json.loads((head / "head.json").read_text())
            record["clip"] = {"identity": clip, "name": clip}
            record["files"] = {name: f"{name}.mp4" for name in ("rendered", "truth", "side_by_side")}
            (head / "head.json").write_text(json.dumps(record))
            rng = np.random.default_rng(brightness)
            noise = rng.integers(0, 3 if selector == "random" else 50, (FRAMES, SIZE, SIZE, 3))
            write_video(head / "rendered.mp4", (brightness + noise).astype(np.uint8), tone)
            ramp = np.arange(FRAMES, dtype=np.uint8)[:, None, None, None] * 4
            write_video(head / "truth.mp4", np.broadcast_to(ramp, (FRAMES, SIZE, SIZE, 3)).copy(), tone)
    return folder


@pytest.fixture(scope="module")
def page(results: Path) -> Path:
    out = results.parent / "page"
    assert main(["make", str(results), "-o", str(out), "--raters", "3", "--checks", "2", "--seconds", "1"]) == 0
    return out


def brightness(path: Path) -> list[float]:
    with av.open(str(path)) as media:
        return [float(frame.to_ndarray(format="rgb24").mean()) for frame in media.decode(video=0)]


def test_names_bytes_and_dates_of_videos_say_nothing_of_the_method(page: Path, results: Path) -> None:
    key = read_key(page.with_name("page.key.json"))
    videos = sorted((page / "videos").iterdir())
    assert {path.name for path in videos} == set(key.videos)
    assert all(re.fullmatch(r"v\d{3}\.mp4", path.name) for path in videos)
    assert len({path.stat().st_size for path in videos}) == 1
    assert len({path.stat().st_mtime for path in videos}) == 1
    originals = {path.read_bytes() for path in results.glob("heads/*/*.mp4")}
    assert not originals & {path.read_bytes() for path in videos}
    text = (page / "index.html").read_text()
    assert [word for word in ("random", "isexplore", "p1", "p2", "rendered") if word in text] == []
    assert re.findall(r"(?:https?:)?//[a-z]", text) == []  # nothing is fetched


def test_the_key_knows_them_and_the_excerpts_are_whole(page: Path) -> None:
    key = read_key(page.with_name("page.key.json"))
    assert key.methods == ("isexplore", "random")
    for name, entry in key.videos.items():
        levels = brightness(page / "videos" / name)
        assert len(levels) == 25
        if entry["role"] == "run":
            assert abs(np.mean(levels) - BRIGHTNESS[entry["method"]]) < 30
        else:
            assert (max(levels) - min(levels) < 1) == (entry["role"] == "frozen")
        with av.open(str(page / "videos" / name)) as media:
            sound = np.concatenate([frame.to_ndarray()[0] for frame in media.decode(audio=0)])
        assert 0.9 < len(sound) / 16_000 < 1.2
        assert np.abs(sound).max() > 0.2
    assert [len(plan) for plan in key.plans] == [2 + 2 + 4] * 3  # pairs, checks, ratings


def test_a_rater_plays_answers_and_saves_what_read_reads(page: Path, tmp_path: Path) -> None:
    key = read_key(page.with_name("page.key.json"))
    with browser(tmp_path / "profile") as shown:
        shown.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        shown.open((page / "index.html").as_uri())
        shown.click("#begin")
        shown.wait("document.getElementById('line').textContent.startsWith('Please tick the box')")
        shown.click("#agree")
        shown.evaluate("document.getElementById('rater').value = 2")
        shown.click("#begin")
        shown.wait("document.body.dataset.at === 'trial'")
        assert shown.evaluate("document.querySelectorAll('#answers input:disabled').length") == 2
        for number, trial in enumerate(key.plans[1]):
            shown.wait(f"document.getElementById('place').textContent === '{number + 1} of {len(key.plans[1])}'")
            assert shown.evaluate("document.getElementById('next').disabled")
            for video in range(2 if trial.right else 1):
                shown.click(f"figure:nth-child({video + 1}) .play")
                shown.wait(f"document.querySelectorAll('video')[{video}].ended")
            shown.wait("document.querySelectorAll('#answers input:disabled').length === 0")
            if trial.right:
                truth = trial.left if key.videos[trial.left]["role"] == "check" else trial.right
                shown.click(f"input[value={'left' if trial.left == truth else 'right'}]")
            else:
                shown.click("input[name=lips][value='7']")
                assert shown.evaluate("document.getElementById('next').disabled")
                shown.click("input[name=real][value='3']")
            if number == 4:  # a page that is opened again goes on where it was
                shown.open((page / "index.html").as_uri())
                shown.click("#agree")
                shown.evaluate("document.getElementById('rater').value = 2")
                shown.click("#begin")
                shown.wait("document.getElementById('place').textContent.startsWith('5 of')")
                shown.click(".play")
                shown.wait("document.querySelector('video').ended")
                shown.click("input[name=lips][value='7']")
                shown.click("input[name=real][value='3']")
            shown.click("#next")
        shown.wait("document.body.dataset.at === 'end'")
        shown.click("#save")
        shown.wait("document.getElementById('line').textContent.startsWith('Saved as')")
        assert shown.complaints == []
        assert all(url.startswith(("file:", "blob:", "data:")) for url in shown.requests)
        saved = tmp_path / f"answers-{key.study}-002.csv"
        for _ in range(200):
            shown.evaluate("new Promise(done => setTimeout(done, 50))")
            if saved.exists():
                break
    assert saved.read_text().splitlines()[0] == ",".join(COLUMNS)
    (rater,) = read_raters([saved], key)
    assert (rater.number, rater.trials, rater.checks, rater.failed) == (2, 8, 2, 0)
    plays = {line.split(",")[3]: line.split(",")[-1] for line in saved.read_text().splitlines()[1:]}
    assert plays == {"pair": "2", "rating": "1"}
    assert {(rating.question, rating.value) for rating in rater.ratings} == {("lips", 7), ("real", 3)}
    given = ["read", str(saved), "--key", str(page.with_name("page.key.json")), "--out", str(tmp_path / "tables")]
    assert main(given) == 0


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["make", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error.removeprefix("study: ").strip()


def test_what_cannot_be_a_study_is_one_line(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("-o", str(tmp_path / "new"))
    assert refused(capsys, str(tmp_path), *out).startswith(f"{tmp_path}: holds no finished run")
    assert refused(capsys, str(results / "random-p1"), *out).startswith("random: is the only method")
    some = [str(results / name) for name in ("random-p1", "isexplore-p1", "random-p2")]
    assert refused(capsys, *some, *out).startswith("p2: no run of isexplore")
    assert refused(capsys, str(results), *out, "--by", "backbone").endswith("or tell them apart by --by backbone,seed")
    assert refused(capsys, str(results), *out, "--by", "colour").startswith("--by colour: is no key")
    assert refused(capsys, str(results), *out, "--by", "selector.colour").startswith("--by selector.colour: is no key")
    assert refused(capsys, str(results), "-o", str(tmp_path)).endswith(
        "is there already; give the name of a new folder"
    )
    (tmp_path / "new.key.json").write_text("of an older page")
    assert "new.key.json is there already" in refused(capsys, str(results), *out)
    (tmp_path / "new.key.json").unlink()
    assert refused(capsys, str(results), *out, "--raters", "0") == "--raters 0: must be at least 1"
    assert refused(capsys, str(results), *out, "--first", "9").endswith("give an earlier --first")
    assert refused(capsys, str(results), *out, "--consent", str(tmp_path / "no.txt")).startswith("--consent")
    assert not (tmp_path / "new").exists()
    assert list(tmp_path.glob(".*")) == []


def test_a_damaged_video_is_named(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "results"
    shutil.copytree(results, copy)
    damaged = next(copy.glob("heads/*random-p1/rendered.mp4"))
    damaged.write_bytes(b"no video")
    assert refused(capsys, str(copy), "-o", str(tmp_path / "new")).startswith(f"{damaged}: cannot be read as a video")
