"""Who may import whom (DESIGN section 1), read from the source with ast, and what a light import must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = (
    "clip",
    "features",
    "selectors",
    "engines",
    "backbones",
    "metrics",
    "performance",
    "marking",
    "trackers",
    "multiview",
)
GROUND = {
    *(
        "tfg.types",
        "tfg.landmarks",
        "tfg.learned",
        "tfg.progress",
        "tfg.ranking",
        "tfg.record",
        "tfg.rotations",
        "tfg.assets",
        "tfg.atlas",
        "tfg.compiler",
        "tfg.configuration",
        "tfg.statistics",
        "tfg.threads",
        "tfg.yaml_file",
    ),
}
FILES = sorted(path for package in ("tfg", "experiments", "analysis") for path in (ROOT / package).rglob("*.py"))

# Room of tfg -> modules of tfg that it may import besides its own. Orchestration (the files directly in tfg/) imports the rooms.
ROOM_MAY = {room: GROUND for room in ROOMS} | {
    "backbones": GROUND | {"tfg.engines"},
    "multiview": GROUND | {"tfg.clip"},
}
RECORD_ONLY = {"tfg.record", "tfg.landmarks", "tfg.types", "tfg.statistics", "tfg.atlas"}
LAUNCH_MAY = {
    "tfg.record.results",
    "tfg.record.identity",
    "tfg.overrides",
    "tfg.cells",
    "tfg.heads",
    "tfg.launching",
    "tfg.parts",
    "tfg.sizing",
    "tfg.types",
}  # overrides composes a cell as run.py would

EXPERIMENT_MAY = {
    "launch.py": LAUNCH_MAY,
    "atlas_features.py": {"tfg.segment_features", "tfg.atlas", "tfg.record", "tfg.types"},
    "foreign_speech.py": {"tfg.foreign_speech", "tfg.clip", "tfg.heads", "tfg.record", "tfg.types"},
    "on_ray.py": {"tfg.cells", "tfg.commands", "tfg.pipeline", "tfg.progress", "tfg.threads", "tfg.types"},
    "leave_one_out.py": {"tfg.pretraining", "tfg.types"},
    "pretrain.py": {"tfg.pretraining", "tfg.types"},
    "pretrain_lipsync.py": {"tfg.lipsync_training", "tfg.types"},
    "pretrain_triplane.py": {"tfg.triplane_pretraining", "tfg.types"},
    "training_lips.py": {"tfg.training_lips", "tfg.heads", "tfg.record"},
}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """Every module that a file imports anywhere, also inside functions; `from tfg import x` counts as tfg.x."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            base = node.module or ""
            whole = base in {"tfg", "experiments", "analysis", *(f"tfg.{room}" for room in ROOMS)}
            found |= {f"{base}.{alias.name}" for alias in node.names} if whole else {base}
    return found


def packages(module: str) -> set[str]:
    """a and a.b of a.b.c."""
    parts = module.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts))}


def module_graph() -> dict[str, set[str]]:
    """Module of tfg, experiments and analysis -> those that it imports anywhere, also inside functions and for types only.

    `from package import name` counts as `package.name` where that is a module, else as the package's own `__init__`. Importing a.b.c
    also executes a and a.b: these count too, except around the importer itself, where they are under way already.
    """
    modules = {module_name(path): path for path in FILES}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                members = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= {member if member in modules else str(node.module) for member in members}
        executed = {package for name in named for package in packages(name)} - packages(module) - {module}
        graph[module] = (named | executed) & modules.keys()
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module, and modules that import themselves; sorted."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        reached[start], ahead = set(), [start]
        while ahead:
            new = graph[ahead.pop()] - reached[start]
            reached[start] |= new
            ahead += new
    found = {
        frozenset(other for other in reached[one] if one in reached[other]) for one in graph if one in reached[one]
    }
    return sorted(sorted(circle) for circle in found)


def inside(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def of_project(path: Path) -> set[str]:
    return {
        module for module in imports(path) if inside(module, {"tfg", "experiments", "analysis", "benchmarks", "tests"})
    }


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_import_circle() -> None:
    assert circles(module_graph()) == []


def test_an_import_from_a_package_executes_the_package() -> None:
    graph = module_graph()
    assert {"tfg.engines", "tfg.engines.gaussian"} <= graph["tfg.backbones.gaussian.density"]  # which imports its twin
    assert "tfg.engines" not in graph["tfg.engines.gaussian.cpu"]  # it is under way


def test_circles_are_the_modules_that_reach_each_other() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"e"}}
    assert circles(graph) == [["b", "c"], ["e"]]


@pytest.mark.parametrize("path", [path for path in FILES if path.is_relative_to(ROOT / "tfg")], ids=ids)
def test_tfg_imports_neither_experiments_nor_analysis(path: Path) -> None:
    assert {module for module in of_project(path) if not inside(module, {"tfg"})} == set()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_the_ground_floor_and_its_own_members_only(room: str) -> None:
    allowed = ROOM_MAY[room] | {f"tfg.{room}"}
    strangers = {
        (ids(path), module)
        for path in (ROOT / "tfg" / room).rglob("*.py")
        for module in of_project(path)
        if not inside(module, allowed)
    }
    assert strangers == set()


def test_selectors_are_numpy_only() -> None:
    allowed = set(sys.stdlib_module_names) | {"numpy", "tfg", "matplotlib"}  # matplotlib draws the plot, imported late
    outside = {
        (ids(path), module)
        for path in (ROOT / "tfg" / "selectors").rglob("*.py")
        for module in imports(path)
        if module.split(".")[0] not in allowed
    }
    assert outside == set()


def test_only_one_file_imports_wandb_and_one_instantiates() -> None:
    users = {
        name: {ids(path) for path in FILES if any(inside(m, {name}) for m in imports(path))}
        for name in ("wandb", "hydra.utils")
    }
    assert users["wandb"] <= {"tfg/trackers/wandb.py"}
    assert users["hydra.utils"] <= {"tfg/parts.py"}


def test_only_one_file_holds_hydra_main() -> None:
    assert [ids(path) for path in FILES if "hydra.main" in path.read_text()] == ["tfg/commands/run.py"]


PLAIN_RECORDS = (
    *(
        "files",
        "checks",
        "curve",
        "provenance",
        "identity",
        "results",
        "pieces",
        "metrics",
        "costs",
        "meter",
        "evaluations",
        "table",
        "tabular",
        "views",
    ),
)


@pytest.mark.parametrize("name", PLAIN_RECORDS)
def test_records_need_the_standard_library_only(name: str) -> None:
    found = imports(ROOT / "tfg" / "record" / f"{name}.py")
    assert {m.split(".")[0] for m in found} <= set(sys.stdlib_module_names) | {"tfg"}
    assert {m for m in found if inside(m, {"tfg"})} <= {f"tfg.record.{other}" for other in PLAIN_RECORDS}


def test_the_ground_floor_imports_no_room() -> None:
    files = [path for path in FILES if inside(module_name(path), GROUND)]
    strangers = {(ids(path), module) for path in files for module in of_project(path) if not inside(module, GROUND)}
    assert strangers == set()


def test_no_room_imports_who_orchestrates_it() -> None:
    """pipeline, trained, heads, parts, commands and scoring import the rooms; no room imports them."""
    above = {
        f"tfg.{name}"
        for name in (
            "pipeline",
            "trained",
            "heads",
            "speaker",
            "parts",
            "overrides",
            "composition",
            "commands",
            "scoring",
            "live",
            "cli",
        )
    }
    files = [path for room in ROOMS for path in (ROOT / "tfg" / room).rglob("*.py")]
    assert {(ids(path), module) for path in files for module in of_project(path) if inside(module, above)} == set()


def test_only_its_command_imports_the_page_that_a_head_answers_in() -> None:
    users = {ids(path) for path in FILES if any(inside(module, {"tfg.live"}) for module in of_project(path))}
    assert {user for user in users if not user.startswith("tfg/live/")} == {"tfg/commands/live.py"}


def test_experiments_import_results_identity_and_composition_of_tfg() -> None:
    strangers = {
        (ids(path), module)
        for path in (ROOT / "experiments").rglob("*.py")
        for module in of_project(path)
        if not inside(module, {"experiments"} | EXPERIMENT_MAY.get(path.name, RECORD_ONLY))
    }
    assert strangers == set()


def test_analysis_imports_grids_and_results_and_neither_torch_nor_wandb() -> None:
    strangers = {
        (ids(path), module)
        for path in (ROOT / "analysis").rglob("*.py")
        for module in imports(path)
        if module.split(".")[0] in ("torch", "wandb", "pytorch_lightning", "hydra", "mediapipe")
        or (inside(module, {"tfg"}) and not inside(module, RECORD_ONLY))
        or inside(module, {"experiments.launch"})
    }
    assert strangers == set()


@pytest.mark.parametrize(
    "module",
    [
        "tfg.cli",
        "tfg.selectors.isexplore",
        "tfg.selectors.report",
        "analysis.paper.table_ablation",
        "experiments.launch",
        "tfg.commands.sweep",
        "tfg.commands.run",
        "tfg.heads",
        "tfg.commands.compare",
        "tfg.commands.bench",
        "tfg.commands.live",
    ],
)
def test_a_light_import_loads_no_heavy_library(module: str) -> None:
    heavy = ("torch", "pytorch_lightning", "wandb", "mediapipe", "cv2", "matplotlib")
    script = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize("given", ["live x --port 0", "render --run x --say hello -o x.mp4"])
def test_a_folder_that_is_no_head_is_refused_before_torch_is_loaded(given: str) -> None:
    script = f"import sys; from tfg.cli import run; print(run({given.split()!r}), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False"]
    assert len(done.stderr.splitlines()) == 1
