"""Arithmetic on one picture, in NumPy."""
