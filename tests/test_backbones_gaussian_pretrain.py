"""The pre-training of InsTaG's motion fields: formulae, switches, order of people, and that a stopped one goes on bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from portraits import make_scene
from test_backbones_gaussian_instag import TINY, make_backbone, windows_of

from tfg import motion_pretraining, parts
from tfg.backbones.gaussian.personal import Person, contrast
from tfg.backbones.gaussian.pretrain import UniversalTraining
from tfg.backbones.gaussian.settings import Pretraining
from tfg.data import PeopleData
from tfg.training import fit
from tfg.types import InputError, Portrait

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),  # Lightning 2.6 calls what torch 2.13 deprecates
]
RULES = ("face=8", "face_warm_up=2", "mouth=5", "mouth_warm_up=1", "average=0.5")
SMALL = TINY | {"cloud": {"face": 120, "mouth": 30}}


@pytest.fixture(scope="module")
def portraits() -> list[Portrait]:
    return [make_scene(num_frames=6 + seed, size=32, seed=seed).portrait for seed in range(3)]


def rules(*changes: str) -> Pretraining:
    given = [f"pretraining.{text}" for text in (*RULES, *changes)]
    config = motion_pretraining.settings("logmel", ["trainer=cpu", *given])
    made: Pretraining = parts.construct(config.pretraining, "backbone.blocks.pretraining")
    return made


def learner_of(portraits: list[Portrait], *changes: str, **keys: object) -> UniversalTraining:
    torch.manual_seed(0)
    return UniversalTraining(
        make_backbone(portraits[0], SMALL | keys), rules(*changes), [each.cameras.focal for each in portraits]
    )


def data_of(portraits: list[Portrait], num_steps: int, chunk: int = 7) -> PeopleData:
    return PeopleData(portraits, [windows_of(each) for each in portraits], chunk=chunk, num_steps=num_steps, seed=5)


def learned(portraits: list[Portrait], folder: Path, *changes: str, **keys: object) -> UniversalTraining:
    learner = learner_of(portraits, *changes, **keys)
    folder.mkdir()
    fit(learner, data_of(portraits, learner.num_steps), folder, device="cpu", logger=None)
    return learner


def test_contrast_is_the_mean_positive_dot_product_summed_over_others() -> None:
    own = torch.tensor([[1.0, 2, 0], [0, 1, 0]], requires_grad=True)
    one = torch.tensor([[3.0, 0, 5], [0, -4, 0]], requires_grad=True)  # dots 3, -4
    other = torch.tensor([[0.0, 1, 0], [1, 1, 1]], requires_grad=True)  # dots 2, 1
    loss = contrast(own, [one, other])
    assert float(loss.detach()) == pytest.approx((3 + 0) / 2 + (2 + 1) / 2)
    loss.backward()
    assert one.grad is None
    assert other.grad is None
    torch.testing.assert_close(own.grad, torch.tensor([[3.0, 1, 5], [1, 1, 1]]) / 2)
    assert float(contrast(own, [])) == 0


def test_every_person_has_a_step_a_round_and_every_frame_once_a_round_of_theirs(portraits: list[Portrait]) -> None:
    data = data_of(portraits, 90)
    rows = data.rows(0, 72)
    assert rows[10:30] == data.rows(10, 20)
    for start in range(0, 72, 3):
        assert {person for person, _ in rows[start : start + 3]} == {0, 1, 2}
    for person, portrait in enumerate(portraits):
        count = len(portrait.frames)
        own = [row for who, row in rows if who == person]
        assert set(own[:count]) == set(own[count : 2 * count]) == set(range(count))
    assert len({tuple(person for person, _ in rows[start : start + 3]) for start in range(0, 72, 3)}) > 1


def test_a_stopped_pretraining_goes_on_bit_for_bit(
    portraits: list[Portrait], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = learned(portraits, tmp_path / "whole")
    step = UniversalTraining.training_step
    stop = 0

    def fail_at(self: UniversalTraining, batch: object, batch_idx: int) -> None:
        if int(self.step) == stop:
            raise OSError("power cut")
        step(self, batch, batch_idx)  # type: ignore[arg-type]

    monkeypatch.setattr(UniversalTraining, "training_step", fail_at)
    folder = tmp_path / "parts"
    folder.mkdir()
    for stop in (12, 31):  # noqa: B007 of the faces and of the mouths, none at a checkpoint
        stopped = learner_of(portraits)
        with pytest.raises(OSError, match="power cut"):
            fit(stopped, data_of(portraits, stopped.num_steps), folder, device="cpu", logger=None)
    stop = -1
    resumed = learner_of(portraits)
    torch.manual_seed(99)
    assert fit(resumed, data_of(portraits, resumed.num_steps), folder, device="cpu", logger=None).resumed_from == 28
    assert len(resumed.people[0].face.gaussians) != 120  # type: ignore[union-attr, arg-type]
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_the_file_gets_running_averages_of_the_shared_fields_alone(portraits: list[Portrait], tmp_path: Path) -> None:
    learner = learned(portraits, tmp_path / "a")
    tensors = learner.result.tensors
    assert {key.split("/")[0] for key in tensors} == {"face", "mouth"}
    assert not any("eye_line" in key for key in tensors)
    for name, field in (("face", learner.face), ("mouth", learner.mouth)):
        first = dict(getattr(learner_of(portraits), name).named_parameters())
        for key, value in field.named_parameters():
            kept = torch.from_numpy(tensors[f"{name}/{key}"])
            assert not torch.equal(kept, first[key]), key
            assert not torch.equal(kept, value), key
    whole = make_backbone(portraits[0], SMALL)
    whole.adopt(learner.result)


def own_fields(learner: UniversalTraining) -> dict[str, torch.Tensor]:
    state = learner.state_dict()
    return {name: value for name, value in state.items() if ".field.network" in name and name.startswith("people")}


def test_each_part_can_be_left_out(portraits: list[Portrait], tmp_path: Path) -> None:
    first = own_fields(learner_of(portraits))
    with_all = learned(portraits, tmp_path / "all")
    alone = own_fields(learned(portraits, tmp_path / "shared", "personal=false"))
    assert all(torch.equal(alone[name], value) for name, value in first.items())
    assert not any(torch.equal(own_fields(with_all)[name], value) for name, value in first.items())
    without = own_fields(learned(portraits, tmp_path / "free", "contrast=0"))
    assert not all(torch.equal(own_fields(with_all)[name], value) for name, value in without.items())
    plain = learned(portraits, tmp_path / "plain", adaptation={"aligner": False})
    assert any("aligner" in name for name in with_all.state_dict())
    assert not any("aligner" in name for name in plain.state_dict())


def test_contrast_drives_the_people_apart(portraits: list[Portrait], tmp_path: Path) -> None:
    """Of two people who start with the same own field."""

    def similarity(weight: int) -> float:
        """Mean cosine of what the two then move."""
        given = (f"contrast={weight}", "personal_rate=1", "face=40")
        learner = learner_of(portraits[:2], *given, weights={"motion": 0.0})
        people = [person for person in learner.people if isinstance(person, Person)]
        for person in people:
            person.face.field.tables.data.fill_(0.3)
        people[1].face.field.load_state_dict(people[0].face.field.state_dict())
        folder = tmp_path / str(weight)
        folder.mkdir()
        fit(learner, data_of(portraits[:2], learner.num_steps), folder, device="cpu", logger=None)
        points, windows, upper = torch.rand(50, 3) - 0.5, torch.randn(1, 8, 12), torch.rand(1, 7)
        with torch.no_grad():
            one, other = (person.face.field.eval()(points, windows, upper).means for person in people)
        return float(torch.cosine_similarity(one, other, dim=1).mean())

    free, apart = similarity(0), similarity(1000)
    assert apart < min(free, 0.5), (free, apart)


def test_both_share_one_grid(portraits: list[Portrait]) -> None:
    person = learner_of(portraits).people[0]
    assert isinstance(person, Person)
    for branch in (person.face, person.mouth):
        assert branch.aligner is not None
        assert branch.aligner.tables is branch.field.tables


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("pretraining.face=0", r"pretraining\.face is 0; it must be positive"),
        ("pretraining.mouth_warm_up=400", r"pretraining\.mouth_warm_up is 400; it must be below pretraining\.mouth"),
        ("pretraining.face_others=1.5", r"pretraining\.face_others is 1\.5; it must be a whole number"),
        ("pretraining.contrast=-1", r"pretraining\.contrast is -1; it must not be negative"),
        ("pretraining.average=1", r"pretraining\.average is 1; it must be in \[0, 1\)"),
        ("pretraining.stepz=1", r"unknown key 'pretraining\.stepz'"),
        ("pretraining.personal=2", r"pretraining\.personal=2: must be true or false"),
        ("backbone.stages.face=0", r"backbone\.stages\.face is 0"),
        (
            "backbone=synctalk",
            r"--set backbone=synctalk: is not set here; allowed are clip.size and keys of pretraining, backbone and trainer",
        ),
        ("clip.path=x.mp4", r"--set clip\.path=x\.mp4: is not set here"),
    ],
)
def test_a_wrong_setting_is_one_line(given: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        motion_pretraining.check("logmel", ["trainer=cpu", given])
    with pytest.raises(InputError, match="audio=hubert: unknown option"):
        motion_pretraining.check("hubert", [])
