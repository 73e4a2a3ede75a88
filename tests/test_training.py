"""Checkpoints, resume and the training curve, on a backbone of one number whose steps draw random numbers."""

import contextlib
import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from portraits import make_scene

from tfg import rendering, training
from tfg.backbones.base import Backbone
from tfg.data import PortraitData, audio_statistics, audio_windows
from tfg.record.files import is_sealed, seal
from tfg.types import InputError

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec.*", "ignore:.*does not have many workers.*")


class OneNumber(Backbone):
    """Fits a grey level with noisy gradients, so that any slip in data order or random state shows."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__(size=64, focal=100.0, audio_channels=12)
        self.level = torch.nn.Parameter(torch.zeros(()))
        self.losses: list[float] = []
        self.stop_at = stop_at

    @property
    def stage_name(self) -> str:
        return "all"

    @property
    def num_steps(self) -> int:
        return 40

    def adopt(self, universal) -> None:
        raise NotImplementedError

    def prepare(self, portrait) -> None:
        self.level.data.fill_(0.1)

    def rehearse(self, portrait):
        raise NotImplementedError

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.05)

    def training_step(self, batch, batch_idx) -> None:
        if self.stop_at is not None and int(self.step) == self.stop_at:
            raise ConnectionError
        loss = (batch["image"].mean() - self.level + 0.1 * torch.randn(())).square()
        self.optimizers().zero_grad()
        loss.backward()
        self.optimizers().step()
        self.step += 1
        self.losses.append(loss.item())
        self.note(loss=loss.detach())

    def depth(self, batch):
        raise NotImplementedError

    def render(self, batch):
        return batch["background"]


@pytest.fixture(scope="module")
def portrait():
    return make_scene(num_frames=8, size=64).portrait


def train(portrait, folder, backbone, chunk=10, logger=None):
    mean, std = audio_statistics(portrait.audio)
    data = PortraitData(
        portrait, audio_windows(portrait.audio, mean, std), chunk=chunk, num_steps=backbone.num_steps, seed=1
    )
    folder.mkdir(exist_ok=True)
    return training.fit(backbone, data, folder, device="cpu", logger=logger)


def test_a_resumed_training_continues_as_if_never_stopped(portrait, tmp_path):
    torch.manual_seed(0)
    whole = OneNumber()
    assert train(portrait, tmp_path / "whole", whole).resumed_from == 0

    torch.manual_seed(0)
    with pytest.raises(ConnectionError):
        train(portrait, tmp_path / "cut", OneNumber(stop_at=25))
    torch.manual_seed(99)  # a new process starts with another state
    second = OneNumber()
    assert train(portrait, tmp_path / "cut", second).resumed_from == 20
    np.testing.assert_allclose(second.losses, whole.losses[20:], rtol=0, atol=1e-6)
    assert second.level.item() == pytest.approx(whole.level.item(), abs=1e-7)


def test_a_finished_training_is_loaded_not_repeated(portrait, tmp_path):
    first = OneNumber()
    spent = train(portrait, tmp_path / "r", first).spent
    again = OneNumber()
    done = train(portrait, tmp_path / "r", again)
    assert again.losses == []
    assert again.level.item() == first.level.item()
    assert done.resumed_from == 40
    assert done.spent.processor_seconds >= 0.5 * spent.processor_seconds
    assert done.spent.seconds >= 0.5 * spent.seconds  # the cost of the training stays known


def flip(path, seed=0, count=100):
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in {int(place) for place in rng.integers(len(content), size=count)}:
        content[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def lines(capsys):
    """What was said of files; the line on where the training goes on is left out."""
    return [line for line in capsys.readouterr().err.splitlines() if "going on from step " not in line]


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_used(portrait, tmp_path, capsys, damage):
    torch.manual_seed(0)
    whole = OneNumber()
    train(portrait, tmp_path / "r", whole)
    last = tmp_path / "r" / training.LAST
    if damage == "cut":
        last.write_bytes(last.read_bytes()[:200])
    else:
        flip(last)
    capsys.readouterr()
    again = OneNumber()
    assert train(portrait, tmp_path / "r", again).resumed_from == 30
    assert lines(capsys) == [f"tfg: {last} is damaged or cut short (its checksum differs); not used"]
    assert again.level.item() == whole.level.item()
    assert is_sealed(last)
    assert is_sealed(tmp_path / "r" / training.PREVIOUS)


def test_two_damaged_checkpoints_are_named_and_the_training_starts_anew(portrait, tmp_path, capsys):
    train(portrait, tmp_path / "r", OneNumber())
    for name in (training.LAST, training.PREVIOUS):
        flip(tmp_path / "r" / name)
    capsys.readouterr()
    assert train(portrait, tmp_path / "r", OneNumber()).resumed_from == 0
    assert len(lines(capsys)) == 2


class Killed:
    """Lets `left` calls that change a file happen, and stops the process at the next."""

    def __init__(self, patch, left):
        self.left = left
        for owner, name in ((os, "link"), (os, "fsync"), (Path, "replace"), (Path, "write_text")):
            patch.setattr(owner, name, self.stopping(getattr(owner, name)))

    def stopping(self, real):
        def call(*arguments, **options):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return real(*arguments, **options)

        return call


def test_killed_while_writing_at_any_point_it_ends_as_if_never_stopped(portrait, tmp_path, monkeypatch):
    torch.manual_seed(0)
    whole = OneNumber()
    train(portrait, tmp_path / "whole", whole, chunk=20)
    resumed = []
    for number in range(40):
        folder = tmp_path / str(number)
        torch.manual_seed(0)
        with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt, SystemExit):
            killed = Killed(patch, left=number)
            train(portrait, folder, OneNumber(), chunk=20)
        if killed.left >= 0:
            break
        torch.manual_seed(0)
        again = OneNumber()
        resumed.append(train(portrait, folder, again, chunk=20).resumed_from)
        assert again.level.item() == whole.level.item()
    assert killed.left == 0
    assert resumed == sorted(
        resumed, key=lambda step: min(step, 20)
    )  # once there is a checkpoint there is one for good
    assert set(resumed) == {0, 20}


@pytest.mark.parametrize("written", [1, 2, 3])
def test_a_full_disk_leaves_the_checkpoints_before(portrait, tmp_path, monkeypatch, written):
    epoch = training.Checkpoints.on_train_epoch_end
    calls = []

    def fill(self, trainer, module):
        calls.append(module)
        if len(calls) == written:
            with monkeypatch.context() as patch:
                patch.setattr("os.fsync", full)
                return epoch(self, trainer, module)
        return epoch(self, trainer, module)

    def full(number):
        raise OSError(
            errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "elsewhere"), None, str(tmp_path / "r" / "new")
        )

    with monkeypatch.context() as patch:
        patch.setattr(training.Checkpoints, "on_train_epoch_end", fill)
        with pytest.raises(OSError, match="No space left") as error:
            train(portrait, tmp_path / "r", OneNumber())
    assert error.value.filename == str(tmp_path / "r" / "new")
    assert [path for path in (tmp_path / "r").iterdir() if ".part" in path.name] == []
    newest = training.newest_checkpoint(tmp_path / "r")
    assert (newest is None) == (written == 1)
    assert train(portrait, tmp_path / "r", OneNumber()).resumed_from == 10 * (written - 1)


class TwoNumbers(OneNumber):
    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(3))


def foreign_checkpoint(folder, portrait, kind):
    train(portrait, folder, OneNumber())
    if kind == "lacks keys":
        torch.save({"state_dict": {}}, folder / "new")
    elif kind == "is a list":
        torch.save([1, 2], folder / "new")
    elif kind == "is text":
        (folder / "new").write_text("no checkpoint")
    else:
        return
    seal(folder / "new", folder / training.LAST)


@pytest.mark.parametrize("kind", ["of another shape", "lacks keys", "is a list", "is text"])
@pytest.mark.parametrize("use", ["fit", "load"])
def test_a_foreign_checkpoint_is_one_line_that_names_it(portrait, tmp_path, kind, use):
    foreign_checkpoint(tmp_path / "r", portrait, kind)
    head = TwoNumbers() if kind == "of another shape" else OneNumber()
    do = {"fit": lambda: train(portrait, tmp_path / "r", head), "load": lambda: training.load(head, tmp_path / "r")}[
        use
    ]
    with pytest.raises(InputError, match=f"{training.LAST}: is .*checkpoint .*remove it to train anew") as error:
        do()
    assert "\n" not in str(error.value)


def test_a_folder_without_a_checkpoint_is_one_line(tmp_path):
    with pytest.raises(InputError, match="holds no whole checkpoint"):
        training.load(OneNumber(), tmp_path)


@pytest.mark.parametrize("damage", ["rows", "binary", "flipped", "cut"])
def test_a_damaged_curve_loses_its_unreadable_rows_and_training_goes_on(
    portrait, tmp_path, capsys, monkeypatch, damage
):
    monkeypatch.setattr(training.Curve.__init__, "__defaults__", (None, 5))
    train(portrait, tmp_path / "r", OneNumber())
    (tmp_path / "r" / training.LAST).unlink()  # goes on from step 30
    path = tmp_path / "r" / "metrics.csv"
    whole = path.read_text()
    if damage == "rows":
        path.write_text(whole.replace("10,all/loss,", "ten,all/loss,").replace("15,all/loss,", "15,all/loss,x"))
    elif damage == "binary":
        path.write_bytes(bytes(range(256)) * 20 + b"\n")
    elif damage == "flipped":
        flip(path, count=20)
    else:
        path.write_text(whole[: whole.index("30,all/loss") + 4])
    capsys.readouterr()
    assert train(portrait, tmp_path / "r", OneNumber()).resumed_from == 30
    said = lines(capsys)
    assert [line.split(":")[1] for line in said] == ([] if damage == "cut" else [f" {path} is damaged"])
    rows = path.read_text().splitlines()
    assert rows[0] == "step,name,value"
    steps = [int(row.split(",")[0]) for row in rows[1:]]
    assert [step for step in steps if step > 30] == [35, 40]
    if damage == "rows":
        assert steps == [5, 20, 25, 30, 35, 40]
        assert "2 of 8 rows" in said[0]
    assert set(rows[1:]) <= set(whole.splitlines()) or damage == "flipped"


def test_the_curve_has_one_row_a_number_under_its_stage_and_a_tracker_is_given_the_same(
    portrait, tmp_path, monkeypatch
):
    monkeypatch.setattr(training.Curve.__init__, "__defaults__", (None, 20))
    given = []
    train(portrait, tmp_path / "r", OneNumber(), logger=lambda step, values: given.append((step, values)))
    header, *rows = (tmp_path / "r" / "metrics.csv").read_text().splitlines()
    assert header == "step,name,value"
    assert [row.split(",")[:2] for row in rows] == [["20", "all/loss"], ["40", "all/loss"]]
    assert given == [(int(step), {name: float(value)}) for step, name, value in (row.split(",") for row in rows)]


def test_a_pickle_is_refused_as_a_checkpoint(tmp_path):
    import pickle

    path = tmp_path / training.LAST
    path.write_bytes(pickle.dumps({"state_dict": print}, protocol=2))
    assert training.newest_checkpoint(tmp_path) is None


def test_a_damaged_or_foreign_portrait_is_one_line_that_names_it(portrait, tmp_path):
    path = tmp_path / "portrait.npz"
    assert not is_sealed(path)
    statistics = audio_statistics(portrait.audio)
    rendering.save_portrait(path, portrait, *statistics, None)
    assert is_sealed(path)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["portrait.npz", "portrait.npz.sha256"]
    again, mean, std, lips = rendering.load_portrait(path)
    assert lips is None
    np.testing.assert_array_equal(again.images, portrait.images)
    np.testing.assert_array_equal((mean, std), statistics)
    for count in (1, 100):
        rendering.save_portrait(path, portrait, *statistics, None)
        flip(path, count=count)
        assert not is_sealed(path)
        with pytest.raises(
            InputError,
            match=r"portrait.npz: is damaged .*repeat the command of its run, which makes it anew without training",
        ):
            rendering.load_portrait(path)
    (tmp_path / "other.npz").write_bytes(b"text")
    seal(tmp_path / "other.npz", path)
    with pytest.raises(InputError, match=r"portrait.npz: is no portrait of tfg"):
        rendering.load_portrait(path)
