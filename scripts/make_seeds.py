"""Turns class activation maps into pseudo-labels for the CAM baseline (eqs 1.12-1.13).

Usage: python scripts/make_seeds.py --flagfile=flags/demo/cam.cfg
"""

from wsss_tf.command import run_stage

if __name__ == "__main__":
    run_stage("seeds")
