"""The published nets in PyTorch, with their published names: what ours are held against where torch is installed.

Each takes an image as the weights were trained on, [B, 3, H, W], and gives a
dictionary: name of our layer -> its output in PyTorch's layout.

Ref: He et al., CVPR 2016; Simonyan and Zisserman, ICLR 2015; Wu et al.,
Pattern Recognition 2019; Dosovitskiy et al., ICLR 2021.
"""

import dataclasses

import torch
from torch import nn
from torch.nn import functional

from wsss_tf.nets.settings import VIT_SIZES

_VGG = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def _convolution(before: int, after: int, size: int, stride: int = 1, rate: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, size, stride, rate * (size // 2), rate, bias=False)


class _Bottleneck(nn.Module):
    """torchvision's: the stride stands in the 3x3 convolution."""

    def __init__(self, before: int, width: int, stride: int, first: bool):
        super().__init__()
        self.conv1, self.bn1 = _convolution(before, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _convolution(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _convolution(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        if first:
            self.downsample = nn.Sequential(_convolution(before, 4 * width, 1, stride), nn.BatchNorm2d(4 * width))

    def forward(self, x):
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(x)))
        return functional.relu(self.bn3(self.conv3(x)) + shortcut)


class ResNet(nn.Module):
    """ResNet of torchvision with IRN's strides."""

    def __init__(self, blocks=(3, 4, 6, 3), strides=(1, 2, 2, 1)):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        before = 64
        for stage, (count, stride) in enumerate(zip(blocks, strides), 1):
            width = 32 * 2**stage
            layers = [_Bottleneck(before if block == 0 else 4 * width, width, 1 if block else stride, block == 0)
                      for block in range(count)]
            setattr(self, f"layer{stage}", nn.Sequential(*layers))
            before = 4 * width

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        outputs = {"maxpool": x}
        for stage in range(1, 5):
            layers = getattr(self, f"layer{stage}")
            x = layers(x)
            outputs[f"layer{stage}_{len(layers) - 1}_relu3"] = x
        return outputs


class _ConvNorm(nn.Sequential):
    def __init__(self, before: int, after: int, size: int, stride: int = 1, rate: int = 1):
        super().__init__()
        self.add_module("conv", _convolution(before, after, size, stride, rate))
        self.add_module("bn", nn.BatchNorm2d(after))


class _CaffeBottleneck(nn.Module):
    """Caffe's: the stride stands in the first 1x1 convolution."""

    def __init__(self, before: int, width: int, stride: int, rate: int, first: bool):
        super().__init__()
        self.reduce = _ConvNorm(before, width, 1, stride)
        self.conv3x3 = _ConvNorm(width, width, 3, 1, rate)
        self.increase = _ConvNorm(width, 4 * width, 1)
        if first:
            self.shortcut = _ConvNorm(before, 4 * width, 1, stride)

    def forward(self, x):
        shortcut = self.shortcut(x) if hasattr(self, "shortcut") else x
        return functional.relu(self.increase(functional.relu(self.conv3x3(functional.relu(self.reduce(x))))) + shortcut)


class CaffeResNet(nn.Module):
    """DeepLab v2's ResNet, in the names of its public PyTorch conversion."""

    def __init__(self, blocks=(3, 4, 23, 3), strides=(1, 2, 1, 1), rates=(1, 1, 2, 4)):
        super().__init__()
        self.layer1 = nn.Sequential()
        self.layer1.add_module("conv1", _ConvNorm(3, 64, 7, 2))
        before = 64
        for stage, (count, stride, rate) in enumerate(zip(blocks, strides, rates), 2):
            width, layers = 16 * 2**stage, nn.Sequential()
            for block in range(count):
                layers.add_module(f"block{block + 1}", _CaffeBottleneck(
                    before if block == 0 else 4 * width, width, 1 if block else stride, rate, block == 0))
            setattr(self, f"layer{stage}", layers)
            before = 4 * width

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.layer1(x)), 3, 2, 1, ceil_mode=True)
        outputs = {"pool1_pool": x}
        for stage in range(2, 6):
            layers = getattr(self, f"layer{stage}")
            x = layers(x)
            outputs[f"conv{stage}_block{len(layers)}_out"] = x
        return outputs


class Vgg16(nn.Module):
    """torchvision's VGG16 without its top, with DeepLab's pools, strides and rates."""

    def __init__(self, strides=(2, 2, 2, 1, 1), rates=(1, 1, 1, 1, 2)):
        super().__init__()
        layers, before = [], 3
        for widths, stride, rate in zip(_VGG, strides, rates):
            for width in widths:
                layers += [nn.Conv2d(before, width, 3, 1, rate, rate), nn.ReLU()]
                before = width
            layers.append(nn.MaxPool2d(3, stride, 1))
        self.features = nn.Sequential(*layers)

    def forward(self, x):
        outputs, block, number = {}, 1, 0
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                number += 1
                outputs[f"block{block}_conv{number}"] = x
            elif isinstance(layer, nn.MaxPool2d):
                outputs[f"pool{block}"] = x
                block, number = block + 1, 0
        return outputs


class _WideBlock(nn.Module):
    """Convolutions beside a shortcut, each after batch norm and ReLU; `widths` and `sizes` of the convolutions."""

    def __init__(self, before: int, widths, sizes, stride: int, rates):
        super().__init__()
        self.parts = ("2a", "2b1", "2b2")[: len(widths)]
        if before != widths[-1]:
            self.conv_branch1 = _convolution(before, widths[-1], 1, stride)
        for index, (part, width, size, rate) in enumerate(zip(self.parts, widths, sizes, rates)):
            setattr(self, f"bn_branch{part}", nn.BatchNorm2d(before))
            setattr(self, f"conv_branch{part}", _convolution(before, width, size, 1 if index else stride, rate))
            before = width

    def forward(self, x):
        active = y = functional.relu(self.bn_branch2a(x))
        for index, part in enumerate(self.parts):
            y = functional.relu(getattr(self, f"bn_branch{part}")(y)) if index else y
            y = getattr(self, f"conv_branch{part}")(y)
        return y + (self.conv_branch1(active) if hasattr(self, "conv_branch1") else x), active


class WideResNet38(nn.Module):
    """Wide-ResNet-38 of output stride 8, in PSA's names; without dropout, which does nothing at test time."""

    def __init__(self):
        super().__init__()
        self.conv1a, before, self.blocks = _convolution(3, 64, 3), 64, []
        stages = {"b2": ((128, 128), 2, 1, 3), "b3": ((256, 256), 2, 1, 3), "b4": ((512, 512), 2, 1, 6),
                  "b5": ((512, 1024), 1, 2, 3), "b6": ((512, 1024, 2048), 1, 4, 1), "b7": ((1024, 2048, 4096), 1, 4, 1)}
        for stage, (widths, stride, rate, count) in stages.items():
            for block in range(count):
                name = f"{stage}_{block}" if block else stage
                first_of_b5 = name == "b5"
                rates = (1 if first_of_b5 else rate, rate) if len(widths) == 2 else (1, rate, 1)
                sizes = (3, 3) if len(widths) == 2 else (1, 3, 1)
                setattr(self, name, _WideBlock(before, widths, sizes, 1 if block else stride, rates))
                self.blocks.append(name)
                before = widths[-1]
        self.bn7 = nn.BatchNorm2d(4096)

    def forward(self, x):
        outputs, x = {}, self.conv1a(x)
        for name in self.blocks:
            x, active = getattr(self, name)(x)
            outputs[f"{name}_bn_branch2a_relu"] = active
        outputs["bn7_relu"] = functional.relu(self.bn7(x))
        return outputs


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        query, key, value = self.qkv(x).reshape(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(query @ key.transpose(-2, -1) * (width // self.heads) ** -0.5, dim=-1)
        return self.proj((weights @ value).transpose(1, 2).reshape(batch, length, width))


class _VitBlock(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(width, 1e-6), _Attention(width, heads), nn.LayerNorm(width, 1e-6)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp["fc2"](functional.gelu(self.mlp["fc1"](self.norm2(x))))


class Vit(nn.Module):
    """Vision transformer in the names of timm, DINO, DeiT, MAE and MoCo v3; images of the side it was trained on."""

    def __init__(self, patch: int, width: int, depth: int, heads: int, side: int):
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, patch)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + (side // patch) ** 2, width))
        self.blocks = nn.Sequential(*(_VitBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, 1e-6)

    def forward(self, x):
        x = self.patch_embed["proj"](x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + self.pos_embed
        return {"norm": self.norm(self.blocks(x)).transpose(1, 2)}


def source_net(name: str) -> nn.Module:
    """The source of our net of this name, untrained."""
    if name in VIT_SIZES:
        return Vit(**dataclasses.asdict(VIT_SIZES[name]))
    builders = {"vgg16_torch": Vgg16, "resnet50_torch": ResNet, "resnet101_torch": lambda: ResNet((3, 4, 23, 3)),
                "resnet101": CaffeResNet, "wrn38": WideResNet38}
    return builders[name]()
