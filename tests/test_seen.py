"""Who of a prior's people is found again: by clip, by a synthetic person's seed, by face; what is refused, said and recorded."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_record_table import run

from tfg import assets, clip_checks, learned, overrides, priors, seen
from tfg.features.clip_features import ClipFeatures
from tfg.features.context import REACH
from tfg.landmarks import LIP_CHANNELS
from tfg.metrics import identity, mobilefacenet
from tfg.prior_file import SHIPPED, load_people, load_prior, save_prior
from tfg.record import table
from tfg.seen import FRAMES, SAME, acquaintance, direction
from tfg.types import Clip, Crop, FaceTrack, Floats, InputError

WITHOUT = {"audio": SimpleNamespace(name="none"), "masks": SimpleNamespace(name="none")}
PEOPLE = [
    {"name": "anna", "clips": ["one", "two"], "frames": 9},
    {"name": "bert", "clips": ["three"], "frames": 9},
    {"name": "synthetic 101", "clips": ["embedded-x"], "frames": 9, "identity_seed": 101},
]
FACES = np.array([[1, 0, 0], [0, 1, 0], [np.nan] * 3], np.float32)


def at(cosine: float) -> Floats:
    """A face of this cosine with bert and 0 with anna."""
    return np.array([0, cosine, np.sqrt(1 - cosine**2)], np.float32)


def features(identity: str, sidecar: Path | None = None) -> ClipFeatures:
    clip: Any = Clip(
        path=Path("a.mp4"),
        name="a",
        digest="d",
        identity=identity,
        num_frames=100,
        num_reference_frames=90,
        source_width=64,
        source_height=64,
        crop=Crop(x=0, y=0, side=64),
        size=64,
        reader=None,  # type: ignore[arg-type]
        sidecar=sidecar,
    )
    return ClipFeatures(clip=clip, audio=None, face=None, masks=None, root=Path("none"))  # type: ignore[arg-type]


@pytest.fixture
def face(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Whose face the clip shows; the network's file is here."""
    monkeypatch.setattr(assets, "usable", lambda known: Path("network"))

    def show(given: Floats | None) -> None:
        monkeypatch.setattr(seen, "face_of", lambda features, weights: given)

    return show


def test_a_clip_is_known_before_any_face_is_looked_at() -> None:
    found = acquaintance(PEOPLE, FACES, features("two"), None)
    assert (found.person, found.why) == ("anna", "this very clip")


def test_a_face_is_known_from_the_threshold_on(face: Any) -> None:
    for cosine, person in ((SAME + 0.01, "bert"), (SAME - 0.01, None), (-1.0, None)):
        face(at(cosine))
        found = acquaintance(PEOPLE, FACES, features("other"), None)
        assert (found.person, found.compared) == (person, True)
        assert f"{max(cosine, 0):.2f}, one person from {SAME:g} on" in found.why


def test_a_synthetic_person_is_known_by_the_seed_and_never_by_the_face(face: Any) -> None:
    face(at(1.0))
    assert acquaintance(PEOPLE, FACES, features("embedded-y", Path("a.npz")), 101).person == "synthetic 101"
    assert acquaintance(PEOPLE, FACES, features("embedded-y", Path("a.npz")), 0).person is None


def test_what_could_not_be_compared_is_said(face: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    face(None)
    assert not acquaintance(PEOPLE, FACES, features("other"), None).compared
    assert acquaintance(PEOPLE, None, features("other"), None).why.startswith("the prior's file holds no faces")
    monkeypatch.undo()
    monkeypatch.delenv("TFG_ASSETS", raising=False)
    monkeypatch.setenv("TFG_CACHE", str(tmp_path))
    found = acquaintance(PEOPLE, FACES, features("other"), None)
    assert (found.person, found.compared) == (None, False)
    assert found.why == (
        "faces are not compared, only clips: mobilefacenet.pt is missing; run `tfg assets fetch mobilefacenet`"
    )


def test_a_mean_direction_counts_every_frame_alike() -> None:
    np.testing.assert_allclose(direction(np.array([[9, 0], [0, 0.1]], np.float32)), np.sqrt([0.5, 0.5]), rtol=1e-6)


def test_faces_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    maps = {"logmel": np.ones((2 * REACH + 1, 80, LIP_CHANNELS), np.float32) / 3}
    save_prior(path, maps, {"people": PEOPLE[:1], "licence": "L"}, {}, None)
    assert load_people(path) == (PEOPLE[:1], None)
    save_prior(path, maps, {"people": PEOPLE, "licence": "L"}, {}, FACES)
    people, faces = load_people(path)
    assert people == PEOPLE
    np.testing.assert_array_equal(faces, FACES)
    assert load_prior(path, "logmel").features == "logmel"


def test_the_prior_that_comes_with_tfg_knows_the_faces_of_its_real_people_and_the_seeds_of_the_others() -> None:
    people, faces = load_people(SHIPPED)
    assert faces is not None
    assert faces.shape == (len(people), 128)
    for person, row in zip(people, faces, strict=True):
        if person["name"].startswith("synthetic "):
            assert person["name"] == f"synthetic {person['identity_seed']}"
            assert np.isnan(row).all()
        else:
            assert np.linalg.norm(row) == pytest.approx(1, abs=1e-3)


def test_a_run_on_someone_the_prior_knows_is_refused_unless_it_is_allowed() -> None:
    given = [
        "conditioning=lips",
        "prior=universal",
        "clip.synthetic.identity_seed=101",
    ]  # of its people, in another clip
    clip = features("embedded-y", Path("a.npz")).clip
    with pytest.raises(InputError) as caught:
        clip_checks.check_unseen(overrides.composed(given), clip)
    assert str(caught.value) == (
        "a.mp4: the prior universal was learned from this person (as synthetic 101: clip.synthetic.identity_seed=101), so its scores "
        "would say nothing; take another prior or none, or set prior.allow_seen=true"
    )
    clip_checks.check_unseen(overrides.composed([*given, "prior.allow_seen=true"]), clip)
    clip_checks.check_unseen(overrides.composed(given[:2]), clip)  # the embedded clip's own person is nobody of them


def test_a_table_says_which_runs_prior_had_seen_their_person() -> None:
    name, made = run("a", "logmel", [])
    assert "caution, all of it" not in table.markdown([(name, made)])
    made.notes["clip"] = {"seen_by_prior": {"person": "anna", "why": "this very clip", "compared": True}}
    assert "caution, all of it: its prior was learned from this person (as anna: this very clip)" in table.markdown(
        [(name, made)]
    )


@dataclass(frozen=True, kw_only=True)
class Faces:
    """One in every frame; reading it takes a hundredth of a processor second."""

    name: str = "mediapipe"

    def extract(self, clip: Any, start: int, stop: int) -> FaceTrack:
        until = time.process_time() + 0.01
        while time.process_time() < until:
            pass
        return replace(FaceTrack.empty(start, stop - start), num_faces=np.ones(stop - start, np.int64))


def test_a_comparison_of_faces_costs_what_it_took_when_they_were_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "network"
    weights.write_text("of the test")
    monkeypatch.setattr(assets, "usable", lambda known: weights)
    monkeypatch.setattr(identity, "aligned", lambda picture, landmarks: picture)
    monkeypatch.setattr(mobilefacenet, "open_embedder", lambda path: lambda faces: np.ones((len(faces), 3), np.float32))
    other: Any = SimpleNamespace(
        digest="d",
        identity="other",
        num_reference_frames=90,
        sidecar=None,
        source_frames=lambda *rows: np.zeros((1, 4, 4, 3)),
    )
    costs = []
    for _ in range(2):
        of_clip = replace(features("other"), clip=other, face=Faces(), root=tmp_path, **WITHOUT)  # type: ignore[arg-type]
        with of_clip.costing() as cost:
            assert acquaintance(PEOPLE, np.eye(3, dtype=np.float32), of_clip, None).compared
        costs.append(cost.notes() | {"frames": cost.frames})
    first, again = costs
    assert first["frames"] == again["frames"] == FRAMES
    assert (first["extracted_frames"], again["cached_frames"]) == ({"faces": FRAMES}, {"faces": FRAMES})
    assert first["cold_processor_seconds"] >= 0.01 * FRAMES
    assert again["cold_processor_seconds"] == pytest.approx(first["cold_processor_seconds"], abs=0.02)
    assert again["faces"] == "read by mediapipe"


def test_the_file_of_a_prior_is_read_once_to_look_for_someone(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def count(path: Path, kind: learned.Kind) -> learned.Learned:
        read.append(path)
        return learned.Learned(tensors={}, sources={"people": PEOPLE})

    monkeypatch.setattr(learned, "read", count)
    config = overrides.composed(["conditioning=lips", "prior=universal"])
    assert priors.names(config) == ["universal"]
    ((name, _),) = priors.known(config, features("other"), 0)
    assert (name, read) == ("universal", [SHIPPED])


def test_a_head_that_starts_from_other_heads_is_looked_for_among_these_people_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the lip map's people; the first that knows the person is named."""
    file = tmp_path / "heads.safetensors"
    file.touch()
    known = SimpleNamespace(people=[{"name": "drawn 7", "clips": [], "identity_seed": 7}])
    monkeypatch.setattr(priors, "other_heads", lambda config: known)
    given = ["conditioning=lips", "prior=universal", "backbone=talk3d", f"backbone.prior.weights={file}"]
    shown = features("embedded-x")
    of_nobody = clip_checks.seen_by_prior(overrides.composed([*given, "clip.synthetic.identity_seed=8"]), shown)
    assert (of_nobody[0], of_nobody[1].person) == ("universal", None)
    found = clip_checks.seen_by_prior(overrides.composed([*given, "clip.synthetic.identity_seed=7"]), shown)
    assert (found[0], found[1].person) == ("heads", "drawn 7")
