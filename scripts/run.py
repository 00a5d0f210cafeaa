"""Runs all stages of an experiment in order and skips those that are up to date.

Usage: python scripts/run.py --flagfile=flags/demo/attention.cfg
"""

from wsss_tf.commands.program import run_chain, run_script

if __name__ == "__main__":
    run_script(run_chain)
