"""Trains the classifier on image tags (thesis section 2.3.1).

Usage: python scripts/train_classifier.py --flagfile=flags/demo/attention.cfg
"""

from wsss_tf.commands.program import run_stage

if __name__ == "__main__":
    run_stage("classifier")
