"""What the training engine asks of a method."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import keras
import tensorflow as tf

Batch = dict[str, tf.Tensor]
"""One batch of the training stream (wsss_tf.data.stream.pipeline):

  image   float32 [B, S, S, 3]  centred RGB, 0 outside the photo
  tags    float32 [B, C]        0 and 1
  target  int32   [B, S, S]     saliency or pseudo-label, 255 outside the photo;
                                only if the stage gave a folder of targets
  seed    int32   [B, 2]        what a method draws for an example comes from this,
                                so that it does not depend on who shares its batch
"""


class Method(Protocol):
    """A net to train and the losses that train it."""

    net: keras.Model
    """The net whose trainable variables the engine updates."""

    def losses(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Losses per example, each float32 [B]; the engine minimises the mean of "loss" and logs those of all.

        A StatefulMethod may add vectors [B, K], whose means it gets after the step.

        Args:
          batch: see Batch; its seeds are the only source of randomness besides dropout.
        """

    def preview(self, batch: Batch) -> tf.Tensor:
        """Pictures for the log: uint8 [B, S, S, 3], what the net sees in the batch."""


@runtime_checkable
class StatefulMethod(Method, Protocol):
    """A method that has variables beside those of its net, and changes them after each step."""

    state: Mapping[str, object]
    """Variables and nets by name, saved with every checkpoint."""

    def after_step(self, means: dict[str, tf.Tensor]) -> None:
        """Runs within the compiled step, after the net's variables have been updated, once for all replicas.

        Args:
          means: over the batch, of what `losses` gave; vectors are not logged.
        """
