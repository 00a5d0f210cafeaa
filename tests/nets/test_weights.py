import h5py
import keras
import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.nets import tiny
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.nets.weights import (
    Provenance,
    load_backbone_weights,
    load_converted_weights,
    load_trunk_weights,
    load_weights,
    provenance,
    save_weights,
)
from wsss_tf.systems.segmenter import build_segmenter
from wsss_tf.systems.settings import SegmenterConfig


def segmenter(rates=(1, 2), classes=3, stride=8) -> keras.Model:
    return build_segmenter(BackboneConfig("tiny", stride, "none"), SegmenterConfig(rates=rates, head="aspp"), classes)


@pytest.fixture
def saved(tmp_path):
    net, path = segmenter(), tmp_path / "deep" / "net.weights.h5"
    save_weights(net, path)
    return net, path


def test_round_trip_is_exact(saved):
    net, path = saved
    other = segmenter()
    load_weights(other, path)
    assert len(net.weights) == len(other.weights)
    for left, right in zip(net.weights, other.weights):
        np.testing.assert_array_equal(left, right)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("error", [OSError("disk"), KeyboardInterrupt()])
def test_an_interrupted_save_keeps_the_old_file_and_leaves_nothing(saved, monkeypatch, error):
    net, path = saved
    before = path.read_bytes()

    def half(self, where):
        where.write_bytes(b"half")
        raise error

    monkeypatch.setattr(keras.Model, "save_weights", half)
    with pytest.raises(type(error)):
        save_weights(net, path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"x\.weights\.h5: no such weights file"):
        load_weights(segmenter(), tmp_path / "x.weights.h5")


@pytest.mark.parametrize("other", [{"classes": 4}, {"rates": (1, 2, 4)}, {"rates": (1,)}])
def test_weights_of_another_net_are_refused(saved, other):
    """More in the file than in the net is refused as well as less."""
    with pytest.raises(InputError, match=r"net\.weights\.h5.*do not fit.*segmenter") as error:
        load_weights(segmenter(**other), saved[1])
    assert "\n" not in str(error.value)


def test_a_damaged_file_is_named(saved, tmp_path):
    """Truncated anywhere, or with wild bytes in the part that says where the arrays are."""
    net, path = saved
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    damaged = tmp_path / "damaged.weights.h5"
    refused = 0
    for trial in range(40):
        content = bytearray(whole)
        if trial < 10:
            content = content[: int(rng.integers(len(whole)))]
        else:
            content[: 6000 : 600] = rng.integers(0, 256, 10, np.uint8).tobytes()
            content[int(rng.integers(6000))] ^= 255
        damaged.write_bytes(content)
        try:
            load_weights(net, damaged)
        except InputError as error:
            assert "damaged.weights.h5" in str(error) and "\n" not in str(error)
            refused += 1
    assert refused >= 10


@pytest.mark.parametrize("error", [RuntimeError("bad local heap\nsignature"), KeyError(), AttributeError("no group")])
def test_whatever_the_reader_raises_the_file_is_named(saved, monkeypatch, error):
    def broken(path):
        raise error

    monkeypatch.setattr("wsss_tf.formats.hdf5.arrays", broken)
    with pytest.raises(InputError, match=r"net\.weights\.h5.*do not fit") as raised:
        load_weights(saved[0], saved[1])
    assert "\n" not in str(raised.value)


def test_all_that_is_wrong_is_named_and_nothing_is_loaded(saved):
    """One array is missing, one left over, two are of other shapes: the net keeps what it had."""
    net, path = saved
    with h5py.File(path, "r+") as file:
        vars0 = sorted(name for name in file["layers"] if "conv2d" in name)
        del file[f"layers/{vars0[1]}/vars/0"]
        file[f"layers/{vars0[0]}/vars/7"] = np.zeros(3)
        for name in vars0[2:4]:
            del file[f"layers/{name}/vars/0"]
            file[f"layers/{name}/vars/0"] = np.zeros([1, 2])
    before = [weight.numpy() for weight in net.weights]
    with pytest.raises(InputError) as raised:
        load_weights(net, path)
    text = str(raised.value)
    assert text.count("is missing") == 1 and text.count("is left over") == 1 and text.count("found (1, 2)") == 2
    assert "conv2d/vars/7 is left over" in text and "conv2/kernel is missing" in text
    for weight, old in zip(net.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_keras_reads_our_files_and_we_read_its_files(saved, tmp_path):
    """The places of the arrays are Keras's, nested nets included."""
    net, path = saved
    outer = keras.Sequential([keras.Input([8, 8, 3]), keras.layers.Conv2D(3, 1), small_trunk(), keras.layers.Conv2D(2, 1)])
    for model, other in ((net, segmenter()), (outer, keras.models.clone_model(outer))):
        model.save_weights(tmp_path / "keras.weights.h5")
        load_weights(other, tmp_path / "keras.weights.h5")
        for left, right in zip(model.weights, other.weights, strict=True):
            np.testing.assert_array_equal(left, right)
    theirs = segmenter()
    theirs.load_weights(path)
    for left, right in zip(net.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(left, right)


def small_trunk() -> keras.Model:
    image = keras.Input([None, None, 3])
    return keras.Model(image, keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(image))))


@pytest.mark.parametrize("whole", [False, True])
def test_files_of_the_older_format(tmp_path, whole):
    """As keras.applications offers them: a group for each layer; whole models have them one group deeper."""
    net, other, path = small_trunk(), small_trunk(), tmp_path / "older.h5"
    net.save(path)
    if not whole:
        with h5py.File(path) as file, h5py.File(tmp_path / "weights.h5", "w") as copy:
            for name in file["model_weights"]:
                file.copy(f"model_weights/{name}", copy)
            copy.attrs["layer_names"] = file["model_weights"].attrs["layer_names"]
        path = tmp_path / "weights.h5"
    load_weights(other, path)
    for left, right in zip(net.weights, other.weights, strict=True):
        np.testing.assert_array_equal(left, right)
    with pytest.raises(InputError, match="do not fit.*2 layers of 6 arrays in the file"):
        load_weights(small(1), path)


ORIGIN = Provenance("some_net", "tiny", "torchvision", "image labels", "0" * 64)


@pytest.fixture
def from_elsewhere(tmp_path):
    trunk, path = tiny.build(8, "none"), tmp_path / "some_net.weights.h5"
    save_weights(trunk, path, ORIGIN)
    return trunk, path


def test_a_file_says_where_it_comes_from(from_elsewhere, saved):
    trunk, path = from_elsewhere
    assert provenance(path) == ORIGIN and provenance(saved[1]) is None
    other = tiny.build(8, "none")
    load_weights(other, path, "torchvision")
    for left, right in zip(trunk.weights, other.weights, strict=True):
        np.testing.assert_array_equal(left, right)


def test_weights_for_another_input_are_refused(from_elsewhere):
    trunk, path = from_elsewhere
    with pytest.raises(InputError, match="trained on torchvision images, but tiny gives its weights caffe_bgr ones"):
        load_weights(trunk, path, "caffe_bgr")


def test_weights_for_another_net_are_refused(from_elsewhere, saved):
    with pytest.raises(InputError, match=r"weights for the net tiny \(some_net\), expected some for segmenter"):
        load_weights(saved[0], from_elsewhere[1])


def test_a_trunk_takes_only_files_that_say_they_are_its_own(from_elsewhere, saved):
    trunk, path = from_elsewhere
    assert load_trunk_weights(tiny.build(8, "none"), str(path), "torchvision")
    assert not any(load_trunk_weights(trunk, source, "torchvision") for source in ("none", "imagenet", str(saved[1])))
    with pytest.raises(InputError, match="expected some for mobilenet"):
        load_trunk_weights(trunk, str(path), "torchvision", "mobilenet")


def test_an_attribute_that_is_none_of_ours_is_named(saved):
    with h5py.File(saved[1], "r+") as file:
        file.attrs["wsss_tf"] = '{"checkpoint": 1}'
    with pytest.raises(InputError, match=r"net\.weights\.h5"):
        load_weights(*saved)


def small(value: float) -> keras.Model:
    net = keras.Sequential([keras.Input([2]), keras.layers.Dense(1)])
    net.set_weights([np.full([2, 1], value), np.full([1], value)])
    return net


def test_imagenet_asks_keras():
    net = small(1)
    load_backbone_weights(net, "imagenet", application=lambda include_top, weights: small(7))
    np.testing.assert_array_equal(net.get_weights()[0], 7)


def test_without_network_imagenet_names_the_way_out():
    def offline(include_top, weights):
        raise Exception("URL fetch failure")

    with pytest.raises(InputError, match="URL fetch failure.*--cls_weights=FILE.h5 and --seg_weights=FILE.h5"):
        load_backbone_weights(small(1), "imagenet", offline)


def test_a_path_may_hold_variables(monkeypatch, tmp_path):
    save_weights(small(5), tmp_path / "five.weights.h5")
    monkeypatch.setenv("MY_WEIGHTS", str(tmp_path))
    net = small(1)
    load_backbone_weights(net, "${MY_WEIGHTS}/five.weights.h5", application=None)
    np.testing.assert_array_equal(net.get_weights()[0], 5)


def test_a_trunk_that_keras_lacks_takes_files_only(saved, tmp_path):
    net = small(1)
    load_converted_weights(net, "none", "torchvision", "zoo")
    np.testing.assert_array_equal(net.get_weights()[0], 1)
    save_weights(small(5), tmp_path / "five.weights.h5")
    load_converted_weights(net, str(tmp_path / "five.weights.h5"), "torchvision", "zoo")
    np.testing.assert_array_equal(net.get_weights()[0], 5)
    with pytest.raises(InputError, match="weights=imagenet: .*weights fetch zoo .*--cls_weights=FILE.weights.h5"):
        load_converted_weights(net, "imagenet", "torchvision", "zoo")
    with pytest.raises(InputError, match=r"net\.weights\.h5: these weights do not fit"):
        load_converted_weights(net, str(saved[1]), "torchvision", "zoo")
