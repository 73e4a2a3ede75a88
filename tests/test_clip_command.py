"""`tfg clip`: the files, their sums, and one line for bad input."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tfg import cli
from tfg.clip.read import read_clip
from tfg.clip.synthetic.generate import make_synthetic
from tfg.clip.synthetic.specification import SyntheticClip

SMALL = ["clip", "--seconds", "1", "--size", "32"]


def test_it_writes_the_clip_its_sidecar_and_their_sums(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ann.mp4"
    options = ["--speech-seed", "3", "--motion-seed", "2", "--identity-seed", "1", "--num-poses", "4", "-o", str(path)]
    assert cli.run([*SMALL, *options]) == 0
    files = [path, path.with_suffix(".npz")]
    expected = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file}" for file in files]
    assert capsys.readouterr().out.splitlines() == expected
    assert sorted(tmp_path.iterdir()) == files
    assert read_clip(path).sidecar == files[1]
    spec = SyntheticClip(
        speech_seed=3,
        motion_seed=2,
        identity_seed=1,
        num_poses=4,
        poses_seconds=None,
        motion_seconds=None,
        seconds=1,
        size=32,
    )
    cached = make_synthetic(spec, tmp_path / "cache")
    assert cached.read_bytes() == path.read_bytes()
    assert cached.with_suffix(".npz").read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("name", ["ann.mp4", "ann.npz"])
def test_a_file_that_is_there_is_replaced_only_by_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path, mine = tmp_path / "ann.mp4", tmp_path / name
    mine.write_bytes(b"mine")
    assert cli.run([*SMALL, "-o", str(path)]) == 2
    assert capsys.readouterr().err == (
        f"tfg: --output {path}: {mine} is there already; give another name, or --force to replace a file\n"
    )
    assert mine.read_bytes() == b"mine"
    assert cli.run([*SMALL, "--force", "-o", str(path)]) == 0
    assert mine.read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--output", "a.avi"], "--output a.avi: must be a .mp4 in a folder that exists"),
        (["--output", "nowhere/a.mp4"], "--output nowhere/a.mp4: must be a .mp4 in a folder that exists"),
        (["--seconds", "0.1"], "--seconds: is 0.1; give 1 to 3600"),
        (["--seconds", "nan"], "--seconds: is nan; give 1 to 3600"),
        (["--size", "63"], "--size: is 63; the embedded clip takes even sizes from 32 to 1024"),
        (["--motion-seed", "-1"], "--motion-seed: is -1; give a whole number from 0 up"),
        (["--num-poses", "26"], "--num-poses: is 26; give 1 to 25, the frames"),
    ],
)
def test_bad_input_is_one_line(
    options: list[str],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run([*SMALL, "-o", "a.mp4", *options]) == 2
    assert capsys.readouterr().err == f"tfg: {line}\n"
    assert list(tmp_path.iterdir()) == []


def test_it_runs_without_torch(tmp_path: Path) -> None:
    program = "import sys; from tfg import cli; cli.run(sys.argv[1:]); assert 'torch' not in sys.modules, 'torch was imported'"
    command = [sys.executable, "-c", program, *SMALL, "-o", str(tmp_path / "a.mp4")]
    subprocess.run(command, check=True, capture_output=True)
