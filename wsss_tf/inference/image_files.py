"""Image files of strangers in tensor operations: what is wrong with one is told as a text, and raises nothing.

Nothing is decoded of a file whose first bytes are not as they must be.
"""

from collections.abc import Callable

import tensorflow as tf

from wsss_tf.files.images import MIN_SIDE
from wsss_tf.files.jpeg import MOST_SCANS

_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER = 26  # bytes up to width, height, depth and colour type
_SCAN = b"\xff\xda"  # marker of a JPEG's scan
_BYTES_PER_CHANCE = 32_768  # of what is no scan, in which its marker may stand by chance

Header = tuple[tf.Tensor, tf.Tensor]  # fault or "", (height, width) int32


def read_header(contents: tf.Tensor, max_bytes: int, max_pixels: int) -> Header:
    """What is wrong with a JPEG or PNG file by its first bytes, '' if nothing is; its height and width, int32 [2].

    The size is 0 where something is wrong.

    Args:
      contents: the file, a scalar text.
      max_bytes: of the file.
      max_pixels: of the image.
    """
    length = tf.strings.length(contents)
    fault, size = tf.case([
        (length > max_bytes, lambda: _none(_text(f"expected an image file of at most {max_bytes} bytes, found ", length))),
        (tf.io.is_jpeg(contents), lambda: _jpeg(contents)),
        ((length >= _PNG_HEADER) & _is_png(contents), lambda: _png(contents)),
    ], lambda: _none(_text("expected a JPEG or PNG file, found something else")))
    fault = tf.where(fault == "", size_fault(size, max_pixels), fault)
    return fault, tf.where(fault == "", size, tf.zeros_like(size))


def size_fault(size: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """What is wrong with a height and width, int32 [2], '' if nothing is."""
    small = _text(f"expected an image of at least {MIN_SIDE} pixels on each side, found (height, width) ", size)
    large = _text(f"expected an image of at most {max_pixels} pixels, found (height, width) ", size)
    pixels = tf.reduce_prod(tf.cast(size, tf.int64))
    return tf.where(tf.reduce_min(size) < MIN_SIDE, small, tf.where(pixels > max_pixels, large, ""))


def decode(contents: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """What is wrong with the rest of a file, '' if nothing is; the pixels as wsss_tf.files.images.read_photo gives them.

    Args:
      contents: a JPEG or PNG file with a sound header.
      size: its height and width.

    Returns:
      The fault, and uint8 [H, W, 3], empty where there is one.
    """
    def pixels(file: tf.Tensor) -> tf.Tensor:
        image = tf.cond(tf.io.is_jpeg(file),
                        lambda: tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE"),
                        lambda: tf.io.decode_png(file, channels=3))
        return tf.ensure_shape(image, [None, None, 3])

    image = _attempt(pixels, contents, tf.zeros([0, 0, 3], tf.uint8))
    whole = tf.reduce_all(tf.shape(image)[:2] == size)
    return tf.where(whole, "", "expected a whole JPEG or PNG file, found a damaged one"), image


def _attempt(operation: Callable[[tf.Tensor], tf.Tensor], contents: tf.Tensor, otherwise: tf.Tensor) -> tf.Tensor:
    """What an operation makes of a file, or something else where it fails: a data set can leave out what fails."""
    tried = tf.data.Dataset.from_tensors(contents).map(operation).ignore_errors()
    return tried.concatenate(tf.data.Dataset.from_tensors(otherwise)).take(1).get_single_element()


def _text(words: str, value: tf.Tensor | None = None) -> tf.Tensor:
    return tf.constant(words) if value is None else tf.strings.join([words, tf.strings.format("{}", value)])


def _none(fault: tf.Tensor) -> Header:
    return fault, tf.zeros([2], tf.int32)


def _jpeg(contents: tf.Tensor) -> Header:
    shape = _attempt(tf.io.extract_jpeg_shape, contents, tf.zeros([3], tf.int32))
    scans = tf.size(tf.strings.split(contents, _SCAN)) - 1
    most = MOST_SCANS + tf.strings.length(contents) // _BYTES_PER_CHANCE
    fault = tf.case([
        (shape[2] == 0, lambda: _text("expected a whole JPEG file, found a damaged one")),
        (shape[2] == 4, lambda: _text("expected an RGB or grey JPEG file, found CMYK")),
        (scans > most, lambda: _text("expected a JPEG file of a few scans, found ", scans)),
    ], lambda: tf.constant(""))
    return fault, shape[:2]


def _is_png(contents: tf.Tensor) -> tf.Tensor:
    padded = tf.strings.join([contents, "\0" * len(_PNG_START)])  # of shorter files too
    return tf.strings.substr(padded, 0, len(_PNG_START)) == _PNG_START


def _png(contents: tf.Tensor) -> Header:
    """Width and height are big-endian numbers from byte 16 on, the depth is byte 24."""
    sides = tf.io.decode_raw(tf.strings.substr(contents, 16, 8), tf.int32, little_endian=False)
    depth = tf.io.decode_raw(tf.strings.substr(contents, 24, 1), tf.uint8)[0]
    fault = tf.case([
        (tf.strings.substr(contents, 12, 4) != "IHDR", lambda: _text("expected a PNG file, found a damaged one")),
        (depth > 8, lambda: _text("expected 8 bits per channel, found a PNG file with ", depth)),
    ], lambda: tf.constant(""))
    return fault, tf.ensure_shape(sides[::-1], [2])
