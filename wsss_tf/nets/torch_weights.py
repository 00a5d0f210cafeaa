"""Arrays under PyTorch's names -> the layers of a net whose layers bear the same names, with _ for each dot."""

from collections.abc import Mapping

import keras
import numpy as np

from wsss_tf.errors import InputError

_PARTS = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
          "moving_variance": "running_var"}


def fill(net: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Fills every weight of a convolutional net; save_weights then makes the file that the flags take.

    Args:
      net: layer "layer1_0_conv1" takes the arrays "layer1.0.conv1.*".
      arrays: PyTorch's state dictionary in NumPy, kernels [out, in, h, w],
        without the classification layer and the counters of the batch norms.

    Raises:
      InputError: an array is missing, left over, or of another shape.
    """
    given, wanted = {key(name): name for name in arrays}, variables(net)
    for name in wanted.keys() - given.keys():
        raise InputError(f"{name}: {net.name} has it, but the arrays do not: give all of this net")
    for name in given.keys() - wanted.keys():
        raise InputError(f"{given[name]}: {net.name} has no such array: leave it out, or give those of this net")
    for name, variable in wanted.items():
        array = np.asarray(arrays[given[name]])
        array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
        if array.shape != tuple(variable.shape):
            raise InputError(f"{given[name]}: expected {tuple(variable.shape)} for {net.name}, found {array.shape}: "
                             "give the arrays of this net")
        variable.assign(array)


def variables(net: keras.Model) -> dict[str, keras.Variable]:
    """The weights of a net under key(PyTorch's name)."""
    return {f"{layer.name}.{_PARTS[weight.name]}": weight for layer in net.layers for weight in layer.weights}


def key(name: str) -> str:
    """PyTorch's name with our layer's: "layer1.0.conv1.weight" -> "layer1_0_conv1.weight"."""
    return name.replace(".", "_", name.count(".") - 1)
