"""Turns saliency maps into training targets, refined by class activation maps (eqs 2.5-2.6).

Usage: python scripts/refine_saliency.py --flagfile=flags/demo/attention.cfg
"""

from wsss_tf.commands.program import run_stage

if __name__ == "__main__":
    run_stage("saliency")
