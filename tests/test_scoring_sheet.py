"""The sheet of an evaluation: what is in its folder, what the page says, and that it lives in a browser without any host."""

from __future__ import annotations

import copy
import math
import re
from dataclasses import asdict
from html.parser import HTMLParser

import chromium
import cv2
import numpy as np
import pytest
from support.parts import all_metrics

from tfg.clip.read import open_video
from tfg.clip.write import write_video
from tfg.metrics.base import MetricFacts
from tfg.metrics.head_motion import HeadJitter
from tfg.metrics.image import ImageQuality
from tfg.metrics.landmark import LandmarkDistance, MouthCorrelation
from tfg.scoring.request import Request
from tfg.scoring.sheet import curves as sheet_curves
from tfg.scoring.sheet import write as sheet
from tfg.scoring.sheet.page import Shown, page, worst_frames
from tfg.scoring.sheet.place import checked
from tfg.types import InputError

COUNT = 30
HOSTILE = "<img src=x onerror=alert(1)>'\"&</script><script>alert(2)</script>"


class Tags(HTMLParser):
    """Every tag with its attributes, and all text outside of style and script."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self._inside = [], "", None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._inside = tag if tag in ("style", "script") else None

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside is None:
            self.text += data

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


FACTS = {
    name: facts
    for kind in (ImageQuality, LandmarkDistance, MouthCorrelation, HeadJitter)
    for name, facts in kind.facts.items()
}
OTHER = MetricFacts(title="Other", better="down", digits=3)


def metric(value, per_frame=None, why="no weights", name=None):
    return {
        "value": value,
        "unavailable": why if value is None else None,
        "definition": "how it is measured",
        "per_frame": per_frame,
        **asdict(FACTS.get(name, OTHER)),
    }


def named(entries):
    """The entries with the facts of their names."""
    return {name: entry | asdict(FACTS.get(name, OTHER)) for name, entry in entries.items()}


def record_of(**changes):
    """An evaluation of COUNT frames whose frame 20 is the worst, 10 equals its truth and 11 has no face."""
    decibels = [40.0 - 0.1 * frame for frame in range(COUNT)]
    decibels[20], decibels[10] = 12.0, "inf"
    face = [None if frame == 11 else value for frame, value in enumerate(decibels)]
    metrics = {
        "psnr": metric(37.5, decibels),
        "psnr_face": metric(36.5, face),
        "lmd": metric(1.25, [1.0 + frame % 3 for frame in range(COUNT)]),
        "head_jitter": metric(0.5, [0.1 * (frame % 4) for frame in range(COUNT)]),
        "sync_c": metric(None),
        "psnr_decoded": metric(37.5, decibels),
    }
    truth = {
        "psnr": metric("inf", ["inf"] * COUNT),
        "psnr_face": metric("inf", ["inf"] * COUNT),
        "lmd": metric(0.0, [0.0] * COUNT),
        "head_jitter": metric(0.4, [0.2 * (frame % 3) for frame in range(COUNT)]),
        "sync_c": metric(None),
    }
    return {
        "name": "mine",
        "pred": "mine.mp4",
        "truth": "truth.mp4",
        "compared": ["truth resampled from 30.00 to 25 frames a second by time stamps"],
        "num_frames": COUNT,
        "fps": 25,
        "height": 40,
        "width": 48,
        "digests": ["1" * 64, "2" * 64, ""],
        "metrics": named(metrics),
        "ground_truth": named(truth),
        "intervals": {"method": "by blocks", "metrics": {"psnr": [36.0, 39.0]}},
        "commit": "c" * 40,
        "machine": {"host": "secret", "cpu": "a processor", "cores": 2, "python": "3.11.7"},
        **changes,
    }


def lone(record):
    """The same without a truth."""
    without = copy.deepcopy(record) | {"truth": None, "ground_truth": {}, "digests": ["1" * 64, "", ""], "compared": []}
    for name in without["metrics"]:
        without["metrics"][name] = metric(None, why="no truth was given")
    return without


def shown_of(**changes):
    given = {
        "video": "side_by_side.mp4",
        "views": sheet.VIEWS,
        "height": 40,
        "width": 48,
        "worst": ((20, "worst_000020.png"),),
        "ranked_by": "psnr",
    }
    return Shown(**given | changes)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A truth whose pictures count up, and a prediction 10 levels brighter; with sound."""
    folder = tmp_path_factory.mktemp("videos")
    truth = np.stack([np.full((40, 48, 3), 60 + 2 * frame, np.uint8) for frame in range(COUNT)])
    tone = (0.2 * np.sin(np.arange(COUNT * 640) / 10)).astype(np.float32)
    for name, images in (("truth", truth), ("mine", truth + 10)):
        write_video(folder / f"{name}.mp4", images, tone)
    return folder


def request_of(videos, truth=True):
    true = videos / "truth.mp4" if truth else None
    return Request(prediction=videos / "mine.mp4", truth=true, switches=all_metrics())


def test_the_folder_holds_a_page_a_video_with_sound_and_the_worst_frames(videos, tmp_path):
    index = sheet.write_sheet(record_of(), request_of(videos), tmp_path / "sheet")
    assert index == tmp_path / "sheet" / "index.html"
    names = sorted(path.name for path in index.parent.iterdir())
    assert names == ["index.html", "side_by_side.mp4", *(f"worst_{frame:06d}.png" for frame in (4, 9, 15, 20, 29))]
    video = open_video(index.parent / "side_by_side.mp4")
    assert video.shape == (COUNT, 40, 144)
    assert video.has_sound
    panels = video.frames(20, 21)[0].reshape(40, 3, 48, 3).mean(axis=(0, 2, 3))
    np.testing.assert_allclose(
        panels, [100, 110, 40], atol=8
    )  # H.264 is off by a level or two, and the difference by four times that
    worst = cv2.imread(str(index.parent / "worst_000020.png"))
    np.testing.assert_allclose(worst.reshape(40, 3, 48, 3).mean(axis=(0, 2, 3)), [100, 110, 40], atol=8)
    assert list(tmp_path.iterdir()) == [tmp_path / "sheet"]


def test_without_a_truth_only_the_prediction_is_shown(videos, tmp_path):
    index = sheet.write_sheet(lone(record_of()), request_of(videos, truth=False), tmp_path / "sheet")
    assert sorted(path.name for path in index.parent.iterdir()) == ["index.html", "side_by_side.mp4"]
    assert open_video(index.parent / "side_by_side.mp4").shape == (COUNT, 40, 48)
    text = Tags(index.read_text()).text
    for sentence in ("without a truth", "There is no ranking: no truth was given.", "No metric has a number"):
        assert sentence in text
    assert "difference" not in text


def test_a_long_video_is_read_a_few_frames_at_a_time(videos, tmp_path, monkeypatch):
    whole = sheet.write_sheet(record_of(), request_of(videos), tmp_path / "whole").with_name("side_by_side.mp4")
    monkeypatch.setattr(sheet, "PIECE_BYTES", 7 * 3 * 40 * 48)
    pieces = sheet.write_sheet(record_of(), request_of(videos), tmp_path / "pieces").with_name("side_by_side.mp4")
    assert whole.read_bytes() == pieces.read_bytes()


def test_panels_larger_than_players_can_show_are_scaled_and_said_to_be(videos, tmp_path, monkeypatch):
    monkeypatch.setattr(sheet, "LARGEST_PANEL", 24)
    index = sheet.write_sheet(record_of(), request_of(videos), tmp_path / "sheet")
    assert open_video(index.with_name("side_by_side.mp4")).shape == (COUNT, 20, 72)
    assert "Panels are scaled to 24x20." in index.read_text()
    assert cv2.imread(str(index.with_name("worst_000020.png"))).shape == (40, 144, 3)


def test_an_earlier_sheet_is_replaced_and_other_files_never(videos, tmp_path):
    folder = tmp_path / "sheet"
    sheet.write_sheet(record_of(), request_of(videos), folder)
    sheet.write_sheet(record_of(name="second"), request_of(videos), folder)
    assert "<h1>second</h1>" in (folder / "index.html").read_text()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"--sheet .*sheet: holds files that are not a sheet's; name a new folder"):
        sheet.write_sheet(record_of(), request_of(videos), folder)
    assert (folder / "notes.txt").read_text() == "mine"
    other = tmp_path / "other"
    other.mkdir()
    sheet.write_sheet(record_of(), request_of(videos), other)  # an empty folder is taken
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<p>somebody's own page")
    with pytest.raises(InputError, match="not a sheet's"):
        checked(tmp_path / "site")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "sheet", "site"]


def test_places_where_no_sheet_can_be_are_refused_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        checked(tmp_path / "file")
    with pytest.raises(InputError, match="its folder does not exist"):
        checked(tmp_path / "none" / "sheet")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InputError, match="the folder you work in"):
        checked(tmp_path / "here")


def test_a_failed_sheet_leaves_the_earlier_one_and_nothing_else(videos, tmp_path, monkeypatch):
    folder = tmp_path / "sheet"
    sheet.write_sheet(record_of(), request_of(videos), folder)
    before = (folder / "index.html").read_bytes()

    def broken(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(sheet, "page", broken)
    with pytest.raises(KeyboardInterrupt):
        sheet.write_sheet(record_of(), request_of(videos), folder)
    assert (folder / "index.html").read_bytes() == before
    assert list(tmp_path.iterdir()) == [folder]


def test_names_that_are_html_stay_text():
    record = record_of(
        name=HOSTILE, pred=HOSTILE, truth=HOSTILE, compared=[HOSTILE], digests=[HOSTILE, HOSTILE, HOSTILE]
    )
    for name in record["metrics"]:
        record["metrics"][name]["definition"] = HOSTILE
    record["metrics"]["sync_c"]["unavailable"] = HOSTILE
    record["metrics"][HOSTILE] = metric(1.0, [0.5 * frame for frame in range(COUNT)])
    plain, hostile = Tags(page(record_of(), shown_of())), Tags(page(record, shown_of()))
    assert [tag["src"] for tag in hostile.named("img")] == ["worst_000020.png"]
    assert len(hostile.named("script")) == len(plain.named("script")) == 2
    assert not [name for _, tag in hostile.tags for name in tag if name.startswith("on")]
    assert hostile.text.count("<img src=x onerror=alert(1)>") >= 8
    assert page(record, shown_of()).isascii()


def test_names_in_any_alphabet_and_undecodable_ones_are_written():
    text = page(record_of(name="Gr\u00f6\u00dfe", pred="\udcff.mp4"), shown_of())
    assert text.isascii()
    assert "Gr&#246;&#223;e" in text


def test_the_table_has_the_truths_column_the_intervals_and_the_reasons_stand_once():
    record = record_of()
    record["metrics"]["sync_d"] = metric(None)
    found = Tags(page(record, shown_of()))
    assert "psnr \u219137.5036.00 to 39.00infpsnr_face \u219136.50-inf" in found.text
    assert "sync_c, sync_dno weights" in found.text
    assert found.text.count("no weights") == 1
    assert "psnr_decoded" not in found.text
    assert "secret" not in page(record, shown_of())  # the machine's name is nobody's business


def test_only_this_folder_and_only_our_script_may_be_used():
    text = page(record_of(), shown_of())
    found = Tags(text)
    policy = next(tag["content"] for tag in found.named("meta") if tag.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "script-src 'sha256-" in policy
    assert not re.search(r"https?:|//[a-z]", re.sub(r"\s//.*", "", text))
    assert not found.named("link")


def test_worst_frames_lie_apart_and_skip_perfect_and_faceless_ones():
    assert worst_frames(record_of()) == ("psnr_face", [20, 29, 15, 9, 4])
    many = record_of(num_frames=200, metrics=named({"lpips": metric(0.5, [frame / 200 for frame in range(200)])}))
    assert worst_frames(many) == ("lpips", list(range(199, 149, -5)))
    perfect = record_of(metrics=named({"psnr": metric("inf", ["inf"] * COUNT)}))
    assert worst_frames(perfect) == ("psnr", [])
    assert "Every frame equals its truth." in page(perfect, shown_of(worst=()))
    assert worst_frames(lone(record_of())) == (None, [])


def test_regions_share_a_chart_and_the_truth_joins_where_it_has_a_curve():
    found = {chart.title: [line.label for line in chart.lines] for chart in sheet_curves.charts(record_of())}
    assert found == {
        "PSNR, dB, higher is better": ["full frame", "face"],
        "LMD, px, lower is better": ["prediction against truth"],
        "Head jitter, degrees/frame^2": ["prediction", "ground truth"],
    }


def test_a_curve_that_is_not_the_metric_itself_says_what_it_is():
    opening = [0.1 * (frame % 7) for frame in range(COUNT)]
    record = record_of(
        metrics=named({"mouth_correlation": metric(0.8, opening)}),
        ground_truth=named({"mouth_correlation": metric(1.0, opening[::-1])}),
    )
    (chart,) = sheet_curves.charts(record)
    assert chart.title == "Mouth opening, px"
    assert [line.label for line in chart.lines] == ["prediction", "ground truth"]
    (alone,) = sheet_curves.charts(record | {"ground_truth": {}})
    assert [line.label for line in alone.lines] == ["prediction"]


def chart_of(*values):
    return sheet_curves.Chart(title="t", lines=(sheet_curves.Line(key="k", label="l", values=values),))


def test_a_curve_breaks_where_there_is_no_number_and_is_cut_at_the_edge_where_infinite():
    text = sheet_curves.figure(chart_of(1.0, math.nan, 3.0, 1.0, math.inf), 25)
    # From 0.88 to 3.12: 1 lies at 94.64 of 100 from above, 3 at 5.36, infinity at 0.
    assert "d='M0.0 94.64h0M500.0 5.36h0L750.0 94.64L1000.0 0.00'" in text
    assert "Frames equal to their truth are infinite" in text
    assert "Frames without a number: l 1 of 5." in text


@pytest.mark.parametrize(
    ("values", "sentence"),
    [((math.inf, math.inf), "every frame equals its truth"), ((math.nan, math.nan), "no frame has a number")],
)
def test_a_curve_of_no_finite_number_is_a_sentence(values, sentence):
    assert sentence in sheet_curves.figure(chart_of(*values), 25)


@pytest.mark.parametrize("values", [(5.0,), (0.0, 0.0), (-3.0, -3.0, -3.0)])
def test_a_constant_curve_and_a_single_frame_are_drawn(values):
    text = sheet_curves.figure(chart_of(*values), 25)
    assert "nan" not in text
    assert " 50.00" in text  # in the middle


def test_a_long_curve_keeps_its_extremes_and_its_gaps():
    values = [math.sin(frame / 50) for frame in range(7500)]
    values[1234], values[4321], values[6000] = 9.0, -9.0, math.nan
    kept = sheet_curves._kept(tuple(values))
    assert {1234, 4321, 6000} <= set(kept)
    assert len(kept) <= sheet_curves.MOST_POINTS


def test_in_a_browser_a_click_on_a_curve_seeks_the_video_and_nothing_else_is_asked_for(videos, tmp_path):
    folder = tmp_path / "a sheet"
    record = record_of(name=HOSTILE, pred=HOSTILE)
    record["metrics"][HOSTILE] = metric(1.0, [0.5 * frame for frame in range(COUNT)])
    index = sheet.write_sheet(record, request_of(videos), folder)
    with chromium.browser(tmp_path / "profile") as page:
        page.open(index.as_uri())
        page.wait("document.getElementById('video').readyState >= 2")

        def state():
            return page.evaluate(
                "[frame, Math.floor(video.currentTime * 25 + 1e-3), document.title.slice(0, 4), video.paused]"
            )

        assert state() == [0, 0, "<img", True]
        page.click(".plot", across=20 / (COUNT - 1))
        page.wait("!video.seeking")
        assert state() == [20, 20, "<img", True]
        assert page.evaluate("outputs[0].textContent") == "12"
        page.press("ArrowRight")
        assert state()[0] == 21
        page.click("a[data-frame='20']")
        page.wait("!video.seeking")
        assert state()[:2] == [20, 20]
        page.click("#play")
        page.wait("!video.paused || video.ended")
        page.open(index.as_uri() + "#frame=7")
        page.wait("document.getElementById('video').readyState >= 2")
        assert state()[0] == 7
        page.look(tmp_path / "page.png", width=390, height=800, dark=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        unlabelled = (
            "[...document.querySelectorAll('img:not([alt]), button:empty, [role=slider]:not([aria-label])')].length"
        )
        assert page.evaluate(unlabelled) == 0
        own = index.parent.as_uri() + "/"
        assert [url for url in page.requests if not url.startswith((own, "data:"))] == []
        assert page.complaints == []
