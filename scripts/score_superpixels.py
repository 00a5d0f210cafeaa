"""Scores superpixels against the masks of the training photos: UE, BP, BR and ASA (eqs 3.9-3.12).

Usage: python scripts/score_superpixels.py --flagfile=flags/real/msrc_ch3.cfg
"""

from wsss_tf.commands.program import run_stage

if __name__ == "__main__":
    run_stage("superpixel_scores")
