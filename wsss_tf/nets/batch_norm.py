"""What the batch norms of a backbone do in training (BackboneConfig.batch_norm)."""

import keras
import tensorflow as tf

from wsss_tf.nets.torch_layers import FixedNorm


def settle(net: keras.Model, batch_norm: str, still: tuple[str, ...] = ()) -> None:
    """Freezes what of a net does not learn.

    Args:
      net: whose layers are made.
      batch_norm: "frozen": no batch norm changes; "trained": the statistics of
        all of them follow the batches of all replicas together, and gamma and
        beta learn except in still layers; "usual" leaves them as they were made.
      still: beginnings of the names of layers that do not learn.
    """
    for layer in net.layers:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        if norm and batch_norm == "trained":
            _train(layer, layer.name.startswith(still))
        elif layer.name.startswith(still) or (norm and batch_norm == "frozen"):
            layer.trainable = False


def _train(layer: keras.layers.BatchNormalization, still: bool) -> None:
    layer.synchronized = tf.distribute.get_strategy().num_replicas_in_sync > 1
    if isinstance(layer, FixedNorm):
        layer.fixed = False
    if still:  # the layer itself has to be trainable, or its statistics would stay
        layer.gamma.trainable = layer.beta.trainable = False
