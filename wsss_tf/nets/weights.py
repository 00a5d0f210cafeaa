"""Weights files: ours are exact or refused, pretrained trunks likewise."""

import warnings
from collections.abc import Callable
from pathlib import Path

import h5py
import keras

from wsss_tf.config import expand_path
from wsss_tf.data.store import writing
from wsss_tf.errors import InputError


def load_backbone_weights(model: keras.Model, source: str, application: Callable[..., keras.Model]) -> None:
    """Fills a keras.applications model from "none", "imagenet" or a local file.

    Args:
      model: the model to fill.
      source: "none" (keeps the random start), "imagenet" (Keras's download) or
        a path of a Keras .h5 file, in which ${VARIABLE} is expanded.
      application: the keras.applications function that knows the download.

    Raises:
      InputError: no such file, a file for another net, or no network.
    """
    if source == "none":
        return
    if source == "imagenet":
        try:
            pretrained = application(include_top=False, weights="imagenet")
        except Exception as error:  # Keras wraps network errors in plain Exception.
            raise InputError(f"weights=imagenet: Keras could not download the weights ({error}): "
                             "give a local file with --cls_weights=FILE.h5 and --seg_weights=FILE.h5") from error
        model.set_weights(pretrained.get_weights())
        return
    load_weights(model, expand_path(source))


def load_converted_weights(trunk: keras.Model, source: str, origin: str) -> None:
    """Fills a trunk that keras.applications does not have from "none" or a local file.

    Args:
      trunk: the trunk to fill.
      source: "none" (keeps the random start) or a path of a Keras .h5 file, in
        which ${VARIABLE} is expanded.
      origin: the published weights that can be converted, in words.

    Raises:
      InputError: "imagenet", no such file, or one that does not fit the trunk.
    """
    if source == "none":
        return
    if source == "imagenet":
        raise InputError(f"weights=imagenet: Keras has none to download for {trunk.name}: convert {origin} with "
                         "wsss_tf.nets.torch_weights and give the file with --cls_weights=FILE.weights.h5 and "
                         "--seg_weights=FILE.weights.h5")
    load_weights(trunk, expand_path(source))


def load_weights(model: keras.Model, path: Path) -> None:
    """Fills a model from a .h5 file made for the same architecture.

    Raises:
      InputError: no such file, or one that does not fit the model.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such weights file: check the path, or run the stage that writes it")
    try:
        _refuse_surplus(model, path)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Skipping nested container")  # a hundred lines before the error itself
            model.load_weights(path)
    except Exception as error:  # h5py has one of its own for every kind of damage
        reason = (str(error) or repr(error)).splitlines()[0]
        raise InputError(f"{path}: these weights do not fit the net {model.name} ({reason}): "
                         "give the file of the same architecture and number of classes") from error


def save_weights(model: keras.Model, path: Path) -> None:
    """Writes <name>.weights.h5 atomically."""
    with writing(path) as temporary:
        # Keras insists on the double suffix, which `writing` would split.
        renamed = temporary.with_name(temporary.name + ".weights.h5")
        try:
            model.save_weights(renamed)
            renamed.replace(temporary)
        finally:
            renamed.unlink(missing_ok=True)


def _refuse_surplus(model: keras.Model, path: Path) -> None:
    """Keras itself complains of arrays that a .weights.h5 lacks, not of those it has too many."""
    names = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    arrays = sum(name.startswith("layers/") and "seed_generator" not in name for name in names)
    if arrays > len(model.weights):  # files of the older format have no "layers"; Keras counts theirs
        raise ValueError(f"{arrays} arrays in the file, {len(model.weights)} in the net")
