"""Compose -> tfg.pipeline.run(cfg) -> result.json or failure.json. One run, or a sweep with -m; see README.md."""

import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported: spinning threads halve a busy machine

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from tfg import overrides

overrides.register_resolvers()


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> None:
    from tfg import pipeline
    from tfg.commands import sweep

    number = 0 if OmegaConf.is_missing(job := HydraConfig.get().job, "num") else job.num
    pipeline.run(config, sweep.title(config, number + 1))


def start(arguments: list[str]) -> int:
    """What hydra answers itself, else a run or a sweep; exit code 0, 1 (a run failed) or 2 (input)."""
    from tfg.commands import sweep

    if {"-h", "--help", "--hydra-help", "-c", "--cfg", "-i", "--info"} & set(arguments):
        main()
        return 0

    def job(given: list[str]) -> None:
        sys.argv = [sys.argv[0], *given]
        main()

    return sweep.start(arguments, job)


if __name__ == "__main__":
    try:
        sys.exit(start(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
