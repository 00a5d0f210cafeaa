"""Trains the segmentation net (thesis section 2.3.3, or the CAM baseline).

Usage: python scripts/train_segmenter.py --flagfile=flags/demo/attention.cfg
"""

from wsss_tf.commands.program import run_stage

if __name__ == "__main__":
    run_stage("segmenter")
