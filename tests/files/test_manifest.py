import json

import pytest

from wsss_tf.errors import InputError
from wsss_tf.files.manifest import MANIFEST, read_manifest

WHOLE = {"fingerprint": "f", "results": {"loss": 1.5}, "settings": {"seed": 3}, "machine": {}, "supervision": ["image tags"],
         "inputs": {"net": {"from": "a", "fingerprint": "g"}, "classes": {"from": "prepare.classes", "fingerprint": ["a"]}},
         "system": "s", "stage": "t", "seed": 0}


def test_what_is_missing_is_empty(tmp_path):
    (tmp_path / MANIFEST).write_text(json.dumps({"fingerprint": "f"}))
    assert read_manifest(tmp_path) == {"fingerprint": "f", "results": {}, "settings": {}, "inputs": {}, "machine": {},
                                       "supervision": []}
    (tmp_path / MANIFEST).write_text(json.dumps(WHOLE))
    assert read_manifest(tmp_path) == WHOLE


def test_a_training_may_have_diverged(tmp_path):
    (tmp_path / MANIFEST).write_text(json.dumps(WHOLE | {"results": {"loss": float("nan")}}))
    assert str(read_manifest(tmp_path)["results"]["loss"]) == "nan"


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b"null", b"\xff", b"{}", b"[" * 10**5, *(json.dumps(WHOLE | change).encode() for change in (
        {"fingerprint": 3}, {"results": None}, {"settings": []}, {"inputs": {"net": "a"}}, {"inputs": {"net": {"from": "a"}}},
        {"inputs": {"net": {"from": 1, "fingerprint": "g"}}}, {"supervision": "x"}, {"supervision": [1]}, {"machine": 1},
        {"system": 1}, {"stage": None}, {"seed": "0"}))])
def test_a_damaged_manifest_is_named_with_the_remedy(tmp_path, content):
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(InputError, match=r"manifest\.json: damaged \(.*\): move its folder away and run the stage again") as error:
        read_manifest(tmp_path)
    assert "\n" not in str(error.value)


def test_a_missing_manifest_is_an_unfinished_stage(tmp_path):
    with pytest.raises(InputError, match="no such file: this stage has not been finished; run it again"):
        read_manifest(tmp_path)
