"""Readers of weights files, one for each format: file -> NumPy arrays by name. None of them runs anything in the file."""
