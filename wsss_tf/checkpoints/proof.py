"""Proof of a conversion: what the source net and ours answer to the same image."""

import dataclasses
from pathlib import Path

import keras
import numpy as np

from wsss_tf.checkpoints import names, recipe
from wsss_tf.checkpoints.convert import build_net, fill_net, read_arrays
from wsss_tf.checkpoints.manifest import Checkpoint
from wsss_tf.errors import InputError
from wsss_tf.formats import hdf5
from wsss_tf.nets import vgg
from wsss_tf.ops import colour

TOLERANCE = 1e-3  # of the largest value, as the recordings suggest for float32
_SIDE = 97  # of the image, for convolutional nets


@dataclasses.dataclass(frozen=True)
class Recording:
    """Activations of a reference implementation with drawn weights.

    Attributes:
      file: where they are recorded.
      seed: of the recipe.
      scale: of the recipe.
      net: ours, which is to give them.
      names: how its arrays are named, one of names.RULES.
      prefix: of the names of the backbone's arrays.
      layers: our layer -> key of the recording.
    """

    file: str
    seed: int
    scale: float
    net: str
    names: str
    prefix: str
    layers: dict[str, str]


_RESNET = Recording("irn_resnet50_cam", 93, 0.9, "resnet50_torch", "torchvision_resnet", "resnet50.",
                    {"layer3_5_relu3": "stage3"})
_VIT = Recording("vit_s16", 96, 1.0, "vit_s16", "vit", "", {"norm": "tokens"})
RECORDINGS = {
    "vgg16_torch": Recording("vgg16_largefov", 95, 1.4, "vgg16_torch", "caffe_vgg", "",
                             {"block4_conv3": "conv4", "block5_conv3": "conv5"}),
    "resnet101": Recording("deeplabv2_resnet101", 92, 0.7, "resnet101", "caffe_resnet", "",
                           {"conv3_block4_out": "layer3", "conv5_block3_out": "layer5"}),
    "resnet50_torch": _RESNET,
    "resnet101_torch": _RESNET,
    "wrn38": Recording("resnet38d", 94, 0.8, "wrn38", "psa_resnet38", "", {
        "b4_bn_branch2a_relu": "conv3", "b5_bn_branch2a_relu": "conv4", "b6_bn_branch2a_relu": "conv5", "bn7_relu": "conv6"}),
    "vit_s8": _VIT,
    "vit_s16": _VIT,
    "vit_b8": _VIT,
    "vit_b16": _VIT,
}
"""By our net. Where it is not recorded itself, a smaller one of its kind is: the names of its arrays are among the file's."""
# Stock net of Keras, and the last layer before our strides and pools differ from its own.
_KERAS = {"vgg16": (keras.applications.VGG16, "block1_conv2"),
          vgg.REDUCED: (keras.applications.VGG16, "block1_conv2"),
          "resnet50": (keras.applications.ResNet50, "conv3_block4_out"),
          "resnet101": (keras.applications.ResNet101, "conv3_block4_out"),
          "mobilenet": (keras.applications.MobileNetV2, "block_2_add")}


def prove(checkpoint: Checkpoint, source: Path, net: keras.Model, recordings: Path) -> str:
    """Holds a converted net against the strongest reference that there is, and says which and how near it is.

    That is Keras's own net for its files. For all others it is activations that
    were recorded from a public implementation with drawn weights, which go the
    way of the file's.

    Args:
      checkpoint: what was converted.
      source: its published file.
      net: ours, filled.
      recordings: folder of the recorded activations.

    Raises:
      InputError: the net answers otherwise.
    """
    if checkpoint.names == "keras":
        return _beside_keras(checkpoint, source, net)
    recording = RECORDINGS[checkpoint.net]
    path = recordings / f"{recording.file}.npz"
    if not path.is_file():
        return f"every array of {checkpoint.net} found its place; {path} is not here to compare answers with"
    with np.load(path) as recorded:
        return beside_recording(checkpoint, recording, read_arrays(checkpoint, source), dict(recorded))


def beside_recording(checkpoint: Checkpoint, recording: Recording, arrays: dict[str, np.ndarray], recorded: dict) -> str:
    """Draws weights under the published names, converts them and compares with the recording; see prove."""
    parts = (recorded[f"param_{field}"] for field in ("names", "shapes", "kinds"))
    drawn = recipe.draw(*parts, recording.seed, recording.scale)
    given = {name.removeprefix(recording.prefix): array for name, array in drawn.items() if name.startswith(recording.prefix)}
    by_ours = {ours: given[name] for name, ours in names.ours(list(given), recording.names, ())[0].items()}
    translated, _ = names.ours(list(arrays), checkpoint.names, checkpoint.without)
    published = {name: by_ours[ours] for name, ours in translated.items() if ours in by_ours}
    net = build_net(recording.net)
    fill_net(net, published, checkpoint, Path(recording.file))
    image = colour.from_convention(recorded["x"].transpose(0, 2, 3, 1), checkpoint.convention)
    outputs = _outputs(net, list(recording.layers), image)
    worst = 0.0
    for layer, key in recording.layers.items():
        features = outputs[layer]
        pairs = [(features.mean(axis=tuple(range(2, features.ndim))), f"{key}_mean"), (features, f"{key}_sub")]
        for ours, name in pairs:
            if name in recorded:
                step = ours.shape[1] // recorded[name].shape[1]
                worst = max(worst, _difference(checkpoint, ours[:, ::step], recorded[name]))
    return (f"drawn weights, named as the file's, beside {recording.file}.npz ({recording.net}): differs by {worst:.1e} of "
            "the largest value")


def _beside_keras(checkpoint: Checkpoint, source: Path, net: keras.Model) -> str:
    application, last = _KERAS[checkpoint.net]
    reduced = checkpoint.net == vgg.REDUCED
    stock = application(weights=None) if reduced else application(include_top=False, weights=None, input_shape=(None, None, 3))
    with hdf5.arrays(source):  # refuses what points elsewhere
        stock.load_weights(source)
    for layer in (layer for layer in stock.layers if not isinstance(layer, keras.layers.Dense)):
        for ours, theirs in zip(net.get_layer(layer.name).get_weights() if layer.weights else (), layer.get_weights()):
            if not layer.name.endswith("_bn") and not np.array_equal(ours, theirs):  # biases are folded into those
                raise InputError(f"{checkpoint.name}: {layer.name} has other weights than in Keras: please report it")
    sides = 2 * (stock.input_shape[1] or _SIDE,)
    image = np.random.default_rng(0).uniform(-110, 130, (1, *sides, 3)).astype(np.float32)  # centred
    theirs = keras.Model(stock.inputs[0], stock.get_layer(last).output)(colour.CONVENTIONS[checkpoint.convention](image))
    worst = _difference(checkpoint, _outputs(net, [last], image)[last], _channels_first(theirs))
    words = f"beside Keras's own net up to {last}"
    if reduced:
        worst, words = max(worst, _beside_dense(checkpoint, stock, net)), f"{words}, and its fc1 and fc2"
    return f"{words}: differs by {worst:.1e} of the largest value"


def _beside_dense(checkpoint: Checkpoint, stock: keras.Model, net: keras.Model) -> float:
    """Thinned layers answer as the whole ones do to what is 0 wherever these have lost their weights."""
    rng, grid, filters = np.random.default_rng(0), np.zeros([1, 7, 7, 512], np.float32), np.zeros([1, 4096], np.float32)
    grid[:, ::3, ::3] = rng.uniform(0, 20, [1, 3, 3, 512])
    filters[:, ::4] = rng.uniform(0, 2, [1, vgg.FC_CHANNELS])
    worst = 0.0
    for dense, thin, whole, rate in (("fc1", "fc6", grid, 3), ("fc2", "fc7", filters, 1)):
        begin = stock.get_layer("flatten" if dense == "fc1" else dense).input
        theirs = np.asarray(keras.Model(begin, stock.get_layer(dense).output)(whole))[:, ::4]
        kernel, bias = net.get_layer(thin).get_weights()
        given = whole if rate > 1 else whole[:, None, None, ::4]
        ours = np.asarray(keras.ops.relu(keras.ops.conv(given, kernel, dilation_rate=rate) + bias))[:, 0, 0]
        worst = max(worst, _difference(checkpoint, ours, theirs))
    return worst


def _outputs(net: keras.Model, layers: list[str], image: np.ndarray) -> dict[str, np.ndarray]:
    """What layers answer, channels first."""
    inner = keras.Model(net.inputs[0], {layer: net.get_layer(layer).output for layer in layers})
    return {layer: _channels_first(output) for layer, output in inner(image, training=False).items()}


def _channels_first(features) -> np.ndarray:
    return np.moveaxis(np.asarray(features), -1, 1)


def _difference(checkpoint: Checkpoint, ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference over the largest value.

    Raises:
      InputError: it is above the tolerance, or shapes differ.
    """
    if ours.shape != theirs.shape:
        raise InputError(f"{checkpoint.name}: expected features {theirs.shape} as in the source net, found {ours.shape}")
    difference = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    if not difference <= TOLERANCE:
        raise InputError(f"{checkpoint.name}: expected the source net's features within {TOLERANCE:.0e}, found "
                         f"{difference:.1e}: the file is damaged or of another net")
    return difference
