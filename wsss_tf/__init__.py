"""wsss_tf: semantic segmentation learned from image tags alone."""

__version__ = "0.1.0"
