"""Vision transformer as in DINO, read out at the patches of one block.

Ref: Dosovitskiy et al., ICLR 2021; Caron et al., ICCV 2021.
"""

from pathlib import Path

import keras
import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.nets.settings import VIT_SIZES, VitSize
from wsss_tf.nets.weights import load_weights
from wsss_tf.ops import colour, resize

_EPSILON = 1e-6
_CONVENTION = "torchvision"
_MLP_RATIO = 4
_MORE = 0.1  # DINO adds it to the number of patches before it divides, so that rounding never loses a row
CLS = "cls"


def build(name: str, block: int = -1, facet: str = "key", positions: str = "tf") -> keras.Model:
    """The transformer up to what is read: centred image [B, H, W, 3] -> float32 [B, H / patch, W / patch, width].

    With the facet "cls" it is float32 [B, width]. Nothing beyond the facet of the block is computed, or has weights.

    Args:
      name: one of VIT_SIZES.
      block: from 0, or from the end if negative.
      facet: "key", "query" or "value" of the block's attention, all heads side
        by side, or "token", the block's output, normalised if it is the last, or
        "cls", the same of the [CLS] token.
      positions: how the positional embedding is resized, "tf" (thesis, A3-5)
        or "torch" (DINO).

    Raises:
      InputError: there is no such block.
    """
    size = VIT_SIZES[name]
    if not -size.depth <= block < size.depth:
        raise InputError(f"block={block}: expected 0 to {size.depth - 1}, or -{size.depth} to -1 from the end, for {name}")
    block %= size.depth
    image = keras.Input((None, None, 3), name="image")
    patches = keras.layers.Conv2D(size.width, size.patch, strides=size.patch, name="patches")
    grid = patches(colour.CONVENTIONS[_CONVENTION](image))
    x = Tokens(size.side // size.patch, positions, name="tokens")(grid)
    for number in range(block):
        x = _block(x, size, f"block{number}")
    if facet in ("token", CLS):
        x = _block(x, size, f"block{block}")
        x = _norm(x, "norm") if block == size.depth - 1 else x
    else:
        joint = keras.layers.Dense(3 * size.width, name=f"block{block}_qkv")(_norm(x, f"block{block}_norm1"))
        x = keras.ops.split(joint, 3, axis=-1)[("query", "key", "value").index(facet)]
    if facet == CLS:
        return keras.Model(image, x[:, 0], name=name)
    return keras.Model(image, Untokens(name="untokens")([x, grid]), name=name)


def load(name: str, path: Path, block: int = -1, facet: str = "key", positions: str = "tf") -> keras.Model:
    """The transformer up to a facet, with weights from the .weights.h5 file of a whole one; see `build`.

    Raises:
      InputError: no such block, no such file, or one of another net or input.
    """
    whole = build(name, facet=CLS)
    load_weights(whole, path, _CONVENTION)
    return read_out(whole, block, facet, positions)


def read_out(whole: keras.Model, block: int = -1, facet: str = "key", positions: str = "tf") -> keras.Model:
    """The transformer up to another facet, with the weights of a whole one (of facet "token" or "cls"); see `build`.

    Raises:
      InputError: there is no such block.
    """
    part = build(whole.name, block, facet, positions)
    for layer in part.layers:
        if layer.weights:
            layer.set_weights(whole.get_layer(layer.name).get_weights())
    return part


def _block(x: keras.KerasTensor, size: VitSize, name: str) -> keras.KerasTensor:
    """x + attention, then x + perceptron, each on normalised tokens."""
    joint = keras.layers.Dense(3 * size.width, name=f"{name}_qkv")(_norm(x, f"{name}_norm1"))
    mixed = Attention(size.heads, name=f"{name}_attention")(joint)
    x = keras.layers.Add(name=f"{name}_add1")([x, keras.layers.Dense(size.width, name=f"{name}_proj")(mixed)])
    hidden = keras.layers.Dense(_MLP_RATIO * size.width, name=f"{name}_fc1")(_norm(x, f"{name}_norm2"))
    hidden = keras.layers.Activation(_gelu, name=f"{name}_gelu")(hidden)
    return keras.layers.Add(name=f"{name}_add2")([x, keras.layers.Dense(size.width, name=f"{name}_fc2")(hidden)])


def _norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.LayerNormalization(epsilon=_EPSILON, name=name)(x)


def _gelu(x: tf.Tensor) -> tf.Tensor:
    return keras.ops.gelu(x, approximate=False)


class Tokens(keras.layers.Layer):
    """Patches [B, h, w, D] -> tokens [B, 1 + h w, D]: [CLS] first, positions added."""

    def __init__(self, trained_side: int, rule: str, **kwargs):
        """The positional embedding was learned on trained_side x trained_side patches; `rule` resizes it."""
        super().__init__(**kwargs)
        self.trained_side, self.rule = trained_side, rule

    def build(self, shape) -> None:
        """Creates [CLS] and the positional embedding."""
        start = keras.initializers.TruncatedNormal(stddev=0.02)
        self.cls = self.add_weight(name="cls", shape=[1, 1, shape[-1]], initializer=start)
        self.positions = self.add_weight(name="positions", shape=[1, 1 + self.trained_side**2, shape[-1]],
                                         initializer=start, autocast=False)  # resized in float32, whatever is computed in

    def call(self, grid):
        """See the class."""
        batch, height, width = tf.unstack(tf.shape(grid)[:3])
        patches = tf.reshape(grid, [batch, height * width, grid.shape[-1]])
        cls = tf.repeat(tf.convert_to_tensor(self.cls), batch, axis=0)
        return tf.concat([cls, patches], axis=1) + tf.cast(self.resized(height, width), grid.dtype)

    def resized(self, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
        """The positional embedding for so many patches: float32 [1, 1 + height * width, D]."""
        side = self.trained_side
        positions = tf.convert_to_tensor(self.positions)
        learned = tf.reshape(positions[:, 1:], [1, side, side, positions.shape[-1]])
        if self.rule == "torch":
            # In double precision as in DINO: the last bit of a step moves the far end by more than the tolerance.
            steps = [side / (tf.cast(count, tf.float64) + _MORE) for count in (height, width)]
            other = resize.bicubic(learned, (height, width), [tf.cast(step, tf.float32) for step in steps])
        else:
            other = tf.image.resize(learned, (height, width), "bicubic", antialias=False)
        other = tf.reshape(other, [1, height * width, positions.shape[-1]])
        # Both rules leave the embedding alone where it fits; DINO's would otherwise shift it a little.
        fits = tf.logical_and(tf.equal(height, side), tf.equal(width, side))
        return tf.concat([positions[:, :1], tf.cond(fits, lambda: positions[:, 1:], lambda: other)], axis=1)

    def compute_output_shape(self, shape):
        """Tokens, as many as there are patches and one more."""
        count = None if None in shape[1:3] else 1 + shape[1] * shape[2]
        return (shape[0], count, shape[-1])


class Attention(keras.layers.Layer):
    """Joint queries, keys and values [B, T, 3 D] -> mixed values [B, T, D], one head after the other.

    Only one T x T matrix per image is alive at a time, not one for every head;
    in training all are, as the gradient needs them.
    """

    def __init__(self, heads: int, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads

    def call(self, joint, training=False):
        """See the class."""
        batch, length = tf.unstack(tf.shape(joint)[:2])
        depth = joint.shape[-1] // 3 // self.heads
        parts = tf.reshape(joint, [batch, length, 3, self.heads, depth])
        query, key, value = tf.unstack(tf.transpose(parts, [2, 3, 0, 1, 4]))  # each [heads, B, T, depth]

        def mix(head):
            weights = tf.nn.softmax(tf.matmul(head[0], head[1], transpose_b=True) * depth**-0.5)
            return tf.matmul(weights, head[2])

        if training:
            mixed = mix((query, key, value))
        else:
            mixed = tf.map_fn(mix, (query, key, value), parallel_iterations=1, fn_output_signature=joint.dtype)
        return tf.reshape(tf.transpose(mixed, [1, 2, 0, 3]), [batch, length, self.heads * depth])

    def compute_output_shape(self, shape):
        """A third of the input."""
        return (*shape[:-1], shape[-1] // 3)


class Untokens(keras.layers.Layer):
    """Tokens [B, 1 + h w, D] and patches [B, h, w, .] -> the patches' tokens [B, h, w, D], without [CLS]."""

    def call(self, inputs):
        """See the class."""
        tokens, grid = inputs
        batch, height, width = tf.unstack(tf.shape(grid)[:3])
        return tf.reshape(tokens[:, 1:], [batch, height, width, tokens.shape[-1]])

    def compute_output_shape(self, shapes):
        """The grid of the patches."""
        return (*shapes[1][:3], shapes[0][-1])
