"""The embedded clip has one digest, whatever processor, BLAS, C library and number of threads it is made with."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__

from tfg import cli
from tfg.clip.synthetic.speech import make_spoken_track

ARGUMENTS = ["clip", "--seconds", "2", "--size", "64", "-o"]
SIDECAR = "e17d7e5a49338fcb2a20768acf890cc2e7a2c638c2a3d60335cf2de87465e993"
# x264 may decide otherwise in another release of PyAV; then the sidecar's digest still holds, and this one is made anew
VIDEO_OF_PYAV = {"18.1.0": "5691e6abcd7d46b1e27c58935177b4297a5612cb2c1bf11c11f823f05571e477"}
SOUND = "d0eef1de544d30290deeb6240c4b7f0b4f9460c588ed0ac7e9cd174eee4573e7"

CPU_INFO = Path("/proc/cpuinfo")
HAS_AVX512 = CPU_INFO.is_file() and "avx512f" in CPU_INFO.read_text()
# of the SIMD code that NumPy's wheel chooses at run time: none, and none for AVX-512 (X86_V4 since NumPy 2.4)
WITHOUT_SIMD = " ".join(__cpu_dispatch__)
WITHOUT_AVX512 = " ".join(name for name in __cpu_dispatch__ if name.startswith(("AVX512", "X86_V4")))
WITHOUT_AVX = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX2,-FMA,-AVX"
MACHINES = {
    "zen": {"OPENBLAS_CORETYPE": "Zen", "OMP_NUM_THREADS": "3"},
    "haswell": {"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": WITHOUT_AVX512},
    "nehalem": {"OPENBLAS_CORETYPE": "Nehalem", "GLIBC_TUNABLES": WITHOUT_AVX},
    "prescott": {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": WITHOUT_SIMD, "OMP_NUM_THREADS": "1"},
    "skylake": {"OPENBLAS_CORETYPE": "SkylakeX"},
    "no compiler": {"PATH": "", "CC": ""},
}
ONE_PROCESSOR = """
import os, sys
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def digests(path: Path) -> tuple[str, str]:
    video, sidecar = (hashlib.sha256(path.with_suffix(suffix).read_bytes()).hexdigest() for suffix in (".mp4", ".npz"))
    return video, sidecar


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    assert cli.run([*ARGUMENTS, str(path)]) == 0
    return digests(path)


@pytest.mark.parametrize("machine", MACHINES)
def test_other_arithmetic_gives_the_same_bytes(machine: str, here: tuple[str, str], tmp_path: Path) -> None:
    if machine == "skylake" and not HAS_AVX512:
        pytest.skip("this processor has no AVX-512: OpenBLAS's SkylakeX kernels cannot run")
    path = tmp_path / "a.mp4"
    program = ["-W", "ignore", "-m", "tfg", *ARGUMENTS, str(path)]
    if machine == "prescott" and hasattr(os, "sched_setaffinity"):
        program = ["-c", ONE_PROCESSOR, *program]
    subprocess.run([sys.executable, *program], env={**os.environ, **MACHINES[machine]}, check=True, capture_output=True)
    assert digests(path) == here


def test_the_digest_is_the_committed_one(here: tuple[str, str]) -> None:
    video, sidecar = here
    assert sidecar == SIDECAR
    if av.__version__ in VIDEO_OF_PYAV:
        assert video == VIDEO_OF_PYAV[av.__version__]


def test_the_sound_is_the_committed_one() -> None:
    samples = np.rint(make_spoken_track(0, 50).audio * 2**15).astype("<i2")
    assert hashlib.sha256(samples.tobytes()).hexdigest() == SOUND
