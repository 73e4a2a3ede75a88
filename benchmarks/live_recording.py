"""What a browser records of the page of `tfg live`: sound against pictures. For `benchmarks/live.py`."""

from __future__ import annotations

import base64
import io
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from chromium import browser
from live_pages import Lamp, drive
from scipy.io import wavfile

from tfg.live.address import listening_socket
from tfg.live.server import Live, served
from tfg.live.upload import Limits
from tfg.types import SAMPLE_RATE, Floats

LIMITS = Limits(most_bytes=50_000_000, most_seconds=600.0)
STEP = 0.005  # seconds, of envelopes
RECORD = """
(() => {
  const player = tfgLive.player, heard = player.context.createMediaStreamDestination(), canvas = document.getElementById("picture");
  player.out.connect(heard);
  const tracks = [...canvas.captureStream().getVideoTracks(), ...heard.stream.getAudioTracks()];
  const recorder = new MediaRecorder(new MediaStream(tracks), { mimeType: "video/webm;codecs=vp8,opus" }), pieces = [];
  recorder.ondataavailable = (event) => pieces.push(event.data);
  tfgLive.recorded = new Promise((done) => (recorder.onstop = () => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(new Blob(pieces));
  }));
  recorder.start();
  tfgLive.recorder = recorder;
})()
"""
SEND = """
fetch("/sound", {method: "POST", headers: {"X-Session": tfgLive.settings.session}, body: new Uint8Array(BODY)}).then((a) => a.status)
"""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Of the page, by a browser; milliseconds."""

    behind: float  # the sound, against the pictures
    latency: float  # by which the page holds pictures back
    late: float  # of pictures, by the page's own clock: median
    latest: float  # and 95 %
    rate: int  # pictures a second
    gaps: int


class _Wide(Lamp):
    """As bright as its frame is loud."""

    size = 128


def recorded() -> Recording:
    """What a browser records of the page, of bursts and pictures as bright as they are loud."""
    live = Live(LIMITS, None)
    live.answer_with(_Wide(), drive(), 0.001)
    rng = np.random.default_rng(0)
    bursts = np.repeat(rng.random(50) < 0.5, SAMPLE_RATE // 5) * rng.normal(0, 0.2, 10 * SAMPLE_RATE)
    with tempfile.TemporaryDirectory() as folder, serving(live) as port, browser(Path(folder) / "profile") as page:
        page.open(f"http://127.0.0.1:{port}/")
        page.wait("document.getElementById('state').textContent === 'Ready'")
        page.click("figcaption")
        page.wait("tfgLive.player.context.state === 'running'")
        page.evaluate(RECORD)
        assert page.evaluate(SEND.replace("BODY", str(list(wav(bursts))))) == 200
        time.sleep(14)
        latency, gaps = page.evaluate("tfgLive.player.latency"), page.evaluate("tfgLive.player.gaps")
        page.evaluate("tfgLive.recorder.stop()")
        shown = np.array(page.evaluate("tfgLive.player.records"))
        webm = base64.b64decode(page.evaluate("tfgLive.recorded").split(",", 1)[1])
    sound, light, rate = _envelopes(webm)
    late = 1000 * (shown[:, 2] - shown[:, 1])
    return Recording(
        behind=1000 * _lag(light, sound),
        latency=1000 * latency,
        late=float(np.median(late)),
        latest=float(np.quantile(late, 0.95)),
        rate=rate,
        gaps=gaps,
    )


def _envelopes(webm: bytes) -> tuple[Floats, Floats, int]:
    """Loudness and brightness each STEP seconds, of the recording's own times; pictures a second."""
    times, lights, places, samples = [], [], [], []
    with av.open(io.BytesIO(webm)) as container:
        for frame in container.decode(video=0, audio=0):
            if isinstance(frame, av.VideoFrame):
                times.append(float(frame.pts * frame.time_base))
                lights.append(float(frame.to_ndarray(format="gray").mean()))
            else:
                values = frame.to_ndarray().reshape(-1, frame.samples).mean(axis=0)
                samples.append(values)
                places.append(float(frame.pts * frame.time_base) + np.arange(frame.samples) / frame.sample_rate)
    moments = np.arange(0, times[-1], STEP)
    light = np.array(lights)[np.maximum(np.searchsorted(times, moments, "right") - 1, 0)]
    place, value = np.concatenate(places), np.concatenate(samples)
    cells, count = (place / STEP).astype(int), len(moments)
    cells, value = cells[cells < count], value[cells < count]
    number = np.maximum(np.bincount(cells, minlength=count), 1)  # none where nothing was recorded yet
    loud = np.sqrt(np.bincount(cells, value**2, minlength=count) / number)
    return loud.astype(np.float32), light.astype(np.float32), round(len(times) / times[-1])


def _lag(first: Floats, second: Floats) -> float:
    """Seconds by which `second` is behind, within half a second."""
    one, other = (np.clip(a / np.quantile(a, 0.95), 0, 1) for a in (first - first.min(), second))
    most = round(0.5 / STEP)
    shifts = range(-most, most + 1)
    scores = [np.corrcoef(np.roll(other, -shift)[most:-most], one[most:-most])[0, 1] for shift in shifts]
    return shifts[int(np.argmax(scores))] * STEP


@contextmanager
def serving(live: Live) -> Iterator[int]:
    """The port of a page while it is served."""
    with listening_socket(0) as bound, served(live, bound):
        yield bound.getsockname()[1]


def wav(sound: Floats) -> bytes:
    """A file of sound (samples,) at 16 kHz in [-1, 1]."""
    file = io.BytesIO()
    wavfile.write(file, SAMPLE_RATE, (np.clip(sound, -1, 1) * 32767).astype(np.int16))
    return file.getvalue()
