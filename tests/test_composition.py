"""Values set on a composed configuration are what Hydra composes of the same command line."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig

from tfg import composition, configuration

OPTIONS = ["selector=first", "trainer=cpu"]


def composed(values: list[str]) -> DictConfig:
    cell = [*OPTIONS, *values]
    parsed = OverridesParser.create().parse_overrides(cell)
    return composition.composed(composition.defaults(tuple(OPTIONS)), cell, parsed)


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["seed=3", "clip.path='a (1).mp4'", "split.held_out=2", "clip.synthetic.num_poses=5"],
        ["sweep.axes=[seed,selector]", "backbone.stages={fuse: 3}", r"clip.path=a\${x}.mp4"],
        ["group=${seed}", "clip.size=64", "seed=1"],
        ["+clip.added=1", "~sweep.size"],
    ],
)
def test_it_is_what_hydra_composes(values: list[str]) -> None:
    with initialize_config_dir(str(configuration.folder()), version_base="1.3"):
        expected = compose("config", overrides=[*OPTIONS, *values])
    assert composed(values) == expected


def test_one_cell_does_not_change_the_defaults_of_the_next() -> None:
    assert composed(["seed=3", "backbone.stages.fuse=1"]) != composed([])
    assert composed([]) == composition.defaults(tuple(OPTIONS))


@pytest.mark.parametrize("value", ["backbone.stages={fuze: 3}", "sed=1", "seed=1,2"])
def test_what_does_not_fit_is_hydras_to_say(value: str) -> None:
    with pytest.raises(HydraException):
        composed([value])
