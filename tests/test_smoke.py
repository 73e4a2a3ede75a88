"""End to end on a small embedded clip: the main job as a person types it, what it says, what it leaves, and its second time."""

import json
import re
import shutil
from pathlib import Path

import pytest
from end_to_end import CLIP, INSTAG, SYNCTALK, leftovers, new_run_py, new_tfg, run_py, shared_cache, tfg
from support import parts

from tfg.backbones.gaussian.universal import tensors_of
from tfg.clip.read import read_clip
from tfg.clip.sound import read_audio
from tfg.prior_file import save_prior
from tfg.record.results import RunResult
from tfg.types import UniversalMotion

SWEEP = ["-m", "selector=random,isexplore", *CLIP, *INSTAG]
SAID = (
    r"tfg: chose face=sidecar( masks=sidecar)?( prior=none)?",
    r"Making the embedded clip, once: .*|  frame \d+ of \d+|  done in \d+ s",
    r"tfg: \d+ runs: \d+ done, (\d+|no) heads? to train( at most)?, (\d+|none) to find.*",
    r"tfg: [\w-]+: (selection|sync|prior|features_train|features_held_out|training|rendering|torso|metrics)",
    r"tfg\.engines: (compiled|engine=auto|OpenMP) .*",
    r"tfg: [\w-]+ was trained on seconds without a whole blink and has not learned closed lids: it will not blink",
    r"tfg: [\w-]+: [\w: ]+: \d+ of \d+ (frames|steps), [\d.]+/s, [\d:]+ left(, \w+ loss [\d.]+)?",
)
CONTROLS = ("static", "nearest", "mute", "rolled", "still", "shuffled")
METRICS = {"psnr", "psnr_face", "ssim", "ssim_face", "lmd", "lpips", "mouth_correlation", "mouth_lag"}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Folder, cache, and the finished sweep."""
    folder = tmp_path_factory.mktemp("smoke")
    cache = shared_cache(tmp_path_factory.getbasetemp())
    return folder, cache, new_run_py(*SWEEP, cache=cache, cwd=folder)


def strange(stderr: str) -> list[str]:
    """Lines that are not tfg's own, such as a library's warning."""
    return [line for line in stderr.splitlines() if not any(re.fullmatch(form, line) for form in SAID)]


def runs(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("results/*/result.json"))


def test_the_main_job_ends_with_a_table_and_two_videos(work):
    folder, _, done = work
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("| run ")
    rows = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert rows[2:] == [
        *("random instag", *(f"control {name}" for name in CONTROLS), "ground truth"),
        *("isexplore instag", *(f"control {name}" for name in CONTROLS), "ground truth"),
    ]
    videos = [folder / line.split()[1] for line in lines if line.startswith("  video ")]
    assert len(videos) == 2
    assert all(video.is_file() for video in videos)
    table = folder / lines[-1].removeprefix("table: ")
    assert done.stdout.startswith(table.read_text())
    assert re.fullmatch(r"table-[0-9a-f]{8}\.md", table.name)


def test_a_normal_run_says_nothing_that_is_not_its_own(work):
    _, _, done = work
    assert strange(done.stderr) == []


def test_nothing_half_written_is_left(work):
    folder, cache, _ = work
    assert leftovers(folder) == []
    assert leftovers(cache) == []
    assert not list(folder.glob("results/*/failure.json"))


def test_every_number_of_a_run_has_a_definition_and_a_value_or_a_reason(work):
    folder, _, _ = work
    assert len(runs(folder)) == 2
    for run in runs(folder):
        result = RunResult.read(run / "result.json")
        assert result.run_id == run.name
        assert set(result.metrics) >= METRICS
        assert tuple(result.controls) == CONTROLS
        for metric in [
            m for group in (result.metrics, result.truth, *result.controls.values()) for m in group.values()
        ]:
            assert metric["definition"]
            assert (metric["value"] is None) == bool(metric["unavailable"])
        assert list(result.stages) == [
            *("selection", "sync", "features_train", "features_held_out", "training", "rendering", "torso", "metrics")
        ]
        for stage in result.stages.values():
            assert stage["seconds"] >= 0
            assert stage["processor_seconds"] >= 0
            assert stage["peak_mb"] > 0
        for part, frames in (("features_train", 75), ("features_held_out", 400 - 363)):
            stage = result.stages[part]
            assert stage["frames"] == frames
            assert stage["cold_processor_seconds"] > 0
            assert stage["faces"] == stage["masks"] == "given by the sidecar"
            assert stage["cached_frames"].get("masks", 0) + stage["extracted_frames"].get("masks", 0) > 0
        assert all((folder / "results" / name).is_file() for name in result.files.values())


def test_the_rendering_is_the_held_out_eleventh_with_its_sound(work):
    folder, _, _ = work
    for run in runs(folder):
        result = RunResult.read(run / "result.json")
        video = read_clip(folder / "results" / result.files["rendered"])
        assert video.num_frames == 400 - 363  # the clip has 400 frames, the first 400 * 10 // 11 may be trained on
        assert (video.source_width, video.source_height) == (64, 64)
        assert abs(video.audio()).max() > 0.01
        side = read_clip(folder / "results" / result.files["side_by_side"])
        assert (side.source_width, side.source_height) == (3 * 64, 64)
        end = result.selection["start"] + result.selection["seconds"]
        assert end * 25 <= 363


def test_the_same_command_again_trains_nothing(work):
    folder, cache, first = work
    before = {
        path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.parent.name != "results"
    }
    again = run_py(*SWEEP, cache=cache, cwd=folder)
    assert again.returncode == 0
    assert "tfg: all 2 runs are done already" in again.stderr
    assert "training" not in again.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert again.stdout.splitlines()[:-1] == first.stdout.splitlines()[:-1]  # the last line is the table's file


def test_a_trained_run_speaks_another_sound(work, tmp_path):
    folder, cache, _ = work
    run = runs(folder)[0]
    sound_of = folder / "results" / RunResult.read(run / "result.json").files["side_by_side"]
    done = tfg(
        *("render", "--run", str(run), "--audio", str(sound_of), "-o", "said.mp4", "--no-mark"),
        cache=cache,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "said.mp4\n"
    assert strange(done.stderr) == [
        f"tfg: opening {RunResult.read(run / 'result.json').head}",
        "tfg: said.mp4: --no-mark: it carries neither watermark nor manifest",
    ]
    said, sound = read_clip(tmp_path / "said.mp4"), read_audio(sound_of)
    assert abs(said.num_frames - len(sound) / 640) <= 1
    assert abs(said.audio()).max() > 0.01
    for name, seed in (("same.mp4", "0"), ("other.mp4", "1")):
        arguments = ("render", "--run", str(run), "--audio", str(sound_of), "-o", name, "--seed", seed, "--no-mark")
        assert tfg(*arguments, cache=cache, cwd=tmp_path).returncode == 0
    one, same, other = ((tmp_path / name).read_bytes() for name in ("said.mp4", "same.mp4", "other.mp4"))
    assert one == same != other


def test_a_head_is_scored_and_rendered_over_its_own_torso_too(work, tmp_path):
    folder, cache, _ = work
    run = runs(folder)[0]
    result = RunResult.read(run / "result.json")
    own, true = result.metrics["psnr_torso"], result.metrics["psnr"]
    assert own["title"] == "PSNR, head + own torso"
    assert own["value"] < true["value"]
    assert "the torso field's picture" in own["definition"]
    assert "true torso" not in own["definition"]
    head = folder / "results" / "heads" / result.head
    (name,) = [path.name for path in head.glob("torso-*.safetensors")]
    assert result.files["torso"] == f"heads/{result.head}/{name}"
    for torso in ("loop", "field"):
        arguments = ("render", "--run", str(run), "--say", "Good morning.", "--no-mark", "--torso", torso)
        done = tfg(*arguments, "-o", f"{torso}.mp4", cache=cache, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "loop.mp4").read_bytes() != (tmp_path / "field.mp4").read_bytes()
    both = tfg(
        "render",
        "--run",
        str(run),
        "--say",
        "Hi.",
        "--torso",
        "field",
        "--full",
        "-o",
        "a.mp4",
        cache=cache,
        cwd=tmp_path,
    )
    assert (both.returncode, both.stderr.count("\n")) == (2, 1)
    assert both.stderr.startswith("tfg: --torso field: is of the square that a head is trained on; ")

    # A head of before has none: it renders as it did, and over a field only once it has one.
    shutil.copytree(folder / "results", tmp_path / "results")
    old = tmp_path / "results" / "heads" / result.head
    record = json.loads((old / "head.json").read_text())
    del record["files"]["torso"], record["stages"]["torso"]
    (old / "head.json").write_text(json.dumps(record))
    (old / name).unlink()
    arguments = ("render", "--run", str(old), "--say", "Good morning.", "--no-mark")
    assert tfg(*arguments, "-o", "old.mp4", cache=cache, cwd=tmp_path).returncode == 0
    assert (tmp_path / "old.mp4").read_bytes() == (tmp_path / "loop.mp4").read_bytes()
    without = tfg(*arguments, "--torso", "field", "-o", "none.mp4", cache=cache, cwd=tmp_path)
    assert (without.returncode, without.stderr.count("\n")) == (2, 1)
    assert f"{result.head}: has no torso field; " in without.stderr


def test_a_rendering_is_marked_and_a_text_is_said_in_the_whole_picture(work, tmp_path):
    folder, cache, _ = work
    run = runs(folder)[0]
    arguments = ("render", "--run", str(run), "--say", "Good morning.", "--full")
    done = tfg(*arguments, "-o", "said.mp4", cache=cache, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["said.mp4"]
    assert len(read_audio(tmp_path / "said.mp4")) > 0.5 * 16_000
    found = tfg("verify", "said.mp4", "--json", cache=cache, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["manifest"]["state"] == "valid"
    plain = tfg(*arguments, "--no-mark", "-o", "plain.mp4", cache=cache, cwd=tmp_path)
    assert plain.stderr.splitlines()[-1] == "tfg: plain.mp4: --no-mark: it carries neither watermark nor manifest"
    found = tfg("verify", "plain.mp4", cache=cache, cwd=tmp_path)
    assert found.returncode == 1
    assert found.stdout.splitlines()[1:] == ["manifest    none", "plain.mp4: not marked"]


def test_select_prints_one_object_and_nothing_else(work, tmp_path):
    _, cache, _ = work
    arguments = ["select", "--seconds", "3", "--json", "--set", *CLIP]
    done = new_tfg(*arguments, cache=cache, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert strange(done.stderr) == []
    chosen = json.loads(done.stdout)
    assert set(chosen) == {"start", "seconds", "method", "scores", "cost", "definition"}
    assert set(chosen["cost"]) == {"seconds", "processor_seconds", "frames", "faces"}
    assert chosen["cost"]["faces"] == "given by the sidecar"
    assert {frozenset(score) for score in chosen["scores"]} == {
        frozenset({"start", "diversity", "motion_complexity", "score"})
    }
    assert chosen["seconds"] == 3.0
    assert chosen["method"] == "isexplore"
    assert sum(score["score"] is not None for score in chosen["scores"]) == 5
    assert max(chosen["scores"], key=lambda score: score["score"] or 0)["start"] == chosen["start"]
    assert list(tmp_path.iterdir()) == []


def test_the_other_backbone_runs_the_same_way_and_is_tracked_offline(work):
    folder, cache, _ = work
    overrides = ["selector=first", *CLIP, *SYNCTALK, "tracker=wandb", "tracker.mode=offline"]
    done = run_py(*overrides, cache=cache, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert strange(done.stderr) == []
    (run,) = folder.glob("results/first-synctalk-*")
    assert RunResult.read(run / "result.json").stages["training"]["steps"] == 24
    assert list(run.glob("wandb/offline-run-*/*.wandb"))
    assert "the tracker failed" not in done.stderr


def test_a_head_driven_by_lip_motion_is_another_head_and_speaks_another_sound(work):
    folder, cache, _ = work
    seen = ["clip.synthetic.identity_seed=101", "prior.allow_seen=true"]  # of the prior's people
    overrides = ["selector=first", *CLIP, *INSTAG, "conditioning=lips", "prior=universal", *seen]
    done = run_py(*overrides, cache=cache, cwd=folder)
    assert done.returncode == 0, done.stderr
    known = "was learned from this person (as synthetic 101: clip.synthetic.identity_seed=101)"
    (run,) = folder.glob("results/first-instag-*")
    assert strange(done.stderr) == [f"tfg: {run.name}: prior=universal: {known}"]
    result = RunResult.read(run / "result.json")
    assert result.config["prior"]["name"] == "universal"
    assert result.notes["clip"]["seen_by_prior"]["person"] == "synthetic 101"
    looked = result.stages["prior"]
    assert looked["processor_seconds"] > 0
    assert (looked["frames"], looked["cached_frames"], looked["faces"]) == (0, {}, "not used")  # a seed is no face
    assert f"caution, all of it: its prior {known}" in done.stdout
    sound_of = folder / "results" / result.files["side_by_side"]
    said = tfg("render", "--run", str(run), "--audio", str(sound_of), "-o", "lips.mp4", cache=cache, cwd=folder)
    assert said.returncode == 0, said.stderr
    assert read_clip(folder / "lips.mp4").num_frames > 0


def test_a_head_goes_on_from_other_peoples_motion_and_speaks_another_sound(work, tmp_path):
    _, cache, _ = work
    other = parts.part("backbone/instag", size=64, focal=100.0, audio_channels=80, lip_driven=False)
    tensors = tensors_of({"face": other.face.field, "mouth": other.mouth.field})
    prior = tmp_path / "others.safetensors"
    save_prior(
        prior,
        {},
        {"people": []},
        {"logmel": UniversalMotion(shape=other.face.field.shape.shared, tensors=tensors)},
        None,
    )
    done = run_py("selector=first", "audio=logmel", *CLIP, *INSTAG, f"prior={prior.name}", cache=cache, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert strange(done.stderr) == []
    (run,) = runs(tmp_path)
    assert RunResult.read(run / "result.json").config["prior"]["name"] == "others"
    sound_of = tmp_path / "results" / RunResult.read(run / "result.json").files["side_by_side"]
    said = tfg("render", "--run", str(run), "--audio", str(sound_of), "-o", "others.mp4", cache=cache, cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert read_clip(tmp_path / "others.mp4").num_frames > 0
