"""Small whole media files in many containers and codecs, and files that are no damage but a trap: bombs, playlists, empty streams.

Pictures are noise that moves, sound is a tone; all made here, the same on every run of one FFmpeg.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SECONDS = 2


@dataclass(frozen=True, kw_only=True)
class Source:
    """One whole file: codecs as FFmpeg calls them; None: no such stream."""

    name: str
    video: str | None
    sound: str | None
    colours: str = "yuv420p"
    size: tuple[int, int] = (96, 64)  # width, height
    rate: int = 25  # pictures a second
    sound_rate: int = 48_000
    options: tuple[tuple[str, str], ...] = ()  # of the container


SOURCES = (
    Source(name="h264_aac.mp4", video="libx264", sound="aac"),
    Source(name="faststart.mp4", video="libx264", sound="aac", options=(("movflags", "faststart"),)),
    Source(name="fragments.mp4", video="libx264", sound="aac", options=(("movflags", "frag_keyframe+empty_moov"),)),
    Source(name="full_chroma.mp4", video="libx264", sound="aac", colours="yuv444p", rate=30),
    Source(name="mpeg4.mov", video="mpeg4", sound="pcm_s16le"),
    Source(name="h264_aac.mkv", video="libx264", sound="aac"),
    Source(name="ten_bits.mkv", video="ffv1", sound="flac", colours="yuv422p10le", rate=50),
    Source(name="odd_grey.mkv", video="ffv1", sound="pcm_s16le", colours="gray", size=(17, 13), rate=7),
    Source(name="vp9_opus.webm", video="libvpx-vp9", sound="libopus"),
    Source(name="mjpeg.avi", video="mjpeg", sound="pcm_s16le", colours="yuvj422p"),
    Source(name="mpeg4_mp3.avi", video="mpeg4", sound="libmp3lame", sound_rate=44_100),
    Source(name="h264_aac.ts", video="libx264", sound="aac"),
    Source(name="mpeg2_mp2.ts", video="mpeg2video", sound="mp2"),
    Source(name="mpeg1_mp2.mpg", video="mpeg1video", sound="mp2"),
    Source(name="h264_aac.flv", video="libx264", sound="aac", sound_rate=44_100),
    Source(name="pictures.gif", video="gif", sound=None, colours="rgb8", rate=10),
    Source(name="speech.wav", video=None, sound="pcm_s16le"),
    Source(name="speech.mp3", video=None, sound="libmp3lame", sound_rate=44_100),
    Source(name="speech.flac", video=None, sound="flac", sound_rate=22_050),
    Source(name="speech.ogg", video=None, sound="libopus"),
)


def write(source: Source, path: Path, times: Callable[[int], int] | None = None) -> Path:
    """The file; `times`: number of a picture -> its time in pictures, where it is not the number."""
    noise = np.random.default_rng(0)
    with av.open(str(path), "w", options=dict(source.options)) as container:
        video = None
        if source.video:
            video = container.add_stream(source.video, rate=source.rate)
            video.width, video.height, video.pix_fmt = *source.size, source.colours
            if source.video == "libx264":
                video.options = {"g": "12", "preset": "ultrafast"}
        sound = container.add_stream(source.sound, rate=source.sound_rate, layout="mono") if source.sound else None
        if video is not None:
            still = noise.integers(0, 256, (source.size[1], source.size[0], 3), np.uint8)
            for number in range(SECONDS * source.rate):
                frame = av.VideoFrame.from_ndarray(np.roll(still, 3 * number, axis=1), format="rgb24")
                frame = frame.reformat(format=source.colours)
                frame.pts, frame.time_base = number, Fraction(1, source.rate)
                for packet in video.encode(frame):
                    container.mux(_moved(packet, times, source.rate))
            for packet in video.encode(None):
                container.mux(_moved(packet, times, source.rate))
        if sound is not None:
            wave = 0.5 * np.sin(2 * np.pi * 220 * np.arange(SECONDS * source.sound_rate) / source.sound_rate)
            whole = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
            whole.sample_rate, whole.pts = source.sound_rate, 0
            whole.time_base = Fraction(1, source.sound_rate)
            shape = av.AudioResampler(format=sound.format, layout="mono", rate=source.sound_rate)
            for frame in shape.resample(whole):
                container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return path


def _moved(packet: av.Packet, times: Callable[[int], int] | None, rate: int) -> av.Packet:
    if times is not None and packet.pts is not None and packet.time_base is not None:
        step = Fraction(1, rate) / packet.time_base
        late = round(times(round(packet.pts / step)) * step) - packet.pts
        packet.pts, packet.dts = packet.pts + late, (packet.dts or 0) + late
    return packet


def traps(folder: Path) -> list[Path]:
    """Files that are well formed, or nearly, and would cost memory, time or a visit to the network."""
    made = [huge_picture(folder / f"huge.{kind}", 30_000, 30_000) for kind in ("mov", "avi", "nut")]
    hour, day = 3600 * 25, 86_400 * 25
    moves: dict[str, Callable[[int], int]] = {
        "gap_of_an_hour": lambda number: number + (hour if number > 25 else 0),
        "gap_of_days": lambda number: number + (11 * day if number > 25 else 0),
        "gap_of_five_seconds": lambda number: number + (125 if number > 25 else 0),
        "starts_late": lambda number: number + day,
        "slow": lambda number: number * hour,
    }
    for source in SOURCES:
        if source.name in ("h264_aac.mp4", "h264_aac.mkv", "h264_aac.ts", "h264_aac.flv", "vp9_opus.webm"):
            patient = replace(
                source, options=(("max_interleave_delta", "0"),)
            )  # sound is sorted in, however late a picture is
            made += [write(patient, folder / f"{name}_{source.name}", times) for name, times in moves.items()]
    for rate in (1, 4_000, 191_999, 192_000, 192_001, 705_600, 2_822_400):
        made.append(wav(folder / f"rate_{rate}.wav", rate, 1, rate * SECONDS))
    made += [wav(folder / "rate_0.wav", 0, 1, 100), wav(folder / "no_channel.wav", 48_000, 0, 100)]
    made += [wav(folder / "many_channels.wav", 8_000, 255, 8_000), wav(folder / "no_sample.wav", 48_000, 1, 0)]
    for kind in ("mp4", "mkv", "avi", "ts", "flv", "webm"):
        made.append(empty_streams(folder / f"no_packet.{kind}"))
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
        made.append(folder / name)
    (folder / "picture.mp4").write_bytes(_png(64, 64))
    (folder / "zeros.mp4").write_bytes(bytes(1 << 20))
    return [*made, folder / "picture.mp4", folder / "zeros.mp4"]


TEXTS = {
    "live.m3u8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\nh264_aac.ts\n",
    "remote.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "master.mp4": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1280000\nhttp://127.0.0.1:9/low.m3u8\n",
    "list.ffconcat": "ffconcat version 1.0\nfile /etc/passwd\n",
    "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "dash.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic"><Period/></MPD>',
    "subtitles.srt": "1\n00:00:01,000 --> 00:00:02,000\nhello\n\n",
    "drawing.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="http://127.0.0.1:9/"/></svg>',
    "page.mp4": "<!doctype html><title>404</title>" * 200,
}


def _png(width: int, height: int) -> bytes:
    """One bit a pixel, all black: 30,000 x 30,000 are 110 kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes((1 + (width + 7) // 8) * height), 9)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def huge_picture(path: Path, width: int, height: int) -> Path:
    picture = _png(width, height)
    with av.open(str(path), "w") as container:
        video = container.add_mux_stream("png", rate=25, width=width, height=height, pix_fmt="monob")
        for number in range(3):
            packet = av.Packet(picture)
            packet.stream, packet.is_keyframe = video, True
            packet.pts = packet.dts = number
            packet.time_base = Fraction(1, 25)
            container.mux(packet)
    return path


def wav(path: Path, rate: int, channels: int, samples: int) -> Path:
    """16 bits a sample, silent, whatever the header says."""
    data = bytes(2 * samples * channels)
    form = struct.pack("<HHIIHH", 1, channels, rate, 2 * rate * channels, 2 * channels, 16)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def empty_streams(path: Path) -> Path:
    """A header that names a picture and a sound, and nothing after it."""
    video, sound = ("libvpx-vp9", "libopus") if path.suffix == ".webm" else ("mpeg4", "mp2")
    if path.suffix == ".flv":
        video, sound = "flv", "libmp3lame"
    with av.open(str(path), "w") as container:
        pictures = container.add_stream(video, rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 96, 64, "yuv420p"
        container.add_stream(sound, rate=48_000 if path.suffix != ".flv" else 44_100, layout="mono")
        container.start_encoding()
    return path
