"""The projection head of self-distillation, on the [CLS] token of a transformer.

Ref: Caron et al., ICCV 2021, section 3.2 and appendix C.
"""

import keras
import tensorflow as tf

LAST = "directions"  # name of the last layer, which begins to learn later than the rest
_TINY = 1e-12  # keeps a direction of zeros from becoming nan


def add_projection(trunk: keras.Model, outputs: int, hidden: int, bottleneck: int) -> keras.Model:
    """A trunk and its head: centred image [B, H, W, 3] -> logits float32 [B, outputs] in -1..1.

    Three fully connected layers with GELU between them, normalised to unit
    length, then the cosine to each of the learned directions.

    Args:
      trunk: image -> float32 [B, D].
      outputs: K, number of directions.
      hidden: width of the hidden layers.
      bottleneck: width of what is normalised.
    """
    start = keras.initializers.TruncatedNormal(stddev=0.02)
    image = keras.Input((None, None, 3), name="image")
    x = trunk(image)
    for number, (width, activation) in enumerate(((hidden, "gelu"), (hidden, "gelu"), (bottleneck, None))):
        x = keras.layers.Dense(width, activation, kernel_initializer=start, name=f"head_fc{number}")(x)
    x = keras.layers.UnitNormalization(dtype="float32", name="head_norm")(x)
    return keras.Model(image, Directions(outputs, dtype="float32", name=LAST)(x), name="self_distillation")


class Directions(keras.layers.Layer):
    """Weight-normalised and without bias: unit vectors [B, D] -> their cosines to K learned directions [B, K]."""

    def __init__(self, outputs: int, **kwargs):
        super().__init__(**kwargs)
        self.outputs = outputs

    def build(self, shape) -> None:
        """Creates the directions, whose length is without effect."""
        start = keras.initializers.TruncatedNormal(stddev=0.02)
        self.kernel = self.add_weight(name="kernel", shape=[shape[-1], self.outputs], initializer=start)

    def call(self, x):
        """See the class."""
        kernel = tf.convert_to_tensor(self.kernel)
        return tf.matmul(x, kernel / (tf.norm(kernel, axis=0, keepdims=True) + _TINY))

    def compute_output_shape(self, shape):
        """One cosine for each direction."""
        return (*shape[:-1], self.outputs)
