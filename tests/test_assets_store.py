"""Pretrained files that are here: found by name and size, adopted by their sum, listed with source, licence, size and sum."""

import hashlib
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from omegaconf import OmegaConf

from tfg import assets, cli
from tfg.assets import Asset, catalogue
from tfg.assets.convert import write_npz
from tfg.assets.store import fault_of
from tfg.assets.sums import fault
from tfg.configuration import folder
from tfg.record import files
from tfg.types import InputError

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b/c": np.array(7, np.int16)}


@pytest.fixture
def known(tmp_path, monkeypatch):
    """Three made-up assets instead of the real ones: one with a sum, one with a git blob id, one of arrays."""
    monkeypatch.setenv("TFG_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TFG_ASSETS", raising=False)
    write_npz(tmp_path / "made.npz", ARRAYS)
    common = {"enables": "nothing", "licence": "none", "origin": "here"}
    made = (
        Asset(name="text", filename="text.bin", size=5, sha256=hashlib.sha256(b"hello").hexdigest(), **common),
        Asset(name="blob", filename="blob.bin", blob="ce013625030ba8dba906f756967f9e9ca394464a", **common),
        Asset(
            name="arrays",
            filename="arrays.npz",
            size=(tmp_path / "made.npz").stat().st_size,
            sha256=assets.checksum(tmp_path / "made.npz"),
            content_sha256=assets.content_sum(tmp_path / "made.npz"),
            **common,
        ),
        Asset(name="unknown", filename="unknown.pth", **common),
    )
    monkeypatch.setattr(catalogue, "ASSETS", made)
    return {file.name: file for file in made}


def test_the_blob_id_is_gits(tmp_path):
    (tmp_path / "f").write_bytes(b"hello")  # printf hello | git hash-object --stdin
    assert assets.blob_id(tmp_path / "f") == "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"


@pytest.mark.parametrize(("name", "content"), [("text", b"hello"), ("blob", b"hello\n"), ("unknown", b"whatever")])
def test_a_right_file_is_adopted_whole(known, tmp_path, name, content):
    mine = tmp_path / known[name].filename
    mine.write_bytes(content)
    kept = assets.add(mine)
    assert kept == assets.find(name) == tmp_path / "cache" / "assets" / known[name].filename
    assert kept.read_bytes() == content
    assert [path.name for path in kept.parent.iterdir()] == [known[name].filename]


def test_a_file_of_the_right_sum_is_adopted_under_any_name(known, tmp_path):
    (tmp_path / "download(1)").write_bytes(b"hello")
    assert assets.add(tmp_path / "download(1)").name == "text.bin"


def test_a_wrong_sum_is_refused_with_both_sums(known, tmp_path):
    mine = tmp_path / "text.bin"
    mine.write_bytes(b"jello")
    with pytest.raises(InputError) as error:
        assets.add(mine)
    assert hashlib.sha256(b"jello").hexdigest() in str(error.value)
    assert hashlib.sha256(b"hello").hexdigest() in str(error.value)
    assert "\n" not in str(error.value)
    (tmp_path / "blob.bin").write_bytes(b"jello")
    with pytest.raises(InputError, match=r"git blob id [0-9a-f]{40}, expected ce013625"):
        assets.add(tmp_path / "blob.bin")
    assert assets.locate(known["text"]) is None


def test_the_same_arrays_in_another_archive_are_as_good(known, tmp_path, monkeypatch):
    mine = tmp_path / "mine" / "arrays.npz"
    mine.parent.mkdir()
    np.savez_compressed(mine, **{name: ARRAYS[name] for name in reversed(ARRAYS)})
    assert mine.stat().st_size != known["arrays"].size
    assert fault(mine, known["arrays"]) is None
    monkeypatch.setenv("TFG_ASSETS", str(mine.parent))
    assert assets.find("arrays") == mine
    assert assets.add(mine) == tmp_path / "cache" / "assets" / "arrays.npz"


@pytest.mark.parametrize(
    "change",
    [{"a": ARRAYS["a"] + 1}, {"a": ARRAYS["a"].astype(np.float64)}, {"a": ARRAYS["a"].reshape(3, 2)}, {"extra": 1}],
)
def test_the_sum_of_arrays_sees_values_types_shapes_and_names(known, tmp_path, change):
    np.savez(tmp_path / "other.npz", **(ARRAYS | change))
    assert assets.content_sum(tmp_path / "other.npz") != known["arrays"].content_sha256


def test_half_an_archive_is_not_found_and_has_no_sum_of_arrays(known, tmp_path, monkeypatch):
    half = tmp_path / "arrays.npz"
    half.write_bytes((tmp_path / "made.npz").read_bytes()[:300])
    monkeypatch.setenv("TFG_ASSETS", str(tmp_path))
    assert assets.content_sum(half) is None
    assert assets.locate(known["arrays"]) is None
    np.save(tmp_path / "one.npy", ARRAYS["a"])
    assert assets.content_sum(tmp_path / "one.npy") is None


def test_objects_in_an_npz_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object), allow_pickle=True)
    assert assets.content_sum(tmp_path / "objects.npz") is None


def test_an_npz_has_the_same_bytes_whenever_it_is_written(tmp_path):
    for name in ("first.npz", "second.npz"):
        write_npz(tmp_path / name, ARRAYS)
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()
    with np.load(tmp_path / "first.npz") as read:
        assert {name: (read[name].dtype, read[name].tolist()) for name in read.files} == {
            name: (array.dtype, array.tolist()) for name, array in ARRAYS.items()
        }


def test_the_list_names_source_licence_size_and_sum_of_every_file(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("TFG_CACHE", str(tmp_path))
    monkeypatch.delenv("TFG_ASSETS", raising=False)
    assert cli.run(["assets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for known in assets.ASSETS:
        remedy = "run `tfg assets fetch " if known.sources else f"get it from {known.origin} and run `tfg assets add "
        assert lines.pop(0).startswith(f"missing     {known.name}: would enable {known.enables}; {remedy}")
        for file in known.files:
            line = lines.pop(0)
            assert line.startswith(f"            {file.filename}: https://github.com/")
            assert all(fact in line for fact in (file.origin, file.licence, file.sha256 or "no sum is known"))
    assert lines == []
    assert cli.run(["assets", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in records] == [known.name for known in assets.ASSETS]
    assert {record["state"] for record in records} == {"missing"}


def test_a_twin_is_found_verified_and_adopted_in_place_of_the_file(known, tmp_path, monkeypatch):
    whole = replace(known["text"], filename="main.bin", sha256="0" * 64, twin=known["text"])
    monkeypatch.setattr(catalogue, "ASSETS", (whole,))
    (tmp_path / "text.bin").write_bytes(b"hello")
    assert assets.add(tmp_path / "text.bin") == assets.find("text") == tmp_path / "cache" / "assets" / "text.bin"
    assert assets.listing(verify=True)[0].startswith("here, sum ok text: ")
    assert assets.fetch("text") == assets.find("text")


def test_what_has_no_source_says_where_it_is_from(known):
    with pytest.raises(InputError, match="text has no automatic source; get it from here, then `tfg assets add FILE`"):
        assets.fetch("text")
    with pytest.raises(InputError, match=r"text\.bin is missing \(nothing\); get it from here and run"):
        assets.find("text")


def test_a_file_without_a_known_sum_is_listed_as_such(known, tmp_path):
    (tmp_path / "unknown.pth").write_bytes(b"weights")
    assets.add(tmp_path / "unknown.pth")
    lines = {line.split(":")[0] for line in assets.listing(verify=True)}
    assert "here, no sum known unknown" in lines
    assert "here        unknown" in {line.split(":")[0] for line in assets.listing(verify=False)}


@pytest.mark.real
def test_every_file_of_the_real_folder_has_its_known_sum(real_assets):
    found = {known.name: path for known in assets.ASSETS if (path := assets.locate(known))}
    assert {"face_landmarker", "selfie_segmenter", "whisper_tiny_en", "lpips_alex", "mobilefacenet"} <= set(found)
    assert {name: fault_of(path, assets.asset(name)) for name, path in found.items()} == dict.fromkeys(found)
    for name in ("whisper_tiny_en", "lpips_alex"):
        assert assets.content_sum(found[name]) == assets.asset(name).content_sha256


def test_a_file_that_was_cut_off_is_called_damaged_and_where(known, tmp_path):
    cut = tmp_path / "cache" / "assets" / "text.bin"
    cut.parent.mkdir(parents=True)
    cut.write_bytes(b"hel")
    with pytest.raises(InputError, match=r"assets: .*text\.bin is damaged: sha256 .*, expected "):
        assets.find("text")
    assert assets.listing(verify=False)[0].startswith(f"DAMAGED     text: {cut} is not whole; ")


def test_a_folder_of_files_that_is_not_there_is_named(known, monkeypatch):
    monkeypatch.setenv("TFG_ASSETS", "nowhere")
    with pytest.raises(InputError, match="TFG_ASSETS=nowhere: no such folder; name one, or unset it"):
        assets.find("text")


def test_a_configuration_names_an_asset_or_a_file(known, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "ASSETS", (replace(known["text"], aliases=("face=reader", "reader")), known["blob"]))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "text.bin").write_bytes(b"hello")
    kept = assets.add(tmp_path / "source" / "text.bin")
    for name in ("text", "reader", "face=reader", "text.bin"):
        assert assets.located(name) == kept
    (tmp_path / "text").write_bytes(b"a file of that name is not the asset")
    assert assets.located("text") == kept
    assert assets.located(str(tmp_path / "text")) == tmp_path / "text"
    (tmp_path / "text.bin").write_bytes(b"mine")
    assert assets.located("text.bin").absolute() == tmp_path / "text.bin"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("blob", r"blob\.bin is missing .*get it from here and run `tfg assets add blob\.bin`"),
        ("txt", "unknown name 'txt'; did you mean 'text'"),
        ("none.npz", r"^none\.npz is not a file; give one, or a name of `tfg assets`"),
        ("folder/none", "^folder/none is not a file; "),
        ("logmel", "'logmel' is not one file; give a name of `tfg assets`"),
        ("reader", "'reader' is not one file; give text or blob"),
    ],
)
def test_what_is_no_file_has_a_remedy(known, tmp_path, monkeypatch, name, message):
    both = [replace(known[name], aliases=("reader",)) for name in ("text", "blob")]
    monkeypatch.setattr(catalogue, "ASSETS", (*both, known["arrays"]))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        assets.located(name)


def test_an_asset_answers_to_the_option_that_needs_it():
    axes = [(axis, path.stem) for axis in ("audio", "face", "masks") for path in (folder() / axis).glob("*.yaml")]
    for axis, option in axes:
        if (axis, option) == ("audio", "lipsync"):  # its weights come with tfg
            continue
        needed = assets.named(f"{axis}={option}")
        assert set(needed) <= set(assets.named(option))
        assert len(needed) == ("weights" in OmegaConf.load(folder() / axis / f"{option}.yaml"))
    for metric in ("lpips", "syncnet", "identity", "fid"):
        assert metric in OmegaConf.load(folder() / "metrics" / "full.yaml")
        assert len(assets.named(metric)) == 1
        assert assets.named(metric) == assets.named(f"metrics.{metric}=true")


def test_a_checksum_is_taken_once_and_again_when_the_file_changes(tmp_path, monkeypatch):
    read = []
    real = files.checksum
    monkeypatch.setattr(files, "checksum", lambda path: read.append(path) or real(path))
    path = tmp_path / "weights"
    path.write_bytes(b"hello")
    assert assets.checksum(path) == assets.checksum(path) == hashlib.sha256(b"hello").hexdigest()
    assert len(read) == 1
    os.utime(path, ns=(0, 0))
    path.write_bytes(b"world")
    assert assets.checksum(path) == hashlib.sha256(b"world").hexdigest()
    assert len(read) == 2
