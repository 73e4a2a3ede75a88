"""Launchers: which there are, what a cell may use by default, and what becomes of jobs on Ctrl-C."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from end_to_end import CLIP, INSTAG, ROOT, environment, run_py, shared_cache
from omegaconf import DictConfig, OmegaConf

from tfg import cell_job, cells, jobs, launching
from tfg.commands import sweep
from tfg.launching import JOBLIB, LOCAL, SLURM, Launcher, Share
from tfg.record import standing
from tfg.record.results import RunResult
from tfg.types import InputError

HAVE_JOBLIB = importlib.util.find_spec("joblib") and importlib.util.find_spec("hydra_plugins")  # both of the extra


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    importlib.import_module("tfg.backbones.gaussian.instag")  # Lightning looks for other packages as it is imported
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: name)
    monkeypatch.setattr(launching.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def config(size: int = 128, device: str = "cpu") -> DictConfig:
    return OmegaConf.create({"clip": {"size": size}, "trainer": {"threads": "auto", "device": device}})


def test_without_a_launcher_nothing_is_taken_from_the_command_line() -> None:
    given = ["seed=0,1", "hydra.verbose=false"]
    assert launching.split(given) == (None, given)
    assert launching.split([*given, "hydra/launcher=basic"])[0] is None


def test_a_launcher_takes_what_is_hydras_and_leaves_what_is_the_cells(installed: None) -> None:
    given = ["seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=3", "+hydra.launcher.verbose=1"]
    launcher, own = launching.split(given)
    assert own == ["seed=0,1"]
    assert launcher == Launcher(name=JOBLIB, given=("hydra.launcher.n_jobs=3", "+hydra.launcher.verbose=1"))
    assert not launcher.elsewhere


@pytest.mark.parametrize("name", [JOBLIB, LOCAL, SLURM])
def test_a_missing_launcher_names_its_extra_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(package: str) -> None:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(InputError) as caught:
        launching.split([f"hydra/launcher={name}"])
    assert str(caught.value) == f"hydra/launcher={name}: is not installed here; pip install -e '.[cluster]'"


def test_an_unknown_launcher_and_a_machine_without_sbatch_are_refused(
    installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        InputError, match="hydra/launcher=rq: is not known; there are basic, joblib, submitit_local, subm"
    ):
        launching.split(["hydra/launcher=rq"])
    monkeypatch.setattr(launching.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="no sbatch is found here"):
        launching.split(["hydra/launcher=submitit_slurm"])


@pytest.mark.parametrize(
    ("name", "given"), [(JOBLIB, "hydra.launcher.n_jobs=many"), (LOCAL, "hydra.launcher.cpus_per_task=1.5")]
)
def test_a_launchers_number_is_refused_before_anything_runs(installed: None, name: str, given: str) -> None:
    with pytest.raises(InputError, match=f"^{given}: must be a whole number$"):
        launching.split([f"hydra/launcher={name}", given])


def test_joblib_runs_a_cell_a_core_and_shares_the_threads(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "cores", lambda: 8)
    cells = [config() for _ in range(40)]
    assert launching.share(Launcher(name=JOBLIB), cells) == Share(at_once=8, threads=1, cards=0)
    assert launching.share(Launcher(name=JOBLIB), cells[:2]) == Share(at_once=2, threads=4, cards=0)
    two = Launcher(name=JOBLIB, given=("hydra.launcher.n_jobs=2",))
    assert launching.share(two, cells) == Share(at_once=2, threads=4, cards=0)
    every = Launcher(name=JOBLIB, given=("hydra.launcher.n_jobs=-1",))
    assert launching.share(every, cells).at_once == 8
    assert "hydra.launcher.n_jobs=8" in launching.overrides_of(every, launching.share(every, cells), "tfg-x", "r")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert launching.share(two, cells).threads == 2


def test_a_card_of_the_machine_for_each_cell(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "cores", lambda: 16)
    monkeypatch.setattr(launching, "_cards", lambda: 4)
    cells = [config(512, "cuda") for _ in range(9)]
    assert launching.share(Launcher(name=JOBLIB), cells) == Share(at_once=4, threads=4, cards=1)
    assert launching.share(Launcher(name=LOCAL), cells) == Share(at_once=4, threads=4, cards=1)


def test_local_jobs_are_as_many_at_once_as_their_cores_allow(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "cores", lambda: 8)
    wide = Launcher(name=LOCAL, given=("hydra.launcher.cpus_per_task=4",))
    assert launching.share(wide, [config()] * 9) == Share(at_once=2, threads=4, cards=0)


def test_a_job_of_the_cluster_has_its_cores_its_card_and_is_requeued(installed: None) -> None:
    small, large = [config()], [config(512, "cuda")]
    launcher = Launcher(name=SLURM, given=("hydra.launcher.partition=low", "hydra.launcher.timeout_min=20"))
    assert launching.share(launcher, small) == Share(at_once=None, threads=1, cards=0)
    assert launching.share(launcher, large) == Share(at_once=None, threads=launching.SHARED_CORES, cards=1)
    given = launching.overrides_of(launcher, launching.share(launcher, large), "tfg-x", "results/.sweeps")
    assert given == [
        "hydra/launcher=submitit_slurm",
        "hydra.launcher.name=tfg-x",
        "hydra.launcher.submitit_folder='results/.sweeps/tfg-x/%j'",
        "hydra.launcher.cpus_per_task=4",
        f"hydra.launcher.max_num_timeout={launching.REQUEUES}",
        "+hydra.launcher.additional_parameters.requeue=true",
        "hydra.launcher.gpus_per_node=1",
        "hydra.launcher.partition=low",
        "hydra.launcher.timeout_min=20",
    ]


def test_a_number_that_is_none_is_refused(installed: None) -> None:
    with pytest.raises(InputError, match=r"hydra.launcher.n_jobs=two: must be a whole number"):
        launching.share(Launcher(name=JOBLIB, given=("hydra.launcher.n_jobs=two",)), [config()])


def test_jobs_find_this_very_tfg_and_their_threads_and_the_parent_keeps_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with launching._environment(3):
        first, second = os.environ["PYTHONPATH"].split(os.pathsep)
        assert (Path(first) / "tfg" / "launching.py").is_file()
        assert (second, os.environ["OMP_NUM_THREADS"]) == ("/elsewhere", "3")
    assert os.environ["PYTHONPATH"] == "/elsewhere"
    assert "OMP_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(("allowed", "taken"), [(None, "1"), ("4,6", "6"), ("4", "4")])
def test_a_cell_takes_one_of_the_cards_that_it_may_use(
    allowed: str | None, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if allowed is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    cell_job._take_card(1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == taken


def test_processes_of_one_machine_have_places_of_their_own_and_free_them_when_they_end(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        first = pool.apply(cell_job._place, (str(tmp_path), 2))
        assert pool.apply(cell_job._place, (str(tmp_path), 2)) == first  # kept
        assert {first, cell_job._place(str(tmp_path), 2)} == {0, 1}
    with context.Pool(1) as pool:
        assert pool.apply(cell_job._place, (str(tmp_path), 2)) == first


SQUEUE = """#!/bin/sh
cat {folder}/states
"""
SCANCEL = """#!/bin/sh
echo "$@" > {folder}/cancelled
"""


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SLURM of two programs: one job runs, two wait."""
    for name, text in (("squeue", SQUEUE), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(text.format(folder=tmp_path))
        (tmp_path / name).chmod(0o755)
    (tmp_path / "states").write_text("RUNNING\nPENDING\nPENDING\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


@pytest.mark.parametrize(
    ("choice", "cancelled"),
    [(jobs.ASK, None), (jobs.KEEP, None), (jobs.WAITING, "--state=PENDING --name tfg-x"), (jobs.ALL, "--name tfg-x")],
)
def test_ctrl_c_says_which_jobs_are_left_and_does_what_is_chosen(
    choice: str, cancelled: str | None, queue: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    jobs.interrupted("tfg-x", choice)
    done = (queue / "cancelled").read_text().strip() if (queue / "cancelled").exists() else None
    assert done == cancelled
    said = capsys.readouterr().err
    assert "tfg: 1 jobs of this sweep run, 2 wait (squeue --name tfg-x)" in said
    assert ("they are kept" in said) is (cancelled is None)


def test_ctrl_c_asks_on_a_terminal(queue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    answers = iter(["what?", "w"])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda: next(answers))
    jobs.interrupted("tfg-x", jobs.ASK)
    assert (queue / "cancelled").read_text().strip() == "--state=PENDING --name tfg-x"


def test_a_launcher_needs_the_flag_of_a_sweep_and_an_option_is_checked(tmp_path: Path, installed: None) -> None:
    from tfg.commands import sweep

    assert sweep.start(["hydra/launcher=joblib"], lambda given: None) == 2
    assert sweep.start(["-m", "--on-interrupt=perhaps"], lambda given: None) == 2


def test_a_cluster_that_takes_no_job_is_one_line_and_no_cell_is_waited_for(
    tmp_path: Path, installed: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(launcher: Launcher, named: str, wanted: object) -> None:
        (tmp_path / standing.SWEEPS / named).mkdir(parents=True)
        raise RuntimeError("sbatch: error: Unable to contact slurm controller\nand more")

    monkeypatch.setattr(launching, "_launch_once", refused)
    monkeypatch.setattr(sweep, "_foresee", lambda plan, launcher, listed: None)
    asked = ["-m", "hydra/launcher=submitit_slurm", "selector=at", "start=1,2", f"results={tmp_path}"]
    with pytest.raises(
        InputError, match=r"no job could be submitted .sbatch: error: Unable to contact slurm controller.; see"
    ):
        sweep.start(asked, lambda given: None)
    assert standing.expected(tmp_path) == {}


def test_a_job_that_was_submitted_and_died_is_waited_for(
    tmp_path: Path, installed: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def died(launcher: Launcher, named: str, wanted: object) -> None:
        job = tmp_path / standing.SWEEPS / named / "7"
        job.mkdir(parents=True)
        (job / "7_submitted.pkl").touch()
        raise RuntimeError("killed")

    waited: list[str] = []
    monkeypatch.setattr(launching, "_launch_once", died)
    monkeypatch.setattr(jobs, "wait", waited.append)
    cell = cells.planned(["selector=at", "start=1", f"results={tmp_path}"], multirun=True, elsewhere=True).cells[0]
    launching.launch(Launcher(name=SLURM, given=()), [cell])
    assert len(waited) == 1
    assert "a job ended without its result (killed)" in capsys.readouterr().err


@pytest.mark.skipif(not HAVE_JOBLIB, reason="the extra `cluster` is not installed")
def test_a_wrong_key_of_a_launcher_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = cells.resolved([["selector=first", "metrics=quick", "face=sidecar", "masks=sidecar", *CLIP]])
    with pytest.raises(InputError, match=r"^hydra.launcher.typo=1: ") as caught:
        launching.launch(Launcher(name=JOBLIB, given=("hydra.launcher.typo=1",)), wanted)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.skipif(not HAVE_JOBLIB, reason="the extra `cluster` is not installed")
def test_joblib_runs_the_cells_that_are_missing_and_the_table_has_all(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = shared_cache(tmp_path_factory.getbasetemp())
    quick = ["selector=first", "metrics=quick", *CLIP, *INSTAG]
    alone = run_py("seed=0", *quick, cache=cache, cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    both = subprocess.run(  # from nothing, as its workers are
        [sys.executable, str(ROOT / "run.py"), "-m", "hydra/launcher=joblib", "seed=0,1", *quick],
        cwd=tmp_path,
        env={**environment(cache), "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert both.returncode == 0, both.stderr
    assert "tfg: hydra/launcher=joblib: 1 run, 1 at once, " in both.stderr
    assert "| first instag seed=1" in both.stdout
    results = [RunResult.read(path) for path in tmp_path.glob("results/*/result.json")]
    assert {result.config["seed"] for result in results} == {0, 1}
    assert all(result.stages["training"]["threads"] == 1 for result in results)


WORKER = """
import os, sys, time
from tfg.cell_job import _end_with
_end_with(int(sys.argv[1]) or os.getppid())
print("works", flush=True)
time.sleep(600)
"""
PARENT = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", sys.argv[1], "0"])
print(worker.pid, flush=True)
worker.wait()
"""


def test_a_worker_ends_with_its_killed_parent() -> None:
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, WORKER], stdout=subprocess.PIPE, text=True, env=here
    ) as parent:
        assert parent.stdout is not None
        said = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
        assert "works" in said
        parent.kill()
        assert parent.stdout.read() == ""  # at the end of the last process that holds it


def test_a_worker_whose_parent_is_gone_before_its_first_cell_ends() -> None:
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    gone = subprocess.run([sys.executable, "-c", WORKER, "1"], env=here, check=False, timeout=120)
    assert gone.returncode == 143


def test_a_parent_that_runs_its_one_cell_itself_does_not_wait_for_its_own_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[int | None] = []
    monkeypatch.setattr(cell_job, "_end_with", ends.append)
    monkeypatch.setattr("tfg.pipeline.run", lambda config: None)
    monkeypatch.setattr("tfg.progress.lines_only", lambda: None)
    monkeypatch.setattr("tfg.overrides.name_prior", lambda config: None)
    for parent in (None, os.getpid(), os.getppid()):
        cell_job.CellJob(folder="", at_once=1, cards=False, together=True, parent=parent)(config())
    assert ends == [os.getppid()]
