"""Turns class activation maps into pseudo-labels (eqs 1.12-1.13) or, with superpixels, sparse seeds (eqs 3.2-3.5).

Usage: python scripts/make_seeds.py --flagfile=flags/demo/cam.cfg
"""

from wsss_tf.commands.program import run_stage

if __name__ == "__main__":
    run_stage("seeds")
