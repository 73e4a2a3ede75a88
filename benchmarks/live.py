"""What `tfg live` costs and how late it is: processor time of a frame, delay of an answer, memory, sound against pictures.

`PYTHONPATH=.:tests python -m benchmarks.live HEAD [HEAD ...] --minutes M [M ...] [--out FILE]`: heads of results/heads, and for each
the minutes that are streamed for the memory. Wall times depend on what else the machine does, processor times hardly do: both are
given, and the load.
"""

from __future__ import annotations

import argparse
import os
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from live_pages import Page

from benchmarks.live_recording import LIMITS, Recording, recorded, serving, wav
from benchmarks.timing import machine
from tfg import heads, speaker
from tfg.clip.spoken import read_aloud
from tfg.live.head import Head
from tfg.live.server import Live
from tfg.live.sources import Known
from tfg.live.stream import BLOCK, Stream, jpeg
from tfg.live.timeline import Timeline
from tfg.record import meter, provenance
from tfg.threads import threads
from tfg.types import FPS

TEXT = "The quick brown fox jumps over the lazy dog, and nobody knows why it should do that every single morning."
FRAMES = 100  # timed of each head
ANSWERS = 5
START, SOON = 6, 0.03  # of page/sound.js: frames that are there before the first is shown, seconds until then


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Of one head."""

    name: str
    size: int
    frame: meter.Spent  # of a picture with its JPEG, while it speaks
    packet: list[float]  # seconds from sending a sound to the first packet with sound
    heard: list[float]  # seconds until that is due in the page
    minutes: float
    memory: tuple[float, float]  # MB after the first fifth of these minutes, and after the last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("heads", nargs="+", type=Path)
    parser.add_argument("--minutes", nargs="+", type=float, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    recording = recorded()
    text = report(
        [costs(folder, minutes) for folder, minutes in zip(options.heads, options.minutes, strict=True)], recording
    )
    print(text)
    if options.out:
        options.out.write_text(text)


def costs(folder: Path, minutes: float) -> Costs:
    opened = speaker.opened(folder, heads.read(folder)[0])
    with threads(opened.threads):
        head = Head(opened, 0)
        first = head.warm_up()
        spent = _frame(head)
        packet, heard = _answers(head, first)
        memory = _memory(head, minutes)
    return Costs(
        name=opened.name, size=head.size, frame=spent, packet=packet, heard=heard, minutes=minutes, memory=memory
    )


def _frame(head: Head) -> meter.Spent:
    """Of one of FRAMES, in blocks as they are streamed."""
    timeline = Timeline(head.drive.rest())
    timeline.add(known := Known(read_aloud(TEXT), head.drive))
    known.begin()
    while not known._over:  # its features are counted apart
        time.sleep(0.05)
    began = meter.now()
    for _ in range(FRAMES // BLOCK):
        _, windows = timeline.take(BLOCK)
        for image in head.draw(windows, range(BLOCK)):
            jpeg(image)
    return (meter.now() - began).times(1 / FRAMES)


def _answers(head: Head, first: float) -> tuple[list[float], list[float]]:
    """Through the server, to a page that shows 25 frames a second."""
    live = Live(LIMITS, None)
    live.answer_with(head, head.drive, first)
    packet, heard = [], []
    with serving(live) as port:
        page = _Player(port)
        for _ in range(ANSWERS):
            page.wait(FPS)
            began = time.monotonic()
            page.first_sound = None
            page.page.post("/sound", wav(read_aloud(TEXT)))
            while page.first_sound is None:
                time.sleep(0.002)
            packet.append(page.first_sound[0] - began)
            heard.append(page.first_sound[1] - began)
            page.page.ask("stop")
        page.close()
    return packet, heard


class _Player:
    """A page's side: shows a frame each 40 ms, from START frames on, and begins anew when it runs out, as sound.js does."""

    def __init__(self, port: int) -> None:
        self.page = Page(port)
        self.page.until(lambda: self.page.texts)
        self.first_sound: tuple[float, float] | None = (0.0, 0.0)  # when it came, when it is due
        self._anchor: tuple[int, float] | None = None
        self._waiting: list[int] = []
        self._acknowledged = -1
        self._over = False
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()
        self._clock = threading.Thread(target=self._show, daemon=True)
        self._clock.start()

    def wait(self, frames: int) -> None:
        time.sleep(frames / FPS)

    def close(self) -> None:
        self._over = True
        self._clock.join()
        self.page.close()

    def _take(self) -> None:
        known = 0
        while not self._over and self.page.closed is None:
            try:
                self.page.next()
            except OSError:
                return
            for frame, sound, _ in self.page.packets[known:]:
                now = time.monotonic()
                self._waiting.append(frame)
                if self._anchor and self._due(frame) < now:
                    self._anchor, self._waiting = None, [frame]
                if not self._anchor and len(self._waiting) >= START:
                    self._anchor = (self._waiting[0], now + SOON)
                if sound is not None and self.first_sound is None:
                    self.first_sound = (now, self._due(frame) if self._anchor else now + SOON)
            known = len(self.page.packets)

    def _show(self) -> None:
        while not self._over:
            if anchor := self._anchor:
                due = int(anchor[0] + (time.monotonic() - anchor[1]) * FPS)
                due = min(due, self.page.packets[-1][0])
                if due >= self._acknowledged + 2:
                    self._acknowledged = due
                    self.page.ask("shown", due)
            time.sleep(0.01)

    def _due(self, frame: int) -> float:
        assert self._anchor is not None
        return self._anchor[1] + (frame - self._anchor[0]) / FPS


def _memory(head: Head, minutes: float) -> tuple[float, float]:
    """MB of the process while so many minutes are streamed as fast as they are rendered, in speech and in rest."""
    timeline = Timeline(head.drive.rest())
    stream = Stream(head, timeline, lambda packet: None, 0.0)
    spoken, frames = read_aloud(TEXT), round(minutes * 60 * FPS)
    after = []
    for block in range(frames // BLOCK):
        if block % (20 * FPS // BLOCK) == 0:
            timeline.add(known := Known(spoken, head.drive))
            known.begin()
            known.wait(60)
        stream.cost = 0.0  # every picture, however slow the machine is now
        stream._block()
        stream.show(stream._sent - 1)
        if block + 1 in (frames // BLOCK // 5, frames // BLOCK):
            after.append(_resident())
    return after[0], after[1]


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def report(found: Sequence[Costs], recording: Recording) -> str:
    commit, dirty = provenance.commit()
    columns = ("head", "px", "processor ms a picture", "pictures a processor second", "wall ms a picture")
    columns += ("first sound here, s", "due, s", "minutes", "MB", "MB at the end")
    lines = [
        "# The page of `tfg live`",
        "",
        f"{machine()['processor']}, {os.cpu_count()} cores, commit {commit}{' with changes' if dirty else ''}; on average "
        f"{os.getloadavg()[2]:.1f} processes wanted a core.",
        "By `PYTHONPATH=.:tests python -m benchmarks.live`.",
        "",
        "A picture: rendered and encoded as JPEG while the head speaks, one of 100. First sound: from sending 6 s of sound to the",
        f"packet with its first 40 ms, and until that is due in the page, which keeps frames ahead; medians of {ANSWERS} (largest).",
        "Memory: of the process after a fifth of the minutes and after all, streamed as fast as they are rendered.",
        "",
        "| " + " | ".join(columns) + " |",
        "|---|" + "--:|" * (len(columns) - 1),
    ]
    for one in found:
        processor = one.frame.processor_seconds
        assert processor is not None
        delays = [f"{statistics.median(times):.2f} ({max(times):.2f})" for times in (one.packet, one.heard)]
        cells = [one.name.split("-")[1], f"{one.size}", f"{1000 * processor:.1f}", f"{1 / processor:.0f}"]
        cells += [f"{1000 * one.frame.seconds:.1f}", *delays, f"{one.minutes:g}", *(f"{mb:.0f}" for mb in one.memory)]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "Sound against pictures, in what Chromium records of the page (10 s of bursts, pictures as bright as they are loud): sound is",
        f"{recording.behind:.0f} ms behind the pictures, the recorder's own paths included; a frame is 40 ms. The page holds pictures",
        f"back by {recording.latency:.0f} ms, the way to the loudspeaker. By its own clock a picture is shown {recording.late:.0f} ms "
        f"(median; 95 %: {recording.latest:.0f})",
        f"after its sound has begun to be heard. {recording.rate} pictures a second recorded, {recording.gaps} gaps.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
