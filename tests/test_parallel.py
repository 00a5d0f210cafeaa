"""Work by several processes: every call once, errors of the workers reach the caller."""

from pathlib import Path

import pytest

from wsss_tf.data.store import write_text
from wsss_tf.errors import InputError
from wsss_tf.parallel import each
from wsss_tf.superpixels.grouping import SuperpixelConfig, write_superpixels


@pytest.mark.parametrize("workers", [1, 2])
def test_every_call_is_made_once(tmp_path, workers):
    each(write_text, ((tmp_path / f"{number}.txt", f"{number}") for number in range(7)), 7, "files", workers)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {f"{n}.txt": f"{n}" for n in range(7)}


def test_nothing_to_do():
    each(write_text, [], 0, "files", 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_worker_names_the_file(tmp_path, workers):
    calls = [(tmp_path / "ids.png", Path("no such photo.jpg"), None, SuperpixelConfig())] * 3
    with pytest.raises(InputError, match="no such photo.jpg: no such file"):
        each(write_superpixels, calls, 3, "superpixels", workers)
