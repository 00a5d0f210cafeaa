"""The manifest of checkpoints: every entry is whole, and the flagfiles find what it promises."""

import json
import re
from pathlib import Path

import pytest

from wsss_tf.checkpoints import names
from wsss_tf.checkpoints.manifest import SUPERVISIONS, read_manifest, read_pins
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
    ({"licence": 3}, r"\[0\].licence: expected a text, found 3"), ({"flagfiles": "x"}, "flagfiles: expected a list"), ({"digests": {"crc": "12345678"}}, "hexadecimal"),
    ({"digests": {"md5": "xyz"}}, "hexadecimal"),
    ({"urls": [3]}, r"urls\[0\]: expected a text, found 3"), ({"digests": {"md5": 7}}, "md5: expected a text, found 7"),
    ({"name": None}, "name: expected a text, found null"),
    ({"file": "../x"}, "file='../x': expected a name of letters"), ({"file": ".."}, "file='..': expected a name"),
    ({"name": "a/b"}, "name='a/b': expected a name of letters"), ({"supervision": "some"}, "supervision"),
    ({"more": 1}, "expected the keys")])
def test_a_wrong_entry_is_named(tmp_path, change, says):
    (tmp_path / "manifest.json").write_text(json.dumps([ENTRY | change]))
    with pytest.raises(InputError, match=f"manifest.json: .*{says}"):
        read_manifest(tmp_path / "manifest.json")


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", "[[]]", "null", "[" * 10**5, None])
def test_no_manifest(tmp_path, text):
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match="manifest.json: .*restore the file, the manifest of checkpoints"):
        read_manifest(tmp_path / "manifest.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 10**5, '{"a": 1}', '{"a": null}', '{"a": "xyz"}', "\0", '{"a": NaN}'])
def test_damaged_pins_are_named_with_the_remedy(tmp_path, text):
    (tmp_path / "pins.json").write_text(text)
    with pytest.raises(InputError, match=r"pins\.json: damaged \(.*\): delete it and convert again") as error:
        read_pins(tmp_path)
    assert "\n" not in str(error.value)


def test_pins_that_are_sound_or_absent(tmp_path):
    assert read_pins(tmp_path) == {}
    (tmp_path / "pins.json").write_text(json.dumps({"a": "0" * 64}))
    assert read_pins(tmp_path) == {"a": "0" * 64}


def test_a_name_comes_once(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps([ENTRY, ENTRY]))
    with pytest.raises(InputError, match="each name once"):
        read_manifest(tmp_path / "manifest.json")
