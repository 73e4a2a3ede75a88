"""The feature cache: computed once, by frame chunks, never a reason to stop."""

import errno
import hashlib
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tfg.features.cache import Arrays, cached, cached_ranges
from tfg.record.meter import Spent
from tfg.types import InputError

KEY = {"clip": "abc", "what": "test", "version": 1}


class Counting:
    """Rows that hold their frame number; remembers which ranges were computed."""

    def __init__(self) -> None:
        self.ranges: list[tuple[int, int]] = []

    def __call__(self, a: int, b: int) -> Arrays:
        self.ranges.append((a, b))
        return {"frame": np.arange(a, b), "square": np.arange(a, b, dtype=np.float32) ** 2}

    @property
    def frames(self) -> int:
        return sum(b - a for a, b in self.ranges)


def rows(entries: list, name: str = "frame") -> list[int]:
    return np.concatenate([entry.arrays[name] for _, entry in entries]).tolist()


def test_a_key_is_computed_once_and_its_seconds_are_remembered(tmp_path: Path) -> None:
    def compute() -> Arrays:
        time.sleep(0.05)
        return {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array([1, 2])}

    first = cached(KEY, compute, tmp_path)
    again = cached(dict(reversed(KEY.items())), lambda: pytest.fail("computed again"), tmp_path)
    assert first.spent == again.spent
    assert first.spent.seconds >= 0.05
    assert (first.was_there, again.was_there) == (False, True)
    np.testing.assert_array_equal(again.arrays["x"], [[0, 1, 2], [3, 4, 5]])
    assert again.arrays["n"].dtype == np.int64


def busy(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_processor_seconds_are_remembered_and_shared_by_frames(tmp_path: Path) -> None:
    def compute(a: int, b: int) -> Arrays:
        busy(0.004 * (b - a))
        time.sleep(0.3)  # waiting is no work of the processor
        return {"x": np.arange(a, b)}

    for _ in range(2):
        entries = cached_ranges(KEY, 0, 60, 60, compute, tmp_path)
        processor = [entry.spent.processor_seconds for _, entry in entries]
        assert sum(processor) == pytest.approx(0.24, abs=0.05)
        assert processor[0] == pytest.approx(processor[2] * 25 / 10)
        assert sum(entry.spent.seconds for _, entry in entries) >= 0.54


def test_an_entry_of_an_older_version_is_used_and_its_processor_seconds_are_not_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cached(KEY, lambda: {"x": np.zeros(3)}, tmp_path)
    (path,) = tmp_path.rglob("*.safetensors")
    digest = hashlib.sha256(b"1.5")
    digest.update(b"x <f8 (3,)")
    digest.update(np.ones(3).data)
    save_file({"x": np.ones(3)}, path, metadata={"seconds": "1.5", "sha256": digest.hexdigest()})
    found = cached(KEY, lambda: pytest.fail("computed again"), tmp_path)
    assert found.spent == Spent(seconds=1.5, processor_seconds=None)
    assert capsys.readouterr().err == ""


def test_another_value_of_the_key_is_another_entry(tmp_path: Path) -> None:
    cached(KEY, lambda: {"x": np.zeros(1)}, tmp_path)
    assert cached({**KEY, "version": 2}, lambda: {"x": np.ones(1)}, tmp_path).arrays["x"][0] == 1


def test_overlapping_ranges_look_at_each_frame_once(tmp_path: Path) -> None:
    compute = Counting()
    for start in (0, 25, 50, 75, 100):
        entries = cached_ranges(KEY, start, start + 125, 1000, compute, tmp_path)
        assert rows(entries) == list(range(start, start + 125))
    assert compute.frames == 225
    assert compute.ranges == [(0, 125), (125, 150), (150, 175), (175, 200), (200, 225)]


def test_chunks_lie_at_multiples_of_25_and_the_last_is_short(tmp_path: Path) -> None:
    compute = Counting()
    entries = cached_ranges(KEY, 30, 60, 62, compute, tmp_path)
    assert [first for first, _ in entries] == [25, 50]
    assert rows(entries) == list(range(25, 62))
    assert rows(cached_ranges(KEY, 61, 62, 62, compute, tmp_path)) == list(range(50, 62))
    assert compute.ranges == [(25, 62)]


def test_a_hole_between_chunks_is_filled(tmp_path: Path) -> None:
    compute = Counting()
    cached_ranges(KEY, 25, 50, 100, compute, tmp_path)
    entries = cached_ranges(KEY, 0, 100, 100, compute, tmp_path)
    assert rows(entries, "square") == [float(n) ** 2 for n in range(100)]
    assert compute.ranges == [(25, 50), (0, 25), (50, 100)]


def test_long_ranges_are_computed_in_blocks_that_survive_an_interruption(tmp_path: Path) -> None:
    compute = Counting()

    def interrupted(a: int, b: int) -> Arrays:
        if a >= 500:
            raise KeyboardInterrupt
        return compute(a, b)

    with pytest.raises(KeyboardInterrupt):
        cached_ranges(KEY, 0, 1000, 1000, interrupted, tmp_path)
    cached_ranges(KEY, 0, 1000, 1000, compute, tmp_path)
    assert compute.ranges == [(0, 250), (250, 500), (500, 750), (750, 1000)]


def test_a_corrupt_entry_is_computed_again_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cached(KEY, lambda: {"x": np.arange(3)}, tmp_path)
    (path,) = tmp_path.rglob("*.safetensors")
    for content in (path.read_bytes()[:-4], b"", b"nonsense" * 10):
        path.write_bytes(content)
        assert cached(KEY, lambda: {"x": np.arange(3)}, tmp_path).arrays["x"].tolist() == [0, 1, 2]
        err = capsys.readouterr().err
        assert f"{path} is damaged" in err
        assert err.count("\n") == 1
    save_file({"x": np.arange(3)}, path)  # a whole file of another kind: no seconds in it
    cached(KEY, lambda: {"x": np.arange(3)}, tmp_path)
    assert "is damaged" in capsys.readouterr().err


def test_flipped_bytes_anywhere_in_an_entry_are_named_and_never_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = {"x": np.linspace(0, 1, 500, dtype=np.float32).reshape(50, 10), "n": np.arange(50)}
    cached(KEY, lambda: arrays, tmp_path)
    (path,) = tmp_path.rglob("*.safetensors")
    whole = path.read_bytes()
    header = len(whole) - sum(values.nbytes for values in arrays.values())
    rng = np.random.default_rng(0)
    damages = [rng.integers(0, header, 1) for _ in range(60)]  # names, types, shapes, seconds, the checksum itself
    damages += [rng.integers(header, len(whole), count) for count in (1,) * 20 + (100,) * 5]
    for places in damages:
        content = bytearray(whole)
        for place in set(places.tolist()):
            content[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)
        found = cached(KEY, lambda: arrays, tmp_path)
        for name, values in arrays.items():
            np.testing.assert_array_equal(found.arrays[name], values)
        err = capsys.readouterr().err
        assert err.startswith(f"tfg: {path} is damaged (")
        assert err.count("\n") == 1


def test_a_full_disk_is_a_line_and_computing_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tfg.features.cache.save_file", refuse)
    compute = Counting()
    assert rows(cached_ranges(KEY, 0, 50, 50, compute, tmp_path)) == list(range(50))
    assert "No space left on device); going on without" in capsys.readouterr().err
    monkeypatch.setattr("tfg.features.cache.FileLock.acquire", refuse)
    assert rows(cached_ranges(KEY, 0, 50, 50, compute, tmp_path)) == list(range(50))
    assert "no space for a cache; going on without" in capsys.readouterr().err


REFUSED = """
import resource, sys
from pathlib import Path
import numpy as np
from tfg.features.cache import cached
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
print(cached({"a": 1}, lambda: {"x": np.ones(10_000)}, Path(sys.argv[1])).arrays["x"].sum())
"""


def test_a_write_that_the_system_refuses_leaves_nothing_half_written(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", REFUSED, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "10000.0\n"
    assert "could not be cached" in done.stderr
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".lock"]


def test_a_folder_that_cannot_be_made_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="set TFG_CACHE to a folder of yours"):
        cached(KEY, lambda: {"x": np.zeros(1)}, tmp_path / "file" / "cache")


def _compute_and_log(root: Path) -> None:
    def compute() -> Arrays:
        with (root / "log").open("a") as file:
            file.write("computed\n")
        time.sleep(0.3)
        return {"x": np.ones(3)}

    assert cached(KEY, compute, root / "cache").arrays["x"].sum() == 3


def test_four_processes_compute_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_compute_and_log, args=(tmp_path,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert (tmp_path / "log").read_text() == "computed\n"
