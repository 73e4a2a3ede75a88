"""The report: the numbers are tfg's own, names are text, what is missing is a visible hole, and the pages work from disk."""

from __future__ import annotations

import json
import shutil
from urllib.parse import quote

import chromium
import cv2
import numpy as np
import pytest
from end_to_end import environment, shared_cache
from support import forks

from benchmarks.report_records import make
from tfg.clip.write import write_video
from tfg.commands.compare import read
from tfg.record import claims, differences, standing, states, table
from tfg.record.files import write_json
from tfg.record.identity import label
from tfg.record.results import HEADS, RunResult, write_failure
from tfg.report.site import checked, write_site
from tfg.scoring.run import NO_CONTROLS
from tfg.types import InputError

HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>'\"&"
FRAMES = 20
SIZE = 64


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.browser(tmp_path_factory.mktemp("browser") / "profile") as page:
        yield page


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Three finished runs of a person with a hostile name, one with videos; one failed, one interrupted, one waits, two damaged."""
    folder = tmp_path_factory.mktemp("hostile") / "results <b>"
    runs = make(folder, 5, FRAMES, person=HOSTILE)
    head = folder / HEADS / RunResult.read(runs[0] / "result.json").head
    for name, grey in (("truth", 100), ("rendered", 120)):
        images = np.full((FRAMES, SIZE, SIZE, 3), grey, np.uint8)
        images[7] = 100  # where both are equal
        write_video(head / f"{name}.mp4", images, None)
    (folder / HEADS / RunResult.read(runs[3] / "result.json").head / "head.json").unlink()
    (runs[4] / "result.json").write_text('{"schema": 3}')
    write_failure(folder / "failed", stage="training", message=HOSTILE, trace=f"Traceback\n{HOSTILE}", user=False)
    (folder / "began").mkdir()
    (folder / "began" / "config.yaml").write_text("seed: 0\n")
    standing.expect(folder, {"waits": ""})
    return folder


@pytest.fixture(scope="module")
def site(results):
    index, _ = write_site(results, results / "report")
    return index.parent


@pytest.fixture
def opened(browser, site):
    browser.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)

    def page(name):
        browser.complaints.clear()
        browser.requests.clear()
        browser.open("about:blank")
        browser.open(f"{(site / name).as_uri()}")
        return browser

    return page


def run_page(site, number=0):
    return f"runs/{sorted(path.name for path in (site / 'runs').iterdir())[number]}"


def shown(page):
    """The table as it stands: a list of cells a row, headers first."""
    text = "(cell) => [...cell.childNodes].filter((n) => n.nodeName !== 'SMALL').map((n) => n.textContent).join('')"
    return page.evaluate(f"[...document.querySelectorAll('#runs tr')].map((row) => [...row.cells].map({text}))")


def test_the_table_of_the_report_is_that_of_tfg_to_the_digit(opened, results):
    page = opened("index.html")
    page.evaluate("document.getElementById('below').click()")
    page.wait("document.querySelectorAll('#runs tr').length > 4")
    finished = [path for path in sorted(results.iterdir()) if (path / "result.json").exists()][:5]
    runs = []
    for path in finished:
        try:
            result = RunResult.read(path / "result.json")
        except ValueError:
            continue
        runs.append((label(result.config), result))
    lines = [line for line in table.markdown(runs).splitlines() if line.startswith("|")]
    expected = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if not line.startswith("|-")]
    made = shown(page)
    columns = [0, *(made[0].index(title) for title in expected[0][1:])]
    assert [[row[column] for column in columns] for row in made] == expected
    assert len(made) == 1 + 3 * (1 + 6 + 1)  # runs with their controls and the truth


def test_names_and_messages_are_text_and_nothing_is_asked_of_a_network(opened, site):
    pages = ["index.html", "compare.html", "metrics.html", run_page(site)]
    for name in pages:
        page = opened(name)
        page.wait("document.readyState === 'complete'")
        assert page.evaluate("window.hacked") is None, name
        assert page.complaints == [], name
        assert [url for url in page.requests if not url.startswith(("file:", "about:", "data:", "blob:"))] == []
        assert page.evaluate("[...document.querySelectorAll('img, script:not([src])')].length") == 0
    page = opened("index.html")
    assert HOSTILE in page.evaluate("document.getElementById('failures').textContent")
    assert HOSTILE in page.evaluate("document.getElementById('runs').textContent")


def test_what_failed_is_not_finished_or_cannot_be_read_is_named(opened):
    text = opened("index.html").evaluate("document.body.innerText")
    assert all(part in text for part in ("3 finished", "1 failed", "1 waiting", "1 interrupted", "2 not readable"))
    holes = opened("index.html").evaluate("[...document.querySelectorAll('.hole')].map((hole) => hole.textContent)")
    assert "head.json: missing" in " ".join(holes)
    assert "result.json: not a readable record" in " ".join(holes)


def test_what_runs_waits_or_was_interrupted_stands_with_its_state(results, tmp_path, browser):
    """As `tfg status` has it; what a file of a run says is text."""
    works = results / "works"
    works.mkdir()
    try:
        with claims.taken(works / claims.NAME), standing.noted(works):
            write_json(works / standing.NAME, {"stage": HOSTILE, "work": None, "time": 0})
            index, there = write_site(results, tmp_path / "site")
            named_elsewhere = (states.DONE, states.FAILED, states.DAMAGED)
            expected = [state for state in states.of_folder(results) if state.state not in named_elsewhere]
    finally:
        shutil.rmtree(works)
    assert {state.run for state in there.unfinished} == {state.run for state in expected}
    browser.open(index.as_uri())
    rows = browser.evaluate(
        "[...document.querySelectorAll('.states tr')].map((row) => [...row.cells].map((c) => c.innerText))"
    )
    assert [row[:2] for row in rows[1:]] == [["works", "running"], ["waits", "waiting"], ["began", "interrupted"]]
    assert rows[1][2].startswith(f"{HOSTILE}, for ")
    assert browser.evaluate("window.hacked") is None


def test_a_sweep_of_which_nothing_is_done_has_a_report(tmp_path):
    (tmp_path / "results").mkdir()
    standing.expect(tmp_path / "results", {"first": "", "second": ""})
    index, there = write_site(tmp_path / "results", tmp_path / "site")
    assert [state.run for state in there.unfinished] == ["first", "second"]
    assert "<b>2</b> waiting" in index.read_text()


def test_a_missing_video_is_a_hole_that_names_it(opened, site):
    holes = opened(run_page(site, 1)).evaluate(
        "[...document.querySelectorAll('.hole')].map((hole) => hole.textContent)"
    )
    assert any("truth is missing: heads/" in hole for hole in holes)
    assert any("picture of the selection is missing" in hole for hole in holes)


def test_runs_are_sorted_filtered_and_picked_by_the_keyboard_and_the_address(opened):
    page = opened("index.html")
    assert page.evaluate("document.getElementById('compare').disabled")
    titles = shown(page)[0]
    column = titles.index("PSNR face dB \u2191")
    page.evaluate(f"document.querySelectorAll('#runs thead button')[{column}].focus()")
    page.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", text="\r")
    values = [float(row[column]) for row in shown(page)[1:]]
    assert values == sorted(values, reverse=True)  # the best first
    assert page.evaluate("document.activeElement.closest('th').getAttribute('aria-sort')") == "descending"
    page.evaluate(
        "(() => { const box = document.getElementById('filter'); box.value = 'isexplore'; box.dispatchEvent(new Event('input')); })()"
    )
    assert len(shown(page)) == 2
    assert "filter=isexplore" in page.evaluate("location.hash")
    page = opened("index.html")
    for _ in range(2):
        page.evaluate("document.querySelector('#runs tbody input:not(:checked)').click()")
    page.evaluate("document.getElementById('compare').click()")
    page.wait("location.pathname.endsWith('compare.html') && document.querySelectorAll('#config-table tr').length > 1")
    assert "keys differ" in page.evaluate("document.getElementById('config-said').textContent")


def test_the_best_is_marked_among_runs_of_the_same_frames(opened):
    page = opened("index.html")
    column = shown(page)[0].index("LPIPS \u2193")
    best = f"[...document.querySelectorAll('#runs tbody tr')].map((row) => row.cells[{column}]).filter((c) => c.matches('.best'))"
    marked = page.evaluate(f"{best}.map((cell) => cell.firstChild.textContent)")
    assert marked == [min(row[column] for row in shown(page)[1:])]


@pytest.fixture(scope="module")
def lengths(tmp_path_factory):
    """A site of four runs of one person; the last two were trained for 60 steps, of which one with another prior and seed."""
    folder = tmp_path_factory.mktemp("lengths") / "results"
    runs = make(folder, 4, 30, person="one")
    for path, prior in zip(runs[2:], ({"name": "none"}, {"name": "grid", "ridge": 3.0}), strict=True):
        run = json.loads((path / "result.json").read_text())
        head = folder / HEADS / run["head"] / "head.json"
        record = json.loads(head.read_text())
        for one in (run, record):
            one["stages"]["training"]["steps"] = 60
        record["config"] |= {"prior": prior, "seed": len(prior)}
        (path / "result.json").write_text(json.dumps(run))
        head.write_text(json.dumps(record))
    return runs, write_site(folder, folder / "report")[0].parent


def test_the_best_is_marked_among_runs_of_the_same_settings_and_the_page_says_which_differ(browser, lengths):
    _, site = lengths
    browser.open((site / "index.html").as_uri())
    column = shown(browser)[0].index("LPIPS \u2193")
    best = f"[...document.querySelectorAll('#runs tbody tr')].map((row) => row.cells[{column}].matches('.best'))"
    said = "document.getElementById('ranking').textContent"
    values = [row[column] for row in shown(browser)[1:]]
    steps = [row[shown(browser)[0].index("steps")] for row in shown(browser)[1:]]
    assert sorted(steps) == ["-", "-", "60", "60"]
    alike = [value for value, length in zip(values, steps, strict=True) if length == "-"]
    # the other two differ in their priors: each is alone
    assert browser.evaluate(best) == [value == min(alike) and s == "-" for value, s in zip(values, steps, strict=True)]
    assert "training steps" in browser.evaluate(said)
    assert "prior" in browser.evaluate(said)
    assert "seed 0" not in browser.evaluate(said)
    browser.evaluate("document.getElementById('across').click()")
    assert browser.evaluate(best) == [value == min(values) for value in values]
    assert "Bold ignores that they do" in browser.evaluate(said)
    browser.evaluate(
        "(() => { const box = document.getElementById('filter'); box.value = 'random'; box.dispatchEvent(new Event('input')); })()"
    )
    assert browser.evaluate(said) == ""


@pytest.mark.parametrize("width", [1400, 390])
def test_a_table_that_is_cut_shows_it_and_keeps_the_names_in_sight(browser, lengths, width):
    _, site = lengths
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    browser.open((site / "index.html").as_uri())
    frame = "document.getElementById('runs').parentElement"
    browser.wait(f"{frame}.scrollWidth > {frame}.clientWidth && {frame}.classList.contains('beyond')")
    assert browser.evaluate(f"getComputedStyle({frame}).maskImage") != "none"
    assert not browser.evaluate(f"{frame}.classList.contains('before')")
    browser.evaluate(f"{frame}.scrollLeft = {frame}.scrollWidth")
    browser.wait(f"!{frame}.classList.contains('beyond') && {frame}.classList.contains('before')")
    place = "(e) => e.getBoundingClientRect().left"
    name, left = browser.evaluate(f"[document.querySelector('#runs tbody th'), {frame}].map({place})")
    assert abs(name - left) <= 1.5
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_runs_of_one_label_are_told_apart_in_the_menu_of_a_comparison(browser, lengths):
    runs, site = lengths
    browser.open((site / "compare.html").as_uri())
    browser.evaluate("tfg.table.rows.forEach((row) => (row.label = 'lip instag'))")
    names = dict(browser.evaluate("tfg.named()"))
    assert len(set(names.values())) == len(runs)
    assert names[runs[3].name] == "lip instag, from 3.00 s, steps 60, 00000003"


def test_where_no_interval_is_the_page_says_why_once(browser, lengths, tmp_path):
    _, site = lengths
    why = "too short, fewer than 100 held-out frames, of which no blocks of neighbours can be drawn."
    browser.open((site / "index.html").as_uri())
    said = "document.getElementById('unranged').textContent"
    assert browser.evaluate(said) == f"No intervals below any run: {why}"
    browser.evaluate("document.getElementById('ranges').click()")
    assert browser.evaluate(said) == ""
    browser.open((site / run_page(site)).as_uri())
    assert browser.evaluate("document.body.innerText").count(f"No intervals: {why}") == 1
    make(tmp_path / "results", 2, 120)
    long = write_site(tmp_path / "results", tmp_path / "site")[0].parent
    browser.open((long / "index.html").as_uri())
    assert browser.evaluate(said) == ""
    browser.open((long / run_page(long)).as_uri())
    assert "No intervals" not in browser.evaluate("document.body.innerText")


def test_what_was_switched_off_is_on_no_page(browser, tmp_path):
    """Of two runs with `metrics=quick`."""
    runs = make(tmp_path / "results", 2, 30, person="one")
    for path in runs:
        run = json.loads((path / "result.json").read_text())
        scores = tmp_path / "results" / HEADS / run["head"] / run["scores"]
        record = json.loads(scores.read_text())
        for one in (run, record):
            for name, entry in one["metrics"].items():
                if name.startswith("lpips"):
                    entry |= {"value": None, "per_frame": None, "unavailable": "switched off (metrics.lpips=false)"}
            one["gains"]["psnr_mouth"] |= {"value": None, "unavailable": NO_CONTROLS, "low": None, "high": None}
            one["verdict"] = f"speech is not judged: {NO_CONTROLS}"
        (path / "result.json").write_text(json.dumps(run))
        scores.write_text(json.dumps(record))
    site = write_site(tmp_path / "results", tmp_path / "site")[0].parent
    pair = f"compare.html#a={runs[0].name}&b={runs[1].name}"
    for name in ("index.html", "metrics.html", run_page(site), pair):
        browser.open("about:blank")
        browser.open(f"{site.as_uri()}/{name}")
        if name == pair:
            browser.wait("document.querySelectorAll('#table tbody tr').length > 0")
        browser.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
        text = browser.evaluate("document.querySelector('main').innerText")
        assert "PSNR" in text
        found = [word for word in ("LPIPS", "switched off", "not judged", "What speech gains") if word in text]
        assert not found, name


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (2, 3)])
def test_two_runs_differ_on_the_page_in_what_tfg_compare_says(browser, lengths, pair):
    runs, site = lengths
    first, second = (runs[number] for number in pair)
    browser.open("about:blank")
    browser.open(f"{(site / 'compare.html').as_uri()}#a={first.name}&b={second.name}")
    browser.wait("document.querySelectorAll('#table tbody tr').length > 0")
    expected = differences.sentence(differences.between([(read(first).settings, read(second).settings)]))
    assert browser.evaluate("document.getElementById('apart').innerText") == expected


@pytest.mark.parametrize("name", ["index.html", "compare.html", "metrics.html", "run"])
def test_no_page_is_wider_than_a_phone(opened, site, name):
    page = opened("metrics.html")
    page.call("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=False)
    page.open((site / (run_page(site) if name == "run" else name)).as_uri())
    wide = (
        "[...document.querySelectorAll('main > *, main > * > *')].filter((e) => e.getBoundingClientRect().right > 391)"
    )
    assert page.evaluate(f"{wide}.map((e) => e.outerHTML.slice(0, 80))") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


ROOMS = (
    "[...document.querySelectorAll('.js-plotly-plot')].map((e) => [e.clientWidth, "
    "...[...e.querySelectorAll('.main-svg')].map((svg) => Math.round(svg.getBoundingClientRect().width))])"
)


@pytest.mark.parametrize("name", ["index.html", "run"])
def test_charts_follow_the_room_that_they_have(opened, site, name):
    """Also where the window stays: a column or a scroll bar takes some of it."""
    page = opened(run_page(site) if name == "run" else name)
    page.wait("document.querySelectorAll('.js-plotly-plot .main-svg').length > 0")
    page.call("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=False)
    page.wait(f"{ROOMS}.every(([room, ...widths]) => room < 391 && widths.every((width) => width === room))")
    page.evaluate("document.querySelector('main').style.maxWidth = '300px'")
    page.wait(f"{ROOMS}.every(([room, ...widths]) => room < 301 && widths.every((width) => width === room))")


def test_no_legend_covers_a_title_on_a_phone(opened, site):
    page = opened(run_page(site))
    page.call("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=False)
    page.wait(f"{ROOMS}.every(([room, ...widths]) => room < 391 && widths.every((width) => width === room))")
    parts = "['.gtitle', '.legend', '.xaxislayer-above'].map((name) => e.querySelector(name).getBoundingClientRect())"
    boxes = page.evaluate(
        "[...document.querySelectorAll('#frames .js-plotly-plot')].filter((e) => e.querySelector('.legend'))"
        f".map((e) => {parts}.map((box) => [box.top, box.bottom]))"
    )
    assert boxes
    assert all(title[1] <= legend[0] and axis[1] <= legend[0] for title, legend, axis in boxes)


def test_a_browser_that_does_not_play_says_so_and_nothing_moves(opened, site):
    number = next(i for i in range(3) if 'id="player"' in (site / run_page(site, i)).read_text())
    page = opened(run_page(site, number))
    page.wait("tfg.current && tfg.current.drawn === 0")
    page.evaluate(
        "document.getElementById('rendered').play = () => Promise.reject(new DOMException('no', 'NotAllowedError'))"
    )
    page.click("#play")
    page.wait("!document.getElementById('trouble').hidden")
    assert page.evaluate("document.getElementById('truth').paused")
    assert page.evaluate("document.getElementById('play').textContent") == "Play"


@pytest.mark.parametrize("told", [True, False])
def test_truth_and_rendering_are_in_step_and_the_difference_is_theirs(opened, site, tmp_path, told):
    """Also where the browser leaves out frame callbacks, as a busy one does."""
    number = next(i for i in range(3) if 'id="player"' in (site / run_page(site, i)).read_text())
    page = opened(run_page(site, number))
    page.wait("tfg.current && tfg.current.drawn === 0")
    assert page.evaluate("tfg.current.frames") == FRAMES
    if not told:
        page.evaluate("HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0")
        page.evaluate("tfg.current.seek(1)")  # the callbacks asked for before are spent
        page.wait("tfg.current.drawn === 1")
    levels = []
    for frame in (3, 7):
        page.evaluate("document.getElementById('player').focus()")
        page.evaluate(f"tfg.current.seek({frame - 1})")
        page.press("ArrowRight")
        page.wait(f"tfg.current.drawn === {frame}")
        times = page.evaluate("['truth', 'rendered'].map((id) => document.getElementById(id).currentTime)")
        assert times[0] == times[1] == pytest.approx((frame + 0.5) / 25)
        x, y = page.evaluate(
            "(() => { const e = document.getElementById('difference'); e.scrollIntoView({block: 'center', behavior: 'instant'}); "
            "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        page.look(tmp_path / "shot.png", width=1280, height=900)
        levels.append(float(cv2.imread(str(tmp_path / "shot.png"))[int(y), int(x)].mean()))
    assert levels[0] == pytest.approx(80, abs=10)  # four times 20, a grey level or two lost in encoding
    assert levels[1] == pytest.approx(0, abs=10)


def test_a_hundred_runs_and_plotly_fit_into_ten_megabytes(tmp_path):
    """By the bytes of one run of 150 frames, its share of the index included."""
    make(tmp_path / "results", 2, 150)
    index, _ = write_site(tmp_path / "results", tmp_path / "site")
    sizes = {path: path.stat().st_size for path in index.parent.rglob("*") if path.is_file()}
    of_runs = sum(size for path, size in sizes.items() if path.parent.name == "runs" or path.name == "index.js") / 2
    assert sum(sizes.values()) + 98 * of_runs < 10_000_000


def test_a_report_replaces_a_report_and_no_other_folder(results, tmp_path):
    write_site(results, tmp_path / "site")
    write_site(results, tmp_path / "site")
    (tmp_path / "site" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds files that are not a report's"):
        checked(tmp_path / "site")
    assert list(tmp_path.iterdir()) == [tmp_path / "site"]


def test_videos_are_linked_from_wherever_the_report_lies(results, tmp_path):
    index, _ = write_site(results, tmp_path / "site")
    page = next(path for path in (index.parent / "runs").iterdir() if "<video" in path.read_text())
    (source,) = [line for line in page.read_text().split('"') if line.endswith("/truth.mp4") and "runs" not in line][:1]
    assert quote("results <b>") in source
    assert (page.parent / source.replace("%20", " ").replace("%3C", "<").replace("%3E", ">")).is_file()


def test_the_command_names_damage_and_says_what_is_no_results_folder(results, tmp_path, tmp_path_factory):
    def tfg(*arguments):
        cache = shared_cache(tmp_path_factory.getbasetemp())
        return forks.run("tfg", *arguments, cwd=tmp_path, env=environment(cache))

    done = tfg("report", str(results), "-o", "site")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'site' / 'index.html'}\n")
    assert len([line for line in done.stderr.splitlines() if line.startswith("tfg: ")]) == 2
    assert "Traceback" not in done.stderr
    nowhere = tfg("report", "nowhere")
    assert (nowhere.returncode, nowhere.stderr) == (
        2,
        "tfg: nowhere: no such folder; give the one that `tfg run` wrote to (results=)\n",
    )
    (tmp_path / "empty").mkdir()
    assert tfg("report", "empty").stderr.startswith(f"tfg: {tmp_path / 'empty'}: holds no run; ")


def test_a_record_of_another_folder_or_with_wrong_parts_is_damage_and_no_trace(tmp_path):
    runs = make(tmp_path / "results", 3, 30)
    runs[0].rename(runs[0].with_name("moved"))
    head = tmp_path / "results" / HEADS / json.loads((runs[1] / "result.json").read_text())["head"]
    scores = json.loads((head / "scores-0.json").read_text())
    scores["metrics"]["lmd"]["per_frame"] = {"not": "a list"}
    (head / "scores-0.json").write_text(json.dumps(scores))
    _, found = write_site(tmp_path / "results", tmp_path / "site")
    assert len(found.damaged) == 2
    assert "moved/result.json: is the record of" in " ".join(found.damaged)
    assert len(list((tmp_path / "site" / "runs").iterdir())) == 1
