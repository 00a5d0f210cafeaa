"""Scores of masks, seeds, maps and superpixels against ground truth."""
