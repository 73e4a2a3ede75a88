"""`tfg run`, which `python run.py` is too: compose -> tfg.pipeline.run(cfg) -> result.json or failure.json; a sweep with -m."""

from __future__ import annotations

import sys

import hydra
from omegaconf import DictConfig

from tfg import configuration, overrides
from tfg.types import InputError

overrides.register_resolvers()


@hydra.main(version_base="1.3", config_path=str(configuration.folder()), config_name="config")
def main(config: DictConfig) -> None:
    from tfg import pipeline

    pipeline.run(config)


def start(arguments: list[str]) -> int:
    """Check every cell before the first starts; afterwards show the sweep's table. Exit code 0, 1 (a run failed) or 2 (input)."""
    flags = [text for text in arguments if text.startswith("-")]
    if {"-h", "--help", "--hydra-help", "-c", "--cfg", "-i", "--info"} & set(flags):
        sys.argv = [sys.argv[0], *arguments]
        main()
        return 0
    try:
        from tfg.commands import sweep

        if strange := set(flags) - {"-m", "--multirun"}:
            raise InputError(f"{min(strange)}: is no option of run.py; there are -m for a sweep, --help and --cfg job")
        given = overrides.complete([text for text in arguments if not text.startswith("-")])
        given += [] if any(text.startswith("group=") for text in given) else [f"group={sweep.group()}"]
        plan = overrides.cells(given)
        if len(plan) > 1 and not {"-m", "--multirun"} & set(flags):
            raise InputError("a list of values is a sweep: add -m")
        configs = [overrides.composed(cell) for cell in plan]
        for config in configs:
            sweep.check(config)
    except InputError as error:
        print(f"tfg: {error}", file=sys.stderr)
        return 2
    sys.argv = [sys.argv[0], *flags, *given]
    main()
    return sweep.report(configs)
