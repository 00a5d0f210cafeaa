"""What the training engine asks of a method."""

from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

import keras
import tensorflow as tf

from wsss_tf.data.stream.maps import MapKind

Batch = dict[str, tf.Tensor]
"""One batch of the training stream (wsss_tf.data.stream.pipeline):

  image   float32 [B, S, S, 3]  centred RGB, 0 outside the photo; S may differ from batch to batch
  tags    float32 [B, C]        0 and 1; C is 0 for a data set without tags
  seed    int32   [B, 2]        what a method draws for an example comes from this,
                                so that it does not depend on who shares its batch

and what the method reads: each map [B, S, S] as its kind says (wsss_tf.data.stream.maps),
and each array that the stage gave, [B, ...].
"""


class Method(Protocol):
    """A net to train and the losses that train it."""

    net: keras.Model
    """The net whose trainable variables the engine updates."""

    reads: Mapping[str, MapKind]
    """The maps that move with the photos, by their entries in the batch."""

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


@runtime_checkable
class FinishingMethod(Method, Protocol):
    """A method that has something to do after the last step."""

    def finish(self, photos: Iterator[tf.Tensor]) -> None:
        """Sets variables of the net or of the method's state, which are then saved.

        Runs once, outside of any step; a training that is killed meanwhile does
        it again from its start. Several workers all do it, each by itself.

        Args:
          photos: of training, whole and not augmented, in the order of the
            examples: centred float32 [1, H, W, 3] each.
        """
