"""Threats of docs/security.md that are not a part's own: caches of others, names; and that the page names its tests."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import numpy as np
import pytest

from tfg.clip.limits import default_limits, limits_of
from tfg.clip.synthetic import generate
from tfg.features.cache import Arrays, cached
from tfg.record.checks import check_files
from tfg.record.ownership import private
from tfg.types import InputError

ROOT = Path(__file__).resolve().parent.parent
KEY = {"what": "test"}


def numbers() -> Arrays:
    return {"x": np.arange(3)}


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_feature_entry_that_others_may_write_is_computed_anew(
    tmp_path: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    cached(KEY, numbers, tmp_path)
    entry = next(tmp_path.rglob("*.safetensors"))
    assert entry.stat().st_mode & 0o777 == 0o600
    entry.chmod(mode)
    assert not cached(KEY, numbers, tmp_path).was_there
    assert f"{entry} may be written by other users: not used" in capsys.readouterr().err
    assert cached(KEY, numbers, tmp_path).was_there


def test_a_feature_entry_of_another_user_is_computed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cached(KEY, numbers, tmp_path)
    entry, inspect = next(tmp_path.rglob("*.safetensors")), Path.lstat

    def owned_by_another(path: Path) -> os.stat_result:
        state = inspect(path)
        return os.stat_result((*state[:4], state.st_uid + 7, *state[5:10])) if path == entry else state

    monkeypatch.setattr(Path, "lstat", owned_by_another)
    assert not cached(KEY, numbers, tmp_path).was_there
    assert f"{entry} belongs to another user (uid {os.geteuid() + 7}): not used" in capsys.readouterr().err


def test_a_feature_cache_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 7)
    with pytest.raises(InputError, match=r"belongs to another user .* set TFG_CACHE to a folder of yours"):
        cached(KEY, numbers, tmp_path)


def test_an_open_folder_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert private(tmp_path, "which is bad").stat().st_mode & 0o777 == 0o700


def test_an_entry_that_is_a_link_is_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cached(KEY, numbers, tmp_path)
    entry = next(tmp_path.rglob("*.safetensors"))
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    assert not cached(KEY, numbers, tmp_path).was_there
    assert "is no regular file" in capsys.readouterr().err


def test_an_embedded_clip_that_others_may_write_does_not_count(tmp_path: Path) -> None:
    for name in ("clip.mp4", "clip.npz"):
        (tmp_path / "new").write_bytes(name.encode())
        generate._seal_own(tmp_path / "new", tmp_path / name)
    assert generate._is_whole(tmp_path / "clip.mp4")
    generate._VERIFIED.clear()
    (tmp_path / "clip.npz").chmod(0o666)
    assert not generate._is_whole(tmp_path / "clip.mp4")


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../b", "", ".."])
def test_a_file_of_a_record_stays_in_its_folder(name: str) -> None:
    with pytest.raises(ValueError, match="is no file name in its folder"):
        check_files("files", {"video": name})


def test_limits_come_from_conf_where_a_configuration_has_none() -> None:
    assert limits_of({}) == default_limits()


def test_nothing_in_tfg_unpickles() -> None:
    """Neither pickle's own readers, nor numpy's or torch's with leave to; nor text run as code, nor a shell."""
    bad = []
    for path in sorted((ROOT / "tfg").rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            said, name = ast.unparse(call), ast.unparse(call.func)
            if name in ("pickle.load", "pickle.loads", "pickle.Unpickler", "eval", "exec", "os.system", "joblib.load"):
                bad.append(f"{path.name}: {said}")
            if name == "torch.load" and "weights_only=True" not in said:
                bad.append(f"{path.name}: {said}")
            if name in ("np.load", "np.lib.format.read_array") and "allow_pickle=False" not in said:
                bad.append(f"{path.name}: {said}")
            if "shell=True" in said.replace(" ", ""):
                bad.append(f"{path.name}: {said}")
    assert bad == []


def test_every_threat_names_tests_that_are_there() -> None:
    rows = re.findall(r"^\| [^|]+ \| [^|]+ \| (.+) \|$", (ROOT / "docs" / "security.md").read_text(), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(test_\w+)`", row)]
    assert len(rows) == 8  # the head of the table and seven threats
    assert named
    assert [name for name in named if not (ROOT / "tests" / f"{name}.py").is_file()] == []
