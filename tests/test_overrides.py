"""The command line before Hydra: choices, cells, and one clear line for a mistake."""

import pytest

from tfg import assets, overrides, priors
from tfg.types import InputError


def test_a_sweep_is_the_product_of_its_axes():
    assert overrides.cells(["selector=random,isexplore", "seed=range(2)", "seconds=5"]) == [
        ["selector=random", "seed=0", "seconds=5"],
        ["selector=random", "seed=1", "seconds=5"],
        ["selector=isexplore", "seed=0", "seconds=5"],
        ["selector=isexplore", "seed=1", "seconds=5"],
    ]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (["selectr=random"], "unknown key 'selectr'; did you mean 'selector'"),
        (["selector=isexplor"], "selector=isexplor: unknown option; did you mean 'isexplore'"),
        (["secnds=3"], "unknown key 'secnds'; did you mean 'seconds'"),
        (["+typo=1"], "unknown key 'typo'"),
        (["clip.sise=64"], "unknown key 'clip.sise'; did you mean 'clip.size'"),
        (["selector.topp=3"], "unknown key 'selector.topp'; did you mean 'selector.top'"),
        (["noequals"], "an override is key=value"),
    ],
)
def test_a_mistake_is_one_line_with_the_remedy(cell, message):
    with pytest.raises(InputError) as caught:
        overrides.composed(overrides.cells(cell)[0])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


BY_LIPS = ["conditioning=lips", "prior=universal"]


@pytest.fixture
def whisper(tmp_path, monkeypatch):
    """Says whether a file of Whisper is here and whole, whatever this machine has."""

    def is_here(usable):
        path = tmp_path / "whisper.npz"
        monkeypatch.setattr(
            assets, "usable", lambda known: path if usable and known.name == "whisper_tiny_en" else None
        )

    is_here(True)
    return is_here


def test_without_a_video_the_embedded_clip_brings_its_truth(capsys, whisper):
    completed = overrides.complete(["trainer=cpu"])
    assert completed == ["trainer=cpu", "audio=whisper", "face=sidecar", "masks=sidecar", *BY_LIPS]
    assert capsys.readouterr().err == ""  # said when nothing is left to refuse
    overrides.say_choice(["trainer=cpu"], completed)
    overrides.say_choice(completed, completed)
    assert (
        capsys.readouterr().err
        == "tfg: chose audio=whisper face=sidecar masks=sidecar conditioning=lips prior=universal\n"
    )


def test_a_video_is_looked_at_by_mediapipe_unless_truth_lies_beside_it(tmp_path, whisper):
    video = tmp_path / "my.mp4"
    chosen = overrides.complete([f"clip.path={video}", "trainer=cpu", "masks=auto"])
    automatic = ["audio=whisper", "face=mediapipe", "masks=mediapipe", *BY_LIPS]
    assert chosen == [f"clip.path={video}", "trainer=cpu", *automatic]
    video.with_suffix(".npz").touch()
    assert "face=sidecar" in overrides.complete([f"clip.path={video}", "trainer=cpu"])


def test_without_whispers_file_log_mel_is_chosen_and_one_line_says_how_to_get_it(capsys, tmp_path, monkeypatch):
    monkeypatch.delenv("TFG_ASSETS", raising=False)
    monkeypatch.setenv("TFG_CACHE", str(tmp_path))
    given = ["trainer=cpu", "face=sidecar", "masks=sidecar", "conditioning=audio", "audio=auto"]
    completed = overrides.complete(given)
    assert completed == [*given[:4], "audio=logmel", "prior=none"]
    overrides.say_choice(given, completed)
    assert capsys.readouterr().err == (
        "tfg: chose audio=logmel prior=none; whisper would be better, but whisper_tiny_en_encoder_fp16.npz is missing: "
        "run `tfg assets fetch whisper_tiny_en`\n"
    )
    overrides.say_choice(completed, completed)  # of what was given nothing is said
    assert capsys.readouterr().err == ""


def test_audio_is_chosen_for_the_head_and_the_selection_follows_it(whisper):
    config = overrides.composed(overrides.complete(["trainer=cpu"]))
    assert (config.audio.name, config.selector_audio.name) == ("whisper", "whisper")
    whisper(usable=False)
    config = overrides.composed(overrides.complete(["trainer=cpu", "selector_audio=ave"]))
    assert (config.audio.name, config.selector_audio.name) == ("logmel", "ave")
    swept = ["audio=logmel,whisper", "trainer=cpu", "face=sidecar", "masks=sidecar"]
    assert overrides.complete(swept) == [*swept, *BY_LIPS]


@pytest.mark.parametrize(
    ("given", "added"),
    [
        (["audio=ave"], ["conditioning=lips", "prior=none"]),  # no map of other people for these features
        (["audio=whisper,lipsync"], ["conditioning=lips", "prior=none"]),
        (["audio=whisper", "audio.layer=1"], ["conditioning=lips", "prior=none"]),
        (["audio=whisper", "conditioning=audio"], ["prior=none"]),
        (["audio=whisper", "conditioning=audio,lips"], ["prior=none"]),
        (["audio=whisper", "conditioning=lips"], ["prior=universal"]),
        (["audio=whisper", "prior=none"], ["conditioning=lips"]),
        (["audio=whisper", "prior.ridge=1"], ["conditioning=lips"]),
    ],
)
def test_lip_motion_drives_a_head_with_other_peoples_where_their_map_is_of_its_features(given, added):
    axes = ["face=mediapipe", "masks=sidecar", "trainer=gpu"]
    assert overrides.complete([*given, *axes]) == [*given, *axes, *added]


def test_the_universal_prior_holds_the_maps_that_are_counted_on():
    for audio in overrides.COVERED:
        config = overrides.composed([f"audio={audio}", *BY_LIPS])
        assert priors.lip_prior(config) is not None


def test_what_is_given_is_not_chosen_again():
    given = ["audio=logmel", "face=mediapipe", "masks=sidecar", "trainer=gpu", "conditioning=audio", "prior=none"]
    assert overrides.complete(given) == given


def test_videos_with_and_without_truth_do_not_share_a_sweep(tmp_path):
    one, two = tmp_path / "a.mp4", tmp_path / "b.mp4"
    one.with_suffix(".npz").touch()
    with pytest.raises(InputError, match="run them apart"):
        overrides.complete([f"clip.path={one},{two}", "trainer=cpu"])


def test_profiles_change_values_and_every_cell_is_resolved():
    cpu, gpu = (overrides.composed([f"trainer={name}"]) for name in ("cpu", "gpu"))
    assert (cpu.clip.size, gpu.clip.size) == ("auto", "auto")
    assert (cpu.backbone.stages.warm_up, gpu.backbone.stages.warm_up) == (150, 3000)


def test_a_prior_may_be_a_file_of_ones_own():
    config = overrides.composed(["conditioning=lips", "prior=mine/people.safetensors", "prior.ridge=2"])
    assert (config.prior.name, config.prior.weights, config.prior.ridge) == ("people", "mine/people.safetensors", 2)
    completed = overrides.complete(["prior=mine/people.safetensors", "trainer=cpu"])  # what Hydra is given
    assert "conditioning=lips" in completed
    assert completed[:2] == ["prior=universal", "prior.weights=mine/people.safetensors"]
    assert "prior=" not in str(overrides.choice(["prior=mine/people.safetensors"], completed))
    with pytest.raises(InputError, match=r"a sweep over files is prior=universal prior\.weights=FILE,FILE"):
        overrides.complete(["prior=none,mine/people.safetensors"])
