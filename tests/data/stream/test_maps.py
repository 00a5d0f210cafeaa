"""Maps of every kind: one reading for Pillow and TensorFlow, and what is found before a training."""

import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, PngImagePlugin

from wsss_tf.data.stream.decode import decode_map
from wsss_tf.data.stream.maps import LABELS, OBJECTS, SALIENCY, SUPERPIXELS, MapKind, check_maps, find_unreadable, read_map
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.files.images import read_labels
from wsss_tf.files.store import write_ids, write_image, write_labels

RNG = np.random.default_rng(0)
DECODE = {kind: tf.function(lambda content, kind=kind: decode_map(content, kind), input_signature=[tf.TensorSpec([], tf.string)])
          for kind in (LABELS, SUPERPIXELS, SALIENCY)}


def decoded(path: Path, kind: MapKind) -> np.ndarray:
    return DECODE[kind](path.read_bytes()).numpy()


def palette(values: np.ndarray, colours: np.ndarray) -> Image.Image:
    image = Image.fromarray(values.astype(np.uint8), mode="P")
    image.putpalette(colours.astype(int).ravel().tolist())
    return image


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("transparency", [None, 0, bytes([0, 255]), bytes([7, 255, 3])])
@pytest.mark.parametrize("size", [(37, 41), (16, 16), (1, 300)])
def test_palettes_are_read_as_numbers(tmp_path, bits, transparency, size):
    """Random colours, among them equal ones and shades of grey that are other numbers."""
    values = RNG.integers(0, 2**bits, size)
    values.ravel()[: 2**bits] = np.arange(2**bits)[: values.size]
    colours = RNG.integers(0, 3, [2**bits, 3]) * 120
    options = {} if transparency is None else {"transparency": transparency}
    palette(values, colours).save(tmp_path / "map.png", bits=bits, **options)
    np.testing.assert_array_equal(read_labels(tmp_path / "map.png"), values)
    result = decoded(tmp_path / "map.png", LABELS)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, values)


def test_palettes_with_other_chunks_before_them(tmp_path):
    """Text, gamma, resolution, a short palette, and the least compression: nothing but the header is touched."""
    values, told = RNG.integers(0, 5, [20, 30]), PngImagePlugin.PngInfo()
    told.add(b"gAMA", (45455).to_bytes(4, "big"))
    told.add_text("Software", "some editor")
    palette(values, RNG.integers(0, 256, [5, 3])).save(tmp_path / "map.png", pnginfo=told, dpi=(72, 72), compress_level=0)
    np.testing.assert_array_equal(decoded(tmp_path / "map.png", LABELS), values)


def test_grey_and_our_own_palettes(tmp_path):
    values = RNG.integers(0, 256, [20, 30])
    for write in (write_image, write_labels):
        write(tmp_path / "map.png", values)
        np.testing.assert_array_equal(decoded(tmp_path / "map.png", LABELS), values)
        np.testing.assert_array_equal(read_map(tmp_path / "map.png", LABELS), values)


def test_ids_are_read_whole(tmp_path):
    ids = RNG.integers(0, 2**16, [20, 30])
    write_ids(tmp_path / "ids.png", ids)
    np.testing.assert_array_equal(decoded(tmp_path / "ids.png", SUPERPIXELS), ids)
    np.testing.assert_array_equal(read_map(tmp_path / "ids.png", SUPERPIXELS), ids)


@pytest.mark.parametrize("name", ["map.png", "map.jpg"])
def test_quantities_of_png_and_jpeg(tmp_path, name):
    """The stream divides by the unit after this; the JPEG is decoded to Pillow's values."""
    Image.fromarray(RNG.integers(0, 256, [20, 30]).astype(np.uint8)).save(tmp_path / name)
    expected = np.asarray(Image.open(tmp_path / name))
    np.testing.assert_array_equal(decoded(tmp_path / name, SALIENCY), expected)
    values = read_map(tmp_path / name, SALIENCY)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, expected / 255, rtol=1e-6)


@pytest.mark.parametrize("content", [b"", b"no map", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_image_is_an_error_of_tensorflow(content):
    for decode in DECODE.values():
        with pytest.raises(tf.errors.OpError):
            decode(content)


def test_truncated_palette_is_an_error_of_tensorflow():
    buffer = io.BytesIO()
    palette(RNG.integers(0, 200, [60, 60]), RNG.integers(0, 256, [256, 3])).save(buffer, "PNG")
    with pytest.raises(tf.errors.OpError):
        DECODE[LABELS](buffer.getvalue()[:900])


def test_whole_numbers_are_not_interpolated():
    with pytest.raises(ValueError, match="whole numbers have no values in between"):
        MapKind("uint8", "bilinear", 0)


@pytest.fixture
def examples(tmp_path) -> tuple[Example, ...]:
    """Four photos of 30x20 pixels, each with good maps of every kind beside it."""
    for number in range(4):
        write_image(tmp_path / f"{number}.png", RNG.integers(0, 256, [20, 30, 3]))
        write_labels(tmp_path / f"{number}_labels.png", RNG.choice([0, 1, 3, 255], [20, 30]))
        write_ids(tmp_path / f"{number}_ids.png", RNG.integers(0, 500, [20, 30]))
        write_image(tmp_path / f"{number}_mask.png", RNG.choice([0, 255], [20, 30]))
    return tuple(Example(str(number), tmp_path / f"{number}.png", ()) for number in range(4))


def maps() -> dict:
    def beside(ending):
        return lambda example: example.image.with_name(f"{example.image_id}_{ending}.png")

    return {"target": (LABELS, beside("labels")), "superpixels": (SUPERPIXELS, beside("ids")), "objects": (OBJECTS, beside("mask"))}


def test_good_maps_pass(examples):
    check_maps(examples, maps(), 3)
    check_maps(examples, {}, 0)
    find_unreadable(examples, maps())


def test_labels_without_a_class_are_named(examples, tmp_path):
    with pytest.raises(InputError, match=rf"^{tmp_path}/0_labels.png: expected labels 0 to 2 or 255, found 3: correct the map"):
        check_maps(examples, maps(), 2)
    write_labels(tmp_path / "2_labels.png", np.arange(600).reshape(20, 30) % 250)
    with pytest.raises(InputError, match=r"2_labels.png: expected labels 0 to 3 or 255, found 4, 5, 6, 7, 8, \.\.\.: "):
        check_maps(examples, maps(), 3)


@pytest.mark.parametrize("name, image, words", [
    ("3_labels", np.zeros([20, 30, 3]), "expected a palette or 8-bit grey label map, found mode RGB"),
    ("3_labels", np.zeros([30, 20]), "expected the size of .*3.png .30x20., found 20x30: make it again"),
    ("3_ids", np.zeros([20, 30]), "expected a 16-bit grey map of superpixel ids, found mode L"),
    ("3_mask", np.ones([20, 30]), "expected values up to 255, found only 0 and 1: multiply the map by 255"),
    ("3_mask", np.zeros([20, 30, 3]), "expected an 8-bit grey map, found mode RGB"),
])
def test_other_maps_are_named(examples, tmp_path, name, image, words):
    write_image(tmp_path / f"{name}.png", image)
    with pytest.raises(InputError, match=f"^{tmp_path}/{name}.png: {words}"):
        check_maps(examples, maps(), 3)


def test_missing_map_is_named(examples, tmp_path):
    (tmp_path / "1_mask.png").unlink()
    for check in (lambda: check_maps(examples, maps(), 3), lambda: find_unreadable(examples, maps())):
        with pytest.raises(InputError, match=f"^{tmp_path}/1_mask.png: no such file"):
            check()
