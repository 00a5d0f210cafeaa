import keras
import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.methods.segmenter import SegmenterConfig, build_segmenter
from wsss_tf.nets.backbone import BackboneConfig
from wsss_tf.nets.weights import load_backbone_weights, load_converted_weights, load_weights, save_weights


def segmenter(rates=(1, 2), classes=3, stride=8) -> keras.Model:
    return build_segmenter(BackboneConfig("test", stride, "none"), SegmenterConfig(rates=rates, channels=0), classes)


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
    def broken(self, path):
        raise error

    monkeypatch.setattr(keras.Model, "load_weights", broken)
    with pytest.raises(InputError, match=r"net\.weights\.h5.*do not fit") as raised:
        load_weights(saved[0], saved[1])
    assert "\n" not in str(raised.value)


def small(value: float) -> keras.Model:
    net = keras.Sequential([keras.Input([2]), keras.layers.Dense(1)])
    net.set_weights([np.full([2, 1], value), np.full([1], value)])
    return net


def test_none_keeps_the_random_start():
    net = small(1)
    load_backbone_weights(net, "none", application=None)
    np.testing.assert_array_equal(net.get_weights()[0], 1)


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
    load_converted_weights(net, "none", "the model zoo")
    np.testing.assert_array_equal(net.get_weights()[0], 1)
    save_weights(small(5), tmp_path / "five.weights.h5")
    load_converted_weights(net, str(tmp_path / "five.weights.h5"), "the model zoo")
    np.testing.assert_array_equal(net.get_weights()[0], 5)
    with pytest.raises(InputError, match="weights=imagenet: .*convert the model zoo.*--cls_weights=FILE.weights.h5"):
        load_converted_weights(net, "imagenet", "the model zoo")
    with pytest.raises(InputError, match=r"net\.weights\.h5: these weights do not fit"):
        load_converted_weights(net, str(saved[1]), "the model zoo")
