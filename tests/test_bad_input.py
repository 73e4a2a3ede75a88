"""Bad input to the whole program: one line on stderr that names the file or key and the remedy, exit code 2, nothing half written."""

import errno
import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clip_media import grey_frames, make_video, tone
from end_to_end import CLIP, EMBEDDED, INSTAG, leftovers, own_cache, run_py
from result_records import result, write

from tfg import cells, configuration, overrides, parts, pipeline, training
from tfg.clip.read import read_clip
from tfg.clip.synthetic.generate import make_synthetic
from tfg.clip.write import write_video
from tfg.commands import run, sweep
from tfg.prior_file import SHIPPED
from tfg.record import files

FILES = {"side_by_side": "side_by_side.mp4", "selection_plot": "selection.png"}
CHOSEN = ["face=sidecar", "masks=sidecar", "trainer=cpu", "tracker=none"]


@pytest.fixture
def cache(tmp_path_factory, monkeypatch):
    return own_cache(tmp_path_factory.getbasetemp(), monkeypatch)


@pytest.fixture
def answer(tmp_path, monkeypatch, capsys, cache):
    """Runs run.py here in an empty folder; the one line of its answer, after exit code 2 and with nothing written."""

    def ask(*overrides: str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["run.py"])
        monkeypatch.setattr(run, "main", lambda: pytest.fail("a run started"))
        before = sorted(tmp_path.rglob("*"))
        capsys.readouterr()  # what making the embedded clip said
        code = run.start([*overrides])
        out, err = capsys.readouterr()
        lines = err.splitlines()
        assert (code, out, len(lines)) == (2, "", 1), err
        assert lines[0].startswith("tfg: ")
        assert sorted(tmp_path.rglob("*")) == before
        return lines[0].removeprefix("tfg: ")

    return ask


def video(path: Path, seconds: float = 12.0, sound: np.ndarray | None = None, **options) -> Path:
    num = round(seconds * 25)
    return make_video(path, grey_frames(num, step=0), [i / 25 for i in range(num)], sound=sound, **options)


def voice(seconds: float) -> np.ndarray:
    """(1, samples) at 48 kHz: 120 Hz with harmonics, periodic as a vowel is."""
    return sum(tone(seconds, hertz=120.0 * k) / k for k in range(1, 6)) / 3


def test_missing_file(answer):
    assert answer("clip.path=nowhere.mp4", *CHOSEN) == "nowhere.mp4: no such file; check its path"


def test_directory(answer, tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    assert answer("clip.path=folder.mp4", *CHOSEN).startswith("folder.mp4: is a directory; ")


def test_text_named_mp4(answer, tmp_path):
    (tmp_path / "text.mp4").write_text("no video\n" * 300)
    assert answer("clip.path=text.mp4", *CHOSEN).startswith("text.mp4: is not a media file")


def test_truncated(answer, tmp_path):
    whole = video(tmp_path / "cut.mp4", sound=voice(12), options={"movflags": "faststart"})
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert answer("clip.path=cut.mp4", *CHOSEN).startswith("cut.mp4: is cut off: it states 12.0 s but ends at ")


def test_video_without_sound(answer, tmp_path):
    video(tmp_path / "mute.mp4")
    assert answer("clip.path=mute.mp4", *CHOSEN).startswith("mute.mp4: has no sound track; ")


def test_silence(answer, tmp_path):
    video(tmp_path / "silent.mp4", sound=0 * voice(12))
    assert answer("clip.path=silent.mp4", *CHOSEN).startswith("silent.mp4: no speech in its sound, ")


def test_half_a_second(answer, tmp_path):
    video(tmp_path / "blink.mp4", 0.5, voice(0.5))
    assert answer("clip.path=blink.mp4", *CHOSEN) == (
        "blink.mp4: its training part, all but what split.held_out holds out, has 0.40 s, less than seconds=5; use a longer clip or "
        "fewer seconds, or hold out less"
    )


def test_shorter_than_segment_and_test_part(answer, tmp_path):
    video(tmp_path / "short.mp4", 5.4, voice(5.4))  # long enough for 5 s, not with the held-out eleventh
    assert "has 4.88 s, less than seconds=5; use a longer clip" in answer("clip.path=short.mp4", *CHOSEN)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("selectr=random", "unknown key 'selectr'; did you mean 'selector'?"),
        ("clip.synthetic.secnds=9", "unknown key 'clip.synthetic.secnds'; did you mean 'clip.synthetic.seconds'?"),
        (
            "backbone=instagg",
            "backbone=instagg: unknown option; did you mean 'instag'?; allowed: instag, synctalk, talk3d",
        ),
        ("--sweep", "--sweep: is no option of run.py; there are -m for a sweep, --dry-run, --help and --cfg job"),
        ("x=1", "unknown key 'x'; `python run.py --cfg job` shows every key"),
        ("selector=random,", "selector=random,: is not understood; "),
        ("clip.path=my (1).mp4", "(1).mp4: is not understood; "),
        ("selector=random,isexplore", "a list of values is a sweep: add -m"),
        ("seconds=-1", "seconds=-1: must be a number of seconds above 0"),
        ("seconds=five", "seconds=five: must be a number, as its default 5 is"),
        (
            "split.held_out=0",
            "split.held_out=0: must be a share of the clip below 1, such as 1/11, or seconds from 1 on",
        ),
        ("split.held_out=-1", "split.held_out=-1: must be a share of the clip below 1, "),
        ("split.held_out=abc", "split.held_out=abc: must be a share of the clip below 1, "),
        ("split=60", "split=60: is a group of keys; give one of them, such as split.held_out"),
        ("torso.nodes=1", "torso.nodes=1: must be a whole number from 2 to 128"),
        ("torso.filling=2", "torso.filling=2: must be a number from 0 to 1"),
        ("torso.field=maybe", "torso.field=maybe: must be true or false"),
        ("seed=1.5", "seed=1.5: must be a whole number, 0 or above"),
        ("clip.size=63", "clip.size=63: give auto, or an even number of pixels from 32 to 1024, such as 512"),
        ("clip.size=big", "clip.size=big: give auto, or an even number of pixels from 32 to 1024, such as 512"),
        ("clip.size=16", "clip.size=16: give auto, or an even number of pixels from 32 to 1024, such as 512"),
        ("clip.size=null", "clip.size=None: give auto, or an even number of pixels from 32 to 1024, such as 512"),
        (
            "backbone.perceptual=lpips_alex",
            "backbone.perceptual=lpips_alex: give null, or the two lines of conf/backbone/blocks/lpips.yaml",
        ),
        ("conditioning=voice", "conditioning=voice: allowed are audio, lips"),
        (
            "prior=universal",
            f"{SHIPPED}: holds no motion fields of audio=logmel (only of whisper-2), so this prior needs conditioning=lips",
        ),
        (
            "trainer.threads=0",
            "trainer.threads=0: must be auto, a whole number of threads, 1 or above, or null for all cores",
        ),
        ("trainer.checkpoint_every=0", "trainer.checkpoint_every=0: must be a whole number of steps, 1 or above"),
        ("trainer.profile=tpu", "trainer.profile=tpu: allowed are cpu, gpu"),
        ("clip.synthetic.seconds=0.1", "clip.synthetic.seconds: is 0.1; give 1 to 3600"),
        ("clip.crop=[0,0,-5]", "clip.crop=[0, 0, -5]: give auto, full, or [x, y, side] in source pixels"),
        ("selector.top=0", "selector.top: 0 is not allowed; give a whole number, at least 1"),
        ("selector.diversity=pairs", "selector.diversity=pairs: is a group of keys; give one of them, such as "),
        ("backbone.stages.face=-5", "backbone.stages.face is -5; it must be positive"),
        ("backbone.rates.means=fast", "backbone.rates.means=fast: must be a number, as its default 0.0016 is"),
        ("backbone.rates.grid=-1", "backbone.rates.grid is -1; it must not be negative"),
        ("backbone.sh_degree=9", "backbone.sh_degree is 9; it must be 0, 1, 2 or 3"),
        ("selector=at", "start: selector=at trains the segment that begins there; give start=SECONDS"),
        ("start=12", "start=12: is of selector=at; selector=isexplore looks for a segment itself, remove it"),
        ("selector.name=../../evil", "selector.name: is the name of the option and is not set by hand; "),
        ("hydra.job.chdir=true", "hydra.job.chdir: is not set here, since paths are those of the folder you are in; "),
        ("hydra.job={chdir:true}", "hydra.job: is not set here, "),
        ("sweep.size=3", "sweep.size: is filled in for a sweep and is not set by hand; remove it"),
        (
            "selector._target_=tfg.selectors.first.First",
            "selector._target_: is the option's own and is not set by hand; ",
        ),
        ("audio._target_=os.system", "audio._target_: is the option's own and is not set by hand; "),
        ("selector_audio=whispr", "selector_audio=whispr: unknown option; did you mean 'whisper'?"),
        ("backbone.engine=fpga", "backbone.engine=fpga: on trainer.device=cpu allowed are auto, torch, cpu"),
        ("tracker.mode=maybe", "tracker.mode=maybe: allowed are auto, offline, online"),
        ("metrics.lpips=2", "metrics.lpips=2: must be true or false"),
        ("group=a/b", "group=a/b: it names files; "),
        ("results=null", "results=None: must be the path of a folder"),
        ("audio.weights=none.npz audio=whisper", "none.npz is not a file; give one, or a name of `tfg assets`"),
    ],
)
def test_a_wrong_override_is_refused_by_its_key(answer, given, line):
    small = [default for default in CLIP if default.split("=")[0] not in given]
    assert answer(*small, *given.split(" ")).startswith(line)


@pytest.mark.parametrize(
    ("option", "text", "line"),
    [
        ("tabbed", "_target_: tfg.selectors.random.Random\n\tx: 1\n", "tabbed.yaml, line 2: not a YAML from here on; "),
        ("twice", "name: twice\nname: twice\n", "twice.yaml, line 2: a key is given twice; keep one"),
        ("latin", b"name: \xff\n", "latin.yaml: cannot be read ("),
        ("empty", "", "empty.yaml: has no `name`, which runs and tables take; add the line `name: empty`"),
        (
            "nameless",
            "_target_: tfg.selectors.random.Random\n",
            "nameless.yaml: has no `name`, which runs and tables take; add the line `name: nameless`",
        ),
    ],
)
def test_an_option_of_ones_own_that_is_no_yaml_or_has_no_name_is_named(
    answer, tmp_path_factory, monkeypatch, option, text, line
):
    folder = tmp_path_factory.mktemp("own") / "conf"
    shutil.copytree(overrides.CONFIG, folder)
    (folder / "selector" / f"{option}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.setattr(overrides, "CONFIG", folder)
    monkeypatch.setattr(configuration, "folder", lambda: folder)
    assert answer(*CLIP, f"selector={option}").startswith(f"{folder}/selector/{line}")


def test_a_split_that_leaves_too_little_is_refused(answer):
    line = answer(*CLIP, "split.held_out=12.5")
    assert (
        "clip.mp4: its training part, all but what split.held_out holds out, has 3.52 s, less than seconds=5; " in line
    )
    line = answer(*CLIP, "split.held_out=60")
    assert line.endswith("split.held_out=60 holds out all of its 16.00 s; hold out less, or use a longer clip")


def test_a_results_folder_that_is_a_file_is_refused(answer, tmp_path):
    (tmp_path / "taken").touch()
    assert answer(*CLIP, "results=taken/deep").endswith("taken is a file; give a folder")


def test_a_results_folder_that_cannot_be_made_is_refused(answer, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))

    monkeypatch.setattr("tempfile.mkdtemp", refuse)  # as /proc does, which says that it may be written to
    line = answer(*CLIP, "results=r/deep")
    assert (
        line
        == f"results=r/deep: no folder can be made in {tmp_path} (No such file or directory); give a folder of yours"
    )


def test_a_card_that_is_not_there_is_refused(answer, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    line = answer("trainer=gpu", *[text for text in CLIP if not text.startswith("trainer")])
    assert line == "trainer.device=cuda: no CUDA card is found here; use trainer=cpu"


def test_one_bad_cell_stops_a_sweep_before_it_starts(answer):
    assert answer("-m", "selector=random,isexplor", *CLIP).startswith("selector=isexplor: unknown option; did you mean")
    assert answer("-m", "seconds=3,3000", *CLIP).endswith(
        "less than seconds=3000; use a longer clip or fewer seconds, or hold out less"
    )


def test_two_cells_that_are_one_run_are_refused(answer):
    line = answer("-m", "metrics=full,quick", *CLIP)
    assert line == "metrics: makes two cells of the sweep one run, as no training depends on it; give one value"
    assert answer("-m", "selector=first", "backbone.engine=torch,cpu", *CLIP).startswith(
        "backbone.engine: makes two cells"
    )


def test_a_silent_segment_fails_its_run_and_the_sweep_goes_on(cache, tmp_path):
    embedded = make_synthetic(EMBEDDED, cache / "clips")
    clip = read_clip(embedded, size=64)
    sound = clip.audio().copy()
    sound[: 4 * 16_000] = 0
    write_video(tmp_path / "late.mp4", clip.frames(0, clip.num_frames), sound)
    shutil.copy(embedded.with_suffix(".npz"), tmp_path / "late.npz")
    small = ["metrics=quick", *CLIP[1:], *INSTAG]
    done = run_py("-m", "clip.path=late.mp4", "selector=first,audio", *small, cache=cache, cwd=tmp_path)
    assert done.returncode == 2
    (silent,) = tmp_path.glob("results/first-*")
    (heard,) = tmp_path.glob("results/audio-*")
    line = "late.mp4: no speech from 0.0 to 3.0 s, the segment that first chose; cut the silence out, or use another selector"
    assert done.stderr.count(line) == 2  # when it happens, and once more after the last run
    assert done.stderr.splitlines()[-1] == f"tfg: {silent.name} failed in selection: {line}"
    assert json.loads((silent / "failure.json").read_text())["user"] is True
    assert not (silent / "result.json").exists()
    assert (heard / "result.json").exists()
    assert "| audio instag" in done.stdout
    assert "| first instag" not in done.stdout
    assert leftovers(tmp_path) == []


NO_ROOM = {
    errno.ENOSPC: "no space left on the disk of {file}; free some",
    errno.EDQUOT: "{file} cannot grow to the size that it needs (Disk quota exceeded); free some space",
    errno.EFBIG: "{file} cannot grow to the size that it needs (File too large); raise the limit on the size of files (ulimit -f)",
}


@pytest.mark.parametrize("number", NO_ROOM, ids=errno.errorcode.get)
def test_a_full_disk_is_named_and_leaves_nothing_half_written(cache, tmp_path, monkeypatch, capsys, number):
    """As a full quota, and a process that may not write larger files."""

    def fill(path, **arrays):
        Path(path).write_bytes(b"half")
        raise OSError(number, os.strerror(number))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tfg.rendering.np.savez_compressed", fill)
    config = overrides.composed([*CHOSEN, *CLIP, *INSTAG, "selector=first"])
    folder = pipeline.run(config)
    assert sweep.report([cells.of(config)]) == 2
    (head,) = (tmp_path / "results" / "heads").iterdir()
    said = NO_ROOM[number].format(file=f"results/heads/{head.name}/portrait.npz")
    assert capsys.readouterr().err.splitlines()[-1] == f"tfg: {folder.name}: {said} and run the same command again"
    failure = json.loads((folder / "failure.json").read_text())
    assert (failure["stage"], failure["user"]) == ("features_held_out", True)
    assert {path.name for path in folder.iterdir()} == {
        "config.yaml",
        "failure.json",
        "selection.json",
        "selection.png",
    }
    assert list(head.iterdir()) == []


def test_a_failure_whose_trace_finds_no_room_is_written_without_it(tmp_path, monkeypatch, capsys):
    whole = files.write_text

    def fill(path, text):
        if len(text) > 400:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return whole(path, text)

    monkeypatch.setattr("tfg.record.files.write_text", fill)
    try:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), "x" * 100)
    except OSError as error:
        pipeline._fail(tmp_path, "training", error)
    failure = json.loads((tmp_path / "failure.json").read_text())
    assert (failure["trace"], failure["user"]) == ("", True)
    assert capsys.readouterr().err.count("\n") == 1


def test_a_disk_too_full_even_for_failure_json_still_ends_with_code_2(cache, tmp_path, monkeypatch, capsys):
    def fill(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tfg.record.files.write_text", fill)
    monkeypatch.setattr("tfg.commands.sweep.shutil.disk_usage", lambda path: usage._replace(free=0))
    config = overrides.composed([*CHOSEN, *CLIP, *INSTAG, "selector=first"])
    pipeline.run(config)
    assert sweep.report([cells.of(config)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "no space left on the disk of " in lines[-2]
    assert lines[-1:] == ["tfg: 1 of 1 runs did not finish; the same command goes on with them"]


def test_a_disk_too_full_for_the_table_is_one_line_and_the_table_is_printed(cache, tmp_path, monkeypatch, capsys):
    def fill(path, text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.chdir(tmp_path)
    config = overrides.composed([*CHOSEN, *CLIP, *INSTAG, "selector=first"])
    write(
        tmp_path / "results",
        replace(result(parts.run_folder(config).name, config=parts.plain(config), psnr=20.0), files=FILES),
    )
    monkeypatch.setattr("tfg.commands.sweep.write_text", fill)
    assert sweep.report([cells.of(config)]) == 2
    out, err = capsys.readouterr()
    assert "| first instag" in out
    assert len(err.splitlines()) == 1
    assert "No space left on device; the table above could not be written; free some space and repeat" in err


def test_damaged_records_are_named_and_the_others_make_the_table(cache, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    configs = [overrides.composed([*CHOSEN, *CLIP, *INSTAG, f"selector={name}"]) for name in ("first", "random")]
    for config in configs:
        write(
            tmp_path / "results",
            replace(result(parts.run_folder(config).name, config=parts.plain(config), psnr=20.0), files=FILES),
        )
    broken = parts.run_folder(configs[0]) / "result.json"
    broken.write_bytes(b"\xff\x00")
    (tmp_path / "results" / "evaluations").mkdir()
    (tmp_path / "results" / "evaluations" / "x.json").write_text('{"name": "x"}')
    assert sweep.report([cells.of(config) for config in configs]) == 1
    out, err = capsys.readouterr()
    assert "| random instag" in out
    assert [line.split(": not a readable")[0] for line in err.splitlines()] == [
        f"tfg: {broken}",
        "tfg: results/evaluations/x.json",
    ]


def test_a_checkpoint_that_finds_no_space_leaves_the_one_before(tmp_path):
    class Trainer:
        def save_checkpoint(self, path: Path) -> None:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / training.LAST).write_bytes(b"whole")
    with pytest.raises(OSError, match="No space left"):
        training.Checkpoints(tmp_path, 10).on_train_epoch_end(Trainer(), None)
    assert [path.name for path in tmp_path.iterdir()] == [training.LAST]
    assert (tmp_path / training.LAST).read_bytes() == b"whole"


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_says_that_it_goes_on(cache, tmp_path, monkeypatch, capsys, sent, code):
    def interrupt(*arguments, **options):
        if sent == signal.SIGINT:
            raise KeyboardInterrupt  # the signal itself is ignored below a shell's job of the background
        signal.raise_signal(sent)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tfg.rendering.save_portrait", interrupt)
    with pytest.raises(SystemExit) as stop:
        pipeline.run(overrides.composed([*CHOSEN, *CLIP, *INSTAG, "selector=first"]))
    assert stop.value.code == code
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert capsys.readouterr().err.splitlines()[-1].endswith(" was interrupted; the same command goes on with it")
