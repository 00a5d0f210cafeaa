"""wsss weights from the command line: one command from an address to a verified file, or from a file on disk."""

import dataclasses
import functools
import json
import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from wsss_tf.checkpoints import digest
from wsss_tf.checkpoints.manifest import read_manifest
from wsss_tf.checkpoints.proof import RECORDINGS

ROOT = Path(__file__).parents[2]
DINO = read_manifest(ROOT / "checkpoints/manifest.json")["dino_vit_s16"]


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *arguments):
        pass


@pytest.fixture
def source(published, golden) -> Path:
    """A ViT-S/16 of random weights in the published names."""
    recorded, rng = golden(RECORDINGS["vit_s16"].file), np.random.default_rng(0)
    return published(DINO.file, {str(name): rng.normal(0, 0.05, [int(side) for side in shape.split("x")])
                                 for name, shape in zip(recorded["param_names"], recorded["param_shapes"])})


@pytest.fixture
def weights(script, source, tmp_path):
    """The function (words) -> Finished, with a manifest whose only address is a server on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=source.parent))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    entry = dataclasses.asdict(DINO) | {"urls": [f"http://127.0.0.1:{server.server_port}/{source.name}"],
                                        "digests": {"sha256": digest.digests(source)["sha256"]}}
    by_hand = dataclasses.asdict(DINO) | {"name": "by_hand", "urls": [], "by_hand": "ask the authors"}
    (tmp_path / "manifest.json").write_text(json.dumps([entry, by_hand]))
    folder = tmp_path / "weights"
    yield lambda *words: script("weights", *words, f"--manifest={tmp_path / 'manifest.json'}", f"--weights_folder={folder}")
    server.shutdown()
    server.server_close()


def test_fetch_list_and_verify(weights, source, tmp_path):
    ended = weights("fetch", "dino_vit_s16")
    path = tmp_path / "weights/dino_vit_s16.weights.h5"
    assert ended.code == 0 and f"{path}: " in ended.out and "differs by" in ended.out
    assert (tmp_path / "weights/published" / DINO.file).read_bytes() == source.read_bytes()
    lines = weights("list").out.splitlines()
    assert [line.split()[:3] for line in lines] == [["dino_vit_s16", "vit_s16", "here"], ["by_hand", "vit_s16", "by"]]
    ended = weights("verify")
    assert ended.code == 0 and "differs by" in ended.out
    assert [line[:14] for line in ended.out.splitlines()] == ["dino_vit_s16: "]
    path.write_bytes(path.read_bytes()[:5000])
    ended = weights("verify")
    assert ended.code == 1 and f"dino_vit_s16: FAILED: {path}" in ended.out


def test_convert_a_file_on_disk(weights, source, tmp_path):
    ended = weights("convert", "by_hand", "--source", str(source))
    assert ended.code == 0 and (tmp_path / "weights/by_hand.weights.h5").exists()


@pytest.mark.parametrize("words, says", [
    ((), "no word: expected list, fetch, convert, verify"), (("get", "x"), "get: expected list"),
    (("fetch",), "no name: expected one of dino_vit_s16, by_hand"), (("fetch", "resnet"), "resnet: expected one of"),
    (("fetch", "by_hand"), "by_hand: nobody offers .*: ask the authors; then give it with convert by_hand --source=FILE"),
    (("verify",), "weights: expected converted files, found none"),
    (("convert", "dino_vit_s16"), "expected --source=FILE with convert NAME"),
    (("fetch", "dino_vit_s16", "--source=x"), "expected --source=FILE with convert NAME, and nowhere else"),
    (("convert", "dino_vit_s16", "--source=nowhere.pth"), "nowhere.pth: no such file: expected dino_deitsmall16_pretrain.pth"),
    (("convert", "dino_vit_s16", f"--source={ROOT / 'setup.cfg'}"), r"setup\.cfg: expected tensors written by torch\.save")])
def test_slips(weights, words, says, tmp_path):
    ended = weights(*words)
    assert ended.code == 2 and re.search(says, ended.error), ended.error
    assert not list((tmp_path / "weights").glob("*.h5"))


def test_the_folder_must_be_named(script, monkeypatch):
    monkeypatch.delenv("WSSS_WEIGHTS", raising=False)
    ended = script("weights", "list")
    assert ended.code == 2 and "WSSS_WEIGHTS is not set" in ended.error
