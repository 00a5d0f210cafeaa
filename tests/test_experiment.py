"""What an experiment says of itself."""

import pytest

from wsss_tf.nets import tiny as tiny_trunk
from wsss_tf.nets.weights import Provenance, save_weights


@pytest.mark.parametrize("supervision", ["none", "image labels", "mask supervision"])
@pytest.mark.parametrize("part, flag", [
    ("segmenter", "seg_weights"), ("classifier", "cls_weights"), ("features", "feature_weights")])
def test_a_start_that_learned_from_masks_marks_the_run(tiny, tmp_path, supervision, part, flag):
    path = tmp_path / "start.weights.h5"
    save_weights(tiny_trunk.build(8, "none"), path, Provenance("some_net", "tiny", "symmetric", supervision, "0" * 64))
    marked = f"; mask supervision: {part} started from some_net" if "mask" in supervision else ""
    assert tiny(f"--{flag}={path}", "--method=superpixel_growing").supervision == f"image tags{marked}"
    assert ("mask" in tiny(f"--{flag}={path}").supervision) == (bool(marked) and part != "features")


def test_weights_that_are_not_there_say_nothing(tiny):
    assert tiny("--seg_weights=${NOWHERE}/x.weights.h5", "--method=cam_baseline").supervision == "image tags"
