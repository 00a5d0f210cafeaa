"""Measured numbers beside the original ones."""
