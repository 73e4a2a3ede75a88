"""Clip and segment to batches. The held-out part of a clip is never among them."""

from __future__ import annotations

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tfg.backbones.base import Backbone, Wanted
from tfg.types import Batch, Clip, Floats, Portrait, Segment

AUDIO_WINDOW = 8  # frames [i - 4, i + 4), as RAD-NeRF and all after it


def held_out(clip: Clip) -> Segment:
    """What follows the frames that may be trained on."""
    return Segment.whole(start=clip.num_reference_frames, num_frames=clip.num_frames - clip.num_reference_frames)


def check_split(segment: Segment, clip: Clip) -> None:
    """A segment that reaches into the held-out part is our mistake, never the user's."""
    for piece in segment.pieces:
        assert 0 <= piece.start < piece.stop <= clip.num_reference_frames, "segment reaches into the held-out part"


def audio_statistics(features: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation per channel, (channels,) each; a constant channel gets 1 so that it stays 0."""
    std = features.std(axis=0)
    return features.mean(axis=0).astype(np.float32), np.where(std > 1e-6, std, 1.0).astype(np.float32)


def audio_windows(
    features: Floats, mean: Floats, std: Floats, frames: NDArray[np.int64] | slice = slice(None)
) -> Floats:
    """Of a sound's features (n, channels), the windows of some frames: (k, 8, channels), normalised frames [i - 4, i + 4).

    Zero only where the sound itself begins or ends: the frames' own borders, also those between pieces of a segment, have sound on
    both sides, which is the clip's there.
    """
    half = AUDIO_WINDOW // 2
    rows = np.arange(len(features))[frames]
    first, last = rows.min() - half, rows.max() + half  # of a long sound only what is needed is normalised
    known = np.arange(max(first, 0), min(last, len(features)))
    padded = np.zeros((last - first, features.shape[1]), np.float32)
    padded[known - first] = (features[known] - mean) / std
    return padded[(rows - rows.min())[:, None] + np.arange(AUDIO_WINDOW)]


def batches(portrait: Portrait, windows: Floats, *, device: torch.device, truth: bool = False) -> PortraitDataset:
    """Rows of a portrait as unbatched tensors on a device; with `truth` also what only training may use."""
    return PortraitDataset(portrait, windows, device, truth)


class PortraitDataset(Dataset[Batch]):
    """One row a frame; pictures stay uint8 until they are read."""

    def __init__(self, portrait: Portrait, windows: Floats, device: torch.device, truth: bool) -> None:
        def tensor(array: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        self._plain = {
            "index": torch.arange(len(portrait.frames), device=device),
            "audio": tensor(windows),
            "upper": tensor(portrait.upper),
            "rotation": tensor(portrait.cameras.rotation),
            "translation": tensor(portrait.cameras.translation),
        }
        self._pictures = {"background": tensor(portrait.background)}
        self._masks: dict[str, Tensor] = {}
        if truth:
            self._plain["landmarks"] = tensor(portrait.landmarks)
            self._pictures["image"] = tensor(portrait.images)
            self._masks = {"head_mask": tensor(portrait.head_mask), "mouth_mask": tensor(portrait.mouth_mask)}

    def __len__(self) -> int:
        return len(self._plain["index"])

    def __getitem__(self, row: int) -> Batch:
        item = {name: values[row] for name, values in self._plain.items()}
        item |= {name: torch.div(values[row], 255) for name, values in self._pictures.items()}  # float32, in one pass
        item |= {name: values[row].float() for name, values in self._masks.items()}
        return item  # type: ignore[return-value]


def frame_order(num_frames: int, first_step: int, num_steps: int, seed: int, wanted: Wanted | None = None) -> list[int]:
    """Rows for steps [first_step, first_step + num_steps): every frame once a round, each round shuffled by its own seed.

    A step that the backbone limits to certain rows takes one of these in the place of its frame, drawn by the step's own seed.
    """
    rounds: dict[int, np.ndarray] = {}
    order = []
    for step in range(first_step, first_step + num_steps):
        number, place = divmod(step, num_frames)
        if number not in rounds:
            rounds[number] = np.random.default_rng([seed, number]).permutation(num_frames)
        rows = None if wanted is None else wanted(step)
        if rows is None:
            order.append(int(rounds[number][place]))
        else:
            order.append(int(np.random.default_rng([seed, number, place]).choice(rows)))
    return order


class PortraitData(pl.LightningDataModule):
    """Batches of one frame, in an order that depends on the step alone: a resumed run gets what it would have got."""

    def __init__(self, portrait: Portrait, windows: Floats, *, chunk: int, num_steps: int, seed: int) -> None:
        super().__init__()
        self.portrait = portrait
        self.windows = windows
        self.chunk = chunk  # steps of one Lightning epoch
        self.num_steps = num_steps
        self.seed = seed
        self._dataset: PortraitDataset | None = None

    @property
    def shown(self) -> Portrait:
        """What a learner is prepared from."""
        return self.portrait

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        module = self.trainer.lightning_module
        assert isinstance(module, Backbone)
        if self._dataset is None:
            self._dataset = batches(self.portrait, self.windows, device=module.device, truth=True)
        first = int(module.get_buffer("step"))
        count, wanted = min(self.chunk, self.num_steps - first), module.wanted(self.portrait)
        order = frame_order(len(self._dataset), first, count, self.seed, wanted)
        # A generator of its own: else every epoch draws a number from torch's, and a resumed run draws others.
        return DataLoader(self._dataset, sampler=order, collate_fn=_alone, generator=torch.Generator())


class PeopleData(pl.LightningDataModule):
    """Batches of one frame of one of several people, in an order that depends on the step alone.

    A round of steps has every person once, in a shuffled order, so that after k rounds each person has had k steps; the frames of each
    person are shuffled as in `PortraitData`.
    """

    def __init__(
        self, portraits: list[Portrait], windows: list[Floats], *, chunk: int, num_steps: int, seed: int
    ) -> None:
        super().__init__()
        self.portraits, self.windows = portraits, windows
        self.chunk = chunk  # steps of one Lightning epoch
        self.num_steps = num_steps
        self.seed = seed
        self._datasets: list[PortraitDataset] = []

    @property
    def shown(self) -> list[Portrait]:
        """What a learner is prepared from."""
        return self.portraits

    def rows(self, first_step: int, num_steps: int) -> list[tuple[int, int]]:
        """Person and row of each of these steps."""
        people = frame_order(len(self.portraits), first_step, num_steps, self.seed)
        rounds = [step // len(self.portraits) for step in range(first_step, first_step + num_steps)]
        return [
            (person, frame_order(len(self.portraits[person].frames), number, 1, self.seed + 1 + person)[0])
            for person, number in zip(people, rounds, strict=True)
        ]

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        module = self.trainer.lightning_module
        if not self._datasets:
            self._datasets = [
                batches(portrait, windows, device=module.device, truth=True)
                for portrait, windows in zip(self.portraits, self.windows, strict=True)
            ]
        first = int(module.get_buffer("step"))
        rows = self.rows(first, min(self.chunk, self.num_steps - first))
        return DataLoader(_PeopleDataset(self._datasets, rows), collate_fn=_alone, generator=torch.Generator())


class _PeopleDataset(Dataset[Batch]):
    """One row a step."""

    def __init__(self, people: list[PortraitDataset], rows: list[tuple[int, int]]) -> None:
        self.people, self.rows = people, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, step: int) -> Batch:
        person, row = self.rows[step]
        return {**self.people[person][row], "person": torch.tensor(person)}


def _alone(items: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """A batch of one row, whose pictures are not copied."""
    (item,) = items
    return {name: values[None] for name, values in item.items()}
