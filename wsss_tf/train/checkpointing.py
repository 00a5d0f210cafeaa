"""Checkpoints of a training run: net, optimizer, step and the method's own state together."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import keras
import tensorflow as tf

from wsss_tf.errors import InputError

# What TensorFlow raises for a damaged file, or for one of another net.
_UNUSABLE = (tf.errors.OpError, IndexError, ValueError, AssertionError)


class Checkpointer:
    """Saves to and restores from one folder; survives being killed at any moment."""

    def __init__(self, folder: Path, net: keras.Model, optimizer: keras.optimizers.Optimizer,
                 state: Mapping[str, object] | None = None):
        """Builds the optimizer, so that restoring can assert that everything was found.

        Args:
          folder: of the checkpoints.
          net: the net that is trained.
          optimizer: counts the steps.
          state: more variables and nets, by name.
        """
        optimizer.build(net.trainable_variables)
        for leftover in folder.glob("*_temp"):  # of a save that was killed
            shutil.rmtree(leftover)
        # Keras does not track the random state of dropout: a resumed run would repeat the masks of the first steps.
        dropout = [variable.value for variable in net.variables if variable.name == "seed_generator_state"]
        self._checkpoint = tf.train.Checkpoint(net=net, optimizer=optimizer, dropout=dropout, **(state or {}))
        # Its counter is a variable, made when first asked for: all workers have to do so together, and only the chief saves.
        self._saves = self._checkpoint.save_counter
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(folder), max_to_keep=2)
        self._optimizer = optimizer

    def restore(self) -> int:
        """Restores the newest intact checkpoint; returns its step, 0 without any.

        Raises:
          InputError: there are checkpoints, but none that can be used.
        """
        for path in reversed(self._manager.checkpoints):
            try:
                self._checkpoint.restore(path).assert_consumed()
                return int(self._optimizer.iterations.numpy())
            except _UNUSABLE:  # truncated by a crash of the machine: take the one before
                print(f"{path}: this checkpoint is damaged, falling back to the one before")
        if self._manager.checkpoints:
            raise InputError(f"{self._manager.directory}: its checkpoints are damaged, or of another version of the "
                             "program: remove the folder to train from the start")
        return 0

    @property
    def newest(self) -> str | None:
        """Path of the newest checkpoint, None without any."""
        return self._manager.latest_checkpoint

    def save(self, number: int) -> None:
        """Saves the present state under a number, which must be higher than those before.

        Raises:
          InputError: it cannot be written.
        """
        try:
            self._manager.save(checkpoint_number=number)
        except tf.errors.OpError as error:
            reason = error.message.rpartition("; ")[2]
            raise InputError(f"{self._manager.directory}: cannot save a checkpoint ({reason}): free some space or "
                             "mend the folder, and run again: it goes on from the checkpoint before") from error


def load_net(net: keras.Model, checkpoint: str) -> None:
    """Gives a net the weights of one checkpoint, and nothing else of it.

    Raises:
      InputError: it is damaged, or of another net.
    """
    try:
        tf.train.Checkpoint(net=net).restore(checkpoint).assert_existing_objects_matched().expect_partial()
    except _UNUSABLE as error:
        raise InputError(f"{checkpoint}: damaged, or of another net: remove its files") from error
