import functools
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from tests.limited import call_limited
from wsss_tf.errors import InputError
from wsss_tf.files.images import (
    PhotoFacts,
    image_size,
    photo_facts,
    photo_header,
    read_coloured_labels,
    read_grey,
    read_ids,
    read_indices,
    read_labels,
    read_photo,
    read_saliency,
)
from wsss_tf.files.store import write_ids

READERS = (read_photo, read_labels, read_grey, read_ids, functools.partial(read_saliency, maximum=255), image_size)
RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, [24, 30, 3], np.uint8)
GREY = RNG.integers(0, 256, [24, 30], np.uint8)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    """A PNG of any depth and colour type, which Pillow cannot write."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    palette = chunk(b"PLTE", bytes(48)) if colour == 3 else b""
    return b"\x89PNG\r\n\x1a\n" + header + palette + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


JPEG = encoded(Image.fromarray(PHOTO), "JPEG")
PALETTE_PNG = encoded(Image.fromarray(PHOTO).quantize(21), "PNG")


def file(tmp_path, content: bytes, name: str = "x.png"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "1", "P"])
def test_photos_become_rgb(tmp_path, mode):
    image = Image.fromarray(PHOTO).convert(mode)
    photo = read_photo(file(tmp_path, encoded(image, "PNG")))
    assert photo.dtype == np.uint8 and photo.shape == (24, 30, 3)
    np.testing.assert_array_equal(photo, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 10}])
def test_jpeg_is_read_whatever_its_name(tmp_path, options):
    content = encoded(Image.fromarray(PHOTO), "JPEG", **options)
    photo = read_photo(file(tmp_path, content, "x.png"))
    np.testing.assert_array_equal(photo, np.asarray(Image.open(io.BytesIO(content))))


@pytest.mark.parametrize("content, words", [
    (encoded(Image.new("CMYK", (20, 20)), "JPEG"), "CMYK"),
    (encoded(Image.fromarray(np.zeros([20, 20], np.uint16)), "PNG"), "expected 8 bits"),
    (png(20, 20, 16, 2, bytes(121 * 20)), "expected 8 bits"),
    (png(20, 20, 16, 6, bytes(161 * 20)), "expected 8 bits"),
    (encoded(Image.new("RGB", (1, 1)), "PNG"), "found 1x1"),
    (encoded(Image.new("RGB", (1, 5000)), "PNG"), "found 1x5000"),
    (encoded(Image.new("RGB", (20, 15)), "JPEG"), "found 20x15"),
    (png(20001, 16, 8, 0, b""), "found 20001x16"),
    (png(2**31 - 1, 2**31 - 1, 8, 2, b""), "found far more: make it smaller"),
    (png(8001, 10000, 8, 2, b""), "expected 1 to 80000000 pixels .*found 8001x10000"),
    (JPEG[:100], "Truncated"),
    (JPEG[:-100], "truncated or damaged"),
    (PALETTE_PNG[:-100], "runcated"),
    (encoded(Image.new("RGB", (20, 20)), "BMP"), "neither JPEG nor PNG"),
    (encoded(Image.new("RGB", (20, 20)), "GIF"), "neither JPEG nor PNG"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\n", "neither JPEG nor PNG"),
    (b"", "neither JPEG nor PNG"),
], ids=["cmyk", "grey16", "rgb16", "rgba16", "1x1", "1x5000", "low", "wide", "bomb", "pixels", "head", "tail", "png", "bmp",
        "gif", "postscript", "empty"])
def test_photos_that_are_refused(tmp_path, content, words):
    path = file(tmp_path, content)
    with pytest.raises(InputError, match=words) as error:
        read_photo(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


MAPS = {"photo": (read_photo, "RGB"), "labels": (read_labels, "P"), "grey": (read_grey, "L"), "ids": (read_ids, "I;16"),
        "saliency": (functools.partial(read_saliency, maximum=255), "L"), "indices": (read_indices, "P")}


@pytest.mark.parametrize("kind", MAPS)
def test_many_pixels_in_a_small_file_cost_nothing(tmp_path, kind):
    """13,000 x 13,000 of one colour, 170 to 700 MB in memory, in a file of 20 kB to 0.5 MB."""
    read, mode = MAPS[kind]
    path = file(tmp_path, encoded(Image.new(mode, (13000, 13000)), "PNG"))
    ended = call_limited(read, path, mebibytes=128)
    assert ended.error == (f"InputError: {path}: expected 1 to 80000000 pixels (--max_pixels, at most 80000000), found "
                           "13000x13000: make it smaller or cut it, e.g. by `wsss data convert --long_side=1000`")
    assert ended.seconds < 1 and ended.mebibytes < 16


@pytest.mark.parametrize("kind", MAPS)
def test_the_limit_can_be_lowered_and_not_raised(tmp_path, kind):
    read, mode = MAPS[kind]
    path = file(tmp_path, encoded(Image.new(mode, (40, 30)), "PNG"))
    assert read(path, max_pixels=1200).shape[:2] == (30, 40)
    with pytest.raises(InputError, match=r"expected 1 to 1199 pixels .*found 40x30"):
        read(path, max_pixels=1199)
    path.write_bytes(png(8001, 10000, 8, 0, b""))
    with pytest.raises(InputError, match="expected 1 to 80000000 pixels"):
        read(path, max_pixels=10**12)


def test_thousands_of_scans_are_refused(tmp_path):
    """60 kB of JPEG whose last scan comes a thousand times over: 4 seconds for 4 million pixels, and no end to it."""
    content = encoded(Image.new("L", (2000, 2000), 128), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    path = file(tmp_path, content[:-2] + content[last:-2] * 1000 + content[-2:])
    ended = call_limited(read_photo, path)
    assert "expected a JPEG of at most 100 scans, found more" in ended.error and ended.seconds < 1


@pytest.mark.parametrize("orientation", range(10))
def test_photos_are_turned_as_pillow_does(tmp_path, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = file(tmp_path, encoded(Image.fromarray(PHOTO), "PNG", exif=exif))
    expected = ImageOps.exif_transpose(Image.open(path))
    np.testing.assert_array_equal(read_photo(path, upright=True), np.asarray(expected))
    np.testing.assert_array_equal(read_photo(path), PHOTO)


def test_a_wrong_number_among_the_exif_data_keeps_no_photo_from_being_turned(tmp_path):
    """The resolution is a text, over which ImageOps.exif_transpose fails with a TypeError."""
    entries = struct.pack(">HHII", 0x112, 3, 1, 6 << 16) + struct.pack(">HHII", 0x11A, 2, 2, 0x61 << 24)
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + entries + bytes(4)
    path = file(tmp_path, encoded(Image.fromarray(PHOTO), "JPEG", exif=exif))
    with pytest.raises(TypeError):
        ImageOps.exif_transpose(Image.open(path))
    assert read_photo(path, upright=True).shape == (30, 24, 3)


def test_damaged_exif_is_told_and_matters_to_nobody_else(tmp_path):
    path = file(tmp_path, encoded(Image.fromarray(PHOTO), "JPEG", exif=b"Exif\0\0MM\0\0\0\0\0\0"))
    assert read_photo(path).shape == PHOTO.shape
    with pytest.raises(InputError, match=r"x\.png: its EXIF data are damaged \(not a TIFF file.*save it anew"):
        read_photo(path, upright=True)


def test_smallest_photo_is_read(tmp_path):
    assert read_photo(file(tmp_path, encoded(Image.new("RGB", (16, 17)), "PNG"))).shape == (17, 16, 3)


@pytest.mark.parametrize("reader", READERS)
def test_file_that_does_not_exist(tmp_path, reader):
    with pytest.raises(InputError, match="x.png: no such file"):
        reader(tmp_path / "x.png")


@pytest.mark.parametrize("reader", READERS)
def test_folder_in_place_of_a_file(tmp_path, reader):
    with pytest.raises(InputError, match="not a readable image"):
        reader(tmp_path)


@pytest.mark.parametrize("mode", ["P", "L"])
def test_label_maps_give_their_indices(tmp_path, mode):
    labels = np.uint8([[0, 1, 20], [255, 254, 3]])
    image = Image.fromarray(labels)
    if mode == "P":
        image.putpalette([value for value in range(256) for _ in "RGB"])
    read = read_labels(file(tmp_path, encoded(image, "PNG")))
    np.testing.assert_array_equal(read, labels)
    read[0, 0] = 7  # the caller owns the array


def test_four_bit_palette_gives_its_indices(tmp_path):
    labels = read_labels(file(tmp_path, png(4, 1, 4, 3, b"\0\x01\x2f")))
    np.testing.assert_array_equal(labels, [[0, 1, 2, 15]])


@pytest.mark.parametrize("content, words", [
    (encoded(Image.fromarray(PHOTO), "PNG"), "mode RGB"),
    (encoded(Image.new("1", (20, 20)), "PNG"), "mode 1"),
    (encoded(Image.fromarray(np.zeros([20, 20], np.uint16)), "PNG"), "mode I;16"),
    (png(4, 1, 4, 0, b"\0\x01\x2f"), "4-bit grey"),
    (png(4, 1, 2, 0, b"\0\x1b"), "2-bit grey"),
    (PALETTE_PNG[:-100], "runcated"),
])
def test_label_maps_that_are_refused(tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        read_labels(file(tmp_path, content))


def test_grey_maps(tmp_path):
    np.testing.assert_array_equal(read_grey(file(tmp_path, encoded(Image.fromarray(GREY), "PNG"))), GREY)
    for content in (encoded(Image.fromarray(PHOTO), "PNG"), PALETTE_PNG):
        with pytest.raises(InputError, match="8-bit grey"):
            read_grey(file(tmp_path, content))


@pytest.mark.parametrize("dtype, maximum", [(np.uint8, 255), (np.uint16, 65535), (np.uint16, 1000), (np.uint8, 100),
                                            (np.uint16, 255), (np.uint8, 1), (bool, 1)])
def test_saliency_maps_of_any_range(tmp_path, dtype, maximum):
    values = RNG.integers(0, maximum + 1, [24, 30]).astype(dtype)
    values[0, :2] = 0, maximum
    scores = read_saliency(file(tmp_path, encoded(Image.fromarray(values), "PNG")), maximum)
    assert scores.dtype == np.float32 and scores[0, 0] == 0 and scores[0, 1] == 1
    np.testing.assert_allclose(scores, values / maximum, rtol=1e-6)


@pytest.mark.parametrize("values, maximum, words", [
    (np.full([4, 4], 256, np.uint16), 255, "up to 255, found 256: set --maps_max .*65535"),
    (np.full([4, 4], 2, np.uint8), 1, "up to 1, found 2"),
    (np.full([4, 4], 1001, np.uint16), 1000, "up to 1000, found 1001"),
    (np.full([4, 4], 200, np.uint8), 65535, "up to 65535, found an 8-bit map: set --maps_max=255"),
    (np.eye(4, dtype=np.uint8), 255, "found only 0 and 1: multiply the map by 255 or set --maps_max=1"),
    (np.eye(4, dtype=np.uint16), 65535, "found only 0 and 1"),
    (np.zeros([4, 4, 3], np.uint8), 255, "expected an 8-bit grey map or a 16-bit one, found mode RGB"),
])
def test_saliency_maps_that_contradict_the_range(tmp_path, values, maximum, words):
    path = file(tmp_path, encoded(Image.fromarray(values), "PNG"))
    with pytest.raises(InputError, match=f"^{path}: .*{words}"):
        read_saliency(path, maximum)


@pytest.mark.parametrize("maximum", [1, 255])
def test_a_map_without_anything_salient_is_sound(tmp_path, maximum):
    assert not read_saliency(file(tmp_path, encoded(Image.new("L", (5, 4)), "PNG")), maximum).any()


def test_size_is_height_and_width(tmp_path):
    assert image_size(file(tmp_path, JPEG)) == (24, 30)
    assert image_size(file(tmp_path, png(40, 1, 8, 0, b""))) == (1, 40)  # the pixels are not there, nor needed


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([JPEG, PALETTE_PNG, encoded(Image.fromarray(PHOTO), "PNG")]),
       st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=4), st.integers(0, 4000))
def test_damaged_files_are_read_or_refused(tmp_path, content, changes, length):
    content = bytearray(content[:length])
    for position, value in changes:
        if position < len(content):
            content[position] = value
    path = file(tmp_path, bytes(content))
    for reader in READERS:
        try:
            reader(path)
        except InputError as error:
            assert str(path) in str(error) and "\n" not in str(error)


def test_truncated_header_is_refused(tmp_path):
    content = bytearray(PALETTE_PNG)
    content[8:12] = struct.pack(">I", 5)  # length of IHDR, for which Pillow raises a plain ValueError
    with pytest.raises(InputError, match="not a readable image"):
        read_labels(file(tmp_path, bytes(content)))


def test_ids_above_255_come_back(tmp_path):
    ids = RNG.integers(0, 65536, [24, 30])
    write_ids(tmp_path / "ids.png", ids)
    found = read_ids(tmp_path / "ids.png")
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, ids)


@pytest.mark.parametrize("ids", [[[0, -1]], [[0, 65536]]])
def test_ids_that_do_not_fit_are_not_written(tmp_path, ids):
    with pytest.raises(ValueError, match="expected 0..65535"):
        write_ids(tmp_path / "ids.png", np.array(ids))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_maps_of_8_bits_are_no_ids(tmp_path, mode):
    Image.fromarray(GREY).convert(mode).save(tmp_path / "ids.png")
    with pytest.raises(InputError, match=f"expected a 16-bit grey map of superpixel ids, found mode {mode}"):
        read_ids(tmp_path / "ids.png")


def test_photos_beyond_all_limits_are_to_be_made_smaller(tmp_path):
    for size, words in (((16320, 12240), "expected 1 to 80000000 pixels .*make it smaller or cut it"),
                        ((40000, 100), "found 40000x100: make it smaller or cut it")):
        Image.new("L", size).save(tmp_path / "large.jpg", quality=20)
        with pytest.raises(InputError, match=words):
            read_photo(tmp_path / "large.jpg")


@pytest.mark.parametrize("orientation, turned", [(None, False), (0, False), (1, False), (3, True), (6, True), (8, True),
                                                 (9, False)])
def test_facts_of_a_photo(tmp_path, orientation, turned):
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    for kind in ("JPEG", "PNG"):
        path = file(tmp_path, encoded(Image.fromarray(PHOTO), kind, exif=exif))
        assert photo_facts(path) == PhotoFacts(24, 30, turned, transparent=False)
    assert photo_header(file(tmp_path, encoded(Image.fromarray(PHOTO), "JPEG", exif=exif))).turned == turned


def test_a_damaged_orientation_turns_nothing(tmp_path):
    path = file(tmp_path, encoded(Image.fromarray(PHOTO), "JPEG", exif=b"Exif\0\0MM\0\0\0\0\0\0"))
    assert not photo_facts(path).turned


@pytest.mark.parametrize("mode, alpha, transparent", [("RGBA", 255, False), ("RGBA", 254, True), ("LA", 0, True),
                                                      ("LA", 255, False)])
def test_transparency_counts_where_something_shines_through(tmp_path, mode, alpha, transparent):
    image = Image.fromarray(PHOTO).convert(mode)
    image.putalpha(alpha)
    assert photo_facts(file(tmp_path, encoded(image, "PNG"))).transparent == transparent


def test_a_transparent_colour_of_a_palette_counts_too(tmp_path):
    image = Image.fromarray(PHOTO).quantize(8)
    assert photo_facts(file(tmp_path, encoded(image, "PNG", transparency=0))).transparent
    assert not photo_facts(file(tmp_path, encoded(image, "PNG"))).transparent


def test_palettes_come_with_the_labels(tmp_path):
    image = Image.fromarray(np.uint8([[0, 1], [2, 1]]))
    assert read_coloured_labels(file(tmp_path, encoded(image, "PNG")))[1] is None
    image.putpalette([0, 0, 0, 48, 112, 32, 176, 112, 32])
    labels, palette = read_coloured_labels(file(tmp_path, encoded(image, "PNG")))
    np.testing.assert_array_equal(palette[labels], [[[0, 0, 0], [48, 112, 32]], [[176, 112, 32], [48, 112, 32]]])
