"""`tfg run`, which `python run.py` is too: compose -> tfg.pipeline.run(cfg) -> result.json or failure.json; a sweep with -m."""

from __future__ import annotations

import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from tfg import configuration, overrides, schedule
from tfg.commands import sweep

schedule.register_resolvers()


@hydra.main(version_base="1.3", config_path=str(configuration.folder()), config_name="config")
def main(config: DictConfig) -> None:
    from tfg import pipeline

    overrides.name_prior(config)
    number = 0 if OmegaConf.is_missing(job := HydraConfig.get().job, "num") else job.num
    pipeline.run(config, sweep.title(config, number + 1))


def start(arguments: list[str]) -> int:
    """What hydra answers itself, else a run or a sweep; exit code 0, 1 (a run failed) or 2 (input)."""

    def job(given: list[str]) -> None:
        sys.argv = [sys.argv[0], *given]
        main()

    if {"-h", "--help", "--hydra-help", "-c", "--cfg", "-i", "--info"} & set(arguments):
        job(arguments)
        return 0
    return sweep.start(arguments, job)
