"""Finished runs on the embedded data, made once for all figures."""

import dataclasses
from pathlib import Path

import pytest

TINY = ("--source=shapes", "--shapes_train=12", "--shapes_val=4", "--shapes_size=64", "--crop=64", "--crop_scales=1",
        "--test_scales=1", "--workers=1", "--seg_backbone=tiny", "--seg_weights=none", "--seg_head=aspp_fc", "--seg_rates=1,2",
        "--seg_channels=8", "--seg_scales=1,0.5", "--seg_epochs=2", "--seg_batch=4", "--seg_log_every=1", "--cls_backbone=tiny",
        "--cls_weights=none", "--cls_epochs=2", "--cls_batch=4", "--cls_log_every=1", "--cam_scales=1")
