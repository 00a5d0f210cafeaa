"""Segmentation by image masking (thesis chapter 2)."""
