"""The training streams."""
