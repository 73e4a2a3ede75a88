"""The frames of an embedded clip, drawn by as many processes as there are cores: drawing is many short calls of numpy, which the
threads of one process make one at a time.

`python -m tfg.clip.synthetic.draw SPECIFICATION FIRST STEP` is such a process: it writes every STEP-th block of frames, from block
FIRST on, to its output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.expression import coefficients
from tfg.clip.synthetic.mesh import make_person_mesh
from tfg.clip.synthetic.motion import HeadMotion, motion_of, rotations, translations
from tfg.clip.synthetic.person import make_person
from tfg.clip.synthetic.render import REST_TRANSLATION, DrawnFrame, FrameRenderer
from tfg.clip.synthetic.specification import SyntheticClip
from tfg.clip.synthetic.speech import MOUTH_PARAMETERS, SpokenTrack, make_spoken_track
from tfg.types import NUM_LANDMARKS, InputError

FEWEST = 500  # frames from which other processes save more time than they take to start
_BLOCK = 25  # frames that a process draws before the next one's turn
_AHEAD = 4  # blocks of a process that are taken before they are asked for
_MOST = 8  # processes: the one that writes the video cannot take more


def drawn(
    renderer: FrameRenderer, track: SpokenTrack, motion: HeadMotion, frames: NDArray[np.int64] | range
) -> Iterator[DrawnFrame]:
    """Some frames of a clip, in this process."""
    rotation = rotations(motion.pose)
    translation = translations(motion.pose, rotation, np.array(REST_TRANSLATION))
    weights = coefficients(track.mouth, motion.upper)
    tongue = MOUTH_PARAMETERS.index("tongue")
    for index in frames:
        yield renderer.draw(
            weights[index], rotation[index], translation[index], motion.gaze[index], float(track.mouth[index, tongue])
        )


def processes_for(spec: SyntheticClip) -> int:
    """How many processes should draw a clip: one for each core that this process may use, one where the clip is short."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST) if spec.num_frames >= FEWEST else 1


def drawn_elsewhere(spec: SyntheticClip, processes: int) -> Iterator[DrawnFrame]:
    """All frames of a clip in order, by processes that each draw their share; InputError where one of them is killed."""
    blocks = [range(start, min(start + _BLOCK, spec.num_frames)) for start in range(0, spec.num_frames, _BLOCK)]
    with ExitStack() as stack:
        takers = [
            stack.enter_context(ThreadPoolExecutor(1)) for _ in range(processes)
        ]  # one each: it takes blocks in order
        started = []
        for first in range(processes):
            started.append(_start(spec, first, processes))
            stack.callback(_end, started[-1])  # before the takers are waited for
        ahead: deque[Future[list[bytes]]] = deque()
        for number, block in enumerate(blocks):
            turn = number % processes
            ahead.append(takers[turn].submit(_take, started[turn], len(block), _length(spec.size)))
            if len(ahead) > _AHEAD * processes:
                yield from (_unpacked(frame, spec.size) for frame in ahead.popleft().result())
        while ahead:
            yield from (_unpacked(frame, spec.size) for frame in ahead.popleft().result())


def _start(spec: SyntheticClip, first: int, step: int) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    # -P: nothing of the folder that tfg was started in is imported
    command = [sys.executable, "-P", "-m", "tfg.clip.synthetic.draw", json.dumps(asdict(spec)), str(first), str(step)]
    environment = os.environ | {"PYTHONPATH": path}
    # A session of its own: Ctrl-C is for whoever asked, who ends it.
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, start_new_session=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _take(process: subprocess.Popen[bytes], count: int, length: int) -> list[bytes]:
    """The next frames that a process wrote."""
    assert process.stdout is not None
    frames = [process.stdout.read(length) for _ in range(count)]
    if len(frames[-1]) < length:
        raise InputError(
            f"embedded clip: a process that draws it ended too early, with {process.wait()}; free some memory and repeat the command"
        )
    return frames


def _length(size: int) -> int:
    """Bytes of a frame: picture, landmarks, three masks."""
    return 3 * size * size + 8 * NUM_LANDMARKS + 3 * size * packed_width(size)


def packed_width(size: int) -> int:
    """Bytes of a mask's row, a bit a pixel."""
    return (size + 7) // 8


def _packed(frame: DrawnFrame) -> bytes:
    masks = np.packbits(np.stack([frame.head, frame.mouth, frame.torso]), axis=-1)
    landmarks = np.ascontiguousarray(frame.landmarks, np.float32)
    return np.ascontiguousarray(frame.image).tobytes() + landmarks.tobytes() + masks.tobytes()


def _unpacked(content: bytes, size: int) -> DrawnFrame:
    picture, points = 3 * size * size, 8 * NUM_LANDMARKS
    rows = np.frombuffer(content[picture + points :], np.uint8).reshape(3, size, packed_width(size))
    head, mouth, torso = np.unpackbits(rows, axis=-1, count=size).astype(np.bool_)
    return DrawnFrame(
        image=np.frombuffer(content[:picture], np.uint8).reshape(size, size, 3),
        head=head,
        mouth=mouth,
        torso=torso,
        landmarks=np.frombuffer(content[picture : picture + points], np.float32).reshape(NUM_LANDMARKS, 2),
    )


def write_frames(specification: str, first: str, step: str, output: IO[bytes]) -> None:
    spec = SyntheticClip(**json.loads(specification))
    track = make_spoken_track(spec.speech_seed, spec.num_frames)
    motion = motion_of(spec)
    renderer = FrameRenderer(make_person_mesh(make_person(spec.identity_seed), spec.size), spec.size)
    own = np.arange(spec.num_frames)
    for frame in drawn(renderer, track, motion, own[own // _BLOCK % int(step) == int(first)]):
        output.write(_packed(frame))
        output.flush()


if __name__ == "__main__":
    try:
        write_frames(sys.argv[1], sys.argv[2], sys.argv[3], sys.stdout.buffer)
    except BrokenPipeError:  # whoever asked for the frames is gone
        os._exit(1)  # without a word about the pipe
