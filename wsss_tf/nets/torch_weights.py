"""Arrays under PyTorch's names -> the layers of a net whose layers bear the same names, with _ for each dot."""

from collections.abc import Mapping

import keras
import numpy as np

from wsss_tf.errors import InputError

_PARTS = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
          "moving_variance": "running_var", "cls": "cls", "positions": "positions"}
_AXES = {4: (2, 3, 1, 0), 2: (1, 0)}  # kernels: [out, in, h, w] -> [h, w, in, out], [out, in] -> [in, out]


def fill(net: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Fills every weight of a net, or none; save_weights then makes the file that the flags take.

    Args:
      net: layer "layer1_0_conv1" takes the arrays "layer1.0.conv1.*".
      arrays: PyTorch's state dictionary in NumPy, kernels [out, in, h, w] and
        [out, in], without the classification layer and the counters of the batch norms.

    Raises:
      InputError: arrays are missing, left over, or of another shape; all of them are named.
    """
    given, wanted = {key(name): name for name in arrays}, variables(net)
    wrong = [f"{name} is missing" for name in wanted if name not in given]
    wrong += [f"{name} is left over" for ours, name in given.items() if ours not in wanted]
    wrong += [f"{name} has the place of another array" for name in arrays if given[key(name)] != name]
    fitting = {}
    for name in wanted.keys() & given.keys():
        array = np.asarray(arrays[given[name]])
        array = array.transpose(_AXES.get(array.ndim, range(array.ndim)))
        if array.shape != tuple(wanted[name].shape):
            wrong.append(f"{given[name]}: expected {tuple(wanted[name].shape)}, found {array.shape}")
        fitting[name] = array
    if wrong:
        raise InputError(f"these arrays are not those of the net {net.name} ({'; '.join(wrong)}): give all of its own "
                         "and no others")
    for name, array in fitting.items():
        wanted[name].assign(array)


def variables(net: keras.Model) -> dict[str, keras.Variable]:
    """The weights of a net under key(PyTorch's name)."""
    return {f"{layer.name}.{_PARTS[weight.name]}": weight for layer in net.layers for weight in layer.weights}


def key(name: str) -> str:
    """PyTorch's name with our layer's: "layer1.0.conv1.weight" -> "layer1_0_conv1.weight"."""
    return name.replace(".", "_", name.count(".") - 1)
