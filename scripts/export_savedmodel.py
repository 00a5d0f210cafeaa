"""Writes the trained net as a SavedModel that takes image files and needs nothing but TensorFlow.

Usage: python scripts/export_savedmodel.py --flagfile=flags/demo/saliency.cfg
"""

from wsss_tf.commands.program import run_stage

if __name__ == "__main__":
    run_stage("export")
