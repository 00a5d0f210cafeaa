"""A published file -> our net with its weights -> <name>.weights.h5, which says where it comes from."""

from pathlib import Path

import keras
import numpy as np

from wsss_tf.checkpoints import names
from wsss_tf.checkpoints.manifest import Checkpoint
from wsss_tf.errors import InputError
from wsss_tf.formats import mxnet, pytorch, safetensors
from wsss_tf.nets import torch_weights, vgg, vit
from wsss_tf.nets.backbone import BACKBONES
from wsss_tf.nets.origin import Provenance
from wsss_tf.nets.settings import VIT_SIZES
from wsss_tf.nets.weights import save_weights

_STRIDES = {"resnet50_torch": 16, "resnet101_torch": 16}  # of the trunk, on which no weight depends; all others know 8
_READERS = {".safetensors": safetensors.read, ".params": mxnet.read}  # all others are PyTorch's


def build_net(name: str, weights: str = "none") -> keras.Model:
    """The net whose weights a converted file holds: a whole transformer, a backbone, or one with thinned layers above."""
    if name in VIT_SIZES:
        return vit.build(name, facet=vit.CLS)
    if name == vgg.REDUCED:
        return vgg.build_reduced(weights)
    return BACKBONES[name](_STRIDES.get(name, 8), weights)


def read_arrays(checkpoint: Checkpoint, source: Path) -> dict[str, np.ndarray]:
    """The arrays of the trunk under their published names, without the checkpoint's prefix.

    Raises:
      InputError: a damaged file, or one that lacks these arrays.
    """
    if not source.is_file():
        raise InputError(f"{source}: no such file: expected {checkpoint.file} of {checkpoint.name}")
    prefix = checkpoint.prefix
    if source.suffix in _READERS:  # which know no nested dictionaries
        return _READERS[source.suffix](source, prefix.rpartition("/")[2])
    return pytorch.read(source, prefix)


def converted_net(checkpoint: Checkpoint, source: Path) -> keras.Model:
    """Our net with the weights of a published file.

    Raises:
      InputError: arrays are missing, unknown or of another shape; all of them are named, and nothing is filled.
    """
    if checkpoint.names == "keras":
        return build_net(checkpoint.net, str(source))
    net = build_net(checkpoint.net)
    fill_net(net, read_arrays(checkpoint, source), checkpoint, source)
    return net


def fill_net(net: keras.Model, arrays: dict[str, np.ndarray], checkpoint: Checkpoint, source: Path) -> None:
    """Fills our net with arrays under their published names.

    Raises:
      InputError: as in converted_net.
    """
    translated, unknown = names.ours(list(arrays), checkpoint.names, checkpoint.without)
    if unknown:
        raise InputError(f"{source}: expected {checkpoint.name}, found arrays that it does not have ({', '.join(unknown)}): "
                         "give the published file")
    try:
        torch_weights.fill(net, {ours: arrays[name] for name, ours in translated.items()})
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def save_converted(checkpoint: Checkpoint, net: keras.Model, source_sha256: str, path: Path) -> None:
    """Writes the .weights.h5 file, which says where it comes from."""
    save_weights(net, path, Provenance(checkpoint.name, checkpoint.net, checkpoint.convention, checkpoint.supervision,
                                       source_sha256))
