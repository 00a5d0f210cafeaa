"""A segmentation net as a SavedModel: image files or pixels in, labels and probabilities out, with TensorFlow alone."""

from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from wsss_tf.example import UNKNOWN
from wsss_tf.files.store import voc_palette, write_text
from wsss_tf.inference import image_files
from wsss_tf.inference.probabilities import dense_probabilities
from wsss_tf.inference.settings import ExportConfig, PredictConfig
from wsss_tf.nets.backbone import Grid

VERSION = "1"  # folder in which TensorFlow Serving looks for a model
CLASSES, PALETTE = "classes.txt", "palette.txt"

_FILES = tf.TensorSpec([None], tf.string, name="image_bytes")
_PIXELS = tf.TensorSpec([None, None, None, 3], tf.uint8, name="image")


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

    @tf.function(input_signature=[_FILES])
    def from_bytes(self, image_bytes):
        """JPEG or PNG files -> labels uint8 [B, H, W], probabilities float32 [B, H, W, C+1], sizes int32 [B, 2].

        H and W are those of the largest image; what lies beyond the others is
        255 in the labels and 0 in the probabilities. Fails at the first file
        that is refused, before it is decoded, and names its index.
        """
        answer = self._answer(image_bytes, must=True)
        return {name: answer[name] for name in ("labels", "probabilities", "sizes")}

    @tf.function(input_signature=[_FILES])
    def with_status(self, image_bytes):
        """The same and status string [B], '' or why a file was refused: it has size 0, and the others their answers."""
        return self._answer(image_bytes, must=False)

    @tf.function(input_signature=[_PIXELS])
    def from_pixels(self, image):
        """RGB uint8 [B, H, W, 3] -> labels uint8 [B, H, W], probabilities float32 [B, H, W, C+1]."""
        count, size = tf.shape(image)[0], tf.shape(image)[1:3]
        fault = image_files.size_fault(size, self._config.max_pixels)
        fault = tf.where((fault == "") & ~self._fits(count, size), self._too_large(count, size), fault)

        def answer():
            with tf.control_dependencies([_refuse(fault, 0)]):
                images = tf.identity(image)
            return tf.map_fn(lambda one: self._segment(one, size), images, parallel_iterations=1,
                             fn_output_signature=self._outputs())

        labels, probabilities = tf.cond(count > 0, answer, lambda: self._empty(0, size))
        return {"labels": labels, "probabilities": probabilities}

    def _answer(self, image_bytes: tf.Tensor, must: bool) -> dict[str, tf.Tensor]:
        """The answer to files; with `must` the first one that is refused fails them all."""
        def answer():
            faults, sizes = self._headers(image_bytes)
            first, largest = tf.argmax(tf.cast(faults != "", tf.int32)), tf.reduce_max(sizes, axis=0)
            with tf.control_dependencies([_refuse(faults[first], first)] if must else []):
                files = tf.identity(image_bytes)
            # One after the other: images differ in size, and memory is that of one.
            statuses, labels, probabilities = tf.map_fn(
                lambda each: self._one(*each, largest, must), (tf.range(tf.size(faults)), files, faults, sizes),
                parallel_iterations=1, fn_output_signature=(tf.TensorSpec([], tf.string), *self._outputs()))
            return statuses, labels, probabilities, tf.where((statuses == "")[:, None], sizes, 0)

        def nothing():
            return tf.zeros([0], tf.string), *self._empty(0, [0, 0]), tf.zeros([0, 2], tf.int32)

        return dict(zip(("status", "labels", "probabilities", "sizes"), tf.cond(tf.size(image_bytes) > 0, answer, nothing)))

    def _headers(self, image_bytes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Fault [B] and size [B, 2] of each file by its header, and by what the whole answer would grow to."""
        faults, sizes = tf.map_fn(
            lambda contents: image_files.read_header(contents, self._config.max_bytes, self._config.max_pixels), image_bytes,
            fn_output_signature=(tf.TensorSpec([], tf.string), tf.TensorSpec([2], tf.int32)))
        count = tf.size(faults)

        def grown(largest: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
            wider = tf.maximum(largest, size)
            return tf.where(self._fits(count, wider), wider, largest)

        fit = tf.reduce_all(sizes <= tf.scan(grown, sizes, tf.zeros([2], tf.int32)), axis=1)
        beyond = tf.map_fn(lambda size: self._too_large(count, size), sizes, fn_output_signature=tf.string)
        return tf.where(fit, faults, beyond), tf.where(fit[:, None], sizes, 0)

    def _one(self, index: tf.Tensor, contents: tf.Tensor, fault: tf.Tensor, size: tf.Tensor, largest: tf.Tensor,
             must: bool) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Status, labels and probabilities of one file, filled up to the largest size."""
        fault, image = tf.cond(fault == "", lambda: image_files.decode(contents, size),
                               lambda: (fault, tf.zeros([0, 0, 3], tf.uint8)))
        with tf.control_dependencies([_refuse(fault, index)] if must else []):
            image = tf.identity(image)
        return fault, *tf.cond(fault == "", lambda: self._segment(image, largest), lambda: self._empty(None, largest))

    def _segment(self, image: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Labels and probabilities of one image, filled up to a size."""
        probabilities = self._dense(image)
        labels = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
        rows, columns = tf.unstack(size - tf.shape(labels))
        margin = [[0, rows], [0, columns]]
        labels = tf.pad(labels, margin, constant_values=UNKNOWN)
        return tf.cast(labels, tf.uint8), tf.pad(probabilities, [*margin, [0, 0]])

    def _empty(self, count: int | None, size: Sequence[int] | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Labels and probabilities of nothing: of one image, or of so many."""
        shape = tf.concat([[] if count is None else [count], size], axis=0)
        labels = tf.fill(shape, tf.constant(UNKNOWN, tf.uint8))
        return labels, tf.zeros(tf.concat([shape, [self._classes]], axis=0))

    def _outputs(self) -> tuple[tf.TensorSpec, tf.TensorSpec]:
        return tf.TensorSpec([None, None], tf.uint8), tf.TensorSpec([None, None, self._classes], tf.float32)

    def _fits(self, count: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        return tf.reduce_prod(tf.cast(size, tf.int64)) * tf.cast(count, tf.int64) <= self._config.max_batch_pixels

    def _too_large(self, count: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        return tf.strings.join([
            f"expected at most {self._config.max_batch_pixels} pixels in all images filled up to the largest, found ",
            tf.as_string(count), tf.strings.format(" images and (height, width) {}", size)])


def write_saved_model(folder: Path, net: keras.Model, grid: Grid, test: PredictConfig, config: ExportConfig,
                      class_names: Sequence[str]) -> Path:
    """Writes FOLDER/1, a SavedModel as TensorFlow Serving expects it; returns it.

    Signatures: "serving_default" and "with_status" take "image_bytes", "pixels"
    takes "image"; see ServedSegmenter. Scales, fusion and resizing are those of
    `test`, without CRF. Assets: classes.txt, a name per label, and palette.txt,
    "R G B" per label.

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
        "serving_default": module.from_bytes, "with_status": module.with_status, "pixels": module.from_pixels})
    return target


def _refuse(fault: tf.Tensor, index: tf.Tensor | int) -> tf.Operation:
    """Fails if something is wrong with an image."""
    return tf.debugging.Assert(fault == "", [tf.strings.join(["image ", tf.as_string(index), ": ", fault])])
