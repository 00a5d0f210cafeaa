"""The training engine: it knows no method by name."""
