"""Segmentation by superpixel-guided seeded region growing (thesis chapter 3)."""
