"""A C2PA manifest that this machine signed: valid until the file changes; the key is its owner's alone."""

import stat
import sys

import numpy as np
import pytest

from tfg.clip.write import write_video
from tfg.marking import certificate, manifest
from tfg.types import InputError


@pytest.fixture
def video(tmp_path, monkeypatch):
    """An unsigned video; a cache of its own."""
    monkeypatch.setenv("TFG_CACHE", str(tmp_path / "cache"))
    write_video(tmp_path / "plain.mp4", np.full((5, 32, 32, 3), 90, np.uint8), None)
    return tmp_path / "plain.mp4"


def test_a_signed_video_says_what_made_it(video, tmp_path):
    manifest.sign(video, tmp_path / "signed.mp4", "1.2.3")
    assert manifest.read(tmp_path / "signed.mp4") == manifest.Manifest(
        state=manifest.VALID, generator="tfg 1.2.3", is_generated=True, is_own=True
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "plain.mp4", "signed.mp4"]


def test_an_unsigned_video_has_none(video):
    assert manifest.read(video).state == manifest.NONE
    assert not certificate.location().exists()  # looking makes no certificate


def test_a_changed_video_is_invalid(video, tmp_path):
    manifest.sign(video, tmp_path / "signed.mp4", "1.2.3")
    data = bytearray((tmp_path / "signed.mp4").read_bytes())
    data[-20] ^= 255
    (tmp_path / "signed.mp4").write_bytes(data)
    found = manifest.read(tmp_path / "signed.mp4")
    assert found.state == manifest.INVALID
    assert "bmffHash.mismatch" in found.problem


def test_a_file_that_is_no_video_has_none_or_an_invalid_one(tmp_path, video):
    (tmp_path / "notes.txt").write_text("nothing")
    assert manifest.read(tmp_path / "notes.txt").state == manifest.NONE


def test_another_machines_signature_is_valid_and_not_ones_own(video, tmp_path, monkeypatch):
    manifest.sign(video, tmp_path / "signed.mp4", "1.2.3")
    monkeypatch.setenv("TFG_CACHE", str(tmp_path / "elsewhere"))
    found = manifest.read(tmp_path / "signed.mp4")
    assert (found.state, found.is_own) == (manifest.VALID, False)
    certificate.own()
    found = manifest.read(tmp_path / "signed.mp4")
    assert (found.state, found.is_own) == (manifest.VALID, False)


def test_the_certificate_is_made_once_and_read_by_its_owner_alone(video):
    first = certificate.own()
    assert certificate.own() == first
    assert stat.S_IMODE(certificate.location().stat().st_mode) == 0o600
    assert b"PRIVATE KEY" not in first.chain


def test_an_expired_certificate_is_made_anew(video, monkeypatch):
    first = certificate.own()
    monkeypatch.setattr(certificate, "_has_expired", lambda found: found == first)
    assert certificate.own() != first


def test_a_damaged_certificate_is_named(video, tmp_path):
    certificate.own()
    certificate.location().write_text("-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(InputError, match=r"signer.pem: is not the certificate that tfg made; remove it"):
        manifest.sign(video, tmp_path / "signed.mp4", "1.2.3")
    assert not (tmp_path / "signed.mp4").exists()


def test_without_the_library_the_remedy_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(InputError, match=r"c2pa-python cannot be loaded .*; `pip install c2pa-python`, or render with"):
        manifest.check()
