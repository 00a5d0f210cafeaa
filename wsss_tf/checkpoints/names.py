"""Published names of arrays -> PyTorch-like names of our layers ("layer1.0.conv1.weight"), one rule for each source."""

import re
from collections.abc import Callable

_COUNTERS = "num_batches_tracked"  # of PyTorch's batch norms: they matter to none
_BATCH_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_var": "running_var"}
_CAFFE_PARTS = {"shortcut": 0, "reduce": 1, "conv3x3": 2, "increase": 3}
# torchvision numbers the layers of VGG16 through, ReLUs and pools included.
_VGG = {0: "1_conv1", 2: "1_conv2", 5: "2_conv1", 7: "2_conv2", 10: "3_conv1", 12: "3_conv2", 14: "3_conv3",
        17: "4_conv1", 19: "4_conv2", 21: "4_conv3", 24: "5_conv1", 26: "5_conv2", 28: "5_conv3"}
_VIT = {"cls_token": "tokens.cls", "pos_embed": "tokens.positions", "patch_embed.proj": "patches", "norm": "norm",
        "attn.qkv": "qkv", "attn.proj": "proj", "mlp.fc1": "fc1", "mlp.fc2": "fc2", "norm1": "norm1", "norm2": "norm2"}


def _same(name: str) -> str:
    return name


def _vgg(name: str) -> str:
    """"features.0.weight" -> "block1_conv1.weight"."""
    number, part = re.fullmatch(r"features\.(\d+)\.(weight|bias)", name).groups()
    return f"block{_VGG[int(number)]}.{part}"


def _caffe_vgg(name: str) -> str:
    """"conv1_2.weight" -> "block1_conv2.weight"."""
    block, number, part = re.fullmatch(r"conv(\d)_(\d)\.(weight|bias)", name).groups()
    return f"block{block}_conv{number}.{part}"


def _vit(name: str) -> str:
    """"blocks.0.attn.qkv.weight" -> "block0_qkv.weight"; DINO, DeiT, MAE, MoCo v3 and timm name alike."""
    if name in ("cls_token", "pos_embed"):
        return _VIT[name]
    block, layer, part = re.fullmatch(r"(?:blocks\.(\d+)\.)?(.+)\.(weight|bias)", name).groups()
    return f"block{block}_{_VIT[layer]}.{part}" if block else f"{_VIT[layer]}.{part}"


def _caffe_resnet(name: str) -> str:
    """"layer2.block1.reduce.bn.bias" -> "conv2_block1_1_bn.bias", "layer1.conv1.conv.weight" -> "conv1_conv.weight"."""
    if name.startswith("layer1.conv1."):
        return name.replace("layer1.conv1.", "conv1_")
    stage, block, part, rest = re.fullmatch(r"layer(\d)\.block(\d+)\.(\w+)\.((?:conv|bn)\.\w+)", name).groups()
    return f"conv{stage}_block{block}_{_CAFFE_PARTS[part]}_{rest}"


def _mxnet_resnet38(name: str) -> str:
    """"res2b1_branch2a_weight" -> "b2_1.conv_branch2a.weight", "bn7_moving_var" -> "bn7.running_var"."""
    if name == "conv1a_weight":
        return "conv1a.weight"
    if name.startswith("bn7_"):
        return f"bn7.{_BATCH_NORM[name.removeprefix('bn7_')]}"
    pattern = r"(res|bn)(\d)(a|b\d)_(branch\w+?)_(weight|gamma|beta|moving_\w+)"
    kind, stage, block, branch, part = re.fullmatch(pattern, name).groups()
    layer = f"b{stage}" if block == "a" else f"b{stage}_{block[1:]}"
    return f"{layer}.conv_{branch}.weight" if kind == "res" else f"{layer}.bn_{branch}.{_BATCH_NORM[part]}"


RULES: dict[str, Callable[[str], str] | None] = {
    "torchvision_resnet": _same, "torchvision_vgg": _vgg, "vit": _vit, "caffe_resnet": _caffe_resnet,
    "caffe_vgg": _caffe_vgg, "psa_resnet38": _same, "mxnet_resnet38": _mxnet_resnet38, "keras": None}
"""By the `names` of a checkpoint; files of Keras are read by Keras's own order of layers."""


def ours(names: list[str], rule: str, without: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """Published name -> ours for the arrays of the trunk, and the names that the rule does not know.

    Of two names for the same array of ours the second is not known.
    """
    translated, unknown = {}, []
    for name in names:
        if name.endswith(_COUNTERS) or name.startswith(without):
            continue
        try:
            mine = RULES[rule](name)
        except (AttributeError, KeyError):  # no match, or no such layer
            unknown.append(name)
            continue
        if translated.setdefault(mine, name) != name:
            unknown.append(name)
    return {name: mine for mine, name in translated.items()}, unknown
