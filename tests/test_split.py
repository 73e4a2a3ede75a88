"""Facts of `split.held_out`: how much of a clip's end it holds out, for whom it counts, and its one line for nonsense."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
from clip_media import grey_frames, make_video, tone
from end_to_end import CLIP, EMBEDDED, shared_cache

from tfg import cli, data, heads, overrides, parts
from tfg.clip.read import read_clip
from tfg.clip.synthetic.generate import make_synthetic
from tfg.commands import evaluate
from tfg.split import amount_of, split
from tfg.types import Clip, InputError


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """275 frames, 11 s."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    return read_clip(make_video(path, grey_frames(275, step=0), [i / 25 for i in range(275)], sound=tone(11.0)))


def test_a_clip_as_it_is_read_holds_nothing_out(clip: Clip) -> None:
    assert clip.num_reference_frames == clip.num_frames == 275


@pytest.mark.parametrize(
    ("held_out", "frames"),
    [("1/11", 25), ("2/22", 25), (0.2, 55), ("0.2", 55), (1, 25), (1.0, 25), ("4", 100), (10.96, 274), ("3/1", 75)],
)
def test_below_1_it_is_a_share_and_from_1_on_seconds(clip: Clip, held_out: object, frames: int) -> None:
    divided = split(clip, held_out)
    assert divided.num_reference_frames == 275 - frames
    assert (data.held_out(divided).start, data.held_out(divided).num_frames) == (275 - frames, frames)


def test_the_papers_eleventh_is_exact_at_every_length(clip: Clip) -> None:
    from dataclasses import replace

    for count in range(2, 20000, 7):
        assert split(replace(clip, num_frames=count), "1/11").num_reference_frames == count * 10 // 11


@pytest.mark.parametrize("held_out", [0, "0", -1, -0.5, "abc", "1/0", "1/", "", None, True, float("nan"), "inf", [1]])
def test_nonsense_is_one_line(held_out: object) -> None:
    with pytest.raises(InputError) as caught:
        amount_of(held_out)
    assert str(caught.value) == (
        f"split.held_out={held_out}: must be a share of the clip below 1, such as 1/11, or seconds from 1 on, such as 60"
    )


@pytest.mark.parametrize("held_out", [11, "11.5", 700])
def test_more_than_the_clip_has_is_one_line(clip: Clip, held_out: object) -> None:
    with pytest.raises(
        InputError, match=rf"a\.mp4: split\.held_out={held_out} holds out all of its 11\.00 s; hold out"
    ):
        split(clip, held_out)


def test_it_is_a_value_of_a_heads_configuration(tmp_path_factory: pytest.TempPathFactory, monkeypatch) -> None:
    cache = shared_cache(tmp_path_factory.getbasetemp())
    monkeypatch.setenv("TFG_CACHE", str(cache))
    make_synthetic(EMBEDDED, cache / "clips")
    config = overrides.composed([*CLIP, "face=sidecar", "masks=sidecar", "split.held_out=6"])
    clip = parts.open_clip(config)
    assert (clip.num_frames, clip.num_reference_frames) == (400, 250)
    head = heads.of_run(config, clip, data.Segment.whole(start=0, num_frames=75))
    assert head.config.split.held_out == 6
    assert parts.open_clip(head.config).num_reference_frames == 250
    other = overrides.composed([*CLIP, "face=sidecar", "masks=sidecar"])
    assert heads.of_run(other, clip, head.segment).name != head.name
    assert parts.run_folder(other) != parts.run_folder(config)


def test_a_reference_is_split_as_told_or_as_conf_has_it_and_a_head_as_it_was_trained(
    clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert evaluate._reference(clip.path, "60") == (clip.path, "60")
    assert evaluate._reference(clip.path, None) == (clip.path, "1/11")
    head = Namespace(clip=clip, config=overrides.literal({"split": {"held_out": 4}}))
    monkeypatch.setattr(heads, "opened", lambda folder: head)
    assert evaluate._reference(clip.path.parent, None) == (clip.path, "4")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["--held-out", "2"], "--held-out 2: is of the video of --reference; give one"),
        (["--reference", "a.mp4", "--held-out", "abc"], "--held-out=abc: must be a share of the clip below 1, "),
        (["--reference", "a.mp4", "--held-out", "60"], "a.mp4: --held-out=60 holds out all of its 11.00 s; "),
        (["--reference", ".", "--held-out", "60"], "--held-out 60: --reference . is a head, which has its own split; "),
        (["--reference", "."], ".: not a finished head; "),
    ],
)
def test_evaluate_answers_a_wrong_split_in_one_line(
    given: list[str], line: str, clip: Clip, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(Path(clip.path).parent)
    assert cli.run(["evaluate", "--pred", "a.mp4", "--truth", "a.mp4", *given]) == 2
    assert capsys.readouterr().err.startswith(f"tfg: {line}")
