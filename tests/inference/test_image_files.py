"""Files of strangers: what is wrong with them is told by their first bytes, and nothing raises."""

import io
import re
import struct

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wsss_tf.files.images import read_photo
from wsss_tf.inference import image_files

MOST_BYTES, MOST_PIXELS = 9000, 5000
RNG = np.random.default_rng(0)
PHOTO = Image.fromarray(RNG.integers(0, 256, [24, 31, 3], np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def looked_at(contents):
    """Fault and size by the header; fault and pixels of the rest, if the header is sound."""
    fault, size = image_files.read_header(contents, MOST_BYTES, MOST_PIXELS)
    rest = tf.cond(fault == "", lambda: image_files.decode(contents, size), lambda: ("", tf.zeros([0, 0, 3], tf.uint8)))
    return fault, size, *rest


def faults(contents: bytes) -> tuple[str, str]:
    by_header, size, by_rest, image = looked_at(tf.constant(contents))
    assert (by_header == "") == bool(np.all(size > 0)), "a size where there is no fault"
    assert image.shape[:2] == ([0, 0] if by_header != b"" or by_rest != b"" else size.numpy().tolist())
    return by_header.numpy().decode(), by_rest.numpy().decode()


@pytest.mark.parametrize("kind, mode, options", [
    ("JPEG", "RGB", {}), ("JPEG", "L", {}), ("JPEG", "RGB", {"progressive": True}), *(("PNG", mode, {}) for mode in (
        "RGB", "L", "P", "RGBA", "LA", "1"))])
def test_sound_files_have_the_pixels_of_everywhere(tmp_path, kind, mode, options):
    content = encoded(PHOTO.convert(mode), kind, **options)
    (tmp_path / "photo").write_bytes(content)
    fault, size, rest, image = looked_at(tf.constant(content))
    assert (fault, rest, size.numpy().tolist()) == (b"", b"", [24, 31])
    np.testing.assert_array_equal(image, read_photo(tmp_path / "photo"))


def png_of(width: int, height: int) -> bytes:
    content = bytearray(encoded(PHOTO))
    content[16:24] = struct.pack(">II", width, height)
    return bytes(content)


JPEG = encoded(PHOTO, "JPEG")
PROGRESSIVE = encoded(Image.new("L", (60, 60), 128), "JPEG", progressive=True)
LAST_SCAN = PROGRESSIVE[PROGRESSIVE.rindex(b"\xff\xda"):-2]


@pytest.mark.parametrize("content, words", [
    (b"", "expected a JPEG or PNG"), (b"\xff\xd8\xff", "expected a whole JPEG"), (b"\x89PNG\r\n\x1a\n", "expected a JPEG or PNG"),
    (encoded(PHOTO)[:25], "expected a JPEG or PNG"), (encoded(PHOTO, "WEBP"), "expected a JPEG or PNG"),
    (encoded(PHOTO, "GIF"), "expected a JPEG or PNG"), (encoded(PHOTO, "BMP"), "expected a JPEG or PNG"),
    (encoded(PHOTO).replace(b"IHDR", b"IDAT"), "expected a PNG file, found a damaged one"),
    (bytes(9001), "at most 9000 bytes, found 9001"), (JPEG[:20], "expected a whole JPEG"),
    (encoded(PHOTO.convert("CMYK"), "JPEG"), "found CMYK"),
    (encoded(Image.fromarray(np.zeros([20, 20], np.uint16))), "expected 8 bits per channel, found a PNG file with 16"),
    (png_of(2**32 - 1, 2**32 - 1), r"at least 16 pixels"), (png_of(2**31 - 1, 2**31 - 1), "at most 5000 pixels"),
    (png_of(65536, 65536), "at most 5000 pixels"), (png_of(100, 51), r"at most 5000 pixels, found \(height, width\) \[51 100\]"),
    (png_of(15, 100), r"at least 16 pixels on each side, found \(height, width\) \[100 15\]"), (png_of(0, 0), "at least 16"),
    (PROGRESSIVE[:-2] + LAST_SCAN * 120 + PROGRESSIVE[-2:], "a few scans, found 126")])
def test_what_is_refused_by_its_header(content, words):
    fault, rest = faults(content)
    assert not rest
    assert re.search(words, fault), fault


@pytest.mark.parametrize("content", [JPEG[:-200], encoded(PHOTO)[:300], encoded(PHOTO)[:26], png_of(30, 24),
                                     encoded(PHOTO)[:60] + bytes(200) + encoded(PHOTO)[260:]])
def test_what_is_damaged_behind_it(content):
    assert faults(content) == ("", "expected a whole JPEG or PNG file, found a damaged one")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([JPEG, PROGRESSIVE, encoded(PHOTO), encoded(PHOTO.convert("P"))]), st.integers(0, 3000),
       st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=4))
def test_wild_files_are_read_or_refused(content, length, changes):
    content = bytearray(content[:length] if length % 2 else content)
    for place, byte in changes:
        if place < len(content):
            content[place] = byte
    faults(bytes(content))
