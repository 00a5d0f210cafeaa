"""HDF5 files that point elsewhere are refused before anything of them is read."""

import h5py
import numpy as np
import pytest

from wsss_tf.formats import hdf5


@pytest.fixture
def secret(tmp_path):
    """A file that a weights file has no business with."""
    (tmp_path / "secret.bin").write_bytes(b"secret" * 4)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.arange(4.0)
    return tmp_path


def soft(file, folder):
    file["real"] = np.zeros(2)
    file["layers/x"] = h5py.SoftLink("/real")


def dangling(file, folder):
    file["layers/x"] = h5py.SoftLink("/nowhere")


def external_link(file, folder):
    file["layers/x"] = h5py.ExternalLink(str(folder / "other.h5"), "x")


def external_data(file, folder):
    file.create_dataset("layers/x", (24,), "u1", external=[(str(folder / "secret.bin"), 0, 24)])


def virtual(file, folder):
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "x", (4,))
    file.create_virtual_dataset("layers/x", layout)


def within_itself(file, folder):
    file.create_group("layers")
    file["layers/again"] = file["layers"]


def texts(file, folder):
    file.create_dataset("layers/x", data=np.array(["a"], dtype=h5py.string_dtype()))


def bomb(file, folder):
    file.create_dataset("layers/x", (2**40,), "f4", chunks=(2**16,), compression="gzip")


@pytest.mark.parametrize("make, says", [
    (soft, "a link"), (dangling, "a link"), (external_link, "a link"), (external_data, "another file"),
    (virtual, "another file"), (within_itself, "within itself"), (texts, "instead of numbers"), (bomb, "far larger")])
def test_what_points_elsewhere_is_refused(secret, opened_files, make, says):
    with h5py.File(secret / "bad.h5", "w") as file:
        make(file, secret)
    with opened_files() as opened, pytest.raises(ValueError, match=says), hdf5.arrays(secret / "bad.h5"):
        pass
    assert not any("secret.bin" in name or "other.h5" in name for name in opened)


def test_everything_in_the_file_itself_is_found(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["layers/conv/vars/0"] = np.arange(3)
        file["top"] = np.float32(2)
    with hdf5.arrays(tmp_path / "x.h5") as (_, found):
        assert {name: dataset[()].sum() for name, dataset in found.items()} == {"layers/conv/vars/0": 3, "top": 2}
