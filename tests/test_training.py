"""Checkpoints, resume and the training curve, on a backbone of one number whose steps draw random numbers."""

import numpy as np
import pytest
import torch
from portraits import make_scene

from tfg import training
from tfg.backbones.base import Backbone
from tfg.data import PortraitData, audio_statistics, audio_windows

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec.*", "ignore:.*does not have many workers.*")


class OneNumber(Backbone):
    """Fits a grey level with noisy gradients, so that any slip in data order or random state shows."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__(size=64, focal=100.0, audio_channels=12)
        self.level = torch.nn.Parameter(torch.zeros(()))
        self.losses: list[float] = []
        self.stop_at = stop_at

    @property
    def num_steps(self) -> int:
        return 40

    def prepare(self, portrait) -> None:
        self.level.data.fill_(0.1)

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
        self.log("loss", loss)

    def render(self, batch):
        return batch["background"]


@pytest.fixture(scope="module")
def portrait():
    return make_scene(num_frames=8, size=64).portrait


def train(portrait, folder, backbone, chunk=10):
    mean, std = audio_statistics(portrait.audio)
    data = PortraitData(
        portrait, audio_windows(portrait.audio, mean, std), chunk=chunk, num_steps=backbone.num_steps, seed=1
    )
    folder.mkdir(exist_ok=True)
    return training.fit(backbone, data, folder, device="cpu", logger=None)


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
    seconds = train(portrait, tmp_path / "r", first).seconds
    again = OneNumber()
    done = train(portrait, tmp_path / "r", again)
    assert again.losses == []
    assert again.level.item() == first.level.item()
    assert done.resumed_from == 40
    assert done.seconds >= 0.5 * seconds  # the cost of the training stays known


def test_a_torn_checkpoint_falls_back_to_the_one_before(portrait, tmp_path, capsys):
    train(portrait, tmp_path / "r", OneNumber())
    last = tmp_path / "r" / training.LAST
    last.write_bytes(last.read_bytes()[:200])
    again = OneNumber()
    assert train(portrait, tmp_path / "r", again).resumed_from == 30
    assert "not readable" in capsys.readouterr().err


def test_the_curve_has_one_row_a_number_and_survives_a_resume(portrait, tmp_path):
    backbone = OneNumber()
    train(portrait, tmp_path / "r", backbone)
    path = tmp_path / "r" / "metrics.csv"
    assert path.read_text().splitlines()[0] == "step,name,value"


def test_a_pickle_is_refused_as_a_checkpoint(tmp_path):
    import pickle

    path = tmp_path / training.LAST
    path.write_bytes(pickle.dumps({"state_dict": print}, protocol=2))
    assert training.newest_checkpoint(tmp_path) is None
