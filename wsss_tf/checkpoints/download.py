"""Downloads that go on where they stopped, and take their name only when they are whole and checked."""

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from wsss_tf.checkpoints.digest import PART
from wsss_tf.errors import InputError
from wsss_tf.files.store import make_folder
from wsss_tf.parallel.progress import progress

_BLOCK = 2**20
_TIMEOUT = 60  # seconds without a byte
_PARTIAL, _WHOLE_FILE, _NOT_SATISFIABLE = 206, 200, 416


def download(urls: tuple[str, ...], path: Path, check: Callable[[Path], object], shown: bool = False) -> None:
    """Fetches a file from the first address that gives it.

    What has arrived stays in <path>.part; the next call asks for the rest of
    it, and begins anew if the server does not know how.

    Args:
      urls: where to look, in order.
      path: the file to write; one that exists is only checked.
      check: raises InputError if the content is not the expected one; what fails it is deleted.
      shown: tell the progress.

    Raises:
      InputError: no address gives the file, or what it gives fails the check.
    """
    if path.exists():
        check(path)
        return
    part = path.with_name(f"{path.name}{PART}")
    make_folder(path.parent)
    failures = []
    for url in urls:
        try:
            _fetch(url, part, shown)
            break
        except (OSError, http.client.HTTPException) as error:  # of urllib and sockets, and of torn answers
            failures.append(f"{url}: {error}")
    else:
        raise InputError(f"{path.name}: could not be fetched ({'; '.join(failures)}): run again to go on, or fetch it "
                         "elsewhere and give it with convert --source=FILE")
    try:
        check(part)
    except InputError:
        part.unlink()
        raise
    os.replace(part, path)


def _fetch(url: str, part: Path, shown: bool) -> None:
    """Appends to the part what it lacks."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310 - the manifest has http(s) only
    except urllib.error.HTTPError as error:
        if error.code == _NOT_SATISFIABLE and error.headers.get("Content-Range") == f"bytes */{have}":
            return  # all of it is there
        if error.code != _NOT_SATISFIABLE:
            raise
        part.unlink()  # longer than the file: of another one
        return _fetch(url, part, shown)
    with response:
        begins = _begin(response, have)
        length = response.headers.get("Content-Length")
        total = begins + int(length) if length else None
        with open(part, "r+b" if begins else "wb") as file, \
                progress(total, part.stem, "B", begins, shown) as bar:
            file.seek(begins)
            while block := response.read(_BLOCK):
                file.write(block)
                bar.update(len(block))
            if total is not None and file.tell() < total:
                raise ConnectionError(f"ended after {file.tell()} of {total} bytes")


def _begin(response, have: int) -> int:
    """The byte at which the answer begins: where we asked, or 0 if the server ignores that."""
    if response.status == _WHOLE_FILE:
        return 0
    if response.status != _PARTIAL or not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        raise ConnectionError(f"unexpected answer {response.status} {response.headers.get('Content-Range', '')}")
    return have
