"""Which implementation serves a call: the torch twin, the C path, CUDA or tiny-cuda-nn. The choice of `auto` is printed once."""

import functools
import importlib.util
import sys

import torch

from tfg.engines.cpu import build
from tfg.types import ENGINES, InputError

NO_TINY_CUDA_NN = (
    "engine=tinycudann: tiny-cuda-nn is not installed; "
    "pip install git+https://github.com/NVlabs/tiny-cuda-nn/#subdirectory=bindings/torch, or use engine=cuda"
)


def resolve_engine(engine: str, device: torch.device | str, dtype: torch.dtype = torch.float32) -> str:
    """'torch', 'cpu' or 'cuda' for tensors on `device`.

    `auto` takes the fastest that works: CUDA on a CUDA device, C on the CPU where a compiler is, else the torch twin.
    Anything but float32 goes to the twin under `auto`, for the fast paths take float32 only. `tinycudann`, never taken by `auto`,
    is `cuda` here: the two differ in `resolve_perceptron` alone.
    """
    kind = torch.device(device).type
    if dtype != torch.float32:
        if ENGINES.get(engine) is not None:
            raise InputError(f"engine={engine} takes float32 but was given {dtype}: convert, or use engine=torch")
        if engine == "auto":
            return "torch"
    return _resolve(engine, kind)


def resolve_perceptron(engine: str, device: torch.device | str, dtype: torch.dtype = torch.float32) -> str:
    """As `resolve_engine`, for perceptrons, which have a path of their own under `tinycudann`: that name too."""
    chosen = resolve_engine(engine, device, dtype)
    return engine if engine == "tinycudann" else chosen


def resolve_triton(engine: str, device: torch.device | str, dtype: torch.dtype = torch.float32) -> str:
    """As `resolve_engine`, for operations whose CUDA path is a Triton kernel."""
    chosen = resolve_engine(engine, device, dtype)
    if chosen != "cuda" or importlib.util.find_spec("triton"):
        return chosen
    if engine != "auto":
        raise InputError(
            f"engine={engine}: grids, planes and marching need Triton; pip install triton, or use engine=torch"
        )
    return _without_triton()


@functools.cache
def _without_triton() -> str:
    print(
        "tfg.engines: triton is not installed, grids, planes and marching use torch (pip install triton)",
        file=sys.stderr,
    )
    return "torch"


@functools.cache
def _resolve(engine: str, kind: str) -> str:
    if engine not in ENGINES:
        raise InputError(f"engine={engine} is unknown: choose one of {', '.join(ENGINES)}")
    if (needed := ENGINES[engine]) not in (None, kind):
        raise InputError(f"engine={engine} needs tensors on {needed} but they are on {kind}: use engine=auto")
    if engine == "tinycudann":
        return _beside_tiny_cuda_nn()
    if engine == "cpu":
        try:
            build.load("probe")
        except build.CompilerMissing as error:
            raise InputError(f"engine=cpu: {error}") from error
    if engine != "auto":
        return engine
    chosen, reason = _automatic(kind)
    print(f"tfg.engines: engine=auto on {kind} chose {chosen} ({reason})", file=sys.stderr)
    return chosen


def _beside_tiny_cuda_nn() -> str:
    """What serves everything but perceptrons."""
    if importlib.util.find_spec("tinycudann") is None:
        raise InputError(NO_TINY_CUDA_NN)
    print(
        "tfg.engines: engine=tinycudann: perceptrons in float16 by tiny-cuda-nn; everything else as engine=cuda (no grid here is "
        "tiny-cuda-nn's: docs/engines.md)",
        file=sys.stderr,
    )
    return "cuda"


def _automatic(kind: str) -> tuple[str, str]:
    """The fastest engine for a device type, and why."""
    if kind == "cuda":
        return "cuda", torch.cuda.get_device_name()
    if kind != "cpu":
        return "torch", f"no fast path for {kind}"
    try:
        library = build.load("probe")
    except build.CompilerMissing as error:
        return "torch", str(error)
    return "cpu", f"C, {library.tfg_max_threads()} threads"
