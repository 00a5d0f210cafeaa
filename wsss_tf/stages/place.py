"""All that the work of a stage may touch."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wsss_tf.example import Dataset, Example
from wsss_tf.parallel.each_image import make_missing
from wsss_tf.stages.settings import Machine

NET = "net.weights.h5"
"""File of the net that a stage has trained."""


@dataclasses.dataclass(frozen=True)
class Place:
    """A folder to fill, what to fill it from, and who helps.

    Attributes:
      folder: of the stage.
      inputs: role -> folder of a finished stage.
      open_dataset: opens the data set of the run.
      seed: of the run.
      machine: who does the work.
    """

    folder: Path
    inputs: Mapping[str, Path]
    open_dataset: Callable[[], Dataset]
    seed: int = 0
    machine: Machine = Machine()

    @property
    def dataset(self) -> Dataset:
        """The data set of the run.

        Raises:
          InputError: see wsss_tf.data.open.open_dataset.
        """
        return self.open_dataset()

    def image_file(self, example: Example, suffix: str = ".png", folder: str = "") -> Path:
        """Where the artefact of one image lies, in a folder below this one if so asked."""
        return self.folder / folder / f"{example.image_id}{suffix}"

    def input_file(self, role: str, example: Example, suffix: str = ".png") -> Path:
        """Where an input's artefact of one image lies."""
        return self.inputs[role] / f"{example.image_id}{suffix}"

    def each_image(self, work: Callable[..., None], arguments: Callable[[Example], tuple], suffix: str = ".png",
                   examples: Sequence[Example] | None = None, folder: str = "") -> dict:
        """Makes what is missing of <image_id><suffix>: calls work(path, *arguments(example)) in the workers.

        Args:
          work: function of a module that imports no TensorFlow.
          arguments: made in this process, where a net may compute them.
          suffix: of the artefacts.
          examples: those of the training split if not given.
          folder: of the artefacts, below this one.

        Returns:
          Results for the manifest: the number of images.

        Raises:
          InputError: some images have failed; all others are done.
        """
        examples = self.dataset.train if examples is None else examples
        make_missing(work, examples, lambda example: self.image_file(example, suffix, folder), arguments, self.folder.name,
                     self.machine)
        return {"images": len(examples)}

    def missing(self, suffix: str = ".png") -> list[Example]:
        """The training images whose artefact is not there yet."""
        return [example for example in self.dataset.train if not self.image_file(example, suffix).exists()]

    def train(self, build: Callable[[], Any], config: Any, crops: Any, maps: Mapping[str, str] | None = None,
              arrays: Mapping[str, Any] | None = None, examples: Sequence[Example] | None = None) -> dict:
        """Trains a method on the training split and saves its net; the same call continues what was interrupted.

        Args:
          build: () -> wsss_tf.train.contract.Method, called where its variables belong.
          config: wsss_tf.train.settings.TrainConfig.
          crops: wsss_tf.data.stream.settings.AugmentConfig.
          maps: entry of the batch -> role of the input that has its <image_id>.png.
          arrays: entry of the batch -> array with one row per example.
          examples: others than the training split.

        Returns:
          The last logged numbers, for the manifest.
        """
        from wsss_tf.train.fit import fit

        files = {entry: functools.partial(self.input_file, role) for entry, role in (maps or {}).items()}
        examples = self.dataset.train if examples is None else tuple(examples)
        return self.trained(build, config, lambda method: fit(
            method, examples, self.dataset.num_classes, files, crops, config, self.seed, self.folder, arrays))

    def trained(self, build: Callable[[], Any], config: Any, run: Callable[[Any], dict]) -> dict:
        """Builds a method on all devices, runs its training and saves its net; beneath `train`, for any stream and optimizer."""
        import keras

        from wsss_tf.nets.weights import save_weights
        from wsss_tf.train.precision import number_format
        from wsss_tf.train.replicas import open_strategy
        from wsss_tf.train.workers import is_chief

        keras.utils.set_random_seed(self.seed)
        with open_strategy(self.machine.replicas).scope(), number_format(config.precision):
            method = build()
            numbers = run(method)
        if is_chief():
            save_weights(getattr(method, "trained", method.net), self.folder / NET)
        return numbers
