"""Speech from espeak-ng with the time of every phoneme, through ctypes on the PyPI wheel `espeakng-loader`.

espeak-ng is licensed GPL-3-or-later. Only this file loads it, in a process of its own (this file run as a
script); nothing else of the project depends on it, and no byte of it is part of the project.
"""

from __future__ import annotations

import ctypes
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

# speak_lib.h of espeak-ng 1.52
_OUTPUT_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples go to the callback, before espeak_Synth returns
_INITIALIZE_PHONEME_EVENTS = 0x0001
_INITIALIZE_DONT_EXIT = 0x8000
_CHARACTERS_UTF8 = 1
_POSITION_CHARACTER = 1
_EVENT_LIST_TERMINATED = 0
_EVENT_PHONEME = 7


@dataclass(frozen=True, kw_only=True)
class Voice:
    language: str = "en-us"
    words_per_minute: int = 160
    pitch: int = 50  # 0 to 100
    pitch_range: int = 50  # 0 is a monotone, 100 is lively


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """One spoken text."""

    samples: NDArray[np.int16]  # (n,) mono
    sample_rate: int  # Hz
    phonemes: tuple[str, ...]  # espeak-ng's own mnemonics with stress marks; "_:" and the like are pauses
    starts: NDArray[
        np.float64
    ]  # (len(phonemes),) seconds from the first sample; a phoneme lasts until the next one starts


def speak(texts: Sequence[str], voice: Voice) -> list[Utterance]:
    """The texts as sound and phonemes. The same list gives the same samples, on every call.

    The library keeps oscillator state from one text to the next, even over `espeak_Terminate`: only a fresh process is repeatable.
    """
    request = json.dumps({"texts": list(texts), "voice": asdict(voice)}).encode()
    done = subprocess.run([sys.executable, "-P", __file__], input=request, capture_output=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
        raise RuntimeError(f"espeak-ng failed ({reason}); reinstall the package espeakng-loader")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as reply:
        return [
            Utterance(
                samples=reply[f"samples_{index}"],
                sample_rate=int(reply["sample_rate"]),
                phonemes=tuple(str(name) for name in reply[f"phonemes_{index}"]),
                starts=reply[f"starts_{index}"],
            )
            for index in range(len(texts))
        ]


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # milliseconds
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def _load(voice: Voice) -> tuple[ctypes.CDLL, int]:
    """The initialised library and its sample rate in Hz."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data_folder = espeakng_loader.get_data_path().encode()
    options = _INITIALIZE_PHONEME_EVENTS | _INITIALIZE_DONT_EXIT
    sample_rate = int(library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, data_folder, options))
    if sample_rate <= 0:
        raise RuntimeError("espeak_Initialize cannot start")
    _check(library.espeak_SetVoiceByName(voice.language.encode()), "espeak_SetVoiceByName")
    for parameter, value in (
        (1, voice.words_per_minute),
        (3, voice.pitch),
        (4, voice.pitch_range),
    ):  # RATE, PITCH, RANGE
        _check(library.espeak_SetParameter(parameter, value, 0), "espeak_SetParameter")
    return library, sample_rate


def _synthesise(library: ctypes.CDLL, text: str) -> tuple[NDArray[np.int16], list[str], list[float]]:
    """(samples, phonemes, their starts in seconds) of one text."""
    chunks: list[NDArray[np.int16]] = []
    names: list[str] = []
    starts: list[float] = []

    def receive(wave, count, events) -> int:
        if wave and count > 0:
            chunks.append(np.ctypeslib.as_array(wave, shape=(count,)).copy())
        index = 0
        while events[index].type != _EVENT_LIST_TERMINATED:
            if events[index].type == _EVENT_PHONEME:
                names.append(bytes(events[index].id)[:8].split(b"\0")[0].decode("utf-8", "replace"))
                starts.append(events[index].audio_position / 1000)
            index += 1
        return 0

    callback = _Callback(receive)  # kept alive here while the library may call it
    library.espeak_SetSynthCallback(callback)
    data = text.encode("utf-8") + b"\0"
    _check(
        library.espeak_Synth(data, len(data), 0, _POSITION_CHARACTER, 0, _CHARACTERS_UTF8, None, None), "espeak_Synth"
    )
    _check(library.espeak_Synchronize(), "espeak_Synchronize")
    return (np.concatenate(chunks) if chunks else np.zeros(0, np.int16)), names, starts


def _check(status: int, call: str) -> None:
    if status != 0:
        raise RuntimeError(f"{call} gave error {status}")


def _serve() -> None:
    """Reads one request from stdin, writes the reply as npz to stdout."""
    request = json.load(sys.stdin)
    library, sample_rate = _load(Voice(**request["voice"]))
    reply: dict[str, NDArray[np.generic]] = {"sample_rate": np.array(sample_rate)}
    for index, text in enumerate(request["texts"]):
        samples, names, starts = _synthesise(library, text)
        reply[f"samples_{index}"] = samples
        reply[f"phonemes_{index}"] = np.array(names, dtype="U8")
        reply[f"starts_{index}"] = np.array(starts, np.float64)
    packed = io.BytesIO()
    np.savez(packed, **reply)  # type: ignore[arg-type]
    sys.stdout.buffer.write(packed.getvalue())


if __name__ == "__main__":
    _serve()
