"""Writes masks of the evaluation images: multi-scale test, without and with dense CRF.

Usage: python scripts/predict.py --flagfile=flags/demo/attention.cfg
"""

from wsss_tf.command import run_stage

if __name__ == "__main__":
    run_stage("masks")
