"""Scores the masks against ground truth, and class activation maps where masks of their images exist.

Usage: python scripts/evaluate.py --flagfile=flags/demo/attention.cfg
"""

from wsss_tf.command import run_stage

if __name__ == "__main__":
    run_stage("scores")
