"""Superpixels: from features of a self-supervised transformer (thesis chapter 3), and the classic ones."""
