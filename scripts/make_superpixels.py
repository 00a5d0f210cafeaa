"""Divides the training photos into superpixels, from features of a net (Table 3.1) or by a classic method.

Usage: python scripts/make_superpixels.py --flagfile=flags/real/msrc_ch3.cfg
"""

from wsss_tf.commands.program import run_stage

if __name__ == "__main__":
    run_stage("superpixels")
