"""A segmentation net as a SavedModel: image files or pixels in, labels and probabilities out, with TensorFlow alone."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from wsss_tf.example import UNKNOWN
from wsss_tf.files.images import MIN_SIDE
from wsss_tf.files.store import voc_palette, write_text
from wsss_tf.inference.probabilities import dense_probabilities
from wsss_tf.inference.settings import ExportConfig, PredictConfig
from wsss_tf.nets.backbone import Grid

VERSION = "1"  # folder in which TensorFlow Serving looks for a model
CLASSES, PALETTE = "classes.txt", "palette.txt"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER = 26  # bytes up to width, height, depth and colour type


class ServedSegmenter(tf.Module):
    """What the SavedModel computes; see `write_saved_model`."""

    def __init__(self, net: keras.Model, grid: Grid, test: PredictConfig, config: ExportConfig, assets: Sequence[Path]):
        """Wraps a trained net; `assets` are copied into the SavedModel."""
        super().__init__(name="served_segmenter")
        # TensorFlow's own variables, not the net: what Keras 3 wraps around them is saved as other variables, which leaves
        # these without values in TensorFlow Serving (keras-team/keras#19274).
        self.weights = [variable.value for variable in net.variables]
        self.assets = [tf.saved_model.Asset(str(path)) for path in assets]
        self._config, self._dense = config, dense_probabilities(net, grid, test)
        self._classes = net.output["logits"].shape[-1]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def from_bytes(self, image_bytes):
        """JPEG or PNG files -> labels uint8 [B, H, W], probabilities float32 [B, H, W, C+1], sizes int32 [B, 2].

        H and W are those of the largest image; what lies beyond the others is
        255 in the labels and 0 in the probabilities.
        """
        sizes = tf.map_fn(self._size, image_bytes, fn_output_signature=tf.TensorSpec([2], tf.int32))
        largest = tf.reduce_max(sizes, axis=0)
        return self._each(lambda contents: self._segment(self._decode(contents), largest), image_bytes) | {"sizes": sizes}

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name="image")])
    def from_pixels(self, image):
        """RGB uint8 [B, H, W, 3] -> labels uint8 [B, H, W], probabilities float32 [B, H, W, C+1]."""
        size = tf.shape(image)[1:3]
        with tf.control_dependencies(self._check_size(size)):
            image = tf.identity(image)
        return self._each(lambda one: self._segment(one, size), image)

    def _each(self, segment: Callable, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """One after the other: images may differ in size, and memory is that of one."""
        labels, probabilities = tf.map_fn(segment, images, parallel_iterations=1, fn_output_signature=(
            tf.TensorSpec([None, None], tf.uint8), tf.TensorSpec([None, None, self._classes], tf.float32)))
        return {"labels": labels, "probabilities": probabilities}

    def _segment(self, image: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Labels and probabilities of one image, filled up to a size."""
        probabilities = self._dense(image)
        labels = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
        rows, columns = tf.unstack(size - tf.shape(labels))
        margin = [[0, rows], [0, columns]]
        labels = tf.pad(labels, margin, constant_values=UNKNOWN)
        return tf.cast(labels, tf.uint8), tf.pad(probabilities, [*margin, [0, 0]])

    def _size(self, contents: tf.Tensor) -> tf.Tensor:
        """Height and width of a file from its first bytes, before anything is decoded; refuses what it must."""
        length = tf.strings.length(contents)
        is_jpeg = tf.io.is_jpeg(contents)
        checks = [
            tf.debugging.Assert(length <= self._config.max_bytes, [
                f"expected an image file of at most {self._config.max_bytes} bytes, found", length]),
            tf.debugging.Assert(is_jpeg | ((length >= _PNG_HEADER) & _starts_as_png(contents)), [
                "expected a JPEG or PNG file, found something else"])]
        with tf.control_dependencies(checks):
            contents = tf.identity(contents)
        size = tf.cond(is_jpeg, lambda: _jpeg_size(contents), lambda: _png_size(contents))
        with tf.control_dependencies(self._check_size(size)):
            return tf.identity(size)

    def _check_size(self, size: tf.Tensor) -> list[tf.Operation]:
        pixels = tf.reduce_prod(tf.cast(size, tf.int64))
        return [
            tf.debugging.Assert(tf.reduce_min(size) >= MIN_SIDE, [
                f"expected an image of at least {MIN_SIDE} pixels on each side, found (height, width)", size]),
            tf.debugging.Assert(pixels <= self._config.max_pixels, [
                f"expected an image of at most {self._config.max_pixels} pixels, found (height, width)", size])]

    def _decode(self, contents: tf.Tensor) -> tf.Tensor:
        """The same pixels as wsss_tf.files.images.read_photo gives, uint8 [H, W, 3]."""
        image = tf.cond(tf.io.is_jpeg(contents),
                        lambda: tf.io.decode_jpeg(contents, channels=3, dct_method="INTEGER_ACCURATE"),
                        lambda: tf.io.decode_png(contents, channels=3))
        return tf.ensure_shape(image, [None, None, 3])


def write_saved_model(folder: Path, net: keras.Model, grid: Grid, test: PredictConfig, config: ExportConfig,
                      class_names: Sequence[str]) -> Path:
    """Writes FOLDER/1, a SavedModel as TensorFlow Serving expects it; returns it.

    Signatures: "serving_default" takes "image_bytes", "pixels" takes "image";
    see ServedSegmenter. Scales, fusion and resizing are those of `test`, without
    CRF. Assets: classes.txt, a name per label, and palette.txt, "R G B" per label.

    Raises:
      OSError: it cannot be written.
    """
    colours = voc_palette()[:len(class_names)]
    texts = {CLASSES: class_names, PALETTE: [" ".join(map(str, colour)) for colour in colours]}
    for name, lines in texts.items():
        write_text(folder / name, "".join(f"{line}\n" for line in lines))
    module = ServedSegmenter(net, grid, test, config, [folder / name for name in texts])
    target = folder / VERSION
    tf.saved_model.save(module, str(target), signatures={
        "serving_default": module.from_bytes, "pixels": module.from_pixels})
    return target


def _starts_as_png(contents: tf.Tensor) -> tf.Tensor:
    start = tf.strings.substr(tf.strings.join([contents, "\0" * len(_PNG_START)]), 0, len(_PNG_START))  # also of shorter files
    return start == _PNG_START


def _jpeg_size(contents: tf.Tensor) -> tf.Tensor:
    shape = tf.io.extract_jpeg_shape(contents)
    check = tf.debugging.Assert(shape[2] != 4, ["expected an RGB or grey JPEG file, found CMYK"])
    with tf.control_dependencies([check]):
        return tf.identity(shape[:2])


def _png_size(contents: tf.Tensor) -> tf.Tensor:
    """Width and height are big-endian numbers from byte 16 on, the depth is byte 24."""
    depth = tf.io.decode_raw(tf.strings.substr(contents, 24, 1), tf.uint8)[0]
    check = tf.debugging.Assert(depth <= 8, ["expected 8 bits per channel, found a PNG file with", depth])
    with tf.control_dependencies([check]):
        return tf.ensure_shape(tf.io.decode_raw(tf.strings.substr(contents, 16, 8), tf.int32, little_endian=False)[::-1], [2])
