"""The manifest of checkpoints: every entry is whole, and the flagfiles find what it promises."""

import json
import re
from pathlib import Path

import pytest

from wsss_tf.checkpoints import names
from wsss_tf.checkpoints.manifest import SUPERVISIONS, read_manifest
from wsss_tf.errors import InputError
from wsss_tf.nets import vgg
from wsss_tf.nets.backbone import BACKBONES
from wsss_tf.nets.settings import VIT_SIZES
from wsss_tf.ops import colour

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "checkpoints/manifest.json"
CHECKPOINTS = read_manifest(MANIFEST)
ENTRY = json.loads(MANIFEST.read_text(encoding="utf-8"))[0]


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_entry(name):
    entry = CHECKPOINTS[name]
    assert entry.net in (*BACKBONES, *VIT_SIZES, vgg.REDUCED)
    assert entry.names in names.RULES and entry.convention in colour.CONVENTIONS and entry.supervision in SUPERVISIONS
    assert entry.licence and entry.paper and (entry.urls or entry.by_hand)
    assert all(url.rpartition("/")[2] == entry.file for url in entry.urls)
    for flagfile in entry.flagfiles:
        assert (ROOT / flagfile).is_file(), flagfile


def test_torchvision_names_its_files_by_their_digests():
    for entry in CHECKPOINTS.values():
        found = re.search(r"-([0-9a-f]{8})\.pth$", entry.file)
        assert entry.digests.get("sha256") == (found and found[1])


def test_keras_digests_are_those_of_the_installed_keras():
    from keras.src.applications import resnet, vgg16

    for name in ("resnet50", "resnet101"):
        assert CHECKPOINTS[name].digests["md5"] == resnet.WEIGHTS_HASHES[name][1]
        assert CHECKPOINTS[name].urls == (f"{resnet.BASE_WEIGHTS_PATH}{CHECKPOINTS[name].file}",)
    for name, address in (("vgg16", vgg16.WEIGHTS_PATH_NO_TOP), ("vgg16_reduced", vgg16.WEIGHTS_PATH)):
        assert CHECKPOINTS[name].urls == (address,)
        assert f'file_hash="{CHECKPOINTS[name].digests["md5"]}"' in Path(vgg16.__file__).read_text(encoding="utf-8")


def test_flagfiles_and_entries_agree():
    """What a flagfile reads from WSSS_WEIGHTS has an entry, which names the flagfile."""
    found = 0
    for path in (ROOT / "flags").rglob("*.cfg"):
        for name in re.findall(r"\$\{WSSS_WEIGHTS\}/(\w+)\.weights\.h5", path.read_text(encoding="utf-8")):
            assert str(path.relative_to(ROOT)) in CHECKPOINTS[name].flagfiles, (path, name)
            found += 1
    assert found >= 10


def test_what_learned_from_masks_says_so():
    assert [name for name, entry in CHECKPOINTS.items() if "mask" in entry.supervision] == ["resnet101_coco"]


@pytest.mark.parametrize("change, says", [
    ({"urls": [], "by_hand": ""}, "URLs or a way by hand"), ({"urls": ["file:///etc/passwd"]}, "URLs"),
    ({"licence": 3}, "licence"), ({"flagfiles": "x"}, "flagfiles"), ({"digests": {"crc": "12345678"}}, "hexadecimal"),
    ({"digests": {"md5": "xyz"}}, "hexadecimal"),
    ({"file": "../x"}, "plain names"), ({"name": "a/b"}, "plain names"), ({"supervision": "some"}, "supervision"),
    ({"more": 1}, "expected the keys")])
def test_a_wrong_entry_is_named(tmp_path, change, says):
    (tmp_path / "manifest.json").write_text(json.dumps([ENTRY | change]))
    with pytest.raises(InputError, match=f"manifest.json: .*{says}"):
        read_manifest(tmp_path / "manifest.json")


@pytest.mark.parametrize("text", ["", "{", None])
def test_no_manifest(tmp_path, text):
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match="expected the manifest of checkpoints"):
        read_manifest(tmp_path / "manifest.json")


def test_a_name_comes_once(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps([ENTRY, ENTRY]))
    with pytest.raises(InputError, match="each name once"):
        read_manifest(tmp_path / "manifest.json")
