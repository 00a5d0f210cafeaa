"""Published names become those of our layers, all of them and each once."""

import pytest

from wsss_tf.checkpoints import names
from wsss_tf.checkpoints.convert import build_net
from wsss_tf.nets import torch_weights


@pytest.mark.parametrize("rule, published, expected", [
    ("torchvision_resnet", "layer1.0.downsample.1.running_var", "layer1.0.downsample.1.running_var"),
    ("torchvision_vgg", "features.28.bias", "block5_conv3.bias"), ("caffe_vgg", "conv3_1.weight", "block3_conv1.weight"),
    ("vit", "cls_token", "tokens.cls"), ("vit", "pos_embed", "tokens.positions"), ("vit", "norm.bias", "norm.bias"),
    ("vit", "patch_embed.proj.weight", "patches.weight"), ("vit", "blocks.11.mlp.fc2.bias", "block11_fc2.bias"),
    ("vit", "blocks.0.norm2.weight", "block0_norm2.weight"), ("vit", "blocks.3.attn.qkv.weight", "block3_qkv.weight"),
    ("caffe_resnet", "layer1.conv1.bn.running_mean", "conv1_bn.running_mean"),
    ("caffe_resnet", "layer4.block23.conv3x3.conv.weight", "conv4_block23_2_conv.weight"),
    ("caffe_resnet", "layer2.block1.shortcut.bn.bias", "conv2_block1_0_bn.bias"),
    ("mxnet_resnet38", "conv1a_weight", "conv1a.weight"), ("mxnet_resnet38", "bn7_moving_var", "bn7.running_var"),
    ("mxnet_resnet38", "res2a_branch1_weight", "b2.conv_branch1.weight"),
    ("mxnet_resnet38", "res4b5_branch2b1_weight", "b4_5.conv_branch2b1.weight"),
    ("mxnet_resnet38", "bn6a_branch2b2_gamma", "b6.bn_branch2b2.weight"),
    ("mxnet_resnet38", "bn3b1_branch2a_moving_mean", "b3_1.bn_branch2a.running_mean")])
def test_rules(rule, published, expected):
    assert names.ours([published], rule, ()) == ({published: expected}, [])


@pytest.mark.parametrize("rule, unknown", [
    ("torchvision_vgg", "features.1.weight"), ("torchvision_vgg", "classifier.0.weight"), ("vit", "dist_token"),
    ("vit", "head.weight"), ("vit", "blocks.0.gamma_1"), ("caffe_resnet", "layer2.block1.extra.conv.weight"),
    ("mxnet_resnet38", "linear1000_weight"), ("mxnet_resnet38", "bn7_running_var")])
def test_what_a_rule_does_not_know_is_named(rule, unknown):
    assert names.ours([unknown], rule, ()) == ({}, [unknown])


def test_two_names_for_one_array_are_not_both_taken():
    one, other = "res2a_branch2a_weight", "res2a_branch2a_gamma"
    assert names.ours([one, other], "mxnet_resnet38", ()) == ({one: "b2.conv_branch2a.weight"}, [other])


def test_counters_and_what_the_net_lacks_are_left_out():
    published = ["bn1.num_batches_tracked", "fc.weight", "fc.bias", "conv1.weight"]
    assert names.ours(published, "torchvision_resnet", ("fc.",)) == ({"conv1.weight": "conv1.weight"}, [])


@pytest.mark.parametrize("net, rule, recording, prefix, without", [
    ("resnet101", "caffe_resnet", "deeplabv2_resnet101", "", ("aspp.",)), ("wrn38", "psa_resnet38", "resnet38d", "", ()),
    ("resnet50_torch", "torchvision_resnet", "irn_resnet50_cam", "resnet50.", ("classifier.",)),
    ("vgg16", "caffe_vgg", "vgg16_largefov", "", ("fc",)), ("vit_s16", "vit", "vit_s16", "", ())])
def test_every_array_of_the_public_nets_has_one_place(golden, net, rule, recording, prefix, without):
    published = [str(name).removeprefix(prefix) for name in golden(recording)["param_names"]]
    translated, unknown = names.ours(published, rule, without)
    places = [torch_weights.key(ours) for ours in translated.values()]
    assert not unknown and len(set(places)) == len(places)
    assert set(places) == torch_weights.variables(build_net(net)).keys()
