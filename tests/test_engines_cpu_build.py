"""Building the C engines, and choosing an engine: what happens with and without a compiler, and what is printed."""

import ctypes
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from tfg.engines import choose, hash_encode, resolve_engine
from tfg.engines.cpu import build
from tfg.engines.hashgrid.base import HashGridSpec
from tfg.types import InputError

SPEC = HashGridSpec(2, 2, 1, 8, 4, 8, 1.0)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, and nothing remembered from other tests."""
    monkeypatch.setenv("TFG_CACHE", str(tmp_path))
    build.load.cache_clear()
    choose._resolve.cache_clear()
    yield tmp_path
    build.load.cache_clear()
    choose._resolve.cache_clear()


def test_a_library_is_compiled_once_and_says_so(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(build.load("probe"), ctypes.CDLL)
    assert capsys.readouterr().err.startswith("tfg.engines: compiled probe.c in ")
    build.load.cache_clear()
    build.load("probe")
    assert capsys.readouterr().err == ""
    assert [path.suffix for path in sorted((fresh / "engines").iterdir())] in ([".lock", ".so"], [".so"])


def test_flags_are_part_of_the_cache_key(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build.load("probe")
    build.load.cache_clear()
    monkeypatch.setenv("TFG_CFLAGS", "-DOTHER=1")
    build.load("probe")
    assert len(list((fresh / "engines").glob("*.so"))) == 2


def test_many_threads_build_one_library(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threads = [threading.Thread(target=build.load, args=("probe",)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert capsys.readouterr().err.count("compiled probe.c") == 1


def test_never_fast_math_and_loading_leaves_denormals_alone() -> None:
    assert "-ffast-math" not in build.SAFE_FLAGS
    code = (
        "import numpy, torch; from tfg.engines.cpu import build;"
        "[build.load(name) for name in ('hashgrid', 'march', 'mlp', 'probe', 'raster', 'ssim')];"
        "assert numpy.float32(1e-40) * numpy.float32(0.5) > 0;"
        "assert (torch.tensor([1e-40]) * 0.5).item() > 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_a_compiler_auto_takes_torch_and_says_why_once(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(fresh))
    monkeypatch.delenv("CC", raising=False)
    assert resolve_engine("auto", "cpu") == "torch"
    assert resolve_engine("auto", "cpu") == "torch"
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "chose torch (no C compiler (cc, gcc, clang) on PATH; install one" in lines[0]
    out = hash_encode(torch.rand(5, 2), torch.rand(SPEC.num_params, 1), SPEC)
    assert out.shape == (5, 2)


def test_asking_for_cpu_without_a_compiler_is_an_error(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(fresh))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(InputError, match="engine=cpu: no C compiler"):
        resolve_engine("cpu", "cpu")


def test_a_compiler_that_fails_is_named_with_its_first_error(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFG_CFLAGS", "-fno-such-flag")
    with pytest.raises(build.CompilerMissing, match=r"cannot build probe\.c: .*no-such-flag"):
        build.load("probe")
    assert not list((fresh / "engines").glob("*.so"))
    assert not list((fresh / "engines").glob("*.partial"))


def test_auto_says_its_choice_once(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert resolve_engine("auto", "cpu") == "cpu"
    assert resolve_engine("auto", "cpu") == "cpu"
    assert capsys.readouterr().err.count("engine=auto on cpu chose cpu (C, ") == 1


def test_double_precision_goes_to_the_twin_or_is_refused() -> None:
    assert resolve_engine("auto", "cpu", torch.float64) == "torch"
    with pytest.raises(InputError, match="engine=cpu computes in float32"):
        resolve_engine("cpu", "cpu", torch.float64)


def test_an_engine_for_another_device_is_refused() -> None:
    with pytest.raises(InputError, match="engine=cuda needs tensors on cuda but they are on cpu"):
        resolve_engine("cuda", "cpu")
    with pytest.raises(InputError, match="engine=numba is unknown"):
        resolve_engine("numba", "cpu")
