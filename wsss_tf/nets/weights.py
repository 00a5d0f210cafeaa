"""Weights files: every variable of a net is filled exactly once, or none is and the file is refused."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np

from wsss_tf.config import expand_path
from wsss_tf.errors import InputError, reason
from wsss_tf.files.store import writing
from wsss_tf.formats import hdf5
from wsss_tf.formats.arrays import sound
from wsss_tf.nets.origin import ATTRIBUTE, Provenance, provenance
from wsss_tf.nets.places import variables_of

_BESIDE = re.compile("optimizer|.*seed_generator")  # what a file may hold beside weights


def load_backbone_weights(model: keras.Model, source: str, application: Callable[..., keras.Model],
                          with_top: bool = False) -> None:
    """Fills a keras.applications model from "imagenet" or a local file.

    Args:
      model: the model to fill.
      source: "imagenet" (Keras's download) or a path of a Keras .h5 file, in
        which ${VARIABLE} is expanded.
      application: the keras.applications function that knows the download.
      with_top: whether the model has the fully connected layers.

    Raises:
      InputError: no such file, a file for another net, or no network.
    """
    if source == "imagenet":
        try:
            pretrained = application(include_top=with_top, weights="imagenet")
        except Exception as error:  # Keras wraps network errors in plain Exception.
            raise InputError(f"weights=imagenet: Keras could not download the weights ({error}): "
                             "give a local file with --cls_weights=FILE.h5 and --seg_weights=FILE.h5") from error
        model.set_weights(pretrained.get_weights())
        return
    load_weights(model, expand_path(source))


def load_trunk_weights(trunk: keras.Model, source: str, convention: str, name: str = "") -> bool:
    """Fills a trunk from a file that was written for this very trunk, for one by `wsss weights`; says if it was.

    Args:
      trunk: the trunk to fill.
      source: a path of a .weights.h5 file, in which ${VARIABLE} is expanded;
        "none" and "imagenet" leave the trunk alone, and so does a file that
        does not say where it comes from.
      convention: the input that the trunk gives its weights.
      name: the trunk's name, if its model bears another one.

    Raises:
      InputError: the file is for another net, or for another input.
    """
    if source in ("none", "imagenet"):
        return False
    path = expand_path(source)
    if provenance(path) is None:
        return False
    load_weights(trunk, path, convention, name)
    return True


def load_converted_weights(trunk: keras.Model, source: str, convention: str, checkpoint: str) -> None:
    """Fills a trunk that keras.applications does not have from "none" or a local file.

    Args:
      trunk: the trunk to fill.
      source: "none" (keeps the random start) or a path of a .weights.h5 file,
        in which ${VARIABLE} is expanded.
      convention: the input that the trunk gives its weights.
      checkpoint: the published weights to take, by their name in checkpoints/manifest.json.

    Raises:
      InputError: "imagenet", no such file, or one that does not fit the trunk.
    """
    if source == "none":
        return
    if source == "imagenet":
        raise InputError(f"weights=imagenet: Keras has none to download for {trunk.name}: run `wsss weights fetch "
                         f"{checkpoint}` and give the file with --cls_weights=FILE.weights.h5 and "
                         "--seg_weights=FILE.weights.h5")
    load_weights(trunk, expand_path(source), convention)


def load_weights(net: keras.Model, path: Path, convention: str = "", name: str = "") -> None:
    """Fills a net from a Keras .h5 file made for the same architecture; on any error the net stays as it was.

    Args:
      net: the net to fill.
      path: a .weights.h5 file, or one of Keras's older .h5 format.
      convention: the input that the net gives its weights, if that matters.
      name: the net's name in converted files, if its model bears another one.

    Raises:
      InputError: no such file, one that lacks arrays, has too many or others
        (all are named), NaN or infinity in it, or one that says that it is for
        another net or input.
    """
    origin = provenance(path)
    name = name or net.name
    if origin and origin.net != name:
        raise InputError(f"{path}: these are weights for the net {origin.net} ({origin.checkpoint}), expected some for "
                         f"{name}: choose another file, or the net that it is for")
    if origin and convention and origin.convention != convention:
        raise InputError(f"{path}: these weights ({origin.checkpoint}) were trained on {origin.convention} images, but {name} "
                         f"gives its weights {convention} ones: choose another file, or the net that it is for")
    try:
        arrays = _fitting(net, path)
    except Exception as error:  # h5py has one of its own for every kind of damage
        raise InputError(f"{path}: these weights do not fit the net {net.name} ({reason(error)}): "
                         "give the file of the same architecture and number of classes") from error
    for variable, array in arrays:
        variable.assign(array)


def save_weights(net: keras.Model, path: Path, origin: Provenance | None = None) -> None:
    """Writes <name>.weights.h5 atomically; converted weights say where they come from."""
    with writing(path) as temporary:
        # Keras insists on the double suffix, which `writing` would split.
        renamed = temporary.with_name(temporary.name + ".weights.h5")
        try:
            net.save_weights(renamed)
            if origin:
                with h5py.File(renamed, "r+") as file:
                    file.attrs[ATTRIBUTE] = json.dumps(dataclasses.asdict(origin))
            renamed.replace(temporary)
        finally:
            renamed.unlink(missing_ok=True)


def _fitting(net: keras.Model, path: Path) -> list[tuple[keras.Variable, np.ndarray]]:
    """Each variable with its array, if the file has these arrays and no others."""
    with hdf5.arrays(path) as (file, found):
        wanted = variables_of(net, file)
        surplus = [name for name in found if name not in wanted and not _BESIDE.match(name)]
        wrong = [f"{variable.path} is missing" for name, variable in wanted.items() if name not in found]
        wrong += [f"{name} is left over" for name in surplus]
        wrong += [f"{variable.path}: expected {tuple(variable.shape)}, found {found[name].shape}"
                  for name, variable in wanted.items() if name in found and found[name].shape != tuple(variable.shape)]
        if wrong:
            raise ValueError("; ".join(wrong))
        return [(variable, sound(variable.path, found[name][()])) for name, variable in wanted.items()]
