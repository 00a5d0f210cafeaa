"""Downloads from a real server on this machine: whole, interrupted, without ranges, of another content."""

import contextlib
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from wsss_tf.checkpoints.download import download
from wsss_tf.errors import InputError

CONTENT = np.random.default_rng(0).bytes(3_000_000)


class Server(BaseHTTPRequestHandler):
    """Serves CONTENT at any path; its class attributes say how badly."""

    ranges, cut, status, content, asked = True, None, None, CONTENT, None

    def do_GET(self):
        asked = self.headers.get("Range")
        self.asked.append(asked)
        if self.status:
            return self.send_error(self.status)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        if start >= len(self.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(self.content)}")
            self.end_headers()
            return
        self.send_response(206 if asked and self.ranges else 200)
        if asked and self.ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(self.content[start : self.cut])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve():
    """The function (how badly) -> address of a server and the list of the ranges it was asked for."""
    with contextlib.ExitStack() as stack:

        def start(**how) -> tuple[str, list]:
            handler = type("Handler", (Server,), {"asked": [], **how})
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}/weights.pth", handler.asked

        yield start


def check(path):
    if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(CONTENT).digest():
        raise InputError(f"{path}: another file")


def test_a_whole_file(serve, tmp_path, capfd):
    url, asked = serve()
    path = tmp_path / "deep" / "weights.pth"
    download((url,), path, check, shown=True)
    assert path.read_bytes() == CONTENT and asked == [None]
    assert [file.name for file in path.parent.iterdir()] == ["weights.pth"]
    assert "weights.pth: 3.00M of 3.00MB" in capfd.readouterr().err
    download((url,), path, check)
    assert asked == [None], "what is there is only checked"


@pytest.mark.parametrize("cut", [0, 1, 1_234_567])
def test_an_interrupted_download_goes_on(serve, tmp_path, cut):
    broken, _ = serve(cut=cut)
    path = tmp_path / "weights.pth"
    with pytest.raises(InputError, match=f"could not be fetched .*ended after {cut} of 3000000 bytes"):
        download((broken,), path, check)
    assert not path.exists() and (tmp_path / "weights.pth.part").stat().st_size == cut
    url, asked = serve()
    download((url,), path, check)
    assert path.read_bytes() == CONTENT and asked == [f"bytes={cut}-" if cut else None]
    assert [file.name for file in tmp_path.iterdir()] == ["weights.pth"]


def test_the_next_address_goes_on_where_the_first_one_broke(serve, tmp_path):
    (broken, _), (gone, _), (url, asked) = serve(cut=1000), serve(status=404), serve()
    download((gone, broken, url), tmp_path / "weights.pth", check)
    assert (tmp_path / "weights.pth").read_bytes() == CONTENT and asked == ["bytes=1000-"]


def test_a_server_without_ranges_begins_anew(serve, tmp_path):
    (tmp_path / "weights.pth.part").write_bytes(CONTENT[:999])
    url, asked = serve(ranges=False)
    download((url,), tmp_path / "weights.pth", check)
    assert (tmp_path / "weights.pth").read_bytes() == CONTENT and asked == ["bytes=999-"]


def test_a_longer_leftover_is_written_anew(serve, tmp_path):
    (tmp_path / "weights.pth.part").write_bytes(CONTENT + b"more")
    url, _ = serve(ranges=False)
    download((url,), tmp_path / "weights.pth", check)
    assert (tmp_path / "weights.pth").read_bytes() == CONTENT


@pytest.mark.parametrize("leftover, asked", [(CONTENT, ["bytes=3000000-"]), (CONTENT + b"x", ["bytes=3000001-", None])])
def test_nothing_is_left_to_ask_for(serve, tmp_path, leftover, asked):
    """A leftover that is whole is taken; a longer one is of another file."""
    (tmp_path / "weights.pth.part").write_bytes(leftover)
    url, heard = serve()
    download((url,), tmp_path / "weights.pth", check)
    assert (tmp_path / "weights.pth").read_bytes() == CONTENT and heard == asked


def test_another_content_never_gets_the_name(serve, tmp_path):
    url, _ = serve(content=CONTENT[::-1])
    with pytest.raises(InputError, match="another file"):
        download((url,), tmp_path / "weights.pth", check)
    assert list(tmp_path.iterdir()) == [], "nor is it gone on with"


@pytest.mark.parametrize("status", [404, 500])
def test_every_failure_is_named(serve, tmp_path, status):
    (first, _), (second, _) = serve(status=status), serve(status=403)
    with pytest.raises(InputError, match=rf"could not be fetched \({first}: .*{status}.*; {second}: .*403.*--source"):
        download((first, second, "http://127.0.0.1:9/closed"), tmp_path / "weights.pth", check)


def test_a_wrong_file_that_is_there_is_not_taken(tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"x")
    with pytest.raises(InputError, match="another file"):
        download((), tmp_path / "weights.pth", check)
