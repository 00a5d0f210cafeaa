"""Photos and maps decoded by TensorFlow to the same values as by wsss_tf.files.images.

Python code in a stream can deadlock with the destruction of its iterator after
an error, so that nothing here may need any.
"""

import zlib

import numpy as np
import tensorflow as tf

from wsss_tf.data.stream.maps import MapKind

# The start of every PNG: signature, length and name of the first chunk, width and height (8 bytes), depth, colour type,
# three more bytes, and the checksum of the chunk from its name on.
_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_DEPTH, _COLOUR, _CHECKSUM, _HEADER = 24, 25, 29, 33
_PALETTE = 3  # as colour type; grey is 0
_BYTES = [bytes([value]) for value in range(256)]
_REST = 2**31 - 1  # more bytes than any file has


def decode_photo(content: tf.Tensor) -> tf.Tensor:
    """A JPEG or PNG: bytes -> uint8 [H, W, 3] RGB."""
    return tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")  # reads PNG as well


def decode_map(content: tf.Tensor, kind: MapKind) -> tf.Tensor:
    """A map as its file holds it: bytes -> uint8 or uint16 [H, W].

    A palette is read as the numbers of its colours if the map holds labels.
    """
    if kind.depth == "uint16":
        return tf.io.decode_png(content, channels=1, dtype=tf.uint16)[..., 0]
    if not kind.labels:
        return _grey(content)
    header = tf.io.decode_raw(tf.strings.substr(content, 0, _HEADER), tf.uint8)
    palette = (tf.strings.substr(content, 0, len(_START)) == _START) & (header[_COLOUR] == _PALETTE)
    return tf.cond(palette, lambda: _indices(content, header), lambda: _grey(content))


def _grey(content: tf.Tensor) -> tf.Tensor:
    return tf.io.decode_jpeg(content, channels=1, dct_method="INTEGER_ACCURATE")[..., 0]


def _indices(content: tf.Tensor, header: tf.Tensor) -> tf.Tensor:
    """Decodes a palette PNG as if its numbers were grey values.

    TensorFlow would replace them by their colours, and those by grey. In both
    types of PNG pixels are stored alike, so it is enough to change the type in
    the header. (libpng then warns about the palette, at a level that the
    commands do not show.)
    """
    start = tf.strings.reduce_join(tf.gather(_BYTES, tf.cast(header ^ _palette_to_grey(), tf.int32)))
    values = _grey(start + tf.strings.substr(content, _HEADER, _REST))
    # Grey of 1, 2 or 4 bits is stretched to 0..255.
    largest = tf.bitwise.left_shift(tf.constant(1, tf.int32), tf.cast(header[_DEPTH], tf.int32)) - 1
    return values // tf.cast(255 // largest, tf.uint8)


def _palette_to_grey() -> np.ndarray:
    """What changes the type of a PNG with a palette: uint8 [33], for exclusive or with its header.

    Where bits of the text change, always the same bits of its checksum do.
    """
    text = np.zeros(_CHECKSUM, np.uint8)
    text[_COLOUR] = _PALETTE
    named = text[12:].tobytes()
    checksum = zlib.crc32(named) ^ zlib.crc32(bytes(len(named)))
    return np.concatenate([text, np.frombuffer(checksum.to_bytes(4, "big"), np.uint8)])
