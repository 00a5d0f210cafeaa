"""Segmentation by image masking, the method of thesis chapter 2 (section 2.3.3)."""


import keras
import tensorflow as tf

from wsss_tf.data.stream.maps import LABELS
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.ops import colour, resize
from wsss_tf.systems import losses, segmenter
from wsss_tf.systems.class_maps import scores
from wsss_tf.systems.masking.settings import MaskingConfig
from wsss_tf.systems.segmenter import build_segmenter
from wsss_tf.systems.settings import SegmenterConfig
from wsss_tf.train.contract import Batch


def attention_map(logits: tf.Tensor, erased: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Attention map F = 1 - sum of the probabilities of the erased classes.

    Args:
      logits: float32 [B, h, w, C+1], scale-1 output of the segmentation net.
      erased: float32 [B, C], t * b: 1 for present classes to be erased.
      size: (height, width) of the image; logits are upsampled before the
        softmax (A2-9).

    Returns:
      float32 [B, H, W, 1] in 0..1.

    Ref: thesis eq. 2.8.
    """
    probability = tf.nn.softmax(resize.bilinear(logits, size))[..., 1:]
    return 1.0 - tf.reduce_sum(probability * erased[:, None, None, :], axis=-1, keepdims=True)


def masked(image: tf.Tensor, attention: tf.Tensor, mean: tuple[float, float, float]) -> tf.Tensor:
    """The masked image I', as if F (I - mu) + mu were a photo.

    Args:
      image: float32 [B, H, W, 3], centred.
      attention: float32 [B, H, W, 1] attention map F.
      mean: colour mu of what is erased, RGB in 0..255.

    Returns:
      float32 [B, H, W, 3], centred as every net takes it; where F is 0 and mu is
      the mean colour of the nets it is 0.

    Ref: thesis eq. 2.9.
    """
    if mean == colour.MEAN_COLOUR:
        return attention * image
    fill = tf.constant(mean) - tf.constant(colour.MEAN_COLOUR)
    return attention * (image - fill) + fill


def random_erasure(tags: tf.Tensor, seeds: tf.Tensor, path: int) -> tf.Tensor:
    """Present classes to erase, t * b with b i.i.d. Bernoulli(0.5), another b for each path (A2-12).

    Args:
      tags: float32 [B, C] of 0 and 1.
      seeds: int32 [B, 2], one per example.
      path: number of the classification path.

    Returns:
      float32 [B, C].
    """

    def draw(seed):
        return tf.random.stateless_uniform(tf.shape(tags)[1:], tf.random.fold_in(seed, 1 + path))

    draws = tf.map_fn(draw, seeds, fn_output_signature=tf.float32)
    return tags * tf.cast(draws < 0.5, tags.dtype)


class ImageMasking:
    """Learns from saliency where objects are and from a frozen classifier which they are."""

    reads = {"target": LABELS}

    def __init__(self, backbone: BackboneConfig, head: SegmenterConfig, config: MaskingConfig, num_classes: int,
                 classifier: keras.Model | None, mean: tuple[float, float, float] = colour.MEAN_COLOUR):
        """Builds the segmentation net.

        Args:
          backbone: trunk of the segmentation net.
          head: its ASPP and input scales; the first scale must be 1.
          config: the attention loss.
          num_classes: C.
          classifier: trained classifier with the "cam" endpoint; frozen here.
            None if the attention weight is 0.
          mean: colour mu of what is erased, RGB in 0..255; that of the training
            photos if config.mean says so.
        """
        self.net = build_segmenter(backbone, head, num_classes)
        self._head, self._config, self._classifier = head, config, classifier
        self._mean_over, self._colour = losses.MEANS[head.average], mean
        if classifier is not None:
            classifier.trainable = False

    def losses(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Saliency loss over scales plus the weighted mean attention loss (eqs 2.7-2.12)."""
        tags = batch["tags"]
        outputs = segmenter.logits_at_scales(self.net, batch["image"], self._head)
        result = {"saliency_loss": segmenter.sum_over_scales(
            outputs, batch["target"], self._head.target_pixel,
            lambda logits, target: losses.saliency_loss(logits, target, tags, self._mean_over))}
        result["loss"] = result["saliency_loss"]
        if self._config.attention_weight > 0:
            result["attention_loss"] = self._attention_loss(batch, outputs[0])
            result["loss"] += self._config.attention_weight * result["attention_loss"]
        return result

    def _attention_loss(self, batch: Batch, logits: tf.Tensor) -> tf.Tensor:
        image, tags = batch["image"], batch["tags"]
        size = tf.shape(image)[1:3]
        paths = []
        for path in range(self._config.paths):
            erased = random_erasure(tags, batch["seed"], path)
            shown = masked(image, attention_map(logits, erased, size), self._colour)
            cam = self._classifier(shown, training=False)["cam"]
            paths.append(losses.attention_loss(scores(cam), tags - erased, tags, self._mean_over))
        return tf.add_n(paths) / len(paths)

    def preview(self, batch: Batch) -> tf.Tensor:
        """Predicted labels in VOC colours."""
        return segmenter.preview(self.net, batch)
