"""Building the C engines, keeping them safe, and choosing one: with and without a compiler, and what is printed."""

import ctypes
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from tfg import compiler
from tfg.engines import choose, hash_encode, resolve_engine, sample_planes
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
    assert {path.suffix for path in (fresh / "engines").iterdir()} - {".lock"} == {".so", ".sha256"}


def test_flags_are_part_of_the_cache_key(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build.load("probe")
    build.load.cache_clear()
    monkeypatch.setenv("TFG_CFLAGS", "-DOTHER=1")
    build.load("probe")
    assert len(list((fresh / "engines").glob("*.so"))) == 2


def test_headers_that_are_included_are_part_of_the_key(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text('#include <math.h>\n#include "b.h"\n#include "b.h"\n')
    (tmp_path / "b.h").write_text('#include "c.h"\n')
    (tmp_path / "c.h").write_text("")
    (tmp_path / "a_other.h").write_text("")
    assert [path.name for path in compiler.sources(tmp_path / "a.c")] == ["a.c", "b.h", "c.h"]


def test_many_threads_build_one_library(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threads = [threading.Thread(target=build.load, args=("probe",)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert capsys.readouterr().err.count("compiled probe.c") == 1


def loading(cache: Path) -> subprocess.Popen[str]:
    """A new process that loads the library and calls it; prints 'called'."""
    code = "from tfg.engines.cpu import build; build.load('probe').tfg_max_threads(); print('called')"
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "TFG_CACHE": str(cache)}, **streams)


def kept(cache: Path) -> Path:
    """The one library of the cache."""
    (library,) = (cache / "engines").glob("*.so")
    return library


@pytest.mark.parametrize("damage", ["truncated", "one byte flipped", "no checksum"])
def test_a_damaged_library_is_named_and_compiled_anew_not_loaded(
    damage: str, fresh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build.load("probe")
    capsys.readouterr()
    library = kept(fresh)
    whole = library.read_bytes()
    broken = library.with_suffix(".broken")  # renamed into place: this process has the whole one mapped
    middle = len(whole) // 2
    broken.write_bytes(
        {
            "truncated": whole[: len(whole) // 4],
            "one byte flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "no checksum": whole,
        }[damage]
    )
    broken.chmod(0o700)
    broken.replace(library)
    if damage == "no checksum":
        library.with_name(library.name + ".sha256").unlink()
    with library.open("rb") as open_file:
        process = loading(fresh)  # a truncated library ends the process that loads it in SIGBUS
        out, err = process.communicate(timeout=120)
        assert os.fstat(open_file.fileno()).st_ino != library.stat().st_ino  # mended by a rename, never in place
    assert (process.returncode, out) == (0, "called\n")
    lines = err.splitlines()
    assert f"{library} is damaged (no checksum beside it fits its bytes): not loaded, compiled anew" in lines[0]
    assert lines[1].startswith("tfg.engines: compiled probe.c in ")
    build.load.cache_clear()
    build.load("probe")
    assert capsys.readouterr().err == ""


def test_a_library_of_another_user_is_not_loaded(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build.load("probe")
    build.load.cache_clear()
    capsys.readouterr()
    library, inspect = kept(fresh), Path.lstat

    def owned_by_another(path: Path) -> os.stat_result:
        state = inspect(path)
        return os.stat_result((*state[:4], state.st_uid + 7, *state[5:10])) if path == library else state

    before = library.stat().st_mtime_ns
    monkeypatch.setattr(Path, "lstat", owned_by_another)
    build.load("probe")
    assert f"{library} belongs to another user (uid {os.geteuid() + 7}): not loaded, compiled anew" in (
        capsys.readouterr().err
    )
    assert library.stat().st_mtime_ns > before


@pytest.mark.parametrize("mode", [0o720, 0o702])
def test_a_library_that_others_may_write_is_not_loaded(
    mode: int, fresh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build.load("probe")
    build.load.cache_clear()
    kept(fresh).chmod(mode)
    capsys.readouterr()
    build.load("probe")
    assert "may be written by other users: not loaded, compiled anew" in capsys.readouterr().err
    assert kept(fresh).stat().st_mode & 0o777 == 0o700


def test_a_cache_folder_of_another_user_is_refused(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 7)
    with pytest.raises(InputError, match=r"engines belongs to another user .* set TFG_CACHE to a folder of yours"):
        build.load("probe")
    assert list((fresh / "engines").iterdir()) == []


def test_whatever_the_umask_the_cache_is_for_this_user_alone(fresh: Path) -> None:
    before = os.umask(0)
    try:
        build.load("probe")
    finally:
        os.umask(before)
    assert (fresh / "engines").stat().st_mode & 0o777 == 0o700
    assert kept(fresh).stat().st_mode & 0o777 == 0o700
    (fresh / "engines").chmod(0o777)  # as an earlier version may have left it
    build.load.cache_clear()
    build.load("probe")
    assert (fresh / "engines").stat().st_mode & 0o777 == 0o700


def test_two_processes_at_once_compile_one_library(fresh: Path) -> None:
    processes = [loading(fresh), loading(fresh)]
    results = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    errors = "".join(err for _, err in results)
    assert errors.count("compiled probe.c") == 1
    assert "damaged" not in errors


def test_never_fast_math_and_loading_leaves_denormals_alone() -> None:
    assert "-ffast-math" not in build.SAFE_FLAGS
    code = (
        "import numpy, torch; from tfg.engines.cpu import build;"
        "[build.load(name) for name in ('hashgrid', 'march', 'mlp', 'photometric', 'planes', 'probe', 'raster')];"
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
    assert sample_planes(torch.rand(3, 2, 4, 4), torch.rand(5, 3), engine="auto").shape == (5, 2)


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
    with pytest.raises(InputError, match="engine=cpu takes float32"):
        resolve_engine("cpu", "cpu", torch.float64)


def test_an_engine_for_another_device_is_refused() -> None:
    with pytest.raises(InputError, match="engine=cuda needs tensors on cuda but they are on cpu"):
        resolve_engine("cuda", "cpu")
    with pytest.raises(InputError, match="engine=numba is unknown"):
        resolve_engine("numba", "cpu")
