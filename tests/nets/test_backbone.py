"""Every backbone at every stride: how many cells, where they lie, and what is refused."""

import pytest
import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.nets.backbone import backbone_grid, build_backbone
from wsss_tf.nets.settings import BACKBONE_NAMES, BackboneConfig

STRIDES = {"wrn38": (8,), "resnet50_torch": (16, 32), "resnet101_torch": (16, 32)}
TWINS = ("vgg16_torch", "resnet101", "resnet101_torch")  # of nets that are tested, with other weights or more layers
EVERY = [(name, stride) for name in BACKBONE_NAMES if name not in TWINS for stride in STRIDES.get(name, (8, 16, 32))]


@pytest.mark.parametrize("name, stride", EVERY)
def test_cells_cover_a_padded_photo(name, stride):
    """One for each stride, and one more where they lie at corners; what the padding adds is less than a cell."""
    config = BackboneConfig(name, stride, "none")
    grid = backbone_grid(config)
    assert grid.stride == stride
    size = tf.constant([75, 110])
    padded = grid.padded(size).numpy()
    cells = [int(side) // stride + grid.corner for side in padded]
    assert all(0 <= more < stride for more in padded - size.numpy()) and all((padded - grid.corner) % stride == 0)
    net = build_backbone(config)
    shapes = net.compute_output_shape((1, *padded.tolist(), 3))
    for endpoint in ("classify", "segment"):
        assert shapes[endpoint][1:3] == tuple(cells)


@pytest.mark.parametrize("name", BACKBONE_NAMES)
def test_other_strides_are_refused_by_name(name):
    words = {8: "expected 8 for", 16: "expected 16 or 32 for"}.get(STRIDES.get(name, (0,))[0], "expected 8, 16 or 32 for")
    with pytest.raises(InputError, match=f"^output_stride=4: {words}"):
        build_backbone(BackboneConfig(name, 4, "none"))


@pytest.mark.parametrize("name", ["vgg16", "vgg16_torch"])
@pytest.mark.parametrize("batch_norm", ["frozen", "trained"])
def test_choices_for_norms_that_are_not_there_are_refused(name, batch_norm):
    with pytest.raises(InputError, match=f"^batch_norm={batch_norm}: vgg16 has no batch norms: leave it at usual"):
        build_backbone(BackboneConfig(name, 8, "none", batch_norm))
