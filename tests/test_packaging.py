"""A wheel of the project, installed without a checkout: everything is in it, every command runs, what is imported is declared."""

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest
from end_to_end import CLIP, EMBEDDED, INSTAG, ROOT, environment, shared_cache

from tfg.clip.synthetic.generate import make_synthetic

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COMMANDS = {
    "mypy",
    "pre-commit",
    "pytest-cov",
    "pytest-xdist",
    "ruff",
}  # of dev: run by the Makefile, or plugins of what it runs
NO_INDEX = {"tinycudann": "built from source by its users, for engine=tinycudann: docs/engines.md"}
OF_TFG = ("gpu", "live", "ray", "tensorboard", "mlflow")  # extras of the package itself
SKINNY = {"mlflow": "mlflow-skinny"}  # a module that two distributions provide: the one that is declared


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from the files that git knows, so that nothing of the working folder gets into it."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in tracked():
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(out)]
    subprocess.run([*build, str(source)], check=True, cwd=out)
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with nothing but the wheel in it; the libraries are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder)]
    subprocess.run([*install, str(wheel)], check=True)
    return folder


@pytest.fixture
def tfg(installed, tmp_path, tmp_path_factory):
    """Runs the installed command in an empty folder, from which no checkout can be seen."""
    cache = shared_cache(tmp_path_factory.getbasetemp())
    make_synthetic(EMBEDDED, cache / "clips")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        variables = {**environment(cache), "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
        command = [sys.executable, str(installed / "bin" / "tfg"), *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False, timeout=300
        )

    return run


def tracked() -> list[str]:
    """Every file of the project that is there, as git lists them, with those not yet added."""
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def test_a_wheel_holds_every_file_of_tfg_and_conf_and_no_other(wheel):
    packaged = {name for name in tracked() if name.startswith(("tfg/", "conf/"))}
    expected = {re.sub("^conf/", "tfg/conf/", name) for name in packaged}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("tfg-")}
    assert held == expected


def test_the_installed_package_is_the_one_that_runs(tfg, installed):
    done = tfg("run", "--info", "searchpath")
    assert str(installed / "tfg" / "conf") in done.stdout
    assert str(ROOT) not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        ("--version", f"tfg {PROJECT['version']}\n"),
        ("doctor", "python "),
        ("assets", "missing     face_landmarker: "),
        ("run --help", "run is powered by Hydra."),
        ("run --cfg job", "clip:\n  path: null\n"),
        (f"select --seconds 3 --method first --json --set {' '.join(CLIP)}", '{"'),
        ("clip --seconds 2 --size 64 -o small.mp4", ""),
    ],
)
def test_every_command_runs_without_a_checkout(tfg, monkeypatch, arguments, start):
    monkeypatch.delenv("TFG_ASSETS", raising=False)
    done = tfg(*arguments.split())
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(start)


def test_a_run_is_made_rendered_and_scored_without_a_checkout(tfg, tmp_path):
    done = tfg("run", "-m", *CLIP, *INSTAG, "selector=first,random", "metrics=quick")
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("results/*/result.json"))) == 2
    head = next(path.parent for path in sorted(tmp_path.rglob("portrait.npz")))
    sound = next(path for path in sorted(tmp_path.rglob("truth.mp4")))
    assert tfg("render", "--run", str(head), "--audio", str(sound), "-o", "said.mp4").stdout == "said.mp4\n"
    scored = tfg("evaluate", "--pred", "said.mp4", "--audio", str(sound), "--json", "scores.json", "--sheet", "sheet")
    assert scored.returncode == 0, scored.stderr
    assert json.loads((tmp_path / "scores.json").read_text())["metrics"]
    assert (tmp_path / "sheet" / "index.html").stat().st_size > 0


@pytest.mark.parametrize("arguments", ["nokey=1", "--sweep", "selector=isexplor", "seconds=0", "selector=first,random"])
def test_tfg_run_is_run_py(tfg, tmp_path, arguments):
    given = [*CLIP, "masks=sidecar", "face=sidecar", arguments]
    script = [sys.executable, str(ROOT / "run.py"), *given]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    run_py = subprocess.run(script, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    done = tfg("run", *given)
    assert (done.returncode, done.stdout, done.stderr) == (run_py.returncode, run_py.stdout, run_py.stderr)
    assert done.returncode == 2


def imported(*rooms: str) -> set[str]:
    """Distributions that provide what these rooms import, but for the project's own modules."""
    provided = importlib.metadata.packages_distributions()
    own = {path.stem for path in (ROOT / "tests").iterdir()} | {"tfg", "experiments", "analysis", "benchmarks", "tests"}
    tops: set[str] = set()
    for room in rooms:
        path = ROOT / room
        for file in [path] if path.is_file() else path.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    tops |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    tops.add((node.module or "").split(".")[0])
    strange = tops - own - set(sys.stdlib_module_names) - set(NO_INDEX)
    return {SKINNY.get(top) or plain(provided.get(top, [top])[0]) for top in strange}


def declared(requirements: list[str]) -> set[str]:
    return {plain(re.match(r"[\w.-]+", text)[0]) for text in requirements}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


IN_REPORT = {"plotly", "pyarrow"}  # of the extra `report`, for `tfg report` and `tfg export -o x.parquet`


def test_what_tfg_imports_is_what_it_declares():
    extras = PROJECT["optional-dependencies"]
    optional = [name for extra in OF_TFG for name in extras[extra]]
    assert imported("tfg", "run.py", "experiments") == declared(PROJECT["dependencies"] + optional) | IN_REPORT


def test_what_the_extras_declare_is_what_the_other_rooms_import():
    extras = PROJECT["optional-dependencies"]
    base = declared(PROJECT["dependencies"] + [name for extra in OF_TFG for name in extras[extra]])
    assert (imported("analysis") | IN_REPORT) - base == declared(extras["report"])
    rest = imported("tests", "benchmarks", "setup.py") - base - declared(extras["report"])
    assert rest | COMMANDS == declared(extras["dev"])
    texts = [(ROOT / name).read_text() for name in ("Makefile", ".pre-commit-config.yaml", "CONTRIBUTING.md")]
    assert all(re.sub("^pytest-x?", "--", tool) in "".join(texts) for tool in COMMANDS)


def test_the_constraints_hold_every_declared_package_but_torch():
    pinned = {
        plain(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    }
    extras = PROJECT["optional-dependencies"]
    wanted = PROJECT["dependencies"] + [
        name for extra in extras.keys() - {"gpu", "cluster", "ray"} for name in extras[extra]
    ]
    assert declared(wanted) - pinned == {"torch"}
