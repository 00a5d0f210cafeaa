"""Where Keras's files keep the variables of a net."""

import re

import h5py
import keras

_OLDER = "layer_names"  # attribute of the files before .weights.h5


def variables_of(net: keras.Model, file: h5py.File) -> dict[str, keras.Variable]:
    """Name of a data set -> the variable it fills, for every weight of the net.

    Raises:
      ValueError: a file of the older format with another number of layers.
    """
    return _older(net, file) if _OLDER in file.attrs or "model_weights" in file else _newer(net, "")


def _newer(net: keras.Model, path: str) -> dict[str, keras.Variable]:
    """A .weights.h5 file counts the layers of each class: layers/conv2d_1/vars/0 is the kernel of the second Conv2D."""
    places, counts = {}, {}
    for layer in net.layers:
        kind = _snake_case(type(layer).__name__)
        number = counts[kind] = counts.get(kind, -1) + 1
        inner = f"{path}layers/{kind}_{number}" if number else f"{path}layers/{kind}"
        if isinstance(layer, keras.Model):
            places |= _newer(layer, f"{inner}/")
        else:
            places |= {f"{inner}/vars/{index}": variable for index, variable in enumerate(layer.weights)}
    return places


def _older(net: keras.Model, file: h5py.File) -> dict[str, keras.Variable]:
    """The older format has a group for each layer, which names its arrays in order; only the order is the net's."""
    root = "" if _OLDER in file.attrs else "model_weights/"
    groups = [_text(name) for name in file[root or "/"].attrs[_OLDER]]
    named = [[f"{root}{group}/{_text(name)}" for name in file[f"{root}{group}"].attrs["weight_names"]] for group in groups]
    named = [names for names in named if names]
    layers = [layer for layer in net.layers if layer.weights]
    if [len(names) for names in named] != [len(layer.weights) for layer in layers]:
        counts = [sum(map(len, named)), len(net.weights)]
        raise ValueError(f"{len(named)} layers of {counts[0]} arrays in the file, {len(layers)} of {counts[1]} in the net")
    return {name: variable for names, layer in zip(named, layers) for name, variable in zip(names, layer.weights)}


def _text(name: str | bytes) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else name


def _snake_case(name: str) -> str:
    """As Keras writes class names: "BatchNormalization" -> "batch_normalization"."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
