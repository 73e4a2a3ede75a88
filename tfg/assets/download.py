"""Downloads one URL into a .part file, and goes on where an earlier download stopped if the server still has the same file."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path

from tfg.assets.packages import NoConnection, SourceError

TIMEOUT = 30  # seconds without a byte
_BLOCK = 1 << 18


def download(url: str, part: Path, *, checked: bool) -> bool:
    """Fill `part`; True where it went on from what was there. SourceError says what stopped it; `part` is kept then.

    `checked` says that the caller knows the file's sum: then a resumed file may be trusted even if the server
    gives no mark (ETag or date) by which a changed file is told from the same one.
    """
    mark = part.with_suffix(".mark")
    known = mark.read_text() if mark.is_file() else ""
    have = part.stat().st_size if part.is_file() and (known or checked) else 0
    headers = {"User-Agent": "tfg", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if known:
            headers["If-Range"] = known
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            discard(part)
            return download(url, part, checked=checked)
        raise SourceError(f"HTTP {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise NoConnection(f"no connection ({getattr(error, 'reason', None) or error})") from error
    with response:
        if response.headers.get_content_type() == "text/html":
            raise SourceError("a web page came instead of the file")
        resumed = response.status == http.client.PARTIAL_CONTENT and _first_byte(response) == have
        if response.status == http.client.PARTIAL_CONTENT and not resumed:
            raise SourceError("the server sent another part than the one that was asked for")
        mark.write_text(response.headers.get("ETag") or response.headers.get("Last-Modified") or "")
        start = have if resumed else 0
        length = response.headers.get("Content-Length")
        size = start
        with part.open("ab" if resumed else "wb") as file:
            while block := _block(response, size):
                size += file.write(block)
    if length is not None and size < start + int(length):
        raise SourceError(_broken(size, f"of {(start + int(length)) / 1e6:.1f} "))
    return resumed


def discard(part: Path) -> None:
    """Forget what was downloaded."""
    part.unlink(missing_ok=True)
    part.with_suffix(".mark").unlink(missing_ok=True)


def _first_byte(response: http.client.HTTPResponse) -> int:
    """Of `Content-Range: bytes 100-199/200`."""
    given = response.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
    return int(given) if given.isdigit() else -1


def _block(response: http.client.HTTPResponse, size: int) -> bytes:
    try:
        return response.read(_BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(_broken(size, "")) from error


def _broken(size: int, total: str) -> str:
    return f"the connection broke after {size / 1e6:.1f} {total}MB; the same command goes on from there"
