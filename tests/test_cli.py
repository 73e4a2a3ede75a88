"""`tfg`: answers on stdout, everything else on stderr, exit code 2 and one line for a wrong use."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from end_to_end import CLIP, EMBEDDED, ROOT, shared_cache
from scipy.io import wavfile

from tfg import __version__, assets, cli
from tfg.__main__ import main
from tfg.clip.synthetic.generate import make_synthetic
from tfg.commands import render


@pytest.fixture
def here(tmp_path, tmp_path_factory, monkeypatch):
    """An empty working folder; the session's cache; no assets but those in the cache."""
    monkeypatch.chdir(tmp_path)
    cache = shared_cache(tmp_path_factory.getbasetemp())
    make_synthetic(EMBEDDED, cache / "clips")
    monkeypatch.setenv("TFG_CACHE", str(cache))
    monkeypatch.delenv("TFG_ASSETS", raising=False)
    return tmp_path


@pytest.fixture
def answer(here, capsys):
    """The one line on stderr of a command that ends with code 2 and writes nothing."""

    def ask(*arguments: str) -> str:
        before = sorted(here.rglob("*"))
        capsys.readouterr()  # what making the embedded clip said
        try:
            code = cli.run(list(arguments))
        except SystemExit as stop:  # argparse
            code = stop.code
        out, err = capsys.readouterr()
        lines = err.splitlines()
        assert (code, out, len(lines)) == (2, "", 1), err
        assert sorted(here.rglob("*")) == before
        return lines[0]

    return ask


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            "",
            "tfg: the following arguments are required: select | sync | inspect | run | status | render | verify | live | evaluate | "
            "compare | report | export | bench | clip | wandb | assets | doctor;",
        ),
        (
            "select --seconds five",
            "tfg: argument --seconds: invalid float value: 'five'; `tfg select --help` shows how",
        ),
        ("select --sceonds 5", "tfg: unrecognized arguments: --sceonds; `tfg --help` shows how"),
        (
            "select --method isexplor",
            "tfg: selector=isexplor: unknown option; did you mean 'isexplore'?; allowed: at, audio, ",
        ),
        ("select --seconds -1", "tfg: seconds=-1.0: must be a number of seconds above 0"),
        ("select --seed -1", "tfg: seed=-1: must be a whole number, 0 or above"),
        ("select --set selector.topp=3", "tfg: unknown key 'selector.topp'; did you mean 'selector.top'?"),
        ("select nowhere.mp4", "tfg: nowhere.mp4: no such file; check its path"),
        ("select .", "tfg: .: is a directory; give a video with sound that a media player can play"),
        (
            "select --set face=mediapipe clip.synthetic.seconds=16 clip.size=64",
            "tfg: assets: face_landmarker.task is missing (face=mediapipe: ",
        ),
        ("select --plot nowhere/a.png", "tfg: --plot nowhere/a.png: must be a .png in a folder that exists"),
        ("select --plot a.jpg", "tfg: --plot a.jpg: must be a .png in a folder that exists"),
        (
            "render --run x -o a.mp4",
            "tfg: one of the arguments --audio --say is required; `tfg render --help` shows how",
        ),
        (
            "render --run x --audio {wav} --say hello -o a.mp4",
            "tfg: argument --say: not allowed with argument --audio; `tfg render --help` shows how",
        ),
        (
            "render --run x --say ... -o a.mp4",
            "tfg: --say: there is no word in the text that can be spoken; give letters",
        ),
        ("render --run x --say hello -o a.txt", "tfg: --output a.txt: must be an .mp4 in a folder that exists"),
        ("verify", "tfg: the following arguments are required: FILE; `tfg verify --help` shows how"),
        ("verify nowhere.mp4", "tfg: nowhere.mp4: no such file; check its path"),
        ("verify {wav}", "tfg: {wav}: is not a media file that FFmpeg can open ("),
        ("verify {silence}", "tfg: {silence}: has no picture, only sound; give a video with sound"),
        ("render --run x --audio no.wav -o a.mp4", "tfg: no.wav: no such file; check --audio"),
        ("render --run x --audio {wav} -o a.txt", "tfg: --output a.txt: must be an .mp4 in a folder that exists"),
        ("render --run x --audio {wav} -o no/a.mp4", "tfg: --output no/a.mp4: must be an .mp4 in a folder that exists"),
        (
            "render --run x --audio {wav} -o a.mp4 --seed -1",
            "tfg: --seed -1: must be a whole number, 0 or above",
        ),
        ("render --run x --audio {wav} -o a.mp4", "tfg: {wav}: no sound in it ("),
        ("render --run x --audio {short} -o a.mp4", "tfg: {short}: shorter than one frame (0.04 s); give more speech"),
        (
            "render --run x --audio {silence} -o a.mp4",
            "tfg: x: not a finished head; give a run folder of results/ or a head",
        ),
        ("live", "tfg: live: give one RUN, or --train VIDEO; `tfg live --help` shows how"),
        ("live a b", "tfg: live: give one RUN, or --train VIDEO; `tfg live --help` shows how"),
        ("live --train no.mp4 --port 0", "tfg: no.mp4: no such file; check its path"),
        ("live --train no.mp4 seed=0,1 --port 0", "tfg: --train: makes one head; give every key one value"),
        ("live --train no.mp4 sed=0 --port 0", "tfg: unknown key 'sed'; did you mean 'seed'?"),
        ("live x --port 0", "tfg: x: not a finished head; give a run folder of results/ or a head"),
        ("live x --port 70000", "tfg: --port 70000: must lie in [0, 65535]; 0 takes any that is free"),
        ("live x --port 0 --seed -1", "tfg: --seed -1: must be a whole number, 0 or above"),
        ("live x --most-seconds 0", "tfg: --most-seconds 0: must lie in [0.04, 3600]"),
        ("live x --most-mb 0", "tfg: --most-mb: must be above 0"),
        ("assets fetch", "tfg: assets fetch: nothing was named; give names as `tfg assets` lists them"),
        ("assets fetch face_landmark", "tfg: assets: unknown name 'face_landmark'; did you mean 'face_landmarker'?"),
        (
            "assets fetch whispr",
            "tfg: assets: unknown name 'whispr'; did you mean 'whisper'?; known: face_landmarker, selfie_segmenter, whisper_tiny_en, "
            "lpips_alex, ave, syncnet, inception_fid, mobilefacenet, ict_facekit, or as a configuration calls them: face=mediapipe, "
            "mediapipe, "
            "masks=mediapipe, audio=whisper, whisper, ",
        ),
        ("assets add nowhere.npz", "tfg: assets: nowhere.npz is not a file"),
        ("assets add {wav}", "tfg: assets: {wav} (sha256 "),
    ],
)
def test_a_wrong_use_is_one_line(answer, tmp_path_factory, arguments, line):
    folder = tmp_path_factory.mktemp("sound")
    files = {name: folder / f"{name}.wav" for name in ("wav", "short", "silence")}
    files["wav"].write_bytes(b"RIFF")
    for name, samples in (("short", 300), ("silence", 16_000)):
        wavfile.write(files[name], 16_000, np.zeros(samples, np.int16))
    assert answer(*arguments.format(**files).split()).startswith(line.format(**files))


def test_a_file_without_sound_is_refused_before_torch_and_the_head(here):
    (here / "notes.txt").write_text("no sound\n" * 300)
    script = (
        "import sys; from tfg import cli; "
        "code = cli.run(['render', '--run', 'x', '--audio', 'notes.txt', '-o', 'a.mp4']); print(code, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=here,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "2 False\n"
    assert done.stderr.startswith("tfg: notes.txt: is damaged, or of a kind that is not opened")
    assert done.stderr.endswith("; give a wav, or any file with a sound track\n")


def test_sound_without_speech_is_said_in_one_line(capsys):
    render._say_speechless(Path("a.wav"), np.zeros(16_000, np.float32))
    assert capsys.readouterr().err == (
        "tfg: a.wav: no speech in it, only silence or noise; it is rendered all the same\n"
    )
    moments = np.arange(16_000) / 16_000
    render._say_speechless(Path("a.wav"), np.sin(2 * np.pi * 120 * moments).astype(np.float32))
    assert capsys.readouterr().err == ""


def test_select_shows_a_table_and_draws_the_scores(here, capsys):
    assert cli.run(["select", "--seconds", "3", "--method", "audio", "--set", *CLIP]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("audio chose ")
    assert "  <- chosen" in out
    assert err.splitlines()[-1] == "plot: embedded-audio-3s-seed0.png"
    assert (here / "embedded-audio-3s-seed0.png").read_bytes().startswith(b"\x89PNG")


def test_a_plot_is_named_by_what_was_composed_and_replaces_none_of_other_settings(here, capsys):
    for settings in (["selector=random"], ["selector=random", "seed=1"], ["seconds=4", "selector=random"]):
        assert cli.run(["select", "--seconds", "3", "--set", *CLIP, *settings]) == 0
        assert "drawn over" not in capsys.readouterr().err
    names = ["embedded-random-3s-seed0.png", "embedded-random-3s-seed1.png", "embedded-random-4s-seed0.png"]
    assert sorted(path.name for path in here.glob("*.png")) == names
    assert cli.run(["select", "--seconds", "3", "--set", *CLIP, "selector=random"]) == 0
    assert capsys.readouterr().err.endswith("random-3s-seed0.png (drawn over the one that was there)\n")


def test_a_path_may_hold_anything_a_shell_lets_through(here, answer):
    name = "my, (1) it's = [x] {y} \\ $z.mp4"
    (here / name).mkdir()
    assert answer("select", name, "--set", "face=sidecar").startswith(f"tfg: {name}: is a directory; ")


def test_doctor_names_what_is_missing(here, capsys):
    assert cli.run(["doctor"]) == 0
    out = capsys.readouterr().out
    for name in ("python", "torch", "cuda", "cpu engine", "video", "mediapipe", "missing     face_landmarker"):
        assert f"\n{name}" in "\n" + out


def test_assets_are_found_by_name_and_size_and_verified_by_sum(here, capsys, monkeypatch):
    folder = here / "mine"
    folder.mkdir()
    monkeypatch.setenv("TFG_ASSETS", str(folder))
    known = assets.asset("selfie_segmenter")
    (folder / known.filename).write_bytes(bytes(known.size))
    assert cli.run(["assets"]) == 0
    assert f"here        selfie_segmenter: {folder / known.filename}" in capsys.readouterr().out
    assert cli.run(["assets", "--verify"]) == 1
    assert "WRONG SUM" in capsys.readouterr().out


def test_a_damaged_pretrained_file_is_never_used(answer, here, monkeypatch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    monkeypatch.setenv("TFG_ASSETS", str(folder))
    known = assets.asset("face_landmarker")
    (folder / known.filename).write_bytes(bytes(known.size))
    line = answer("select", "--set", "face=mediapipe", "clip.synthetic.seconds=16", "clip.size=64")
    assert line.startswith(f"tfg: assets: {folder / known.filename} is damaged: sha256 ")
    assert "run `tfg assets fetch face_landmarker`" in line


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "No space left on device; free some space"),
        (errno.EFBIG, "File too large; raise the limit on the size of files (ulimit -f)"),
        (errno.EACCES, "Permission denied; change its folder's rights"),
        (errno.EPERM, "Operation not permitted; change its folder's rights"),
        (errno.EROFS, "Read-only file system; make its file system writable"),
    ],
)
def test_a_file_that_cannot_be_written_is_one_line_with_the_remedy_of_its_error(
    answer, here, tmp_path_factory, monkeypatch, number, said
):
    path = tmp_path_factory.mktemp("weights") / assets.asset("ave").filename
    path.write_bytes(b"weights")

    def fill(source: Path, target: Path) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(number, os.strerror(number), str(target))

    monkeypatch.setattr("shutil.copyfile", fill)
    assert f"{said} or choose another folder" in answer("assets", "add", str(path))
    assert not list((here.parent / "tfg-cache").rglob("*.part"))


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_needs_nothing_heavy(here, option):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tfg", option],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("usage: tfg" if option == "--help" else f"tfg {__version__}")
    loaded = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"torch", "mediapipe", "cv2", "matplotlib", "pytorch_lightning", "hydra"}


def test_run_py_before_make_setup_is_one_line(tmp_path):
    """-E -S: a Python without installed packages."""
    command = [sys.executable, "-E", "-S", str(ROOT / "run.py"), "-m", "selector=random,first"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert " is not installed for " in done.stderr
    assert "; run `make setup`, then " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_json_has_no_infinities(here, capsys):
    assert cli.run(["select", "--seconds", "3", "--method", "first", "--json", "--set", *CLIP]) == 0
    out = capsys.readouterr().out
    chosen = json.loads(out, parse_constant=lambda name: pytest.fail(name))
    assert chosen["start"] == 0.0
    assert all(score[key] is None for score in chosen["scores"] for key in ("diversity", "motion_complexity", "score"))


def test_ctrl_c_is_one_line_and_130(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("tfg.cli.run", interrupted)
    with pytest.raises(SystemExit) as end:
        main(["doctor"])
    assert end.value.code == 130
    assert capsys.readouterr().err == "tfg: interrupted\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])  # breaks at the end, or at the first line
def test_a_reader_that_is_gone_ends_a_command_quietly(here, monkeypatch, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "tfg", "assets", "list"]
    done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_pipe_of_another_process_that_breaks_is_no_quiet_end(monkeypatch, tmp_path):
    def broken(arguments):
        raise BrokenPipeError

    monkeypatch.setattr("tfg.cli.run", broken)
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        with pytest.raises(BrokenPipeError):
            main(["doctor"])


@pytest.mark.parametrize("mark", [True, False])
def test_a_rendering_that_is_interrupted_leaves_no_file(tmp_path, mark):
    def pictures():
        yield from np.zeros((30, 256, 256, 3), np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render._write(tmp_path / "a.mp4", pictures(), np.zeros(32_000, np.float32), mark)
    assert list(tmp_path.iterdir()) == []
