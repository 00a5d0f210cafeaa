"""From maps to training targets, in NumPy."""
