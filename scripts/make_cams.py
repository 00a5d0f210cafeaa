"""Writes the multi-scale class activation maps of the training images (eq. 2.4).

Usage: python scripts/make_cams.py --flagfile=flags/demo/attention.cfg
"""

from wsss_tf.commands.program import run_stage

if __name__ == "__main__":
    run_stage("cams")
